from collections.abc import Callable
from typing import Any

from .outgoing import End
from .protocol import Protocol
from .reading import Turn
from .writing import Writer

SMALL: int
MANY: int
LARGE_WINDOW: int

class Receiver:
    def __init__(
        self,
        gateway_id: str,
        protocol: Protocol,
        lock: Any,
        writer: Writer,
        turn: Turn,
        wait: Callable[[list[Any], Callable[[], object], float | None], bool],
    ) -> None: ...
    def read_item(self, end: End) -> bytes | None: ...
    def wait_for_item(self, end: End, deadline: float | None) -> bool: ...
    def feed(self, end: End) -> None: ...
    def took(self, end: End, payload: bytes | list[bytes]) -> None: ...
