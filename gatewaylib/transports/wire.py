"""The wire to a process of this machine: its end of it, and ours.

Where the system lets us leave a pipe that is blocked (Linux), it is two pipes: a small
message costs half of what it does on a socket. Elsewhere it is a socketpair. Either way
the interpreter's own stdout stays what the program prints to. Beside the pipes both have
memory, the slots: a large piece goes through that twice as fast.
"""

from __future__ import annotations

import contextlib
import os
import socket
from collections.abc import Iterator
from typing import NamedTuple

from ..shipped.pipe_transport import NO_WAIT, PipeTransport
from ..shipped.slots import CAN_SHARE, TOTAL
from ..shipped.socket_transport import SocketTransport
from ..shipped.transport import Transport

# The numbers under which a remote may find what it is to write to; see standard_streams.
STDIN, STDOUT = 0, 1
F_ADD_SEALS, F_SEAL_SEAL, F_SEAL_SHRINK, F_SEAL_GROW = 1033, 1, 2, 4  # Linux
# To leave a pipe takes writes that don't wait and, of what is read, the other end, which is
# had by this folder.
HAS_PIPES = NO_WAIT is not None and os.path.isdir("/proc/self/fd")


class Wire(NamedTuple):
    """A wire, its other end still open here.

    Attributes:
        transport: our end.
        stdin: descriptor to be the process's.
        stdout: descriptor to be the process's; None: stdout is not part of the wire.
        write_fd: what the remote is to write to: ``STDIN``, ``STDOUT``, or the number of a
            descriptor that is passed on to it.
        slots_fd: the descriptor of ``Slots`` that both have, likewise; 0: there are none.
    """

    transport: Transport
    stdin: int
    stdout: int | None
    write_fd: int
    slots_fd: int = 0

    @property
    def passed(self) -> list[int]:
        """What is to be passed on to the process under its own number."""
        return [fd for fd in (self.write_fd, self.slots_fd) if fd > 2]


@contextlib.contextmanager
def lay(own_stdout: bool) -> Iterator[Wire]:
    """Make a wire; at the block's end the process's end of it is closed here, ours is not.

    ``own_stdout``: that stdout is not to be part of it.
    """
    with contextlib.ExitStack() as theirs:
        with contextlib.ExitStack() as ours:
            wire = (_pipes if HAS_PIPES else _socketpair)(own_stdout, theirs, ours)
            ours.pop_all()
        yield wire


def _pipes(own_stdout: bool, theirs: contextlib.ExitStack, ours: contextlib.ExitStack) -> Wire:
    stdin, writes = os.pipe()
    theirs.callback(os.close, stdin)
    ours.callback(os.close, writes)
    reads, stdout = os.pipe()
    theirs.callback(os.close, stdout)
    ours.callback(os.close, reads)
    transport = PipeTransport(reads, writes, is_own=True)
    if own_stdout:
        return Wire(transport, stdin, None, stdout, _share(transport, ours))
    return Wire(transport, stdin, stdout, STDOUT)


def _share(transport: PipeTransport, ours: contextlib.ExitStack) -> int:
    """Give the transport slots; return their descriptor, to be passed on too, or 0."""
    if not CAN_SHARE:
        return 0
    import fcntl

    try:
        fd = os.memfd_create("gatewaylib-slots", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    except (OSError, AttributeError):
        return 0  # an old system, a filter of system calls, or no descriptor is left
    ours.callback(os.close, fd)
    # Whoever made it smaller would end, by a signal, who reads what is gone.
    os.ftruncate(fd, TOTAL)
    fcntl.fcntl(fd, F_ADD_SEALS, F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW)
    transport.share(fd, True)
    return fd


def _socketpair(own_stdout: bool, theirs: contextlib.ExitStack, ours: contextlib.ExitStack) -> Wire:
    sockets = socket.socketpair()
    ours.callback(sockets[0].close)
    fd = theirs.enter_context(sockets[1]).fileno()
    transport = SocketTransport(sockets[0])
    if own_stdout:
        return Wire(transport, fd, None, STDIN)
    return Wire(transport, fd, fd, STDOUT)
