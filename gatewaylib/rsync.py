"""RSync: make directories at other ends like one at this end, sending what differs only.

``rsync_tree`` finds what there is, ``rsync_target`` talks with one target, ``rsync_delta``
decides which bytes of a large file travel. All targets are served at the same time, each in
a thread of its own; the thread that called ``send`` calls the callbacks.
"""

from __future__ import annotations

import os
import queue
import time
from collections.abc import Sequence
from typing import Any, Callable

from .gateway import Gateway
from .rsync_target import Report, Target
from .rsync_tree import Problem, Tree, read_tree
from .shipped.channel import Channel
from .shipped.errors import (
    GatewayError,
    TimeoutError,  # noqa: A004
)
from .shipped.on_demand import rsync_files, rsync_receiver
from .source import prepare
from .termination import check_timeout

# Seconds that the threads have to notice, after an error or the timeout, that it is over.
MOMENT = 2.0
NAMED = 5  # files an error message names

Callback = Callable[[str, int, Channel], object]


class SyncError(GatewayError, OSError):
    """A target is not as it should be: some files could not be written there.

    Attributes:
        report: the target's Report; ``report.failed`` is what failed.
    """

    def __init__(self, report: Report) -> None:
        failed = report.failed
        names = "; ".join(f"{shown(item.name)}: {item.reason}" for item in failed[:NAMED])
        more = f"; and {len(failed) - NAMED} more" if len(failed) > NAMED else ""
        super().__init__(
            f"gateway {report.gateway}: {len(failed)} could not be written: {names}{more}"
        )
        self.report = report


class SyncErrors(GatewayError, OSError):
    """More than one target failed; the others are done.

    Attributes:
        errors: list of (gateway id, error).
    """

    def __init__(self, errors: Sequence[tuple[str, Exception]]) -> None:
        lines = "\n".join(f"gateway {name}: {error}" for name, error in errors)
        super().__init__(f"{len(errors)} of the targets failed:\n{lines}")
        self.errors = list(errors)


