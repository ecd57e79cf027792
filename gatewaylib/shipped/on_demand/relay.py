# shipped: stdlib only; Python 2.7-3.14, PyPy, Jython
"""The far half of ``via=``: starts a command beside this gateway and copies bytes both ways.

It is sent as a task and receives one dict::

    {"argv": [text], "env": {name: text}, "down": Channel, "up": Channel,
     "errors": Channel, "control": Channel}

``down`` brings bytes for the command's stdin, its end is the stdin's end; ``up`` and
``errors`` take what comes of stdout and stderr. ``control`` takes ("started", pid) and
("ended", exit status), and brings numbers of signals; its end ends the command.

What the bytes mean is nobody's business here. The channels' windows are all that a relay
holds: one that is not read stops its command, and nothing else of this gateway. The task
returns at once and leaves threads, so that tasks of users find the main thread free.
"""

from __future__ import absolute_import

import errno
import os
import signal
import subprocess
import sys

from .lifeline import PY2, close_on_exec, start_group

JYTHON = sys.platform.startswith("java")
# An item of so many bytes is a single frame: what holds it takes 64 KiB.
CHUNK = 2**16 - 2**8
MOMENT = 0.5  # seconds what a command has written gets to be read once it has ended
NAP = 0.02  # seconds between looks at a command where no thread may wait for it
CANNOT_RUN = 127  # the exit status of a shell that can't


class Command(object):
    """A process group with a socket for stdin and stdout and a pipe for stderr.

    Its lifeline ends it with this process, however that ends. (Linux; elsewhere it sees the
    end of its stdin.)

    Args:
        wait_readable, wait_writable: ``(fd, timeout)``, where only these may wait; or None.
        sleep: used to wait for its end where they are given.

    Raises OSError if it can't be run.
    """

    def __init__(self, argv, env, wait_readable, wait_writable, sleep):
        import socket

        self._wait_readable, self._wait_writable = wait_readable, wait_writable
        self._sleep = sleep
        self._lifeline = None
        self._at_once = getattr(socket, "MSG_DONTWAIT", 0)
        self._socket, theirs = socket.socketpair()
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


class JavaCommand(object):
    """The same on Jython: pipes, one process, and what signals Java can send."""

    def __init__(self, argv, env, *unused):
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


class Bell(object):
    """Stands among the locks of those who wait for a channel: its release is a ring."""

    def __init__(self, release):
        self.release = release


class Relay(object):
    """One command and the threads of a ``model`` that copy for it."""

    def __init__(self, model, job):
        self._model = model
        self._argv = [_native(word) for word in job["argv"]]
        self._env = dict(os.environ)
        self._env.update((_native(name), _native(text)) for name, text in job["env"].items())
        self._down, self._up = job["down"], job["up"]
        self._errors, self._control = job["errors"], job["control"]
        self._writing, self._blocked = model.Lock(), model.Event()
        self._rest, self._is_over = b"", False
        self._down_done, self._up_done = model.Event(), model.Event()

    def start(self):
        """Start the command; what comes of it is told on the channels."""
        model = self._model
        waits = (model.wait_readable, model.wait_writable, model.sleep)
        try:
            self._command = (JavaCommand if JYTHON else Command)(self._argv, self._env, *waits)
        except (OSError, IOError, ValueError) as error:
            why = getattr(error, "strerror", None) or str(error)
            text = "cannot run %s: %s" % (self._argv[0], why)
            self._errors.send(text.encode("utf-8") if not PY2 else text)
            self._control.send(("ended", CANNOT_RUN))
            for channel in (self._errors, self._up, self._down, self._control):
                channel.close()
            return
        self._control.send(("started", self._command.pid))
        self._control.setcallback(self._command.signal, endmarker=signal.SIGKILL)
        for function in (self._copy_down, self._copy_up, self._copy_errors, self._see_end):
            model.start(function, name="gatewaylib-relay")
        self._down._box.waiting.append(Bell(self._rung))
        self._rung()

    def _rung(self):
        """Write what has come for the command, by whoever has read it, who can't wait.

        What does not go at once is left to the thread, with the lock.
        """
        while self._down._box.items and self._writing.acquire(False):
            if self._write_waiting():
                self._writing.release()
            else:
                self._blocked.set()
                return

    def _write_waiting(self):
        """Write what has come; return False at its end, or once something does not go at once."""
        try:
            while self._down._box.items:
                data = self._down.receive()
                count = self._command.write_now(data)
                if count < len(data):
                    self._rest = data[count:]
                    return False
        except (OSError, IOError, EOFError):
            self._is_over = True  # the command reads no more, or nothing more comes
            return False
        return True

    def _copy_down(self):
        while not self._is_over:
            self._blocked.wait()
            self._blocked.clear()
            try:
                self._command.write(self._rest)
            except (OSError, IOError):
                self._is_over = True
            self._rest = b""
            if not self._is_over:
                self._writing.release()
                self._rung()
        self._down.close()
        self._command.end_input()
        self._down_done.set()

    def _copy_up(self):
        _copy(self._command.read, self._up)
        self._up_done.set()

    def _copy_errors(self):
        _copy(self._command.read_errors, self._errors)
        self._command.close_errors()

    def _see_end(self):
        command = self._command
        status = command.wait()
        try:
            self._control.send(("ended", status))
        except (OSError, IOError, EOFError):
            pass  # nobody asks any more
        self._down.close()
        self._up_done.wait(MOMENT)
        command.end_output()
        for done in (self._up_done, self._down_done):
            done.wait()
        command.close()
        self._control.close()


def _copy(read, channel):
    """Send what is read until its end, or until nobody wants it."""
    try:
        data = read()
        while data:
            channel._wait_for_credit()
            channel.send(data)
            data = read()
    except (OSError, IOError, EOFError):
        pass
    except Exception:
        if not JYTHON:
            raise  # there Java's exceptions are none of these
    channel.close()


def _native(text):
    return text.encode("utf-8") if PY2 and not isinstance(text, str) else text


def serve(channel):
    """Receive one job and start it."""
    Relay(channel.gateway.execmodel, channel.receive()).start()


if __name__ == "__channelexec__":
    serve(channel)  # noqa: F821 - remote_exec gives a module its channel as a global
