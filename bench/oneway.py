"""Small messages a second: one end sends and sends, the other receives them all."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from bench.data import MESSAGES
from bench.effort import Effort
from bench.measure import MORE, Contender, Figure, Row, how_often, paired, say
from bench.peer import Link, Peer, running
from bench.roundtrip import PLACES, held

PART = "small messages"


def measure(peers: Sequence[Peer], effort: Effort) -> list[Row]:
    """Return rows of thousands of messages a second, each way."""
    rows: list[Row] = []
    with running(peers) as teams:
        for place in PLACES:
            for what, item in MESSAGES.items():
                say(f"{PART}: {what}, {place}")
                contenders = {
                    name: _contender(team.links[0], team.pids, what, item, place, effort)
                    for name, team in teams.items()
                }
                rows += paired(PART, contenders, effort.rounds)
    return rows


def _contender(
    link: Link, pids: Iterable[int], what: str, item: Any, place: str, effort: Effort
) -> Contender:
    ways = (
        (link.push, Figure(f"{what}, to the remote, {place}", "1000/s", MORE)),
        (link.pull, Figure(f"{what}, from the remote, {place}", "1000/s", MORE)),
    )

    def round_() -> Mapping[Figure, float]:
        figures = {}
        with held(pids, place):
            for send, figure in ways:
                count = how_often(effort.seconds, send(item, 200) / 200, 200, 200_000)
                figures[figure] = count / send(item, count) / 1000
        return figures

    return round_
