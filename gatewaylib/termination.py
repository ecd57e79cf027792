"""Ending many gateways within a time: ask, wait, SIGTERM, SIGKILL, reap.

All of them go through each step together, under one deadline, in one thread: ending
works as well while the interpreter shuts down, when no thread can be started.
"""

from __future__ import annotations

import select
import signal
import time
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, Protocol

from .shipped.compat import MAX_WAIT
from .shipped.errors import GatewayLost

TERM_TIME = 0.3  # seconds from SIGTERM to SIGKILL
KILL_TIME = 0.5  # seconds for SIGKILL to work
LAST_ITEMS = 0.4  # seconds for what ended processes have sent and printed to be read


class Process(Protocol):
    """What ending needs of a process."""

    def has_exited(self) -> bool: ...

    def signal(self, number: int) -> None: ...


class Watched(Protocol):
    """What waiting for many processes needs of each."""

    @property
    def pidfd(self) -> int | None: ...


class Member(Protocol):
    """What ending needs of a gateway."""

    id: str

    @property
    def ended_by(self) -> Exception | None: ...

    @property
    def process(self) -> Process: ...

    def exit(self) -> None: ...

    def bury(self, patience: float) -> int | None: ...


class Ending(NamedTuple):
    """How one gateway ended.

    Attributes:
        id: the gateway's.
        how: "exited" (by itself, when asked), "lost" (by accident: its connection broke before
            it was asked, or it was ended by a signal that this end did not send),
            "terminated" (by SIGTERM), "killed" (by SIGKILL) or "stuck" (not even that helped).
        exit_status: the process's; negative: the signal that ended it; None: unknown.
        error: what went wrong while it was ended.
    """

    id: str
    how: str
    exit_status: int | None
    error: Exception | None = None

    def __str__(self) -> str:
        status = "" if self.how == "stuck" else f", {describe_status(self.exit_status)}"
        trouble = f"; {self.error}" if self.error else ""
        return f"{self.id}: {self.how}{status}{trouble}"


class Report(tuple[Ending, ...]):
    """The endings of gateways, in the order they were given.

    ``killed`` are those that had to be made to end.
    """

    @property
    def killed(self) -> list[Ending]:
        return [ending for ending in self if ending.how not in ("exited", "lost")]

    def __str__(self) -> str:
        return "\n".join(map(str, self)) or "nothing to end"


def describe_status(status: int | None) -> str:
    """Say what an exit status stands for: negative, the signal that ended the process."""
    if status is None:
        return "exit status unknown"
    if status >= 0:
        return f"exit status {status}"
    try:
        return f"killed by {signal.Signals(-status).name}"
    except ValueError:  # a realtime signal has no name
        return f"killed by signal {-status}"


def is_by_signal(status: int | None) -> bool:
    """Return whether a signal ended the process, or, as shells and ssh tell it, one behind it."""
    if status is None:
        return False
    return status < 0 or 128 < status <= 128 + signal.SIGRTMAX or status == 255


# What waits for processes needs more of them than ending does: a descriptor, say.
WaitAny = Callable[[Sequence[Any], float], object]


def end_processes(
    processes: Sequence[Process],
    timeout: float | None,
    wait_any: WaitAny,
    clock: Callable[[], float] = time.monotonic,
) -> list[str]:
    """Wait for processes that were asked to end, make the rest, and say how each ended.

    Args:
        timeout: seconds for all together to end by themselves; None: as long as it takes.
        wait_any: ``wait_any(processes, seconds)`` returns when one of them may have ended.

    Returns one word of ``Ending.how`` for each process, in the order given.
    """
    hows = ["exited"] * len(processes)
    alive = _wait(dict(enumerate(processes)), timeout, wait_any, clock)
    for how, number, patience in (
        ("terminated", signal.SIGTERM, TERM_TIME),
        ("killed", signal.SIGKILL, KILL_TIME),
    ):
        for index, process in alive.items():
            process.signal(number)
            hows[index] = how
        alive = _wait(alive, patience, wait_any, clock)
    for index in alive:
        hows[index] = "stuck"
    return hows


def _wait(
    processes: dict[int, Process],
    timeout: float | None,
    wait_any: WaitAny,
    clock: Callable[[], float],
) -> dict[int, Process]:
    """Return the processes that have not ended within ``timeout`` seconds."""
    deadline = None if timeout is None else clock() + timeout
    while True:
        processes = {i: p for i, p in processes.items() if not p.has_exited()}
        left = 3600.0 if deadline is None else deadline - clock()
        if not processes or left <= 0:
            return processes
        wait_any(list(processes.values()), left)


def check_timeout(timeout: float | None) -> None:
    """Raise ValueError if it is negative."""
    if timeout is not None and timeout < 0:
        raise ValueError(f"timeout is {timeout} s, must not be negative")


def end_members(
    members: Sequence[Member],
    timeout: float | None,
    wait_any: WaitAny,
    clock: Callable[[], float] = time.monotonic,
) -> Report:
    """End gateways: see ``Group.terminate``. One's error never keeps the others from ending.

    If it is interrupted, by a Ctrl-C say, it ends at once all those left, and raises then.
    """
    check_timeout(timeout)
    try:
        return _end_politely(members, timeout, wait_any, clock)
    except BaseException:
        kill_members(members, wait_any, clock)
        raise


def kill_members(
    members: Sequence[Member],
    wait_any: WaitAny,
    clock: Callable[[], float] = time.monotonic,
) -> None:
    """End gateways without asking. It takes ``KILL_TIME`` if nothing is stuck in the kernel."""
    for member in members:
        member.process.signal(signal.SIGKILL)
    processes = {index: member.process for index, member in enumerate(members)}
    stuck = _wait(processes, KILL_TIME, wait_any, clock)
    for index, member in enumerate(members):
        if index not in stuck:
            member.bury(0.0)


def _end_politely(
    members: Sequence[Member],
    timeout: float | None,
    wait_any: WaitAny,
    clock: Callable[[], float],
) -> Report:
    errors: dict[int, Exception] = {}
    for index, member in enumerate(members):
        try:
            member.exit()
        except Exception as error:
            errors[index] = error
    hows = end_processes([member.process for member in members], timeout, wait_any, clock)
    endings = []
    deadline = clock() + LAST_ITEMS
    for index, (member, how) in enumerate(zip(members, hows)):
        status = None
        try:
            if how == "exited" and isinstance(member.ended_by, GatewayLost):
                how = "lost"
            status = member.bury(max(0.0, deadline - clock())) if how != "stuck" else None
            if how == "exited" and is_by_signal(status):
                how = "lost"  # nobody has read the end of its stream yet
        except Exception as error:
            errors.setdefault(index, error)
        endings.append(Ending(member.id, how, status, errors.get(index)))
    return Report(endings)


def wait_any(processes: Sequence[Watched], timeout: float) -> None:
    """Return as soon as one of the processes has ended, after ``timeout`` seconds at the latest."""
    poll = select.poll()
    polled = 0
    for process in processes:
        if process.pidfd is not None:
            poll.register(process.pidfd, select.POLLIN)
            polled += 1
    if polled < len(processes):
        timeout = min(timeout, 0.01)  # no descriptor to wait for: look again soon
    poll.poll(min(max(0.0, timeout), MAX_WAIT) * 1000)
