# shipped: stdlib only; Python 2.7-3.14, PyPy, Jython
"""The far half of ``via=``: starts a command beside this gateway and copies bytes both ways.

It is sent as a task and receives one dict::

    {"argv": [text], "env": {name: text}, "down": Channel, "up": Channel,
     "errors": Channel, "control": Channel, "meet": None or (name of a socket, secret)}

``down`` brings bytes for the command's stdin, its end is the stdin's end; ``up`` takes what
comes of stdout: payloads that are no items, since nobody needs to know what they are.
``errors`` takes what comes of stderr. ``control`` takes ("started", pid) and
("ended", exit status), or ("not-run", why), and brings numbers of signals; its end ends
the command.

Where there is a socket of that name, on the machine of who asks, the command gets that as
stdin and stdout, and nothing is copied.

What the bytes mean is nobody's business here. The channels' windows are all that a relay
holds: one that is not read stops its command, and nothing else of this gateway. The task
returns at once and leaves threads, so that tasks of users find the main thread free.
"""

from __future__ import absolute_import

import os
import signal

from .lifeline import PY2
from .relay_command import JYTHON, run

MOMENT = 0.5  # seconds what a command has written gets to be read once it has ended
CANNOT_RUN = 127  # the exit status of a shell that can't


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
        self._meet = job["meet"] and (_native(job["meet"][0]), job["meet"][1])
        self._writing, self._blocked = model.Lock(), model.Event()
        self._rest, self._is_over = b"", False
        self._down_done, self._up_done = model.Event(), model.Event()

    def start(self):
        """Start the command; what comes of it is told on the channels."""
        model = self._model
        self._command, why_not = run(self._argv, self._env, model, self._meet)
        if self._command is None:
            self._tell("not-run", _text(why_not))
            for channel in (self._errors, self._up, self._down, self._control):
                channel.close()
            return
        # First of all: who asked for it may have given up, and closed all channels.
        self._control.setcallback(self._command.signal, endmarker=signal.SIGKILL)
        self._tell("started", self._command.pid)
        for function in (self._copy_errors, self._see_end):
            model.start(function, name="gatewaylib-relay")
        if self._command.is_met:
            self._up_done.set()
            self._down_done.set()
            return
        for function in (self._copy_down, self._copy_up):
            model.start(function, name="gatewaylib-relay")
        self._down._box.waiting.append(Bell(self._rung))
        self._rung()

    def _tell(self, what, detail):
        try:
            self._control.send((_text(what), detail))
        except (OSError, IOError, EOFError):
            pass  # nobody asks any more

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
                data = self._down._receive_payload()
                if not data:
                    raise EOFError
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
        _copy(self._command.read, self._up, self._up._send_payload)
        self._up_done.set()

    def _copy_errors(self):
        _copy(self._command.read_errors, self._errors, self._send_words)
        self._command.close_errors()

    def _send_words(self, data):
        self._errors._wait_for_credit()  # without a warning
        self._errors.send(data)

    def _see_end(self):
        command = self._command
        status = command.wait()
        self._tell("ended", status)
        self._down.close()
        self._up_done.wait(MOMENT)
        command.end_output()
        for done in (self._up_done, self._down_done):
            done.wait()
        command.close()
        self._control.close()


def _copy(read, channel, send):
    """Send what is read until its end, or until nobody wants it."""
    try:
        data = read()
        while data:
            send(data)
            data = read()
    except (OSError, IOError, EOFError):
        pass
    except Exception:
        if not JYTHON:
            raise  # there Java's exceptions are none of these
    channel.close()


def _native(text):
    return text.encode("utf-8") if PY2 and not isinstance(text, str) else text


def _text(text):
    return text.decode("utf-8", "replace") if isinstance(text, bytes) else text


def serve(channel):
    """Receive one job and start it."""
    Relay(channel.gateway.execmodel, channel.receive()).start()


if __name__ == "__channelexec__":
    serve(channel)  # noqa: F821 - remote_exec gives a module its channel as a global
