"""Many gateways, started and listened to at the same time, as one stream of events.

Each gateway has a thread that starts it, sends it the job and passes on what it says; the
thread that made the fleet takes all the events and is the only one that decides anything.
The queue between them is short: a gateway which says more than can be shown waits.
"""

from __future__ import annotations

import dataclasses
import queue
import threading
import time
from collections.abc import Iterator, Sequence
from types import TracebackType
from typing import Any, Callable

from ..gateway import Gateway
from ..multi import Group
from ..shipped.channel import Channel
from ..shipped.compat import MAX_WAIT
from ..shipped.errors import ChannelClosed, ChannelEnded, GatewayError
from ..shipped.on_demand import run_script
from ..spec import Spec
from ..termination import Report, end_members, wait_any
from .target import Job

QUEUE_LENGTH = 1000  # events
# Ctrl-C has to be over in two seconds. A remote interrupts its task half a second after it
# is told to end; one that goes on is killed 0.3 s after this.
END_TIMEOUT = 0.9

# What a gateway's thread says of it; the other kinds come from the gateway, see run_script.
STARTED, LOST, ENDED = "started", "lost", "ended"


class OutOfTime(Exception):
    """The time that was given for all is over."""


@dataclasses.dataclass
class Member:
    """One gateway of a fleet.

    Its thread fills in what it finds out before it says so, and changes nothing after.

    Attributes:
        number: counted from 0.
        asked: the spec's text as the user may have written it.
        spec: the same with the id.
        interpreter: as in "CPython 3.12.1"; empty until it has started.
        host: the name of its machine; empty until it has started.
        info: what _rinfo() said; None until it has started.
    """

    number: int
    asked: str
    spec: Spec
    id: str
    interpreter: str = ""
    host: str = ""
    info: Any = None
    gateway: Gateway | None = None
    channel: Channel | None = None
    thread: threading.Thread | None = None

    def send(self, item: object) -> None:
        """Send an item to the job; where the gateway is gone its thread says so, not this."""
        assert self.channel is not None
        try:
            self.channel.send(item)
        except (ChannelClosed, ChannelEnded, OSError):
            pass


@dataclasses.dataclass(frozen=True)
class Event:
    """Something a gateway said, or its thread of it; ``data`` belongs to the kind."""

    member: Member
    kind: str
    data: tuple[Any, ...] = ()


# What a gateway's thread does with it here, telling events by kind and data.
Work = Callable[[Member, Callable[..., None]], None]


