from collections import deque
from collections.abc import Callable

from .threads import ExecModel
from .transport import Transport

REFUSED: str
CLOSED: str
GREEN_LOOK: float

class Writer:
    stopped: str | None
    def __init__(
        self,
        transport: Transport,
        model: ExecModel,
        output: deque[bytes | memoryview],
        give_up: Callable[[str], object],
    ) -> None: ...
    def flush(self, deadline: float | None = ...) -> None: ...
    def flush_soon(self) -> None: ...
    def forget(self) -> None: ...
    def close(self, timeout: float | None) -> bool: ...
