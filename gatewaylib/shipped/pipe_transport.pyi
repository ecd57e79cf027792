from .transport import Transport

WIDE: int
F_SETPIPE_SZ: int
NO_WAIT: int | None
HAS_WRITEV: bool
CANNOT: tuple[int, ...]
LOOK: float
NULL: int

class PipeTransport(Transport):
    def __init__(self, read_fd: int, write_fd: int, is_own: bool = ...) -> None: ...
    def share(self, fd: int, first: bool) -> None: ...
    def hold(self, fd: int) -> None: ...
