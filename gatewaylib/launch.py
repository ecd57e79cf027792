"""Starting many remotes at once: made in a thread of their own, taken together to their hello."""

from __future__ import annotations

import contextlib
import select
import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence

from .bootstrap import Plan, Start, cannot_start, end_process
from .shipped.compat import MAX_WAIT
from .shipped.errors import GatewayError

LAST_WORDS = 0.2  # seconds for those that are late to end, all together, and to say why


class Launch:
    """Makes the processes of plans, and ends them, in a thread where no Ctrl-C arrives.

    Nothing here waits for another process: what may is a step of the start.

    In the main thread one could arrive between a fork and the first moment that anybody
    knows of the new process: nobody would ever end it.
    """

    def __init__(self, plans: Sequence[Plan]) -> None:
        self._plans = plans
        self._lock = threading.Lock()  # held while processes are made
        self._stopped = False
        self._failure: BaseException | None = None
        self.results: list[Start | GatewayError] = []

    @property
    def starts(self) -> list[Start]:
        return [result for result in self.results if isinstance(result, Start)]

    def run(self) -> None:
        """Make all of them; raise what is no reason for a GatewayError."""
        _run_undisturbed(self._run)
        if self._failure is not None:
            raise self._failure

    def _run(self) -> None:
        begun = time.monotonic()
        with self._lock:
            try:
                for plan in self._plans:
                    if not self._stopped:
                        self.results.append(_begin(plan, begun))
            except BaseException as error:
                self._failure = error

    def undo(self) -> None:
        """End all that was made and has not failed, and make no more."""
        self._stopped = True
        _run_undisturbed(self._end_all)

    def _end_all(self) -> None:
        with self._lock:
            processes = [start.process for start in self.starts if start.error is None]
        for process in processes:
            process.signal(signal.SIGKILL)
        for process in processes:
            end_process(process, patience=0.0)


def _run_undisturbed(function: Callable[[], None]) -> None:
    """Run it to its end in a thread of its own; a Ctrl-C only ends the waiting for it."""
    thread = threading.Thread(target=function, name="gatewaylib-start", daemon=True)
    try:
        thread.start()
    except RuntimeError:  # the interpreter is ending, or may have no more threads
        function()
    else:
        thread.join()


def _begin(plan: Plan, begun: float) -> Start | GatewayError:
    try:
        return Start(plan, begun)
    except GatewayError as error:
        return error
    except OSError as error:
        return cannot_start(plan.spec, error)


@contextlib.contextmanager
def start_all(plans: Sequence[Plan]) -> Iterator[list[Start | GatewayError]]:
    """Start all of them at once; give a Start that said hello, or an error, for each.

    If anything is raised in its block, or comes in between, all of them are ended.
    """
    launch = Launch(plans)
    try:
        launch.run()
        wait_for_hellos(launch.starts)
        yield [r.error or r if isinstance(r, Start) else r for r in launch.results]
    except BaseException:  # a Ctrl-C: nobody will know of them, whether they said hello or not
        launch.undo()
        raise


def wait_for_hellos(starts: list[Start]) -> None:
    """Bring every start to its end: each has ``info`` or ``error`` afterwards."""
    alone = [start for start in starts if not start.over and not start.process.transport.pollable]
    for start in alone:
        threading.Thread(target=start.run_alone, name="gatewaylib-start", daemon=True).start()
    pending = [start for start in starts if start not in alone and not start.over]
    while pending:
        poll = select.poll()
        polled: dict[int, Start] = {}
        for start in pending:
            for fd, events in start.events.items():
                poll.register(fd, events)
                polled[fd] = start
        left = min(start.deadline for start in pending) - time.monotonic()
        for fd, events in poll.poll(min(max(0.0, left), MAX_WAIT) * 1000):
            if not polled[fd].over:
                polled[fd].step(fd, events)
        now = time.monotonic()
        for start in pending:
            if not start.over and start.deadline <= now:
                start.run_out_of_time()
        pending = [start for start in pending if not start.over]
    for start in alone:
        start.alone.wait(min(max(0.0, start.deadline - time.monotonic()), MAX_WAIT))
    late = [start for start in alone if not start.over]
    for start in late:
        start.stop()
    end = time.monotonic() + LAST_WORDS
    for start in late:
        start.alone.wait(max(0.0, end - time.monotonic()))  # it may read what is closed next
        start.run_out_of_time(max(0.0, end - time.monotonic()))
