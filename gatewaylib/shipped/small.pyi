from typing import Any

from .columns import Choices

SMALL: bytes
SMALL_PYTHON_2: bytes
WRITER: bytes
LAYOUT: int
CONTAINERS: int
ENTRIES: int

def encode_small(item: Any) -> bytes | None: ...
def decode_small(choices: Choices, data: bytes | memoryview) -> Any: ...
