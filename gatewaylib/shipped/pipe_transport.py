# shipped: stdlib only; Python 2.7-3.14, PyPy, Jython
"""Two descriptors as a transport, pipes mostly: one to read, one to write.

A pipe can't be shut down, and a number that is in use must not be given back. But a number
can be made another file's: the other end then sees this one gone, and goes.
"""
from __future__ import absolute_import

import errno
import os
import select

from . import compat
from .compat import joined, partial
from .transport import Transport, can_poll, close_on_exec, rest_of, retry, wait_fd

# A small message goes through any pipe at once; a large one through a wide pipe as quickly
# as through a socket. All pipes of a user share 64 MiB, so only those that need it are wide.
WIDE = 2 ** 18
F_SETPIPE_SZ = 1031  # Linux; fcntl has the name from Python 3.10 on
NO_WAIT = getattr(os, "RWF_NOWAIT", None) if hasattr(os, "pwritev") else None
CANNOT = (errno.EOPNOTSUPP, errno.ENOSYS, errno.EINVAL, errno.ESPIPE)


class PipeTransport(Transport):
    """A descriptor to read and one to write."""

    pollable = can_poll

    def __init__(self, read_fd, write_fd):
        self._read_fd, self._write_fd = read_fd, write_fd
        self._is_wide = False
        self._held = []
        read = partial(os.read, read_fd)
        self.receive = partial(retry, read) if compat.PY2 else read

    def fileno(self):
        return self._read_fd

    def write_fileno(self):
        return self._write_fd

    def wait_readable(self, timeout):
        return wait_fd(self._read_fd, False, timeout)

    def write_one(self, data):
        count = retry(os.write, self._write_fd, data)
        if count < len(data):
            rest = memoryview(data)[count:]
            while len(rest):
                rest = rest[retry(os.write, self._write_fd, rest) :]

    def write(self, buffers):
        if not self._is_wide:
            self._is_wide = True
            self.make_room(WIDE)
        if len(buffers) > 1 and hasattr(os, "writev"):
            buffers = rest_of(buffers, os.writev(self._write_fd, buffers))
        if buffers:
            self.write_one(joined(buffers))

    def write_now(self, buffers):
        if NO_WAIT is not None:
            try:
                return os.pwritev(self._write_fd, buffers, -1, NO_WAIT)
            except OSError as error:
                if error.errno == errno.EAGAIN:
                    return 0
                if error.errno not in CANNOT:
                    raise
        if not wait_fd(self._write_fd, True, 0):
            return 0
        # A writable pipe has room for PIPE_BUF bytes at least; more could wait.
        size = select.PIPE_BUF if hasattr(select, "PIPE_BUF") else 512
        data = joined(buffers)
        return retry(os.write, self._write_fd, data[:size])

    def wait_writable(self, timeout):
        return wait_fd(self._write_fd, True, timeout)

    def make_room(self, size):
        try:
            import fcntl

            fcntl.fcntl(self._write_fd, F_SETPIPE_SZ, size)
        except (ImportError, OSError, IOError):
            pass  # another system, no pipe, more is in it, or its user has too many wide ones

    def close_write(self):
        _make_null(self._write_fd)

    def abort(self):
        reads, writes = self._read_fd, self._write_fd
        if min(reads, writes) < 0:
            return  # closed
        self.aborted = True
        wakes_reader, makes_room = _other_end(reads, os.O_WRONLY), _other_end(writes, os.O_RDONLY)
        if makes_room is not None:
            _never_wait(writes)  # from now on: who waits already does so until there is room
        is_full = makes_room is not None and not wait_fd(writes, True, 0)
        for fd in [reads, writes] + self._held:
            _make_null(fd)
        # Who waits in either pipe, waits for its other end.
        if wakes_reader is not None:
            _quietly(os.write, wakes_reader, b"\0")
        if is_full:
            _quietly(os.read, makes_room, 2 * WIDE)
        for fd in (wakes_reader, makes_room):
            if fd is not None:
                os.close(fd)

    def hold(self, fd):
        """Take a descriptor that shall be open no longer than these."""
        self._held.append(fd)

    def close(self):
        fds = [self._read_fd, self._write_fd] + self._held
        self._read_fd, self._write_fd, self._held = -1, -1, []
        for fd in fds:
            if fd >= 0:
                os.close(fd)


def _make_null(fd):
    if fd >= 0:
        null = os.open(os.devnull, os.O_RDWR)
        os.dup2(null, fd)
        os.close(null)
        close_on_exec(fd)


def _never_wait(fd):
    import fcntl

    fcntl.fcntl(fd, fcntl.F_SETFL, fcntl.fcntl(fd, fcntl.F_GETFL) | os.O_NONBLOCK)


def _other_end(fd, mode):
    """Return a new descriptor of a pipe's other end, which never waits; None without one."""
    path = "/proc/self/fd/%d" % fd
    try:
        if not os.readlink(path).startswith("pipe:"):
            return None
        other = os.open(path, mode | os.O_NONBLOCK)
    except (OSError, IOError, AttributeError):
        return None  # another system, or no descriptors left
    close_on_exec(other)
    return other


def _quietly(function, *args):
    try:
        function(*args)
    except (OSError, IOError):
        pass  # it waits no more
