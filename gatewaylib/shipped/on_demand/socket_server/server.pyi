import socket
import ssl
from typing import Any

HANDSHAKE_TIME: float
CROWDED_TIME: float
MAX_STRANGERS: int
WRONG_TOKEN_DELAY: float
LOOK_TIME: float
PAUSE: float
NAP: float
FULL: tuple[int, ...]

def clock() -> float: ...

class Stranger:
    conn: socket.socket
    since: float
    name: str
    def __init__(self, sock: socket.socket, address: tuple[Any, ...]) -> None: ...
    def drop(self) -> None: ...

class Server:
    def __init__(
        self, listener: socket.socket, token: str, tls: ssl.SSLContext | None = ...
    ) -> None: ...
    def serve(self) -> None: ...
    def serve_one(self, seconds: float) -> None: ...
    def stop(self) -> None: ...
    def close(self) -> None: ...
