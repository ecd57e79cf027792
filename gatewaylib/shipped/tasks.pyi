from collections import deque
from collections.abc import Callable
from typing import Any

from .channel import Channel
from .threads import ExecModel

_Source = tuple[str, str, int, str | None, dict[str, Any]]

MAIN_THREAD_BUSY: str
SHORT: int
MOST_KEPT: int
PATIENCE: float

class Tasks:
    running: dict[int, Task]
    queue: deque[Task | None]
    def __init__(self, gateway: Any, model: ExecModel, running: dict[int, Any]) -> None: ...
    def start(self, channel: Channel, payload: bytes | list[bytes]) -> None: ...
    def run_in_main_thread(self, wait: Callable[[], object]) -> None: ...
    def stop(self) -> None: ...

class Task:
    channel: Channel
    def __init__(self, channel: Channel, source: _Source) -> None: ...
    def run(self) -> None: ...
    def describe_error(self) -> tuple[str, str]: ...

def interrupt_main_thread() -> None: ...
