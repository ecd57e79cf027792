"""A socket for what another gateway of this machine runs: it leads here, by way of nobody.

The one in between is told a place and a secret, connects to the one and says the other, and
gives the connection to the command as its stdin and stdout. Where it can't connect, being on
another machine or in another network namespace, it copies as ever.

The place is an abstract address, which is in no file system, and which whoever runs on this
machine can read of: so it is the secret that counts.
"""

from __future__ import annotations

import contextlib
import hmac
import os
import socket
import sys
from typing import Any

from ..shipped.socket_transport import SocketTransport

SECRET = 32  # bytes
WAITING = 8  # connections that may wait, those of strangers included


def is_near(via: Any) -> bool:
    """Say whether it is worth a try: whether that gateway seems to be on this machine."""
    return sys.platform == "linux" and bool(via._rinfo().hostname == socket.gethostname())


class Meeting:
    """A place to connect to; ``words`` are what somebody must know for that.

    Raises OSError where there is no such place to be had.
    """

    def __init__(self) -> None:
        name, self._secret = f"gatewaylib-{os.urandom(16).hex()}", os.urandom(SECRET)
        self.words = (name, self._secret)
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            self._listener.bind("\0" + name)
            self._listener.listen(WAITING)
            self._listener.setblocking(False)
        except OSError:
            self._listener.close()
            raise

    def found(self) -> SocketTransport | None:
        """Return the connection of whoever has said the secret by now, None if nobody has."""
        with contextlib.suppress(BlockingIOError):
            while True:
                sock, _ = self._listener.accept()
                with contextlib.suppress(OSError):
                    sock.setblocking(False)
                    if hmac.compare_digest(sock.recv(SECRET), self._secret):
                        sock.setblocking(True)
                        return SocketTransport(sock)
                sock.close()
        return None

    def close(self) -> None:
        self._listener.close()
