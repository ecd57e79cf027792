# shipped: stdlib only; Python 2.7-3.14, PyPy, Jython
"""A connected socket as a transport.

In a file of its own because importing socket costs a start milliseconds, and most remotes
have pipes or are handed a socket as a plain descriptor.
"""
from __future__ import absolute_import

import errno
import socket
from functools import partial

from . import compat
from .arriving import HAS_PLACES
from .compat import joined
from .transport import Transport, can_poll, rest_of, retry, wait_fd

MSG_DONTWAIT = getattr(socket, "MSG_DONTWAIT", 0)


class SocketTransport(Transport):
    """A connected stream socket, also one end of a socketpair."""

    pollable = can_poll

    def __init__(self, sock):
        self._socket = sock
        self._fd = sock.fileno()
        self.write_one = sock.sendall
        self.receive = partial(retry, sock.recv) if compat.PY2 else sock.recv
        if HAS_PLACES:
            self.receive_into = sock.recv_into

    def fileno(self):
        return self._fd

    def wait_readable(self, timeout):
        return wait_fd(self._fd, False, timeout)

    def write(self, buffers):
        if hasattr(self._socket, "sendmsg"):
            buffers = rest_of(buffers, self._socket.sendmsg(buffers))
        if buffers:
            self.write_one(joined(buffers))

    def write_now(self, buffers):
        try:
            if hasattr(self._socket, "sendmsg"):
                return self._socket.sendmsg(buffers, (), MSG_DONTWAIT)
            return retry(self._socket.send, joined(buffers), MSG_DONTWAIT)
        except (OSError, IOError) as error:
            if error.errno in (errno.EAGAIN, errno.EWOULDBLOCK):
                return 0
            raise

    def wait_writable(self, timeout):
        return wait_fd(self._fd, True, timeout)

    def close_write(self):
        self._shutdown(socket.SHUT_WR)

    def abort(self):
        self._shutdown(socket.SHUT_RDWR)

    def _shutdown(self, how):
        try:
            self._socket.shutdown(how)
        except (OSError, IOError):
            pass  # not connected any more, which is what was wanted

    def close(self):
        self._socket.close()
