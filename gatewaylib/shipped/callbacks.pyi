from collections.abc import Callable
from typing import Any

from .outgoing import End
from .protocol import Protocol
from .threads import ExecModel

MANY: int

class Callbacks:
    def __init__(self, gateway: Any, protocol: Protocol, lock: Any, model: ExecModel) -> None: ...
    def set(self, end: End, callback: Callable[[Any], object]) -> None: ...
    def call_soon(self, end: End) -> None: ...
