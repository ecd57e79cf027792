from collections.abc import Callable, Container
from typing import Any

from .channel import Channel, Mailbox
from .outgoing import End
from .protocol import Protocol
from .serializer import Serializer
from .threads import ExecModel
from .writing import Writer

SHORTEST_NAP: float
MANY: int
SHARE: int

class Handles:
    def __init__(
        self,
        gateway: Any,
        protocol: Protocol,
        lock: Any,
        writer: Writer,
        kept: Container[int],
    ) -> None: ...
    def make(self, end: End, box: Mailbox) -> Channel: ...
    def channels(self) -> list[Channel]: ...
    def ends(self) -> list[End]: ...
    def find(self, id: int, serializer: Serializer) -> Channel: ...
    def tidy(self) -> None: ...
    def warn_if_dropped(self, box: Mailbox) -> None: ...
    def collect_for_good(self, model: ExecModel, ended: Callable[[], bool]) -> None: ...
