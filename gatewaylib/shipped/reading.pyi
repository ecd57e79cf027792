from collections import deque
from collections.abc import Callable
from typing import Any

from .outgoing import End
from .polling import Poller
from .threads import ExecModel
from .transport import Transport

TIDY_NAP: float
CHUNK: tuple[int]

CROWD: int
CALM: int
LULL: float
OTHERS: int
STREAK: float
SOON: float
REST: float
GREEN_LOOK: float

class Turn:
    tidy: Callable[[], object]
    reads: int
    tell_poller: bool
    ended: bool
    rings: bool
    def __init__(
        self,
        transport: Transport,
        model: ExecModel,
        arrived: Callable[[deque[bytes | int]], memoryview | None],
        poller: Poller,
        tidy: Callable[[], object],
    ) -> None: ...
    def start(self) -> None: ...
    def read_item(
        self, end: End, take: Callable[[End, deque[bytes]], bytes | None]
    ) -> bytes | None: ...
    def wait(self, ready: Callable[[], object], lock: Any, timeout: float | None = ...) -> bool: ...
    def read_some(self) -> bool: ...
    def read_on(self, is_stream: bool) -> None: ...
    def is_taken(self) -> bool: ...
    def fileno(self) -> int: ...
    def preload(self, data: bytes) -> None: ...
    def close(self, timeout: float | None) -> bool: ...
    def forget(self) -> None: ...
    def stop(self) -> None: ...
