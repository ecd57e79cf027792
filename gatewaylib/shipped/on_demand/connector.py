# shipped: stdlib only; Python 2.7-3.14, PyPy, Jython
"""The far half of ``socket=`` with ``via=``: connects to an address, and copies bytes.

It is a command that a relay runs beside the gateway in between::

    python -S -E -c RUN HOST PORT TEXT_OF_THIS_FILE

What it reads goes to that address and what comes of there is written, behind a first byte
``CONNECTED``. Where there is no connection it says why in stderr and by its exit status.
What the bytes mean it does not know. A process of its own, so that looking up a name and
connecting, which may take minutes, stop no thread of that gateway, whatever its execmodel,
and can be ended at any time.
"""

from __future__ import absolute_import

import errno
import os
import socket
import struct
import sys
import threading

# Without the current directory, where a file may be called socket.py.
RUN = "import sys;sys.path[:]=[p for p in sys.path if p];exec(sys.argv.pop())"
CONNECTED = b"+"
NOT_FOUND, NOT_REACHED, REFUSED = 3, 4, 5  # exit statuses
CHUNK = 2**16
JYTHON = sys.platform.startswith("java")


class NoConnection(Exception):
    """There is none: an exit status, and why."""


def connect(host, port):
    """Return a socket that is connected there; raise NoConnection."""
    try:
        found = socket.getaddrinfo(host, port, 0, socket.SOCK_STREAM)
    except (OSError, IOError, UnicodeError) as error:
        raise NoConnection(NOT_FOUND, str(error))
    why = None
    for family, kind, protocol, _, address in found:
        sock = socket.socket(family, kind, protocol)
        try:
            sock.connect(address)
        except (OSError, IOError) as error:
            why = error
            sock.close()
        else:
            set_options(sock)
            return sock
    refused = getattr(why, "errno", None) == errno.ECONNREFUSED
    raise NoConnection(REFUSED if refused else NOT_REACHED, str(why))


def set_options(sock):
    """Send small frames at once; see a peer that is gone; let it see at once that we are.

    Without the last one, the end of this process waits behind what a peer does not read.
    """
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, value in (("TCP_KEEPIDLE", 60), ("TCP_KEEPINTVL", 10), ("TCP_KEEPCNT", 6)):
        if hasattr(socket, name):
            sock.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)
    if not JYTHON:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def standard_streams():
    """Return how to read of stdin, b"" at its end, and how to write to stdout."""
    if not JYTHON:
        return (lambda: os.read(0, CHUNK)), _write
    from jarray import zeros
    from java.lang import System

    stdin, buffer = getattr(System, "in"), zeros(CHUNK, "b")

    def read():
        count = stdin.read(buffer)
        return buffer[:count].tostring() if count > 0 else b""

    def write(data):
        System.out.write(data)
        System.out.flush()

    return read, write


def _write(data):
    while data:
        data = data[os.write(1, data) :]


def copy(read, write):
    """Write what is read until its end, or until one of the two fails."""
    try:
        data = read()
        while data:
            write(data)
            data = read()
    except (OSError, IOError):
        pass  # one of the ends is gone


def main(host, port):
    """Copy until the other end has ended; return the exit status."""
    try:
        sock = connect(host, int(port))
    except NoConnection as error:
        status, why = error.args
        sys.stderr.write(why + "\n")
        return status
    read, write = standard_streams()
    write(CONNECTED)

    def copy_there():
        copy(read, sock.sendall)
        try:
            sock.shutdown(socket.SHUT_WR)
        except (OSError, IOError):
            pass  # not connected any more

    thread = threading.Thread(target=copy_there)
    thread.daemon = True
    thread.start()
    copy(lambda: sock.recv(CHUNK), write)
    return 0


if __name__ == "__main__":
    status = main(*sys.argv[1:])
    sys.stderr.flush()
    os._exit(status)  # a thread may still wait for stdin
