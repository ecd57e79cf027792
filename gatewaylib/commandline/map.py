"""``gatewaylib run --map``: the lines of a file spread over the gateways.

stdout gets the results, in the order of the lines, as soon as those before them are there;
all else goes to stderr. A gateway gets its next item when it has answered the last. One that
dies with an item is started again while there are items to give. As each item is given twice
at most, no gateway is started for ever.
"""

from __future__ import annotations

import dataclasses
import time
import traceback
from collections.abc import Sequence
from typing import Any, Callable

from ..spec import Spec
from . import FAILED, NO_GATEWAY, OK
from .conduct import Stop, conduct, how_stopped, lost_reason, show_output, waiting_for
from .fleet import ENDED, LOST, Event, Fleet, Member
from .map_plan import Item, MapPlan
from .run import HEADER
from .screen import STDERR, Screen
from .target import Job
from .values import as_cell, as_json, as_line, as_rows

Reduce = Callable[[list[Any]], object]

# Where a gateway is: it starts and loads the function, has no item, has one; was lost with
# one and may be started again; does no more.
STARTING, FREE, BUSY, LOST_BUSY, GONE = "starting", "free", "busy", "lost-busy", "gone"


@dataclasses.dataclass
class Share:
    """What one gateway did of a map.

    Attributes:
        error: one line that says how it failed, the last time; None: it did not.
        restarts: how often it was started again.
        given: time.monotonic's, when it got its last item.
        seconds: that it worked on items.
    """

    member: Member
    state: str = STARTING
    items: int = 0
    failed: int = 0
    error: str | None = None
    restarts: int = 0
    given: float = 0.0
    seconds: float = 0.0

    def become(self, state: str) -> None:
        """Move to another state; the time of one that had an item is counted."""
        now = time.monotonic()
        if self.state is BUSY:
            self.seconds += now - self.given
        if state is BUSY:
            self.given = now
        self.state = state

    @property
    def summary(self) -> str:
        """What it did, for the table."""
        done = f"{self.items} items" + (f", {self.failed} failed" if self.failed else "")
        if self.restarts:
            done += f", started again {self.restarts} times"
        return done if self.error is None else f"{self.error} ({done})"


def read_items(path: str) -> list[str]:
    """Return the lines of a UTF-8 file without their newlines; ``-`` is stdin.

    Raises:
        OSError, UnicodeDecodeError: it can't be read, or is not UTF-8.
    """
    # From the descriptor, as sys.stdin has an encoding of its own.
    file = open(0 if path == "-" else path, encoding="utf-8-sig", closefd=path != "-")
    with file:
        return [line.rstrip("\n") for line in file]


