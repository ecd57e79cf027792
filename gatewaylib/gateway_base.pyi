from collections.abc import Callable
from typing import Any

from .shipped.channel import Channel
from .shipped.errors import GatewayError, GatewayLost
from .shipped.handles import Handles
from .shipped.names import *  # noqa: F403
from .shipped.protocol import Protocol
from .shipped.reading import Turn
from .shipped.receiving import Receiver
from .shipped.sending import Sender
from .shipped.serializer import Serializer
from .shipped.threads import ExecModel
from .shipped.transport import Transport
from .shipped.writing import Writer

MOMENT: float
ALIVE: str
ENDING: str
ENDED: str

class BaseGateway:
    id: str
    execmodel: ExecModel
    state: str
    ended_by: GatewayError | None
    # What the local Gateway builds on.
    _given_up: bool
    _said_at_end: str
    _transport: Transport
    _protocol: Protocol
    _lock: Any
    _receiver: Receiver
    _sender: Sender
    _writer: Writer
    _handles: Handles
    _turn: Turn
    _serializer: Serializer
    _own_serializer: Serializer
    _waiting: list[Any]
    def __init__(
        self,
        id: str,
        transport: Transport,
        model: ExecModel,
        window: int | None,
        subclasses: bool = ...,
    ) -> None: ...
    def newchannel(self, window: int | None = ...) -> Channel: ...
    def reconfigure(self, py2str_as_py3str: bool = ..., py3str_as_py2str: bool = ...) -> None: ...
    def forget(self) -> None: ...
    def _start_reading(self, heartbeat: float) -> None: ...
    def _wait(
        self, waiting: list[Any], ready: Callable[[], object], timeout: float | None
    ) -> bool: ...
    def _on_status_told(self, number: int, payload: bytes) -> None: ...
    def _give_up(self, why: str) -> None: ...
    def _describe_loss(self, why: str) -> GatewayLost: ...
    def _conclude(self, reason: GatewayError) -> None: ...
    def _after_end(self) -> None: ...
    def _wake_waiting(self) -> None: ...
    def _why_ended(self, tried: str) -> GatewayError: ...
