from collections.abc import Callable, Mapping
from typing import Any

MOMENT: float
CANNOT_RUN: int

class Bell:
    release: Callable[[], object]
    def __init__(self, release: Callable[[], object]) -> None: ...

class Relay:
    def __init__(self, model: Any, job: Mapping[str, Any]) -> None: ...
    def start(self) -> None: ...

def serve(channel: Any) -> None: ...
