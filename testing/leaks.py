"""What a test has left behind: processes, threads, descriptors.

Every process that a test starts, and all that those start, inherit one environment
variable. So they are found even where their parent is gone and init has adopted them.
"""

from __future__ import annotations

import contextlib
import os
import signal
import threading
import time
from pathlib import Path

MARK = "GATEWAYLIB_TEST_RUN"
PROC = Path("/proc")
# Seconds that whatever a test started may take to end, on a machine with much else to do.
GRACE = 12.0

POOLED = "gatewaylib-pool"  # the name of the pool's threads
ZOMBIE = "(a zombie: nobody has waited for it)"


def mark_this_process() -> None:
    """From now on, what this process starts is known as its own."""
    os.environ[MARK] = f"{os.getpid()}-{time.time_ns()}"


def processes() -> dict[int, str]:
    """Return pid -> command line of all that this process, once marked, and its children started.

    Without /proc there is nothing to find: the dict is empty.
    """
    mark = f"{MARK}={os.environ[MARK]}".encode()
    children = _children()
    found = {}
    for pid in [int(name) for name in os.listdir(PROC) if name.isdigit()] if PROC.is_dir() else []:
        try:
            if pid in children or mark in (PROC / str(pid) / "environ").read_bytes().split(b"\0"):
                words = (PROC / str(pid) / "cmdline").read_bytes().split(b"\0")
                found[pid] = b" ".join(words).decode(errors="replace") or ZOMBIE
        except OSError:  # it ended while we looked, or is not ours to look at
            continue
    found.pop(os.getpid(), None)
    return found


def _children() -> set[int]:
    found: set[int] = set()
    for path in PROC.glob(f"{os.getpid()}/task/*/children"):
        with contextlib.suppress(FileNotFoundError):  # that thread has just ended
            found.update(map(int, path.read_text().split()))
    return found


def descriptors() -> dict[int, str]:
    """Return descriptor -> what it is, for all that this process has open."""
    found = {}
    for link in Path("/proc/self/fd").iterdir():
        try:
            found[int(link.name)] = os.readlink(link)
        except OSError:  # the one that listed the directory
            continue
    return found


class Watch:
    """Tells what is there now that was not there when it was made."""

    def __init__(self) -> None:
        self._processes = set(processes())
        self._threads = set(threading.enumerate())

    def left_behind(self, grace: float = GRACE, pooled: bool = False) -> list[str]:
        """Return a line for each new process and thread that does not end within ``grace`` s.

        ``pooled``: count the pool's threads too, which wait a second for more work before
        they end: to wait for them after each test would double what the tests take.

        Such processes are killed: one test's leak is not the next one's.
        """
        deadline = time.monotonic() + grace
        threads = set(threading.enumerate()) - self._threads
        if not pooled:
            threads = {thread for thread in threads if thread.name != POOLED}
        for thread in threads:
            with contextlib.suppress(RuntimeError):  # another thread is just starting it
                thread.join(max(0.0, deadline - time.monotonic()))
        left = [f"thread {thread.name}" for thread in threads if thread.is_alive()]
        while (found := self._new_processes()) and time.monotonic() < deadline:
            threading.Event().wait(0.01)
        for pid, command in found.items():
            left.append(f"process {pid}: {command}")
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        return left

    def _new_processes(self) -> dict[int, str]:
        return {pid: line for pid, line in processes().items() if pid not in self._processes}
