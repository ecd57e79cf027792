from collections.abc import Callable
from typing import Any

_Listener = Callable[[str, dict[str, Any]], None]
listeners: list[_Listener]

def trace(event: str, **fields: Any) -> None: ...
