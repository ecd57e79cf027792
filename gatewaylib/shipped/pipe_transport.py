# shipped: stdlib only; Python 2.7-3.14, PyPy, Jython
"""Two descriptors as a transport, pipes mostly: one to read, one to write.

A pipe can't be shut down, and a number that is in use must not be given back. But a number
can be made another file's: the other end then sees this one gone, and goes. Who waits in the
pipe does not notice that. So nobody here waits in a write, where the system can write without
waiting; and who waits in a read is sent a byte, by way of the pipe's other end.

Nobody else writes to a pipe that was made for this: it is told once never to wait. A standard
stream may be other processes' too, and they want to wait: there each write says it by itself.
"""
from __future__ import absolute_import

import errno
import os
import select
import threading
from io import FileIO

from . import compat
from .arriving import HAS_PLACES
from .compat import joined, partial
from .slots import CAN_SHARE, Slots
from .transport import Transport, can_poll, close_on_exec, rest_of, retry, wait_fd

# A small message goes through any pipe at once; a large one through a wide pipe as quickly
# as through a socket. All pipes of a user share 64 MiB, so only those that need it are wide.
WIDE = 2 ** 18
F_SETPIPE_SZ = 1031  # Linux; fcntl has the name from Python 3.10 on
NO_WAIT = getattr(os, "RWF_NOWAIT", None) if hasattr(os, "pwritev") else None
HAS_WRITEV = hasattr(os, "writev")
CANNOT = (errno.EOPNOTSUPP, errno.ENOSYS, errno.EINVAL, errno.ESPIPE)
LOOK = 0.1  # seconds between looks whether what waits to write was aborted


def _open_null():
    fd = os.open(os.devnull, os.O_RDWR)
    close_on_exec(fd)
    return fd


# Opened before it is needed: then there may be no descriptor left.
NULL = _open_null() if can_poll else -1


class PipeTransport(Transport):
    """A descriptor to read and one to write.

    ``is_own``: no other process writes to the same open file, now or later.
    """

    pollable = can_poll

    def __init__(self, read_fd, write_fd, is_own=False):
        self._read_fd, self._write_fd = read_fd, write_fd
        self._is_own = is_own
        if is_own:
            _never_wait(write_fd)
        self._is_wide = False
        self._held = []
        # A number that is given back may be another file's at once. A signal's handler may end
        # what the thread that it interrupts is just ending.
        self._lock = threading.RLock()
        read = partial(os.read, read_fd)
        self.receive = partial(retry, read) if compat.PY2 else read
        if HAS_PLACES:
            self.receive_into = FileIO(read_fd, closefd=False).readinto

    def fileno(self):
        return self._read_fd

    def write_fileno(self):
        return self._write_fd

    def wait_readable(self, timeout):
        return wait_fd(self._read_fd, False, timeout)

    def write_one(self, data):
        if self._is_own and not self.aborted:
            try:
                count = os.write(self._write_fd, data)
            except OSError as error:
                if error.errno != errno.EAGAIN:
                    raise
                count = 0
            if count < len(data):
                self._write_in_steps([memoryview(data)[count:]])
        elif self._is_own or NO_WAIT is not None:
            self._write_in_steps([data])
        else:
            count = retry(os.write, self._write_fd, data)
            rest = memoryview(data)[count:]
            while len(rest):
                rest = rest[retry(os.write, self._write_fd, rest) :]

    def write(self, buffers):
        if not self._is_wide:
            self._is_wide = True
            self.make_room(WIDE)
        if self._is_own or NO_WAIT is not None:
            return self._write_in_steps(buffers)
        if len(buffers) > 1 and HAS_WRITEV:
            buffers = rest_of(buffers, os.writev(self._write_fd, buffers))
        if buffers:
            self.write_one(joined(buffers))

    def _write_in_steps(self, buffers):
        while True:
            buffers = rest_of(buffers, self.write_now(buffers))
            if not buffers:
                return
            while not (self.aborted or self.wait_writable(LOOK)):
                pass

    def write_now(self, buffers):
        if self.aborted:
            raise OSError(errno.EPIPE, "the connection was aborted")
        try:
            if self._is_own:
                if HAS_WRITEV:
                    return os.writev(self._write_fd, buffers)
                return os.write(self._write_fd, joined(buffers))
            if NO_WAIT is not None:
                return os.pwritev(self._write_fd, buffers, -1, NO_WAIT)
        except OSError as error:
            if error.errno == errno.EAGAIN:
                return 0
            if self._is_own or error.errno not in CANNOT:
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
        with self._lock:
            if self._write_fd >= 0:
                _make_null(self._write_fd)

    def abort(self):
        with self._lock:
            if self._read_fd < 0 or self.aborted:
                return
            self.aborted = True  # ahead of the byte, which is none of the stream
            _wake_reader(self._read_fd)
            for fd in [self._read_fd, self._write_fd] + self._held:
                _make_null(fd)

    def share(self, fd, first):
        """Take the descriptor of ``Slots``, and use them where that can be done."""
        self.hold(fd)
        try:
            self.slots = Slots(fd, first) if CAN_SHARE else None
        except OSError:
            pass  # something between has closed it

    def hold(self, fd):
        """Take a descriptor that shall be open no longer than these."""
        self._held.append(fd)

    def close(self):
        with self._lock:
            fds = [self._read_fd, self._write_fd] + self._held
            self._read_fd, self._write_fd, self._held = -1, -1, []
            if self.slots is not None:
                self.slots.close()
            for fd in fds:
                try:
                    os.close(fd)
                except OSError:
                    pass  # closed before: code that runs here has done it, or this did

    def forget(self):
        self._lock = threading.RLock()  # some other thread of the parent may have had it
        self.close()


def _never_wait(fd):
    """Let no write to this open file wait."""
    if hasattr(os, "set_blocking"):
        os.set_blocking(fd, False)
    else:
        import fcntl

        fcntl.fcntl(fd, fcntl.F_SETFL, fcntl.fcntl(fd, fcntl.F_GETFL) | os.O_NONBLOCK)


def _make_null(fd):
    try:
        if compat.PY2:
            os.dup2(NULL, fd)
            close_on_exec(fd)
        else:
            os.dup2(NULL, fd, False)
    except (OSError, IOError):
        pass  # code that runs here has closed descriptors that are not its own


def _wake_reader(fd):
    """Let who waits for a pipe return, if this system and the descriptors left allow it."""
    path = "/proc/self/fd/%d" % fd
    try:
        if os.readlink(path).startswith("pipe:"):
            other = os.open(path, os.O_WRONLY | os.O_NONBLOCK)
            try:
                os.write(other, b"\0")
            finally:
                os.close(other)
    except (OSError, IOError, AttributeError):
        pass  # it is full, so nobody waits; or its reader waits for the other end to go
