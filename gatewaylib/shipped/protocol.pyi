from collections import deque
from collections.abc import Sequence
from typing import Any

from .frames import FrameDecoder
from .outgoing import End, Outgoing

VERSION: tuple[int, int]

DEFAULT_WINDOW: int
MAX_FAREWELLS: int
MAX_ANSWERS: int
MOST_SLOTS: int
PARTS: tuple[int, ...]

# (event, subject, detail): which they are depends on the event
_Event = tuple[str, Any, Any]

def size_of(payload: bytes | Sequence[bytes | memoryview]) -> int: ...

class Protocol(Outgoing):
    decoder: FrameDecoder
    def __init__(self, first_id: int, window: int | None = ..., runs_tasks: bool = ...) -> None: ...
    def receive(self, data: bytes | int) -> list[_Event]: ...
    def receive_item(self, end: End, chunks: deque[bytes | int]) -> bytes | None: ...
