from collections.abc import Callable
from typing import Any

Listener = Callable[[str, dict[str, Any]], None]
listeners: list[Listener]

def trace(event: str, **fields: Any) -> None: ...
