# shipped: stdlib only; Python 2.7-3.14, PyPy, Jython
"""A command that a relay runs: a process group, its streams and its end."""

from __future__ import absolute_import

import difflib
import errno
import os
import signal
import subprocess
import sys
from functools import partial

from .lifeline import PY2, close_on_exec, start_group

JYTHON = sys.platform.startswith("java")
# An item of so many bytes is a single frame: what holds it takes 64 KiB.
CHUNK = 2**16 - 2**8
NAP = 0.02  # seconds between looks at a command where no thread may wait for it


def run(argv, env, model, meet=None):
    """Return the command, which runs, or why it can't be run.

    Args:
        argv: list of native strings.
        env: its whole environment.
        model: the ExecModel of those who will wait for it.
        meet: (name of a socket, secret), for what is to talk to that by itself; or None.
    """
    kind = JavaCommand if JYTHON else Command
    waits = (model.wait_readable, model.wait_writable, model.sleep)
    try:
        return kind(argv, env, *waits, meet=meet), ""
    except (OSError, IOError, ValueError) as error:
        return None, "cannot run %s: %s" % (argv[0], _describe(argv[0], error, env))


def _describe(command, error, env):
    why = getattr(error, "strerror", None) or str(error)
    if getattr(error, "errno", None) != errno.ENOENT:
        return why
    if os.path.exists(command):
        return why + "; it is there, but not the interpreter that its first line (#!) names"
    if os.path.dirname(command):
        return why
    near = difflib.get_close_matches(command, _pythons_on_path(env), 3)
    return why + (
        "; on the PATH there are %s" % ", ".join(near) if near else "; is it on the PATH there?"
    )


def _pythons_on_path(env):
    names = set()
    for folder in env.get("PATH", os.defpath).split(os.pathsep):
        try:
            found = os.listdir(folder or ".")
        except OSError:
            continue
        names.update(name for name in found if name.startswith(("python", "pypy", "jython")))
    return names


class Command(object):
    """A process group with a socket for stdin and stdout and a pipe for stderr.

    Its lifeline ends it with this process, however that ends. (Linux; elsewhere it sees the
    end of its stdin.)

    Args:
        wait_readable, wait_writable: ``(fd, timeout)``, where only these may wait; or None.
        sleep: used to wait for its end where they are given.
        meet: as in ``run``.

    Attributes:
        pid: of its process.
        is_met: it talks to whoever asked for it by itself; there is nothing to read or write.

    Raises OSError if it can't be run.
    """

    def __init__(self, argv, env, wait_readable, wait_writable, sleep, meet=None):
        import socket

        self._wait_readable, self._wait_writable = wait_readable, wait_writable
        self._sleep = sleep
        self._lifeline = None
        self._at_once = getattr(socket, "MSG_DONTWAIT", 0)
        self._socket, theirs = socket.socketpair()
        met = _connect(meet) if meet is not None else None
        self.is_met = met is not None
        if met is not None:
            theirs.close()
            theirs = met
        try:
            self._start(argv, env, theirs.fileno())
        except BaseException:
            self._close_lifeline()
            self._socket.close()
            raise
        finally:
            theirs.close()
        self.pid = self._process.pid
        self._errors = self._process.stderr.fileno()
        self._fd = self._socket.fileno()
        if wait_readable is None and not PY2:
            self.read = partial(os.read, self._fd, CHUNK)  # nothing else is needed here
        if wait_writable is not None:
            self._socket.setblocking(False)

    def _start(self, argv, env, fd):
        close_on_exec(self._socket.fileno())
        self._process, self._lifeline = start_group(
            argv, stdin=fd, stdout=fd, stderr=subprocess.PIPE, bufsize=0, env=env
        )

    def _close_lifeline(self):
        fd, self._lifeline = self._lifeline, None
        if fd is not None:
            os.close(fd)

    def read(self):
        """Return bytes it wrote to stdout, b"" at the end."""
        return self._read(self._fd)

    def read_errors(self):
        """Return bytes it wrote to stderr, b"" at the end."""
        return self._read(self._errors)

    def _read(self, fd):
        if self._wait_readable is not None:
            self._wait_readable(fd, None)
        return _retry(os.read, fd, CHUNK)

    def write(self, data):
        """Write to its stdin, waiting as long as it takes."""
        data = memoryview(data)
        while len(data):
            if self._wait_writable is not None:
                self._wait_writable(self._fd, None)
            data = data[_retry(os.write, self._fd, data) :]

    def write_now(self, data):
        """Write to its stdin what goes without waiting; return the number of bytes."""
        try:
            return self._socket.send(data, self._at_once)
        except (OSError, IOError) as error:
            if error.errno in (errno.EAGAIN, errno.EINTR):
                return 0
            raise

    def end_input(self):
        """Let it read to the end of its stdin."""
        self._shut(1)

    def wait(self):
        """Wait for its end, end its group, and return its exit status."""
        if self._wait_readable is None:
            status = _retry(self._process.wait)
        else:
            while self._process.poll() is None:
                self._sleep(NAP)
            status = self._process.returncode
        self._kill_group(signal.SIGKILL)
        self._close_lifeline()
        return status

    def signal(self, number):
        """Send a signal to the group, unless it has ended."""
        if self._process.returncode is None:
            self._kill_group(number)

    def _kill_group(self, number):
        try:
            os.killpg(self.pid, number)
        except OSError:
            pass  # it has ended, or has become another user's

    def end_output(self):
        """Have ``read`` come to an end though a process that left the group holds on."""
        self._shut(2)

    def _shut(self, how):
        try:
            self._socket.shutdown(how)
        except (OSError, IOError):
            pass  # it is gone

    def close(self):
        """Give back what is not read or written any more; not stderr."""
        self._socket.close()

    def close_errors(self):
        self._process.stderr.close()


