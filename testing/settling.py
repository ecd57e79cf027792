"""Waiting for what another thread or process is still doing, and how long it may take.

A bound here only matters to a test that fails, so it is generous: the machine may be busy
with four times what it can do.
"""

from __future__ import annotations

import contextlib
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator

import leaks
import pytest

BOUND = 60.0  # seconds: a hang, and nothing else
# Seconds more than the library promises, for a machine that is busy with other tests.
SLACK = 10.0
NAP = 0.01  # seconds between looks at what nothing tells of


def settle(condition: Callable[[], object], within: float = BOUND) -> bool:
    """Wait until the condition is true; return whether that came within these seconds."""
    deadline = time.monotonic() + within
    while not condition():
        if time.monotonic() > deadline:
            return False
        threading.Event().wait(NAP)
    return True


def is_running(pid: int) -> bool:
    """Say whether there is such a process; one that has ended and waits for its parent is none."""
    try:
        with open(f"/proc/{pid}/stat") as stat:
            return stat.read().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def gone(*pids: int, within: float = 3.0) -> bool:
    """Wait until none of the processes runs; return whether that came in time.

    ``within``: the seconds that are promised; ``SLACK`` is added.
    """
    return settle(lambda: not any(map(is_running, pids)), within + SLACK)


@contextlib.contextmanager
def promised(seconds: float) -> Iterator[None]:
    """Hold the library to a number of seconds that it promises, and ``SLACK``."""
    begun = time.monotonic()
    yield
    taken = time.monotonic() - begun
    assert taken < seconds + SLACK, f"took {taken:.1f} s, {seconds} s are promised"


@contextlib.contextmanager
def nothing_kept() -> Iterator[None]:
    """Fail if a thread of the library's or a descriptor of this process stays.

    Pools end when they have waited for more work, and the poller's thread closes its pipe when
    the last gateway is gone: both may be later than ``terminate``.
    """
    assert settle(is_at_rest), threading.enumerate()
    before = leaks.descriptors()
    yield
    assert settle(is_at_rest), threading.enumerate()
    assert settle(lambda: leaks.descriptors() == before), (before, leaks.descriptors())


def is_at_rest() -> bool:
    """Say whether no thread of the library's runs in this process."""
    return not any(thread.name.startswith("gatewaylib") for thread in threading.enumerate())


@contextlib.contextmanager
def interrupted_in(function: str) -> Iterator[None]:
    """Press Ctrl-C once the main thread stays in a function of that name; expect what it raises."""
    main = threading.main_thread().ident
    assert main is not None

    def is_there() -> bool:
        frame = sys._current_frames().get(main)
        while frame is not None and frame.f_code.co_name != function:
            frame = frame.f_back
        return frame is not None

    def stays_there() -> bool:
        return all(is_there() and not threading.Event().wait(NAP) for _ in range(3))

    def press() -> None:
        if settle(stays_there):
            signal.pthread_kill(main, signal.SIGINT)

    thread = threading.Thread(target=press)
    with pytest.raises(KeyboardInterrupt):
        thread.start()
        yield
    thread.join(BOUND)
