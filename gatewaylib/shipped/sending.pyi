from collections.abc import Callable
from typing import Any

from .outgoing import End
from .protocol import Protocol
from .writing import Writer

PATIENCE: float
BACKLOG: int
BACKLOG_OF_PIECES: int

class Sender:
    def __init__(
        self,
        gateway_id: str,
        protocol: Protocol,
        lock: Any,
        writer: Writer,
        wait: Callable[[list[Any], Callable[[], object], float | None], bool],
        why_refused: Callable[[], Exception],
    ) -> None: ...
    def send(
        self, end: End, payload: bytes | list[bytes], timeout: float | None = ..., kind: int = ...
    ) -> None: ...
    def send_now(self, end: End, payload: bytes) -> bool: ...
    def wait_for_credit(self, end: End, timeout: float | None = ...) -> bool: ...