def _connect(meet):
    """Return a socket that is connected to where we are awaited, None if that is not here."""
    import socket

    name, secret = meet
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        sock.setblocking(False)  # it is there and takes us at once, or it is not
        sock.connect("\0" + name)
        sock.sendall(secret)
        sock.setblocking(True)
    except (OSError, IOError):
        sock.close()
        return None
    return sock


class JavaCommand(object):
    """The same on Jython: pipes, one process, and what signals Java can send."""

    is_met = False

    def __init__(self, argv, env, *unused, **meet):
        from jarray import zeros

        self._zeros = zeros
        pipe = subprocess.PIPE
        process = subprocess.Popen(argv, stdin=pipe, stdout=pipe, stderr=pipe, env=env)
        # Its own streams would rather wait than give less than was asked for.
        self._process = java = process._process
        self._input, self._output = java.getOutputStream(), java.getInputStream()
        self._errors = java.getErrorStream()
        self.pid = java.pid() if hasattr(java, "pid") else None

    def read(self):
        return self._read(self._output)

    def read_errors(self):
        return self._read(self._errors)

    def _read(self, stream):
        buffer = self._zeros(CHUNK, "b")
        count = stream.read(buffer)
        return buffer[:count].tostring() if count > 0 else b""

    def write(self, data):
        self._input.write(data)
        self._input.flush()

    def write_now(self, data):
        return 0  # a Java stream can't say

    def end_input(self):
        self._input.close()

    def wait(self):
        status = self._process.waitFor()  # a signal is told as the shell tells it
        return 128 - status if status > 128 else status

    def signal(self, number):
        if number == signal.SIGKILL:
            self._process.destroyForcibly()
        else:
            self._process.destroy()

    def end_output(self):
        self._output.close()

    close = end_output

    def close_errors(self):
        self._errors.close()


def _retry(function, *args):
    """Call until no signal interrupts (2.7), or what could be done at once is (green)."""
    while True:
        try:
            return function(*args)
        except (OSError, IOError) as error:
            if error.errno not in (errno.EINTR, errno.EAGAIN):
                raise
