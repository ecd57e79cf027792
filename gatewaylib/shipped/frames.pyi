import struct

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

_Frame = tuple[int, int, bytes]

def encode(kind: int, channel: int, payload: bytes = ...) -> bytes: ...

class FrameDecoder:
    def __init__(self, max_payload: int = ...) -> None: ...
    def feed(self, data: bytes) -> list[_Frame]: ...
