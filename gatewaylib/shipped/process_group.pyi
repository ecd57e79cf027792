from .transport import Transport

END_TIME: float
ASKED_TIME: float
STATUS_TIME: float
NAP: float
MAX_FD: int

def end_now() -> None: ...
def guard(transport: Transport) -> None: ...
