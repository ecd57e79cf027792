"""The local end of a gateway: what users run code through."""

from __future__ import annotations

import itertools
import signal
import time
import warnings
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from . import source as sources
from .gateway_base import ALIVE, ENDED, ENDING, BaseGateway
from .shipped import frames
from .shipped.channel import Channel, Mailbox
from .shipped.compat import clock
from .shipped.errors import (
    ChannelClosed,
    GatewayLost,
    IllegalMove,
    LoadError,
    ProtocolError,
    TimeoutError,  # noqa: A004
)
from .shipped.polling import POLLER, call_later
from .shipped.threads import ExecModel
from .shipped.trace import listeners, trace
from .spec import Spec
from .termination import Report, check_timeout, describe_status
from .xspec import XSpec

if TYPE_CHECKING:
    from .bootstrap import Start
    from .transports.connection import Remote

# Seconds a process may take from closing its stream to its end before it counts as one
# that closed its stream and went on.
MOMENT = 0.5
NAP = 0.05  # seconds between looks at a process that has nothing to be watched by
WITH_ADDRESS = ("ssh", "vagrant_ssh", "socket")
# exit status of a process -> what mostly brings it about, and what to do
LIKELY = {
    -signal.SIGKILL: " (by somebody, or because the machine or container ran out of memory)",
    -signal.SIGSEGV: (
        " (C code crashed; env:PYTHONFAULTHANDLER=1 in the spec has the next crash say where)"
    ),
}


class RInfo:
    """What is known of the interpreter at the other end, as attributes.

    ``executable`` (text), ``version_info`` (five-tuple as in sys), ``platform``,
    ``implementation`` ("CPython", "PyPy" or "Jython"), ``cwd``, ``hostname`` (text) and
    ``pid`` (int); of a status: ``numchannels``, ``numexecuting`` (ints) and ``execmodel``.
    """

    def __init__(self, /, **fields: Any) -> None:
        self.__dict__.update(fields)

    def __repr__(self) -> str:
        fields = ", ".join(f"{name}={value!r}" for name, value in sorted(vars(self).items()))
        return f"<{self.__class__.__name__} {fields}>"

    def __getattr__(self, name: str) -> Any:
        raise AttributeError(f"nothing called {name!r} is known, only {', '.join(vars(self))}")


class RemoteStatus(RInfo):
    """What ``Gateway.remote_status`` tells."""


class Owner(Protocol):
    """What a gateway needs of its group."""

    def exited(self, gateway: Gateway) -> None: ...

    def buried(self, gateway: Gateway) -> None: ...

    def end(self, gateways: Sequence[Gateway], timeout: float | None) -> Report: ...


class ChannelFactory(NamedTuple):
    """A gateway's channels, as those look at them who know execnet from inside."""

    gateway: Gateway

    def new(self) -> Channel:
        return self.gateway.newchannel()

    def channels(self) -> list[Channel]:
        """Return those that are open and held by somebody."""
        return [c for c in self.gateway._handles.channels() if not c.isclosed()]


