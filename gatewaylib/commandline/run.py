"""``gatewaylib run``: a job on every gateway at once, and a row for each in the end."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Sequence

from ..spec import Spec
from . import FAILED, NO_GATEWAY, OK
from .conduct import Stop, conduct, how_stopped, lost_reason, show_output, waiting_for
from .fleet import ENDED, LOST, STARTED, Event, Fleet
from .outcome import Outcome
from .screen import STDERR, Screen
from .target import Job
from .values import as_json

HEADER = ("gateway", "interpreter", "host", "result or error", "seconds")


@dataclasses.dataclass
class Ran(Outcome):
    """What came of the job on one gateway.

    Attributes:
        traceback: text, where the job raised.
        exit_status: of a script: as python would have exited; None if it never ended.
    """

    result: object = None
    traceback: str = ""
    exit_status: int | None = None
    stdout: list[str] = dataclasses.field(default_factory=list)
    stderr: list[str] = dataclasses.field(default_factory=list)


class Run:
    """One ``gatewaylib run``; ``run()`` returns its exit status."""

    def __init__(
        self, specs: Sequence[Spec], job: Job, screen: Screen, as_json: bool, timeout: float | None
    ) -> None:
        self._fleet = Fleet(specs, job)
        self._is_script = job["kind"] == "script"
        self._screen, self._as_json, self._timeout = screen, as_json, timeout
        self._outcomes = {
            member.id: Ran(member, time.monotonic()) for member in self._fleet.members
        }

    def run(self) -> int:
        """Run the job everywhere, show what comes of it, and return the exit status."""
        self._show_progress()
        stop = conduct(
            self._fleet, self._screen, self._answer, self._is_done, self._timeout, self._stop_all
        )
        status = self._status(stop)
        if stop is not None:
            done = sum(outcome.error is None for outcome in self._outcomes.values())
            said = f"{done} of {len(self._outcomes)} gateways were done"
            self._screen.note(how_stopped(stop, self._fleet, said))
        if self._as_json:
            self._screen.json(self._document(status))
        else:
            self._show_table()
        return status

    def _answer(self, event: Event) -> None:
        outcome = self._outcomes[event.member.id]
        if show_output(self._screen, event):
            if self._as_json:
                (outcome.stdout if event.kind == "out" else outcome.stderr).append(event.data[0])
            return
        if event.kind == STARTED:
            outcome.began = time.monotonic()
        elif event.kind == "result":
            outcome.result = event.data[0]
            outcome.exit_status = 0
            outcome.finish()
        elif event.kind == "failed" and outcome.finished:
            pass  # it was stopped here, and tells with which KeyboardInterrupt
        elif event.kind == "failed":
            outcome.traceback, summary, status = event.data
            outcome.exit_status = 1 if status is None else status
            outcome.finish(summary)
            if outcome.traceback:
                member = event.member
                self._screen.tagged(member.number, member.id, STDERR, outcome.traceback)
        elif event.kind == LOST:
            outcome.finish(lost_reason(event.data[0]))
        elif event.kind == ENDED:
            outcome.finish("it ended without a result")
        self._show_progress()

    def _is_done(self) -> bool:
        return False  # until every gateway has said that it ended

    def _stop_all(self, reason: str) -> None:
        for outcome in self._outcomes.values():
            outcome.finish(reason)

    def _show_progress(self) -> None:
        unfinished = [name for name, outcome in self._outcomes.items() if not outcome.finished]
        done = len(self._outcomes) - len(unfinished)
        self._screen.progress(waiting_for(unfinished), done, len(self._outcomes))

    def _status(self, stop: Stop | None) -> int:
        if stop is not None:
            return stop.status
        if all(outcome.member.channel is None for outcome in self._outcomes.values()):
            return NO_GATEWAY
        return FAILED if any(o.error is not None for o in self._outcomes.values()) else OK

    def _shown(self, outcome: Ran) -> str:
        if outcome.error is not None:
            return outcome.error
        return "ok" if self._is_script else repr(outcome.result)

    def _show_table(self) -> None:
        outcomes = list(self._outcomes.values())
        rows = [
            (o.member.id, o.member.interpreter, o.member.host, self._shown(o), f"{o.seconds:.2f}")
            for o in outcomes
        ]
        self._screen.table(HEADER, rows, failed=[o.error is not None for o in outcomes])

    def _document(self, status: int) -> object:
        return {
            "command": "run",
            "exit_status": status,
            "gateways": [
                {
                    "gateway": o.member.id,
                    "spec": o.member.asked,
                    "interpreter": o.member.interpreter or None,
                    "host": o.member.host or None,
                    "ok": o.error is None,
                    "result": as_json(o.result),
                    "error": o.error,
                    "traceback": o.traceback or None,
                    "exit_status": o.exit_status,
                    "seconds": round(o.seconds, 3),
                    "stdout": "".join(o.stdout),
                    "stderr": "".join(o.stderr),
                }
                for o in self._outcomes.values()
            ],
        }
