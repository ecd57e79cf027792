from typing import Any

from .columns import Choices

SMALL: bytes
PY2_UNICODE: int
TRUE: int
FALSE: int
LIST: int
TUPLE: int
DICT: int
PY2_DICT: int
ENTRIES: int
BUFFERS: int
DEPTH: int

def encode_small(item: Any) -> bytes | None: ...
def decode_small(payload: bytes | memoryview, choices: Choices) -> Any: ...
