from collections.abc import Callable, Sequence
from typing import Any

BETWEEN: bytes
END: bytes
LAYOUT: int
ENTRIES: int
KEPT: int
KEPT_BYTES: int

_Counts = tuple[int, int, int, int]
_Read = Callable[[bytes, int], Sequence[Any]]
_Row = tuple[Callable[..., bytes], _Read, int]
_Make = Callable[[Any], Any]
_Take = Callable[[list[Any]], Sequence[Any]]
_Layout = tuple[_Read, int, bytearray, int, list[tuple[_Make, _Take, int]]]
_Head = tuple[_Read, int, bytearray, int, list[tuple[_Make, _Take, list[str] | None]]]

bytes_of_keys: dict[tuple[str, ...], bytes]
rows: dict[_Counts, _Row]
layouts: dict[bytes, _Layout]
heads: dict[bytes, _Head]

def join_keys(keys: tuple[str, ...]) -> bytes | None: ...
def make_row(counts: _Counts) -> _Row: ...
def make_head(data: bytes) -> _Head: ...
