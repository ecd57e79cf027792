"""execnet's gateway_socket: what gateways by socket stand on."""

from .shipped.socket_transport import SocketTransport as SocketIO

__all__ = ["SocketIO"]
