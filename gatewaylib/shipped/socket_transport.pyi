import socket

from .transport import Transport

MSG_DONTWAIT: int

class SocketTransport(Transport):
    _socket: socket.socket
    def __init__(self, sock: socket.socket) -> None: ...