class RSync:
    """Sends a directory, or a single file, to any number of targets.

    Args:
        sourcedir: path of the directory; what it holds is sent, not the directory itself.
        callback: called with ("list", bytes, channel) once it is known how many bytes are in
            the files that differ at a target, and with ("ack", bytes, channel) for each of
            these files when it is there. The channel tells which target it is.
        verbose: print a line for each file that is sent.

    Source: doc/howto/rsync.rst.
    """

    def __init__(
        self,
        sourcedir: str | os.PathLike[str],
        callback: Callback | None = None,
        verbose: bool = True,
    ) -> None:
        if callback is not None and not callable(callback):
            raise TypeError(f"the callback of an RSync is {callback!r}, which can't be called")
        self._sourcedir: str = os.fsdecode(sourcedir)
        self._verbose = verbose
        self._callback = callback
        self._targets: dict[Target, Callable[[], object] | None] = {}

    def filter(self, path: str) -> bool:
        """Return whether the file or directory at ``path`` is sent; for subclasses.

        It is called for everything but the source directory itself. What is in a directory
        that is not sent is not asked for.
        """
        return True

    def add_target(
        self,
        gateway: Gateway,
        destdir: str | os.PathLike[str],
        finishedcallback: Callable[[], object] | None = None,
        delete: bool = False,
    ) -> None:
        """Have the next ``send`` send to a directory at a gateway.

        Args:
            destdir: a path there, relative to the current directory there; it is created
                with its parents if it is missing.
            finishedcallback: called without arguments when this target is done.
            delete: delete what is at the target and not among what is sent, and what
                ``filter`` leaves out too.
        """
        if not os.fspath(destdir):
            raise ValueError("the destination is empty: use . for the current directory there")
        task = gateway.remote_exec(rsync_receiver)
        files = prepare(rsync_files, {})
        target = Target(gateway, task, os.fsencode(destdir), bool(delete))
        task.send((files.text, files.file_name, target.line))
        self._targets[target] = finishedcallback

    def send(self, raises: bool = True, timeout: float | None = None) -> list[Report]:
        """Send to all targets; they are forgotten then.

        Args:
            raises: whether having no targets is an error.
            timeout: seconds for all of it.

        Returns:
            a Report for each target, in the order in which they were added.

        Files that can't be read are left out, and reported; one that vanishes is left out.

        Raises:
            OSError: there are no targets, or no source.
            ValueError: the source holds something that can't be sent, as a socket.
            TimeoutError: it took more than ``timeout`` seconds. Files that are not there
                whole are there as they were before.
            SyncError: a target could not write some files.
            SyncErrors: more than one target failed. Whatever else one target failed of is
                raised as it is, once the others are done.
        """
        check_timeout(timeout)
        deadline = None if timeout is None else time.monotonic() + timeout
        if not self._targets:
            if raises:
                raise OSError("no targets to send to: each send() needs its own add_target()")
            return []
        targets, self._targets = self._targets, {}
        try:
            # without the "/" of the end, so that names in it join up
            self._sourcedir = os.path.dirname(os.path.join(self._sourcedir, "x"))
            tree = self._read_tree(lambda: _left(deadline, timeout))
            for problem in tree.problems:
                self._report_problem(problem)
            self._send_all(tree, targets, timeout, deadline)
        finally:
            for target in targets:
                target.close()
        reports = [target.report for target in targets]
        errors = [(report.gateway, report.error) for report in reports if report.error is not None]
        if any(isinstance(error, TimeoutError) for _, error in errors):
            raise out_of_time(timeout)
        if len(errors) > 1:
            raise SyncErrors(errors)
        for _, error in errors:
            raise error
        return reports

    def _read_tree(self, check_time: Callable[[], object]) -> Tree:
        def is_wanted(path: str) -> bool:
            check_time()  # a walk can be long
            return self.filter(path)

        return read_tree(self._sourcedir, is_wanted)

    def _send_all(
        self,
        tree: Tree,
        targets: dict[Target, Callable[[], object] | None],
        timeout: float | None,
        deadline: float | None,
    ) -> None:
        """Serve each target in a thread, and answer what these say until all are over."""
        model = next(iter(targets)).gateway.execmodel
        events = model.queue.Queue()
        running = set(targets)
        for target in targets:
            target.report.left_out += tree.problems
            name = f"gatewaylib-rsync-{target.gateway.id}"
            model.start(_serve, (target, tree, events.put, deadline), name)
        try:
            while running:
                target, kind, data = _next(events, deadline, timeout)
                if kind == "over":
                    running.discard(target)
                self._answer(target, kind, data, targets[target])
        finally:
            _wait_for(running, events)

    def _answer(
        self, target: Target, kind: str, data: Any, finished: Callable[[], object] | None
    ) -> None:
        if kind in ("list", "ack"):
            if self._callback is not None:
                self._callback(kind, data, target.channel)
        elif kind == "sending":
            self._report_send_file(target.gateway, data)
        elif kind == "left out":
            self._report_problem(data)
        elif target.report.error is None and finished is not None:
            finished()

    def _report_send_file(self, gateway: Gateway, relpath: str) -> None:
        """Say that a file is being sent; for subclasses."""
        if self._verbose:
            print(f"{gateway} <= {shown(relpath)}")

    def _report_problem(self, problem: Problem) -> None:
        """Say what is left out, and why; for subclasses."""
        if self._verbose:
            print(f"left out: {shown(problem.name)}: {problem.reason}")


def _serve(
    target: Target,
    tree: Tree,
    put: Callable[[tuple[Target, str, object]], object],
    deadline: float | None,
) -> None:
    """Serve one target to its end; whatever it fails of is in its report."""
    try:
        target.run(tree, lambda kind, data: put((target, kind, data)), deadline)
        if target.report.failed:
            raise SyncError(target.report)
    except Exception as error:  # it is raised by send(), which knows of all targets
        target.report.error = error
    finally:
        put((target, "over", None))


def _next(events: Any, deadline: float | None, timeout: float | None) -> tuple[Target, str, Any]:
    try:
        event: tuple[Target, str, Any] = events.get(timeout=_left(deadline, timeout))
        return event
    except queue.Empty:
        raise out_of_time(timeout) from None


def _left(deadline: float | None, timeout: float | None) -> float | None:
    """Return the seconds that are left of ``timeout``; raise TimeoutError if none are."""
    if deadline is None:
        return None
    left = deadline - time.monotonic()
    if left <= 0:
        raise out_of_time(timeout)
    return left


def out_of_time(timeout: float | None) -> TimeoutError:
    """Return the error of a ``send`` whose time is over."""
    return TimeoutError(f"the rsync was not done within {timeout:g} s")


def _wait_for(running: set[Target], events: Any) -> None:
    """Stop the targets that are still running, and wait a moment for their threads."""
    for target in running:
        target.close()
    deadline = time.monotonic() + MOMENT
    while running:
        try:
            target, kind, _ = _next(events, deadline, MOMENT)
        except TimeoutError:
            return  # stuck in a read of a file; they end when it returns
        if kind == "over":
            running.discard(target)


def shown(name: str) -> str:
    """Return a name as it can be printed on one line."""
    return name if name.isprintable() else ascii(name)
