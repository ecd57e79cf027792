import struct
from typing import Any

LIST: int
TUPLE: int
DICT: int
SET: int
FROZENSET: int
REDUCED: int
COLUMN: int
ROWS: int
SORTED: int
TUPLES: int
GROUPS: int
LONG_TUPLE: int
LONG_DICT: int
SHAPED: int
CONTAINER: int
FROM_PYTHON_3: bytes
FROM_PYTHON_2: bytes
FEW: int
KINDS: int
LONG: int
MORE: int
DICT_BALLAST: int
BYTE: list[bytes]
NO_NUMBERS: bytes
NO_BLOBS: bytes
HEAD: struct.Struct
MAX_DEPTH: int

class TooDeep(Exception): ...

def encode(item: Any, max_depth: int) -> list[bytes]: ...
