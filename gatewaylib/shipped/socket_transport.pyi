import socket

from .transport import Transport

MSG_DONTWAIT: int

class SocketTransport(Transport):
    def __init__(self, sock: socket.socket) -> None: ...
