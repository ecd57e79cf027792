from collections import deque
from typing import Any

VERSION: tuple[int, int]

ITEM_COST: int
DEFAULT_WINDOW: int
NO_LIMIT: int
BURST: int
MAX_CHANNELS: int
MAX_OUTPUT: int

OPENED: str
TASK: str
ITEM: str
ENDED: str
CREDITED: str
STATUS_ASKED: str
STATUS_TOLD: str
RECONFIGURED: str
SAID_GOODBYE: str

# (event, subject, detail): which they are depends on the event
_Event = tuple[str, Any, Any]

class End:
    id: int
    state: str
    window: int
    sent: int
    granted: int
    got: int
    returned: int
    limit: int
    untold: int
    pieces: list[bytes] | None
    pieces_size: int
    prepaid: int
    hungry: bool
    in_pieces: object
    claimed: bool
    user: Any
    def __init__(self, id: int, window: int, granted: int) -> None: ...

class Protocol:
    window: int
    ends: dict[int, End]
    output: deque[bytes | memoryview]
    def __init__(self, first_id: int, window: int | None = ..., runs_tasks: bool = ...) -> None: ...
    @property
    def unclaimed(self) -> int: ...
    def open(self, window: int | None = ...) -> End: ...
    def open_for_task(self) -> End: ...
    def send(self, end: End, kind: int, payload: bytes) -> bool: ...
    def send_some(
        self, end: End, kind: int, view: memoryview, position: int, sender: object
    ) -> int: ...
    def give_up(self, end: End, sender: object) -> None: ...
    def send_last(self, end: End) -> None: ...
    def close(self, end: End, error: bytes = ...) -> None: ...
    def take(self, end: End, size: int) -> None: ...
    def hunger(self, end: End) -> None: ...
    def claim(self, id: int) -> End | None: ...
    def ping(self) -> None: ...
    def ask_status(self, number: int) -> None: ...
    def tell_status(self, number: int, payload: bytes) -> None: ...
    def reconfigure(self, end: End | None, payload: bytes) -> None: ...
    def say_goodbye(self) -> None: ...
    def lose(self) -> list[End]: ...
    def receive(self, data: bytes) -> list[_Event]: ...
