import struct
from typing import Any, NoReturn

from ..gateway_base import BaseGateway
from .threads import ExecModel
from .transport import Transport

GRACE: float
LAST_CHANCE: float
LAST_MOMENT: float
CLOSED_HERE: str
HELLO_SIZE: struct.Struct

class Worker(BaseGateway):
    def __init__(
        self,
        id: str,
        transport: Transport,
        model: ExecModel,
        window: int | None,
        subclasses: bool = ...,
    ) -> None: ...
    def run(self, heartbeat: float, ends_group: bool = ...) -> None: ...
    def leave(self) -> NoReturn: ...

def serve(payload: bytes, write_fd: int, slots_fd: int = ...) -> NoReturn: ...
def describe_interpreter() -> dict[str, Any]: ...
