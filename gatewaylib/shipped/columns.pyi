from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

NONE: int
BOOL: int
INT: int
FLOAT: int
TEXT: int
BYTES: int
PY2_STR: int
BYTEARRAY: int
BIG: int
COMPLEX: int
CHANNEL: int
INT32: int
TEXT_WITH_NUL: int
BOOLS: tuple[bool, bool]
NUMBERS: bytes
BLOBS: bytes
CODE_OF_TYPE: dict[type[Any], int]
BAD_DATA: tuple[type[Exception], ...]

class ChannelId:
    number: int
    def __init__(self, number: int) -> None: ...

class IntTooBig(Exception): ...

class Choices:
    undecoded: bool
    make: dict[int, Callable[[bytes | memoryview], Any]]
    def __init__(
        self,
        py2str_as_py3str: bool,
        py3str_as_py2str: bool,
        load_channel: Callable[[int], Any] | None = ...,
    ) -> None: ...
    def make_channel(self, data: bytes | memoryview) -> Any: ...

def pack_row(formats: bytes, values: Sequence[Any]) -> bytes: ...
def unpack_row(formats: bytes, data: bytes | memoryview) -> Sequence[Any]: ...
def separator(number: int) -> str: ...
def join_texts(texts: list[str]) -> tuple[int, bytes]: ...
def split_texts(data: bytes | memoryview, number: int, undecoded: bool = ...) -> list[Any]: ...
def encode_big(value: int) -> bytes: ...
def as_blob(code: int, value: Any) -> bytes: ...
def latin1_text(data: bytes | memoryview) -> str: ...
def pack_column(code: int, values: list[Any]) -> tuple[int, list[bytes]]: ...
def read_column(
    letter: int, data: bytes | memoryview, choices: Choices, undecoded: bool
) -> list[Any]: ...
def cut(
    data: bytes | memoryview, start: int, lengths: Iterable[int]
) -> Iterator[bytes | memoryview]: ...
