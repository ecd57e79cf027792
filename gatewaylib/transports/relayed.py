"""The near half of ``via=``: a remote whose bytes travel over channels of another gateway.

The other gateway starts its command, tells how that ended and passes signals on; the far
half is ``shipped/on_demand/relay.py``, which says what each channel is for. A channel's
window is what a hop holds of either direction at the most.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ..shipped.channel import Channel
from ..shipped.compat import clock, joined
from ..shipped.errors import GatewayError, RemoteError
from ..shipped.on_demand import relay
from ..shipped.transport import Transport
from ..source_joined import joined_source
from .output import Output
from .wire import STDOUT

WINDOW = 2**22  # bytes under way in either direction of a hop
PATIENCE = 5.0  # seconds for the gateway in between to take what it shall run
NEWS_WINDOW = 2**16  # bytes of stderr, and of signals


class RelayedTransport(Transport):
    """Two channels of another gateway: ``down`` takes what is written, ``up`` brings the rest.

    Whoever reads it reads the other gateway, so that nothing is handed from thread to thread.
    """

    rings = True

    def __init__(self, down: Channel, up: Channel) -> None:
        self._down, self._up = down, up
        self._box = up._box
        self._process = os.getpid()

    def receive(self, size: int) -> bytes:
        """Return the bytes of one item; never more than a relay puts into one."""
        self.wait_readable(None)
        try:
            data = self._up.receive()
            return data if isinstance(data, bytes) else b""
        except GatewayError:  # closed, ended, lost or nonsense: no bytes follow
            return b""
        except BaseException:
            self.abort()  # a Ctrl-C between taking and returning: the bytes may be lost
            raise

    def wait_readable(self, timeout: float | None) -> bool:
        if self._box.items:
            return True
        deadline = None if timeout is None else clock() + timeout
        return bool(timeout != 0 and self._up.gateway._wait_for_item(self._up._end, deadline))

    def on_ring(self, function: Callable[[], object]) -> None:
        self._box.waiting.append(relay.Bell(function))
        if self._box.items:
            function()

    def write_one(self, data: bytes | memoryview) -> None:
        rest = memoryview(data)
        while len(rest):
            self._down._wait_for_credit()
            self._down.send(bytes(rest[: relay.CHUNK]))
            rest = rest[relay.CHUNK :]

    def write_now(self, buffers: Sequence[bytes | memoryview]) -> int:
        data = memoryview(joined(list(buffers)))
        count = 0
        while count < len(data) and self._down._send_now(bytes(data[count : count + relay.CHUNK])):
            count = min(len(data), count + relay.CHUNK)
        return count

    def wait_writable(self, timeout: float | None) -> bool:
        return self._down._wait_for_credit(timeout)

    def close_write(self) -> None:
        # In the child of a fork the other gateway is the parent's, and so are its channels.
        if os.getpid() == self._process:
            self._down.close()

    def abort(self) -> None:
        if os.getpid() == self._process:
            self._down.close()
            self._up.close()

    def close(self) -> None:
        self.abort()


class Relayed:
    """A command that another gateway runs for a gateway of this process.

    Args:
        argv: the command.
        env: what its environment has besides that of the gateway in between.
        output: takes what it writes to stderr.
        via: the gateway in between.

    Attributes:
        pid: of its process, where it runs; None until that is told.

    What can't be run is told as by a shell: in its stderr, and by exit status 127.
    Raises GatewayError if the gateway in between is at its end.
    """

    pid: int | None = None
    pidfd: int | None = None
    write_fd = STDOUT

    def __init__(
        self, argv: Sequence[str], env: Mapping[str, str], output: Output, via: Any
    ) -> None:
        self.argv, self.output = list(argv), output
        self._status: int | None = None
        self._ended, self._words_over = via.execmodel.Event(), via.execmodel.Event()
        down, up = via.newchannel(WINDOW), via.newchannel(WINDOW)
        self._errors, self._control = via.newchannel(NEWS_WINDOW), via.newchannel(NEWS_WINDOW)
        for channel in (up, self._errors):
            channel.reconfigure(py2str_as_py3str=False)  # bytes are bytes there too
        self.transport: Transport = RelayedTransport(down, up)
        self._errors.setcallback(self._take_words, endmarker=None)
        self._control.setcallback(self._take_news, endmarker=None)
        self._task = via.remote_exec(joined_source("shipped.on_demand.relay"))
        job = {
            "argv": self.argv,
            "env": dict(env),
            "down": down,
            "up": up,
            "errors": self._errors,
            "control": self._control,
        }
        self._task.send(job, timeout=PATIENCE)
        self._task.setcallback(self._see_task_end, endmarker=None)

    def __repr__(self) -> str:
        return f"<Relayed {self.pid} {self.argv[0]!r} by {self._control.gateway.id}>"

    def _take_words(self, data: Any) -> None:
        if isinstance(data, bytes):
            self.output.take("stderr", data)
        else:
            self._words_over.set()

    def _take_news(self, news: Any) -> None:
        """Take ("started", pid), ("ended", exit status) or None, the end of the news."""
        if news is None:
            self._ended.set()
            return
        what, number = news if isinstance(news, tuple) and len(news) == 2 else (None, None)
        if not isinstance(number, (int, type(None))):
            return
        if what in ("started", b"started"):  # as strings cross from Python 2
            self.pid = number
        elif what in ("ended", b"ended"):
            self._status = number
            self._ended.set()

    def _see_task_end(self, item: Any) -> None:
        error = self._task._getremoteerror()
        if isinstance(error, RemoteError):  # there is no relay
            self.output.take("stderr", f"{error}\n".encode())
            self.transport.abort()
            self._ended.set()

    def has_exited(self) -> bool:
        return bool(self._ended.is_set())

    def wait(self, timeout: float) -> bool:
        return bool(self._ended.wait(max(0.0, timeout)))

    def signal(self, number: int) -> None:
        """Have a signal sent to its group; if nobody can send it, its lifeline ends it."""
        if not self._ended.is_set():
            with contextlib.suppress(OSError):  # closed, ended or lost
                self._control._send_now(int(number))  # an enum does not travel

    def reap(self, patience: float = 0.3) -> int | None:
        """Return the exit status, None if nobody told; give the channels back.

        What it wrote to stderr has ``patience`` seconds to arrive.
        """
        deadline = time.monotonic() + patience
        self._words_over.wait(max(0.0, deadline - time.monotonic()))
        for channel in (self._errors, self._control):
            channel.close()
        return self._status

    def forget(self) -> None:
        """In the child of a fork: the gateway in between is the parent's."""
        self._ended.set()