class Fleet:
    """Gateways that do one job each, or none; ended with the ``with`` block at the latest.

    Instead of a job there may be ``work``, done at this end in the thread of each gateway.

    Attributes:
        members: one for each spec, in their order.
        report: how the gateways ended, once they have.
    """

    def __init__(self, specs: Sequence[Spec], job: Job | None, work: Work | None = None) -> None:
        self._job, self._work = job, work
        self._queue: queue.SimpleQueue[Event] = queue.SimpleQueue()
        self._has_room = threading.Event()
        self._taker = threading.get_ident()
        self.members = [
            Member(number, str(spec), spec.with_(id=name), name)
            for number, (spec, name) in enumerate(zip(specs, names_for(specs)))
        ]
        self._live = 0
        self._ended = False
        self.report = Report()

    def start(self) -> None:
        """Start all gateways, each in a thread of its own; return at once."""
        for member in self.members:
            self._start_thread(member, None)

    def start_again(self, member: Member) -> None:
        """Start a member's gateway anew, once it said that it ENDED; return at once."""
        old, member.gateway, member.channel = member.gateway, None, None
        self._start_thread(member, old)

    def _start_thread(self, member: Member, old: Gateway | None) -> None:
        # A daemon, so that one which is stuck in a start can't keep the process.
        thread = threading.Thread(
            target=self._serve, args=(member, old), name=f"gatewaylib-{member.id}", daemon=True
        )
        thread.start()
        self._live += 1
        member.thread = thread

    def _serve(self, member: Member, old: Gateway | None) -> None:
        try:
            if old is not None:
                old.terminate(0)  # of some only the task ended
            # In a group of its own, as a lost gateway keeps its id in its group.
            gateway = Group().makegateway(member.spec, on_output=self._output_of(member))
            if self._ended:
                gateway.terminate(0)
                return
            member.gateway = gateway
            member.info = info = gateway._rinfo()
            version = ".".join(str(part) for part in info.version_info[:3])
            member.interpreter = f"{info.implementation} {version}"
            member.host = info.hostname
            if self._job is not None:
                member.channel = gateway.remote_exec(run_script)
                member.channel.send(self._job)
            self._put(Event(member, STARTED))
            if member.channel is not None:
                self._listen(member, member.channel)
            elif self._work is not None:
                self._work(member, lambda kind, *data: self._put(Event(member, kind, data)))
        except (GatewayError, OSError, ValueError) as error:
            if not self._ended:  # else it is what was wanted, and no news
                self._put(Event(member, LOST, (error,)))
        finally:
            self._put(Event(member, ENDED))

    def _put(self, event: Event) -> None:
        """Put an event into the queue, and wait while that is too long."""
        self._queue.put(event)
        # Output can come in any thread that finds a gateway dead: the one that makes the
        # room must not wait for it.
        while self._queue.qsize() > QUEUE_LENGTH and threading.get_ident() != self._taker:
            self._has_room.clear()
            self._has_room.wait(0.1)  # it may have been set just before it was cleared

    def _listen(self, member: Member, channel: Channel) -> None:
        while True:
            try:
                kind, *data = channel.receive()
            except ChannelEnded:
                return
            self._put(Event(member, kind, tuple(data)))

    def _output_of(self, member: Member) -> Callable[[str, str, str], None]:
        def on_output(_gateway_id: str, stream: str, line: str) -> None:
            kind = "err" if stream == "stderr" else "out"
            self._put(Event(member, kind, (line + "\n",)))

        return on_output

    def events(self, deadline: float | None) -> Iterator[Event]:
        """Yield what happens until every gateway has ended; ``deadline`` is time.monotonic's.

        Raises:
            OutOfTime: the deadline has passed.
        """
        while self._live:
            yield self._next(None if deadline is None else deadline - time.monotonic())

    def _next(self, timeout: float | None) -> Event:
        try:
            event = self._queue.get(
                timeout=None if timeout is None else min(max(0.0, timeout), MAX_WAIT)
            )
        except queue.Empty:
            raise OutOfTime from None
        if self._queue.qsize() < QUEUE_LENGTH // 2 and not self._has_room.is_set():
            self._has_room.set()
        if event.kind == ENDED:
            self._live -= 1
        return event

    @property
    def is_quiet(self) -> bool:
        """Whether nothing is left to be taken just now."""
        return self._queue.empty()

    def end(self) -> Iterator[Event]:
        """End all gateways; yield what they still say, so that no output is lost.

        One that is still starting is not waited for. It ends with this process, or by its
        thread if it starts before.
        """
        self._ended = True
        ending = threading.Thread(target=self._end_gateways, name="gatewaylib-end", daemon=True)
        threads = [
            member.thread
            for member in self.members
            if member.thread is not None
            and (member.gateway is not None or not member.thread.is_alive())
        ]
        threads.append(ending)
        ending.start()
        while any(thread.is_alive() for thread in threads) or not self._queue.empty():
            try:
                yield self._next(0.02)
            except OutOfTime:
                pass  # a look at the threads from time to time
        for thread in threads:
            thread.join()

    def _end_gateways(self) -> None:
        gateways = [member.gateway for member in self.members if member.gateway is not None]
        self.report = end_members(gateways, END_TIMEOUT, wait_any)

    def __enter__(self) -> Fleet:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if not self._ended:
            for _ in self.end():
                pass


def names_for(specs: Sequence[Spec]) -> list[str]:
    """Return an id for each spec: its own, or the next of gw0, gw1, ... that is free."""
    taken = {spec.id for spec in specs}
    free = (f"gw{number}" for number in range(2 * len(specs)))
    unused = (name for name in free if name not in taken)
    return [spec.id or next(unused) for spec in specs]
