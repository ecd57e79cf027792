# shipped: stdlib only; Python 2.7-3.14, PyPy, Jython
"""Taking over this process's standard streams: how a remote comes by its transport."""
from __future__ import absolute_import

import os

from . import compat
from .pipe_transport import PipeTransport
from .transport import close_on_exec

STDOUT = 1


def take_standard_streams(write_fd, slots_fd=0):
    """Make this process's standard streams the transport to whoever started it.

    Args:
        write_fd: what to write to, while descriptor 0 is read: 1 for stdout, 0 where that is
            a socket for both directions, or the number of a pipe that was passed on.
        slots_fd: the number of ``Slots`` that were passed on, 0 if none were.

    User code finds an empty stdin afterwards, and what it prints goes to stdout, or to stderr
    where stdout is written to: it never touches the wire. Raises OSError if there is no
    such descriptor here.
    """
    if compat.JYTHON:
        from .java_transport import take_java_streams

        return take_java_streams(write_fd)
    transport = PipeTransport(_dup(0), _dup(write_fd), is_own=write_fd > STDOUT)
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    os.close(null)
    if write_fd == STDOUT:
        os.dup2(2, 1)
    elif write_fd:
        os.close(write_fd)
    if slots_fd:
        _take_slots(transport, slots_fd)
    return transport


def _take_slots(transport, fd):
    try:
        copy = _dup(fd)
        os.close(fd)
    except OSError:
        return  # something between has closed it: all goes by the wire
    transport.share(copy, False)


def _dup(fd):
    copy = os.dup(fd)
    close_on_exec(copy)
    return copy
