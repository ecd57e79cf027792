from collections.abc import Callable

from .threads import ExecModel

SILENT_LOOKS: int

class Heartbeat:
    def __init__(
        self,
        seconds: float,
        model: ExecModel,
        chunks_seen: Callable[[], int],
        ping: Callable[[], object],
        give_up: Callable[[str], object],
        ended: Callable[[], bool],
    ) -> None: ...
    def start(self) -> None: ...
    def stop(self) -> None: ...
