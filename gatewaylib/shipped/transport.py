# shipped: stdlib only; Python 2.7-3.14, PyPy, Jython
"""Transports: how bytes leave this process and arrive.

A transport moves bytes and decides nothing: what they mean, who reads and what a
failure stands for is said elsewhere. All of them have the methods of ``Transport``.
"""
from __future__ import absolute_import

import errno
import select

from . import compat
from .compat import joined

JOINED = 64  # buffers that leave in one system call at the most
RDHUP = getattr(select, "POLLRDHUP", 0x2000)  # Linux; others tell POLLHUP unasked


# Jython has the name, and it works on none of its streams; Windows has it not, and its
# select takes only sockets.
can_poll = hasattr(select, "poll") and not compat.JYTHON


class Transport(object):
    """What a transport is. One thread may read while another writes.

    ``pollable`` says whether ``fileno()`` can be waited for together with others, so
    that no thread of its own is needed to read it; so does ``rings`` of one without a
    descriptor, which tells by ``on_ring``. Either never waits in ``write_now``. Errors are
    OSError (IOError on 2.7), and the end of the stream for whoever reads.

    ``receive(size)`` waits for bytes and returns up to ``size`` of them, ``b""`` at the
    end of the stream. It is a C function where that can be, so that Ctrl-C comes either
    before the bytes are taken or after they are kept. Once ``aborted`` is true, whatever it
    returns stands for the end of the stream. ``receive_into(view)`` puts them into a memoryview
    and returns their number; None where there is no such function. ``slots`` are those that
    both ends have, or None.
    """

    pollable = False
    rings = False
    aborted = False
    receive = receive_into = slots = None

    def fileno(self):
        """Return the file descriptor that is read."""
        raise OSError("this transport has no file descriptor")

    def write_fileno(self):
        """Return the file descriptor that is written."""
        return self.fileno()

    def wait_readable(self, timeout):
        """Wait until ``receive`` would return at once; False after ``timeout`` seconds."""
        return True

    def on_ring(self, function):
        """Have ``function()``, which does not wait, called when there is something to read."""
        raise NotImplementedError

    def write_one(self, data):
        """Write one buffer, waiting as long as it takes."""
        raise NotImplementedError

    def write(self, buffers):
        """Write a list of buffers, waiting as long as it takes."""
        self.write_one(joined(buffers))

    def write_now(self, buffers):
        """Write what goes without waiting; return the number of bytes."""
        raise NotImplementedError

    def wait_writable(self, timeout):
        """Wait until ``write_now`` would write something; False after ``timeout`` seconds."""
        raise NotImplementedError

    def make_room(self, size):
        """Let the system take ``size`` bytes before anybody reads, if it can be had."""

    def close_write(self):
        """Let the other end read to the end of the stream; reading goes on here."""

    def abort(self):
        """End both directions at once and wake whoever waits in ``read`` or ``write``."""

    def close(self):
        """Give the descriptors back. Nobody may be reading or writing any more."""

    def forget(self):
        """Close it in the child of a fork, where nobody reads or writes."""
        self.close()


def retry(function, *args):
    """Call until no signal interrupts: Python 2.7 and a stopped process give EINTR."""
    while True:
        try:
            return function(*args)
        except (OSError, IOError, select.error) as error:
            if error.args[0] != errno.EINTR:
                raise


def wait_fd(fd, writing, timeout):
    """Wait until the descriptor is readable or writable; False after ``timeout`` seconds."""
    if timeout is not None and timeout > compat.MAX_WAIT:
        timeout = None
    if not hasattr(select, "poll"):
        sets = ([], [fd]) if writing else ([fd], [])
        return any(retry(select.select, sets[0], sets[1], [], timeout))
    poll = select.poll()
    poll.register(fd, select.POLLOUT if writing else select.POLLIN)
    return bool(retry(poll.poll, None if timeout is None else max(0, timeout) * 1000))


def wait_for_hang_up(fd):
    """Wait until the other side writes no more, whatever there is to be read before."""
    poll = select.poll()
    poll.register(fd, RDHUP)
    retry(poll.poll)


def rest_of(buffers, count):
    """Return what is left of a list of buffers after their first ``count`` bytes."""
    rest = []
    for buffer in buffers:
        if count >= len(buffer):
            count -= len(buffer)
        else:
            rest.append(memoryview(buffer)[count:] if count else buffer)
            count = 0
    return rest


def close_on_exec(fd):
    """Keep the descriptor out of programs that this process starts (Python 3 does by itself)."""
    if compat.PY2:
        import fcntl

        fcntl.fcntl(fd, fcntl.F_SETFD, fcntl.fcntl(fd, fcntl.F_GETFD) | fcntl.FD_CLOEXEC)
