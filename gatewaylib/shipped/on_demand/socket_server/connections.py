# shipped: stdlib only; Python 2.7-3.14, PyPy, Jython
"""Connections, of TCP or TLS: what both ends set, and how either ends one."""

from __future__ import absolute_import

import select
import socket

from .background import start_timer

CHUNK = 2**16  # bytes copied at once; what a TLS connection can give at once is less
RDHUP = getattr(select, "POLLRDHUP", 0x2000)
LAST_WORD_TIME = 0.5  # seconds for who is refused to read why
# Keepalive finds a client that is gone without a word, in about two minutes.
KEEPALIVE = (("TCP_KEEPIDLE", 60), ("TCP_KEEPINTVL", 10), ("TCP_KEEPCNT", 6))


def set_options(sock):
    """Send small frames at once, and find out about a peer that is gone without a word."""
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, value in KEEPALIVE:
        if hasattr(socket, name):
            sock.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)


def shut_down(sock, how=socket.SHUT_RDWR):
    """End a socket's directions without a word from TLS, whose own shutdown stops reading too."""
    try:
        if isinstance(sock, socket.socket):
            socket.socket.shutdown(sock, how)
        else:
            sock.shutdown(how)  # one of Python 2's socketpair, which is of another class
    except (OSError, IOError):
        pass  # not connected any more, which is what was wanted


def send_last(sock, text):
    """Send a last word, and read on for a moment: what is not read would take it back."""
    timer = start_timer(LAST_WORD_TIME, shut_down, sock)
    try:
        sock.sendall(text.encode("ascii", "replace"))
        shut_down(sock, socket.SHUT_WR)
        while sock.recv(CHUNK):
            pass
    except (OSError, IOError, ValueError):
        pass  # it is gone
    finally:
        timer.cancel()


def wait_for_hang_up(sock):
    """Wait until a client sends no more, whatever there is to be read before."""
    poll = select.poll()
    poll.register(sock.fileno(), RDHUP)
    while not poll.poll():
        pass