class Map:
    """One ``gatewaylib run --map``; ``run()`` returns its exit status."""

    def __init__(
        self,
        specs: Sequence[Spec],
        job: Job,
        texts: Sequence[str],
        reduce: Reduce | None,
        screen: Screen,
        as_json: bool,
        timeout: float | None,
    ) -> None:
        self._plan = MapPlan(texts)
        self._fleet = Fleet(specs, job)
        self._reduce = reduce
        self._screen, self._as_json, self._timeout = screen, as_json, timeout
        self._shares = {member.id: Share(member) for member in self._fleet.members}
        self._none_left = False

    def run(self) -> int:
        """Map all items, show the results, and return the exit status."""
        self._show_progress()
        stop = conduct(
            self._fleet, self._screen, self._answer, self._is_done, self._timeout, self._stop_all
        )
        if not self._plan.complete:
            self._none_left = True
            self._give_up("no gateway was left to do it")
        status = self._status(stop)
        reduced = None
        if self._reduce is not None and status in (OK, FAILED):  # else too much is missing
            reduced, status = self._do_reduce(self._reduce, status)
        self._show_summary(stop, status)
        if self._as_json:
            self._screen.json(self._document(status, reduced))
        return status

    # ---- events

    def _answer(self, event: Event) -> None:
        if show_output(self._screen, dataclasses.replace(event, kind=self._stream(event.kind))):
            return
        share = self._shares[event.member.id]
        if event.kind in ("result", "failed") and share.state is BUSY:
            self._finish(share, event)
            self._give(share)
        elif event.kind == "ready" and share.state is STARTING:
            share.become(FREE)
            self._give(share)
        elif event.kind == "failed" and share.state is STARTING:  # the function can't be loaded
            formatted, share.error, _ = event.data
            share.become(GONE)
            self._screen.tagged(event.member.number, event.member.id, STDERR, formatted)
        elif event.kind == LOST:
            self._lose(share, lost_reason(event.data[0]))
        elif event.kind == ENDED:
            self._lose(share, "it ended before the items did")
            self._start_again(share)
        self._show_progress()

    def _stream(self, kind: str) -> str:
        return STDERR if kind == "out" else kind

    def _finish(self, share: Share, event: Event) -> None:
        share.become(FREE)
        share.items += 1
        if event.kind == "result":
            self._plan.succeed(share.member.id, event.data[0])
        else:
            share.failed += 1
            formatted, summary, _ = event.data
            self._report(self._plan.fail(share.member.id, summary, formatted))
        self._show_results()

    def _give(self, share: Share) -> None:
        item = self._plan.take(share.member.id)
        if item is None:
            return
        if item.tries > 1:
            self._screen.note(
                f"gatewaylib: item {item.number} is given once more, to {share.member.id}"
            )
        share.become(BUSY)
        share.member.send(item.text)

    def _lose(self, share: Share, reason: str) -> None:
        if share.state in (LOST_BUSY, GONE):
            return
        if share.state is FREE and self._plan.complete:
            return  # it has done its work
        share.error = reason
        item = self._plan.lose(share.member.id, reason)
        share.become(GONE if item is None else LOST_BUSY)
        if item is None:
            return
        if item.finished:
            self._report(item)
            self._show_results()
        for other in self._shares.values():
            if other.state is FREE:
                self._give(other)

    def _start_again(self, share: Share) -> None:
        if share.state is LOST_BUSY and self._plan.waiting:
            share.restarts += 1
            share.become(STARTING)
            self._fleet.start_again(share.member)

    def _is_done(self) -> bool:
        # A gateway whose start is not decided could still fail, and that is to be told.
        waiting = any(share.state is STARTING for share in self._shares.values())
        return self._plan.complete and not (waiting and self._plan.items)

    def _stop_all(self, reason: str) -> None:
        for share in self._shares.values():
            if share.state is STARTING:
                share.error = reason
        self._give_up(f"not done: {reason}")

    def _give_up(self, reason: str) -> None:
        for share in self._shares.values():
            share.become(GONE)
        self._plan.give_up(reason)
        self._show_results()

    # ---- what is shown

    def _show_results(self) -> None:
        for item in self._plan.release():
            if item.error is None and self._reduce is None and not self._as_json:
                self._screen.line(as_line(item.result))
                item.result = None  # nobody asks again, and there may be many

    def _report(self, item: Item) -> None:
        said = f"gatewaylib: item {item.number} ({as_cell(item.text)}) failed on {item.gateway}:"
        self._screen.note(f"{said} {item.error}\n{item.traceback}".rstrip())

    def _show_progress(self) -> None:
        working = sum(share.state is BUSY for share in self._shares.values())
        total = len(self._plan.items)
        said = f"{working} of {len(self._shares)} gateways at work"
        if self._plan.complete:
            said = waiting_for([n for n, s in self._shares.items() if s.state is STARTING])
        self._screen.progress(said, self._plan.done, total)

    def _status(self, stop: Stop | None) -> int:
        if stop is not None:
            return stop.status
        if self._none_left:
            return NO_GATEWAY
        # Also where others did a gateway's work: what had been asked for was not all there.
        ends: list[Item | Share] = [*self._plan.items, *self._shares.values()]
        return FAILED if any(end.error is not None for end in ends) else OK

    def _do_reduce(self, reduce: Reduce, status: int) -> tuple[object, int]:
        results = [item.result for item in self._plan.items if item.error is None]
        try:
            reduced = reduce(results)
        except Exception:  # it is the user's code
            self._screen.note(traceback.format_exc().rstrip())
            return None, FAILED
        if not self._as_json:
            rows = as_rows(reduced)
            if rows is not None:
                self._screen.table(*rows)
            elif reduced is not None:
                self._screen.line(as_line(reduced))
        return reduced, status

    def _show_summary(self, stop: Stop | None, status: int) -> None:
        shares = list(self._shares.values())
        rows = [
            (s.member.id, s.member.interpreter, s.member.host, s.summary, f"{s.seconds:.2f}")
            for s in shares
        ]
        failed = [s.error is not None or s.failed > 0 for s in shares]
        self._screen.table(HEADER, rows, STDERR, failed)
        bad = [str(item.number) for item in self._plan.items if item.error is not None]
        total = len(self._plan.items)
        said = f"{total - len(bad)} of {total} items are done"
        if stop is not None:
            self._screen.note(how_stopped(stop, self._fleet, said))
        elif status == NO_GATEWAY:
            self._screen.note(f"gatewaylib: no gateway is left; {said}")
        elif bad:
            named = ", ".join(bad[:20]) + (", ..." if len(bad) > 20 else "")
            self._screen.note(f"gatewaylib: {said}; failed: {named}")

    def _document(self, status: int, reduced: object) -> object:
        return {
            "command": "map",
            "exit_status": status,
            "reduced": as_json(reduced),
            "items": [
                {
                    "item": item.number,
                    "input": item.text,
                    "gateway": item.gateway,
                    "tries": item.tries,
                    "ok": item.error is None,
                    "result": as_json(item.result),
                    "error": item.error,
                    "traceback": item.traceback or None,
                }
                for item in self._plan.items
            ],
            "gateways": [
                {
                    "gateway": s.member.id,
                    "spec": s.member.asked,
                    "interpreter": s.member.interpreter or None,
                    "host": s.member.host or None,
                    "items": s.items,
                    "failed": s.failed,
                    "error": s.error,
                    "restarts": s.restarts,
                    "seconds": round(s.seconds, 3),
                }
                for s in self._shares.values()
            ],
        }
