from collections.abc import Callable, Sequence
from typing import Any

LIST: int
TUPLE: int
DICT: int
LONGEST: int
KEPT: int
KEPT_BYTES: int

class Layout:
    read_row: Callable[[bytes, int], Sequence[Any]]
    row_size: int
    numbers: int
    dicts: list[int]
    blobs: bytearray
    texts: int
    containers: list[
        tuple[Callable[[tuple[Any, ...]], Any], Callable[[list[Any]], tuple[Any, ...]], int | None]
    ]
    def __init__(self, data: bytes) -> None: ...

layouts: dict[bytes, Layout]
packs: dict[bytes, Callable[..., bytes]]
keys_of_bytes: dict[bytes, list[str]]
bytes_of_keys: dict[tuple[str, ...], bytes]

def row_format(numbers: bytearray, lengths: int) -> bytes: ...
def make_pack(
    data: bytes, containers: int, numbers: Sequence[float], lengths: int
) -> Callable[..., bytes]: ...
def make_layout(data: bytes) -> Layout: ...
def split_keys(data: bytes) -> list[str]: ...
def join_keys(keys: tuple[str, ...]) -> bytes | None: ...
