"""``gatewaylib sync``: a directory on every gateway made like one here, and a row for each."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Sequence
from typing import Any, Callable

from ..gateway import Gateway
from ..rsync import RSync, SyncError, shown
from ..rsync_target import Report
from ..rsync_tree import Problem, Tree, read_tree
from ..shipped.errors import RemoteError
from ..spec import Spec
from . import FAILED, NO_GATEWAY, OK
from .conduct import Stop, conduct, how_stopped, lost_reason, show_output, waiting_for
from .fleet import ENDED, LOST, STARTED, Event, Fleet, Member
from .outcome import Outcome
from .screen import STDERR, Screen

HEADER = ("gateway", "host", "files", "bytes", "sent", "result or error", "seconds")
TOTAL, DONE, SAID, REPORT = "total", "done", "said", "report"  # what the work of a gateway tells


def no_special(path: str) -> str:
    """Return why a socket or a device is left out."""
    return "it is no file, directory or symbolic link"


def read_source(source: str) -> Tree:
    """Return what is to be sent; raises OSError if there is nothing."""
    return read_tree(source.rstrip("/") or "/", special=no_special)


class ToldRSync(RSync):
    """An RSync of a tree that was read before, which tells instead of printing."""

    def __init__(self, tree: Tree, tell: Callable[..., None]) -> None:
        super().__init__(tree.root, lambda kind, size, _: tell(KINDS[kind], size))
        self._tree, self._tell_all = tree, tell

    def _read_tree(self, check_time: Callable[[], object]) -> Tree:
        return self._tree._replace(problems=[])

    def _report_send_file(self, gateway: Gateway, relpath: str) -> None:
        pass  # the bar moves

    def _report_problem(self, problem: Problem) -> None:
        self._tell_all(SAID, problem)


KINDS = {"list": TOTAL, "ack": DONE}


@dataclasses.dataclass
class Synced(Outcome):
    """What came of the sync at one gateway.

    Attributes:
        total, done: bytes of the files that differ there, and of those that are there now.
        report: None until the gateway was done.
    """

    total: int = 0
    done: int = 0
    report: Report | None = None


class Sync:
    """One ``gatewaylib sync``; ``run()`` returns its exit status."""

    def __init__(
        self,
        specs: Sequence[Spec],
        tree: Tree,
        destination: str,
        delete: bool,
        screen: Screen,
        as_json: bool,
        timeout: float | None,
    ) -> None:
        self._tree, self._destination, self._delete = tree, destination, delete
        self._screen, self._as_json, self._timeout = screen, as_json, timeout
        self._fleet = Fleet(specs, None, self._work)
        now = time.monotonic()
        self._outcomes = {member.id: Synced(member, now) for member in self._fleet.members}

    def run(self) -> int:
        """Sync every gateway, show what came of it, and return the exit status."""
        for problem in self._tree.problems:
            self._screen.note(left_out(problem))
        self._show_progress()
        stop = conduct(
            self._fleet, self._screen, self._answer, lambda: False, self._timeout, self._stop_all
        )
        status = self._status(stop)
        if stop is not None:
            done = sum(outcome.error is None for outcome in self._outcomes.values())
            said = f"{done} of {len(self._outcomes)} gateways were done"
            self._screen.note(how_stopped(stop, self._fleet, said))
        if self._as_json:
            self._screen.json(self._document(status))
        else:
            rows = [self._row(outcome) for outcome in self._outcomes.values()]
            failed = [outcome.error is not None for outcome in self._outcomes.values()]
            self._screen.table(HEADER, rows, failed=failed)
        return status

    def _work(self, member: Member, tell: Callable[..., None]) -> None:
        """Sync one gateway; in its thread."""
        assert member.gateway is not None
        sync = ToldRSync(self._tree, tell)
        try:
            sync.add_target(member.gateway, self._destination, delete=self._delete)
            (report,) = sync.send()
        except SyncError as error:
            tell(REPORT, error.report, str(error))
        except RemoteError as error:
            tell(REPORT, None, error.formatted.rstrip().splitlines()[-1])
        else:
            tell(REPORT, report, None)

    def _answer(self, event: Event) -> None:
        outcome = self._outcomes[event.member.id]
        if show_output(self._screen, event):
            return
        data: Any = event.data[0] if event.data else None
        if event.kind == STARTED:
            outcome.began = time.monotonic()
        elif event.kind == TOTAL:
            outcome.total = data
        elif event.kind == DONE:
            outcome.done += data
        elif event.kind == SAID:
            member = event.member
            self._screen.tagged(member.number, member.id, STDERR, left_out(data))
        elif event.kind == REPORT:
            outcome.report = data
            outcome.finish(event.data[1])
        elif event.kind == LOST:
            outcome.finish(lost_reason(data))
        elif event.kind == ENDED:
            outcome.finish("it ended before it was done")
        self._show_progress()

    def _stop_all(self, reason: str) -> None:
        for outcome in self._outcomes.values():
            outcome.finish(reason)

    def _show_progress(self) -> None:
        outcomes = self._outcomes.values()
        unfinished = [outcome.member.id for outcome in outcomes if not outcome.finished]
        done = sum(outcome.done for outcome in outcomes)
        self._screen.progress(waiting_for(unfinished), done, sum(o.total for o in outcomes))

    def _status(self, stop: Stop | None) -> int:
        if stop is not None:
            return stop.status
        outcomes = self._outcomes.values()
        if all(outcome.member.gateway is None for outcome in outcomes):
            return NO_GATEWAY
        incomplete = self._tree.problems or any(o.report and o.report.left_out for o in outcomes)
        return FAILED if incomplete or any(o.error is not None for o in outcomes) else OK

    def _left_out(self, outcome: Synced) -> list[Problem]:
        return self._tree.problems + (outcome.report.left_out if outcome.report else [])

    def _row(self, outcome: Synced) -> Sequence[object]:
        report = outcome.report or Report(outcome.member.id)
        missing = len(self._left_out(outcome))
        shown_result = outcome.error or (f"{missing} left out" if missing else "ok")
        return (
            outcome.member.id, outcome.member.host, report.files, report.size, report.sent,
            shown_result, f"{outcome.seconds:.2f}",
        )  # fmt: skip

    def _document(self, status: int) -> object:
        return {
            "command": "sync",
            "exit_status": status,
            "gateways": [
                {
                    "gateway": outcome.member.id,
                    "spec": outcome.member.asked,
                    "host": outcome.member.host or None,
                    "ok": outcome.error is None,
                    "error": outcome.error,
                    "files": outcome.report.files if outcome.report else None,
                    "bytes": outcome.report.size if outcome.report else None,
                    "sent": outcome.report.sent if outcome.report else None,
                    "left_out": documents_of(self._left_out(outcome)),
                    "failed": documents_of(outcome.report.failed if outcome.report else []),
                    "seconds": round(outcome.seconds, 3),
                }
                for outcome in self._outcomes.values()
            ],
        }


def left_out(problem: Problem) -> str:
    """Return the line that says what was left out, and why."""
    return f"left out: {shown(problem.name)}: {problem.reason}"


def documents_of(problems: Sequence[Problem]) -> list[dict[str, str]]:
    """Return what JSON says of files that were left out or not written."""
    return [{"name": problem.name, "reason": problem.reason} for problem in problems]
