# shipped: stdlib only; Python 2.7-3.14, PyPy, Jython
"""Taking over this process's standard streams: how a remote comes by its transport."""
from __future__ import absolute_import

import os

from . import compat
from .transport import PipeTransport, close_on_exec


def take_standard_streams(duplex):
    """Make this process's standard streams the transport to whoever started it.

    Args:
        duplex: True where descriptor 0 is a socket that carries both directions.

    User code finds an empty stdin afterwards, and what it prints goes to stdout
    (duplex) or stderr: it never touches the wire.
    """
    if compat.JYTHON:
        from .java_transport import take_java_streams

        return take_java_streams(duplex)
    read_fd = _dup(0)
    write_fd = None if duplex else _dup(1)
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    os.close(null)
    if duplex:
        return PipeTransport(read_fd, _dup(read_fd))
    os.dup2(2, 1)
    return PipeTransport(read_fd, write_fd)


def _dup(fd):
    copy = os.dup(fd)
    close_on_exec(copy)
    return copy
