from collections import deque as deque
from collections.abc import Callable, Sequence
from functools import partial as partial
from struct import unpack as unpack
from typing import Any

PY2: bool
JYTHON: bool
QUEUE: str
MAX_WAIT: int
PYPY: bool
IMPLEMENTATION: str
HAS_REFERENCE_COUNTS: bool
text_type: type[str]
int_types: tuple[type[int], ...]

def clock() -> float: ...
def native(text: Any) -> Any: ...
def as_text(value: str | bytes) -> str: ...

SECRETLY_HASHED: tuple[type[Any], ...]
imap = map
izip = zip

as_bytes = bytes
bytes_of = bytes

joined = b"".join

def row_functions(
    formats: bytes,
) -> tuple[Callable[..., bytes], Callable[[bytes, int], Sequence[Any]], int]: ...
def int_to_bytes(value: int, length: int) -> bytes: ...
def int_from_bytes(data: bytes | memoryview) -> int: ...
def pack_numbers(kind: str, numbers: Sequence[float]) -> bytes: ...
def unpack_numbers(kind: str, data: bytes | memoryview) -> list[Any]: ...
def encode_text(value: str) -> bytes: ...
def decode_text(data: bytes | memoryview) -> str: ...

SURROGATES: str
