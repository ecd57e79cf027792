from collections.abc import Callable
from typing import Any

from .columns import Choices

def decode(
    data: bytes | memoryview, choices: Choices, restore: Callable[[str, Any], Any]
) -> Any: ...
