import threading
from collections.abc import Callable

NO_THREAD: tuple[type[Exception], ...]

def start_thread(function: Callable[..., object], *args: object) -> None: ...
def start_timer(
    seconds: float, function: Callable[..., object], *args: object
) -> threading.Timer: ...
def log(text: str) -> None: ...
