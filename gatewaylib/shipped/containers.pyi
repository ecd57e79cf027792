from collections.abc import Callable
from typing import Any

class TooDeep(Exception): ...

def encode(item: Any, max_depth: int) -> list[bytes]: ...
def decode(
    data: bytes | memoryview,
    readers: dict[int, tuple[int, Callable[[bytes | memoryview], list[Any]]]],
    restore: Callable[[str, Any], Any],
) -> Any: ...
