from collections.abc import Callable, Sequence
from typing import Any

NONE: int
BOOL: int
INT: int
BIG: int
FLOAT: int
COMPLEX: int
BYTES: int
PY2_STR: int
BYTEARRAY: int
TEXT: int
PY2_UNICODE: int
CHANNEL: int
INT64: int
NUL_TEXT: int
NUL_PY2_UNICODE: int
CODE_OF_TYPE: dict[type[Any], int]
NUL: str
BAD_DATA: tuple[type[Exception], ...]

class ChannelId:
    number: int
    def __init__(self, number: int) -> None: ...

class IntTooBig(Exception): ...

def pack(code: int, values: list[Any]) -> tuple[int, list[bytes]]: ...
def encode_text(value: str) -> bytes: ...
def decode_text(data: bytes | memoryview) -> str: ...
def encode_big(value: int) -> bytes: ...
def latin1_text(data: bytes | memoryview) -> str: ...
def read_int64s(data: bytes | memoryview) -> list[int]: ...
def readers(
    py2str_as_py3str: bool, py3str_as_py2str: bool
) -> dict[int, tuple[int, Callable[[bytes | memoryview], list[Any]]]]: ...
