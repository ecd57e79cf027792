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

from ..quoting import printable
from ..shipped.channel import Channel
from ..shipped.compat import clock, joined
from ..shipped.errors import GatewayError, RemoteError, TimeoutError  # noqa: A004
from ..shipped.on_demand import relay
from ..shipped.on_demand.relay_command import CHUNK
from ..shipped.socket_transport import SocketTransport
from ..shipped.transport import Transport
from ..source_joined import joined_source
from .meeting import Meeting, is_near
from .output import Output
from .wire import STDOUT

WINDOW = 2**22  # bytes under way in either direction of a hop
NEWS_WINDOW = 2**16  # bytes of stderr, and of signals
MAX_REASON = 1000  # characters of why the gateway in between runs nothing


class RelayedTransport(Transport):
    """Two channels of another gateway: ``down`` takes what is written, ``up`` brings the rest.

    Whoever reads it reads the other gateway, so that nothing is handed from thread to thread.
    """

    rings = True

    def __init__(self, down: Channel, up: Channel) -> None:
        self._down, self._up = down, up
        self._box = up._box
        self._process = os.getpid()
        self.has_ended = False

    def receive(self, size: int) -> bytes:
        """Return what a relay has read at once; never more than its ``CHUNK``."""
        try:
            return self._up._receive_payload()
        except BaseException:
            self.abort()  # a Ctrl-C between taking and returning: the bytes may be lost
            raise

    def wait_readable(self, timeout: float | None) -> bool:
        if self._box.items:
            return True
        deadline = None if timeout is None else clock() + timeout
        return bool(
            timeout != 0 and self._up.gateway._receiver.wait_for_item(self._up._end, deadline)
        )

    def on_ring(self, function: Callable[[], object]) -> None:
        self._box.waiting.append(relay.Bell(function))
        if self._box.items:
            function()

    def write_one(self, data: bytes | memoryview) -> None:
        if len(data) <= CHUNK:
            self._down._send_payload(data)
            return
        rest = memoryview(data)
        while len(rest):
            self._down._send_payload(bytes(rest[:CHUNK]))
            rest = rest[CHUNK:]

    def write_now(self, buffers: Sequence[bytes | memoryview]) -> int:
        data = memoryview(joined(list(buffers)))
        count = 0
        while count < len(data) and self._down._send_payload_now(
            bytes(data[count : count + CHUNK])
        ):
            count = min(len(data), count + CHUNK)
        return count

    def wait_writable(self, timeout: float | None) -> bool:
        return self._down._wait_for_credit(timeout)

    def close_write(self) -> None:
        # In the child of a fork the other gateway is the parent's, and so are its channels.
        if os.getpid() == self._process:
            self._down.close()

    def abort(self) -> None:
        self.has_ended = True
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
        may_meet: it may talk to this process by itself, where that is on the same machine.

    Attributes:
        pid: of its process, where it runs; None until that is told.
        why_not_run: why it can't be run, once that is told; its exit status is 127.

    It is run by ``begin``, the one step that waits for the gateway in between. Raises
    GatewayError if that is at its end.
    """

    pid: int | None = None
    pidfd: int | None = None
    write_fd = STDOUT
    slots_fd = 0
    why_not_run: str | None = None

    def __init__(
        self,
        argv: Sequence[str],
        env: Mapping[str, str],
        output: Output,
        via: Any,
        may_meet: bool = True,
    ) -> None:
        # Until the gateway in between has told that it runs, messages say that it has not.
        self.argv = [f"{argv[0]}, which gateway {via.id} does not run yet,", *argv[1:]]
        self.output, self._via, self._may_meet = output, via, may_meet
        self._status: int | None = None
        self._ended, self._words_over = via.execmodel.Event(), via.execmodel.Event()
        down, up = via.newchannel(WINDOW), via.newchannel(WINDOW)
        self._errors, self._control = via.newchannel(NEWS_WINDOW), via.newchannel(NEWS_WINDOW)
        self._errors.reconfigure(py2str_as_py3str=False)  # bytes are bytes there too
        self._by_relay = RelayedTransport(down, up)
        self.transport: Transport = self._by_relay
        self._told = via.execmodel.Event()  # whether it runs
        self._job = {
            "argv": list(argv),
            "env": dict(env),
            "down": down,
            "up": up,
            "errors": self._errors,
            "control": self._control,
            "meet": None,
        }
        self._errors.setcallback(self._take_words, endmarker=None)
        self._control.setcallback(self._take_news, endmarker=None)

    def begin(self, timeout: float) -> None:
        """Send the gateway in between what it is to run, within ``timeout`` seconds.

        Afterwards ``transport`` leads to the command, on this machine without a hop.
        Raises TimeoutError if it does not even take that, OSError if it is at its end.
        """
        deadline = clock() + timeout
        with contextlib.ExitStack() as undo:
            meeting = None
            if self._may_meet and is_near(self._via):
                with contextlib.suppress(OSError):
                    meeting = undo.enter_context(contextlib.closing(Meeting()))
                    self._job["meet"] = meeting.words
            self._send_job(deadline)
            if meeting is None:
                return
            if not self._told.wait(max(0.0, deadline - clock())):
                raise TimeoutError(f"gateway {self._via.id} told nothing of {self._job['argv'][0]}")
            self._use(meeting.found())

    def _use(self, direct: SocketTransport | None) -> None:
        if direct is None:
            return
        self.transport = direct
        if self._by_relay.has_ended:
            direct.close()
            raise OSError("its start was given up")
        self._by_relay.close()

    def _send_job(self, deadline: float) -> None:
        try:
            source = joined_source("shipped.on_demand.relay")
            task = self._via._exec(source, {}, max(0.0, deadline - clock()))
            try:
                task.send(self._job, timeout=max(0.0, deadline - clock()))
            except TimeoutError:
                task.close()
                raise
        except TimeoutError:
            raise
        except GatewayError as error:
            self.why_not_run = f"cannot be started from gateway {self._via.id}: {error}"
            raise OSError(self.why_not_run) from error
        task.setcallback(lambda end: self._see_task_end(task), endmarker=None)

    def __repr__(self) -> str:
        return f"<Relayed {self.pid} {self.argv[0]!r} by {self._control.gateway.id}>"

    def _take_words(self, data: Any) -> None:
        if isinstance(data, bytes):
            self.output.take("stderr", data)
        else:
            self._words_over.set()

    def _take_news(self, news: Any) -> None:
        """Take ("started", pid), ("ended", exit status), ("not-run", why) or None, the end."""
        if news is None:
            self._end()
            return
        what, number = news if isinstance(news, tuple) and len(news) == 2 else (None, None)
        if isinstance(number, str) and what == "not-run":
            self.why_not_run = f"gateway {self._via.id} {printable(number[:MAX_REASON])}"
            self._status = relay.CANNOT_RUN
            self._end()
        elif not isinstance(number, (int, type(None))):
            return
        elif what == "started":
            self.pid, self.argv[0] = number, self._job["argv"][0]
            self._told.set()
        elif what == "ended":
            self._status = number
            self._end()

    def _end(self) -> None:
        self._ended.set()
        self._told.set()

    def _see_task_end(self, task: Channel) -> None:
        error = task._getremoteerror()
        if isinstance(error, RemoteError):  # there is no relay
            self.output.take("stderr", f"{error}\n".encode())
            self.transport.abort()
            self._end()

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
