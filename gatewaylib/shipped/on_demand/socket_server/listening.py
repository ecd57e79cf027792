# shipped: stdlib only; Python 2.7-3.14, PyPy, Jython
"""Where a server listens."""

from __future__ import absolute_import

import socket

from ..lifeline import close_on_exec

BACKLOG = 128


def parse_address(text):
    """Return (host, port) of ``HOST:PORT``, ``[HOST]:PORT`` or ``:PORT``, which is loopback."""
    host, colon, port = text.rpartition(":")
    # Not isdigit: other digits than these are no numbers to int, or none that we would show.
    is_number = 0 < len(port) < 6 and not port.strip("0123456789")
    if not colon or not is_number or int(port) > 65535:
        raise ValueError("%r is no address: it is written HOST:PORT" % text)
    if host.startswith("[") and host.endswith("]"):
        host = host[1:-1]
    elif ":" in host:
        raise ValueError("%r is no address: write [%s]:%s" % (text, host, port))
    return host or "127.0.0.1", int(port)


def listen(host, port):
    """Return (listening socket, whether only this machine reaches it)."""
    flags = getattr(socket, "AI_PASSIVE", 0)
    family, kind, protocol, _, address = socket.getaddrinfo(
        host, port, 0, socket.SOCK_STREAM, 0, flags
    )[0]
    sock = socket.socket(family, kind, protocol)
    try:
        close_on_exec(sock.fileno())
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind(address)
        sock.listen(BACKLOG)
    except BaseException:
        sock.close()
        raise
    return sock, address[0].startswith("127.") or address[0] == "::1"
