import struct
from collections.abc import Callable, Iterable

HEADER: struct.Struct
PIECE: int
MAX_PAYLOAD: int
OPEN: int
OPEN_TASK: int
CLAIMED: int
EXEC: int
DATA: int
PIECE_OF: int
DROP_PIECES: int
LAST: int
CLOSE: int
CREDIT: int
PING: int
PONG: int
ASK_STATUS: int
STATUS: int
RECONFIGURE: int
GOODBYE: int
BEGIN: int
IN_SLOT: int

MOST_PARTS: int
WORTH_PLACING: int
WORTH_A_LOOK: int

_Frame = tuple[int, int, bytes | memoryview | list[bytes | memoryview] | tuple[bytes, ...]]

def encode(kind: int, channel: int, payload: bytes = ...) -> bytes: ...

class Pieces:
    left: int
    begun: bool
    def __init__(self, buffers: Iterable[bytes | memoryview]) -> None: ...
    def cut(self, size: int) -> list[memoryview]: ...

class FrameDecoder:
    parts: list[bytes | memoryview]
    missing: int
    into: memoryview | None
    def __init__(self, max_payload: int = ...) -> None: ...
    def feed(self, data: bytes | int) -> list[_Frame]: ...
    def give_place(self, place_for: Callable[[int, int, int], memoryview | None]) -> None: ...
