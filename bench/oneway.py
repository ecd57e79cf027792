"""Small messages a second: one end sends and sends, the other receives them all."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from bench.data import MESSAGES
from bench.measure import MORE, Contender, Effort, Figure, Row, how_often, paired, say
from bench.peer import Link, Peer

PART = "small messages"


def measure(peers: Sequence[Peer], effort: Effort) -> list[Row]:
    """Return rows of thousands of messages a second, each way."""
    teams = {peer.name: peer.start(1) for peer in peers}
    rows: list[Row] = []
    try:
        for what, item in MESSAGES.items():
            say(f"{PART}: {what}")
            contenders = {
                name: _contender(team.links[0], what, item, effort) for name, team in teams.items()
            }
            rows += paired(PART, contenders, effort.rounds)
    finally:
        for team in teams.values():
            team.end()
    return rows


def _contender(link: Link, what: str, item: Any, effort: Effort) -> Contender:
    ways = (
        (link.push, Figure(f"{what}, to the remote", "1000/s", MORE)),
        (link.pull, Figure(f"{what}, from the remote", "1000/s", MORE)),
    )

    def round_() -> Mapping[Figure, float]:
        figures = {}
        for send, figure in ways:
            count = how_often(effort.seconds, send(item, 200) / 200, 200, 200_000)
            figures[figure] = count / send(item, count) / 1000
        return figures

    return round_
