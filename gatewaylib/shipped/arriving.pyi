from collections.abc import Sequence

HAS_PLACES: bool
BELIEVED: int
KEPT: int
HUGE: int
MADV_HUGEPAGE: int

_Buffer = bytes | memoryview

class Arriving:
    seen_freed: int
    def __init__(self, letter: bytes = ..., size: int = ...) -> None: ...
    def place(self, size: int) -> memoryview | None: ...
    def add(self, piece: _Buffer | Sequence[_Buffer]) -> None: ...
    def payload(self) -> list[bytes]: ...

def use_huge_pages(view: memoryview) -> None: ...
