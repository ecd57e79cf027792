"""Round trip: an item goes to the remote and comes back, one at a time.

Both processes on one core show what the code costs; on any core, a wake-up across cores is on
top of it and is most of the time.
"""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any

from bench.data import MESSAGES
from bench.effort import Effort
from bench.machine import one_core
from bench.measure import LESS, Contender, Figure, Row, how_often, paired, percentile, say
from bench.peer import Link, Peer, running

PART = "round trip"
PLACES = ONE_CORE, ANY_CORE = "one core", "any core"


def measure(peers: Sequence[Peer], effort: Effort) -> list[Row]:
    """Return rows of the median, and of the 99th percentile, in microseconds."""
    rows: list[Row] = []
    with running(peers) as teams:
        for place in PLACES:
            for what, item in MESSAGES.items():
                say(f"{PART}: {what}, {place}")
                contenders = {
                    name: trips(team.links[0], team.pids, what, item, place, effort)
                    for name, team in teams.items()
                }
                rows += paired(PART, contenders, effort.rounds)
    return rows


def trips(
    link: Link, pids: Iterable[int], what: str, item: Any, place: str, effort: Effort
) -> Contender:
    """Return what sends the item there and back for a round, in a place of ``PLACES``."""
    middle = Figure(f"{what}, {place}", "µs", LESS)
    slowest = Figure(f"{what}, {place}, 99th percentile", "µs", LESS)

    def round_() -> Mapping[Figure, float]:
        with held(pids, place):
            one = statistics.median(link.echo(item, 20))
            took = link.echo(item, how_often(effort.seconds, one, 20, 20_000))
        return {middle: statistics.median(took) * 1e6, slowest: percentile(took, 99) * 1e6}

    return round_


def held(pids: Iterable[int], place: str) -> AbstractContextManager[None]:
    """Hold this process and others in a place of ``PLACES`` for as long as it lasts."""
    return one_core(pids) if place == ONE_CORE else nullcontext()
