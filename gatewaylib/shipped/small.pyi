from typing import Any

from .columns import Choices

SMALL: bytes
SMALL_PYTHON_2: bytes
CONTAINERS: int
LONGEST: int

def encode_small(item: Any) -> bytes | None: ...
def decode_small(data: bytes | memoryview, choices: Choices) -> Any: ...