class Gateway(BaseGateway):
    """A connection to another interpreter; made by a Group, usable from any thread.

    Attributes:
        id: text, unique in its group.
        spec: the XSpec it was made from.
        settings: the Spec that was made of it.
        process: what was started for it.
        depth: how many gateways lie between: 0 if it was not started from another.
        is_buried: whether its process is gone and everything was given back.
    """

    def __init__(
        self, start: Start, model: ExecModel, owner: Owner, via: Gateway | None = None
    ) -> None:
        spec = start.spec
        assert spec.id is not None  # its group has named it
        super().__init__(spec.id, start.process.transport, model, spec.window, spec.subclasses)
        self._protocol.slots = start.process.transport.slots if start.has_slots else None
        self.spec = XSpec(str(spec))
        self.settings: Spec = spec
        self.process: Remote = start.process
        self._info = RInfo(**(start.info or {}))
        self._owner = owner
        self._via = via
        self.depth: int = 0 if via is None else via.depth + 1
        self.is_buried = False
        self._burial = self.execmodel.RLock()
        self._numbers = itertools.count(1)
        self._statuses: dict[int, list[bytes]] = {}
        self._early = start.early
        self._late: Any = None  # the timer of _end_without_end_of_stream
        self._watched: int | None = None

    def begin(self) -> None:
        """Begin to read; before that there is nothing to end but the process."""
        if listeners:
            trace("started", gateway=self.id, spec=self.settings.shown, pid=self.process.pid)
        if self._early:
            self._turn.preload(self._early)
        self._start_reading(self.settings.heartbeat)
        self.process.output.let_go()
        self._watched = None if self.execmodel.green else self.process.pidfd
        if self._watched is not None:
            POLLER.watch(self._watched, self._process_ended)

    def __repr__(self) -> str:
        with self._lock:
            channels = len(self._protocol.ends)
        return (
            f"<Gateway id={self.id!r} {self.settings.shown} {self.state}, "
            f"{self.execmodel.backend} model, {channels} active channels>"
        )

    # ---- running code there ----------------------------------------------------------

    def remote_exec(self, source: object, **kwargs: Any) -> Channel:
        """Run ``source`` in the other interpreter; return at once with a channel to it.

        Args:
            source: text or a module, which find the channel as the global ``channel``;
                or a function, which gets it as its first parameter.
            kwargs: builtin values or channels, passed to the function.

        The channel ends with the task; what the task raised is received as RemoteError.

        Raises:
            SourceError: ``source`` can't be sent; TypeError: kwargs with text or a module.
            DumpError: one of ``kwargs`` can't travel.
            TimeoutError: the other end has read nothing for 5 s, of this task of more than
                64 KiB or of many before it. (A keyword ``timeout`` is the function's.)
            GatewayLost, ChannelClosed: the gateway is at its end.

        Source: doc/reference/what_can_be_sent.rst.
        """
        return self._exec(source, kwargs)

    def _exec(
        self, source: object, kwargs: dict[str, Any], timeout: float | None = None
    ) -> Channel:
        file_name, payload = sources.packed(source, kwargs, self._own_serializer)
        with self._lock:
            if self.state is not ALIVE:
                raise self._why_ended(f"cannot run {file_name} on gateway {self.id}")
            end = self._protocol.open_for_task()
            channel = self._handles.make(end, Mailbox(self._serializer))
        try:
            self._sender.send(end, payload, timeout, frames.EXEC)
        except IllegalMove:
            raise self._why_ended(f"cannot run {file_name} on gateway {self.id}") from None
        return channel

    def remote_status(self, timeout: float | None = None) -> RemoteStatus:
        """Ask how busy the other end is; it answers while its tasks run.

        Raises TimeoutError after ``timeout`` seconds, GatewayLost if the connection broke.
        """
        deadline = None if timeout is None else clock() + timeout
        number = next(self._numbers)
        answer = self._statuses[number] = []
        with self._lock:
            if self.state is ENDED:
                raise self._why_ended("cannot ask for the status")
            self._protocol.ask_status(number)
        try:
            self._writer.flush(deadline)
            left = None if deadline is None else max(0.0, deadline - clock())
            self._wait(self._waiting, lambda: answer or self.state is ENDED, left)
        finally:
            del self._statuses[number]
        if answer:
            status = self._own_serializer.loads(answer[0])
            if isinstance(status, dict) and all(isinstance(name, str) for name in status):
                return RemoteStatus(**status)
            raise LoadError(f"gateway {self.id} told a status that is none: {status!r:.100}")
        if self.state is ENDED:
            raise self._why_ended("cannot ask for the status")
        raise TimeoutError(f"gateway {self.id} told no status within {timeout} s")

    def _on_status_told(self, number: int, payload: bytes) -> None:
        if number not in self._statuses:
            if number < next(self._numbers):
                return  # asked for by somebody whose timeout has run out
            raise ProtocolError("a status nobody asked for")
        self._statuses[number].append(payload)
        self._wake_waiting()

    def _rinfo(self, update: bool = False, timeout: float | None = None) -> RInfo:
        """Return what is known of the other interpreter.

        It was told at the start and costs nothing; ``update`` asks for the current
        directory again, by a task, which may take ``timeout`` seconds.
        """
        if update:
            channel = self.remote_exec("import os; channel.send(os.getcwd())")
            vars(self._info)["cwd"] = channel.receive(timeout)
        return self._info

    @property
    def remoteaddress(self) -> str:
        """Where it is: of ssh, vagrant_ssh and socket what the spec says; others have none."""
        if self.settings.kind not in WITH_ADDRESS:
            raise AttributeError(f"gateway {self.id} is {self.settings.kind}, without an address")
        return self.settings.target or self.process.argv[0]

    def remote_init_threads(self, num: int | None = None) -> None:
        """Do nothing, and say so: threads are started as needed."""
        warnings.warn(
            "remote_init_threads does nothing: threads are started as needed",
            DeprecationWarning,
            stacklevel=2,
        )

    @property
    def _group(self) -> Owner:
        return self._owner

    @property
    def _channelfactory(self) -> ChannelFactory:
        return ChannelFactory(self)

    def hasreceiver(self) -> bool:
        """Return whether items can still arrive."""
        return self.state is not ENDED

    # ---- the end -----------------------------------------------------------------------

    def exit(self) -> None:
        """Ask the other end to end; return at once. Again, it does nothing.

        It is no member of its group any more, and its id is free. Once the process has
        ended by itself, everything is given back; ``Group.terminate`` ends it otherwise.
        What it still sends can be received until ``join`` returns.
        """
        self._owner.exited(self)
        with self._lock:
            if self.state is not ALIVE:
                return
            self.state = ENDING
            self._protocol.say_goodbye()
        if listeners:
            trace("exit", gateway=self.id)
        self._writer.flush_soon()
        if not self._protocol.output:
            # Whatever keeps the other end from reading frames, this it will see.
            self._transport.close_write()

    def join(self, timeout: float | None = None) -> None:
        """Wait until nothing arrives any more, ``timeout`` seconds at the most."""
        check_timeout(timeout)
        self._wait(self._waiting, lambda: self.state is ENDED, timeout)

    def terminate(self, timeout: float | None = None) -> Report:
        """End the other interpreter and wait for its end; see ``Group.terminate``."""
        return self._owner.end([self], timeout)

    def _process_ended(self) -> None:
        """The process is gone; its stream ends too, unless a child of it holds on."""
        self._unwatch()
        if self.state is ENDED:
            self.execmodel.run_soon(self.bury)
            return
        self._late = call_later(self.execmodel, MOMENT, self._end_without_end_of_stream)

    def _unwatch(self) -> None:
        """Watch the process no more; once, and before its descriptor can be another's."""
        with self._lock:
            watched, self._watched = self._watched, None
        if watched is not None:
            POLLER.unwatch(watched)

    def _end_without_end_of_stream(self) -> None:
        # Whoever reads finds the end of the stream, as it should have come by itself.
        self._transport.abort()

    def _describe_loss(self, why: str) -> GatewayLost:
        from .transports.commands import likely_end  # it is there: something was started

        process = self.process
        lost = f"gateway {self.id} ({self.settings.shown}) is lost"
        status = signal_number = None
        if self._said_at_end:
            why = f"the other end gave up: {self._said_at_end}"
        elif self._given_up:
            pass  # what becomes of the process now is our doing and tells nothing
        elif (via := self._lost_via()) is not None:
            why = f"it was started from gateway {via.id}, which is at its end"
            told = via.ended_by or f"gateway {via.id} was exited"
            return GatewayLost(f"{lost}: {why}: {told}", self.id)
        elif process.pid is None:
            why = f"{process.argv[0]} closed the connection"
        elif process.wait(MOMENT):
            self._unwatch()
            status = process.reap()
            verb = "was" if status is not None and status < 0 else "ended with"
            likely = "" if status is None else LIKELY.get(status, "")
            likely = likely or likely_end(self.settings, status)
            why = f"its process {verb} {describe_status(status)}{likely}"
            if status is not None and status < 0:
                signal_number, status = -status, None
        else:
            why = f"process {process.pid} closed its connection and went on; it is killed"
        words = process.output.last_words()
        message = f"{lost}: {why}"
        if self.settings.kind == "socket":
            message += "; what it wrote to stderr is at its server"
        else:
            message += f"; its last words:\n{words}" if words else "; it wrote nothing to stderr"
        return GatewayLost(message, self.id, status, signal_number, words)

    def _lost_via(self) -> Gateway | None:
        """Return the gateway that it was started from if it has ended with that one."""
        if self._via is None:
            return None
        self.process.wait(MOMENT * (1 + self.depth))  # what ended first may be told last
        return None if self._via.state is ALIVE else self._via

    def _after_end(self) -> None:
        if isinstance(self.ended_by, GatewayLost) or self.process.has_exited():
            self.execmodel.run_soon(self.bury)
        elif self._watched is None:
            self.execmodel.run_soon(self._bury_once_ended)

    def _bury_once_ended(self) -> None:
        # Where nothing tells of the end of a process, one has to look.
        while not self.process.has_exited():
            self.execmodel.sleep(NAP)
        self.bury()

    def forget(self) -> None:
        super().forget()
        self.process.forget()

    def bury(self, patience: float = MOMENT) -> int | None:
        """End the process for good, give everything back and return its exit status.

        For a gateway that is at its end, or whose process is. What is still on its way
        has ``patience`` seconds to arrive.
        """
        # Who ends it and who sees it end may both come here; either returns once all is done.
        with self._burial:
            process = self.process
            self._unwatch()
            process.signal(signal.SIGKILL)
            process.wait(1.0)
            # With the process gone the streams end as soon as what it sent is read.
            deadline = time.monotonic() + patience
            self.join(patience)
            status = process.reap(deadline - time.monotonic())
            self._conclude(ChannelClosed(f"gateway {self.id} was exited"))
            self._transport.abort()
            if not self._give_back(MOMENT):
                self.execmodel.run_soon(self._give_back, None)  # who still writes or reads, returns
            POLLER.cancel(self._late)
            self.is_buried = True
            self._owner.buried(self)
            return status

    def _give_back(self, timeout: float | None) -> bool:
        """Close the transport once nobody uses it; return whether that was within the timeout."""
        if self._writer.close(timeout) and self._turn.close(timeout):
            self._transport.close()
            return True
        return False
