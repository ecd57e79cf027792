"""Bulk: bytes of 1 MiB and of 64 MiB, each way; MB are 10**6 bytes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from bench.measure import MORE, Contender, Effort, Figure, MiB, Row, paired, say
from bench.peer import Link, Peer

PART = "bulk"


def measure(peers: Sequence[Peer], effort: Effort) -> list[Row]:
    """Return rows of MB/s for each size, each way."""
    teams = {peer.name: peer.start(1) for peer in peers}
    rows: list[Row] = []
    try:
        for size in effort.bulk:
            item = bytes(size)
            for way in ("to the remote", "from the remote"):
                say(f"{PART}: {_name(size)} {way}")
                contenders = {
                    name: contender(team.links[0], item, way, effort)
                    for name, team in teams.items()
                }
                rows += paired(PART, contenders, effort.rounds, effort.once)
    finally:
        for team in teams.values():
            team.end()
    return rows


def contender(link: Link, item: bytes, way: str, effort: Effort) -> Contender:
    """Return what sends the item for a round; ``way`` begins with "to" or "from the remote"."""
    figure = Figure(f"bytes of {_name(len(item))}, {way}", "MB/s", MORE)
    send = link.push if way.startswith("to") else link.pull
    most = max(1, effort.bulk_total // len(item))

    def round_() -> Mapping[Figure, float]:
        one = send(item, 1)
        # the first is a warm-up, and for the slowest all that there is time for
        if one * most > effort.once:
            return {figure: len(item) / one / 1e6}
        return {figure: len(item) * most / send(item, most) / 1e6}

    return round_


def _name(size: int) -> str:
    return f"{size // MiB} MiB" if size >= MiB else f"{size:,}"
