from collections.abc import Callable
from typing import Any

_WaitFd = Callable[[int, bool, float | None], bool]
_WaitOneWay = Callable[[int, float | None], bool]

NAMES: tuple[str, ...]
AT_ONCE: tuple[bool]
IDLE: float

class ExecModel:
    backend: str
    green: bool
    Lock: Callable[[], Any]
    RLock: Callable[[], Any]
    Event: Callable[[], Any]
    sleep: Callable[[float], object]
    get_ident: Callable[[], int]
    fdopen: Callable[..., Any]
    wait_readable: _WaitOneWay | None
    wait_writable: _WaitOneWay | None
    def __init__(
        self,
        backend: str,
        spawn: Callable[[Callable[..., object], tuple[Any, ...], str], object],
        lock: Callable[[], Any],
        rlock: Callable[[], Any],
        event: Callable[[], Any],
        modules: tuple[str, str, str],
        sleep: Callable[[float], object],
        get_ident: Callable[[], int],
        fdopen: Callable[..., Any],
        wait_fd: _WaitFd | None = ...,
    ) -> None: ...
    @property
    def queue(self) -> Any: ...
    @property
    def subprocess(self) -> Any: ...
    @property
    def socket(self) -> Any: ...
    def start(
        self, function: Callable[..., object], args: tuple[Any, ...] = ..., name: str | None = ...
    ) -> Any: ...
    def run_soon(self, function: Callable[..., object], *args: Any) -> None: ...
    def acquire(self, lock: Any, timeout: float | None = ...) -> bool: ...
    def acquire_into(self, got: list[bool], lock: Any, timeout: float | None = ...) -> bool: ...

def release(lock: Any) -> bool: ...
def get_model(backend: str | ExecModel) -> ExecModel: ...
