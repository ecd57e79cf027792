"""Bulk: bytes of 1 MiB and of 64 MiB, each way; MB are 10**6 bytes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from bench.data import blob
from bench.effort import Effort, MiB
from bench.measure import MORE, Contender, Figure, Row, paired, say
from bench.peer import Link, Peer, running
from bench.roundtrip import PLACES, held

PART = "bulk"


def measure(peers: Sequence[Peer], effort: Effort) -> list[Row]:
    """Return rows of MB/s for each size, each way."""
    rows: list[Row] = []
    with running(peers) as teams:
        for place in PLACES:
            for size in effort.bulk:
                item = blob(size)
                for way in ("to the remote", "from the remote"):
                    say(f"{PART}: {size_name(size)} {way}, {place}")
                    contenders = {
                        name: placed(
                            contender(team.links[0], item, f"{way}, {place}", effort),
                            team.pids,
                            place,
                        )
                        for name, team in teams.items()
                    }
                    rows += paired(PART, contenders, effort.bulk_rounds, effort.once)
    return rows


def placed(contender: Contender, pids: Iterable[int], place: str) -> Contender:
    """Return the contender held in a place of ``PLACES`` together with other processes."""

    def round_() -> Mapping[Figure, float]:
        with held(pids, place):
            return contender()

    return round_


def contender(link: Link, item: bytes, way: str, effort: Effort) -> Contender:
    """Return what sends the item for a round; ``way`` begins with "to" or "from the remote"."""
    figure = Figure(f"bytes of {size_name(len(item))}, {way}", "MB/s", MORE)
    send = link.push if way.startswith("to") else link.pull
    most = max(1, effort.bulk_total // len(item))

    def round_() -> Mapping[Figure, float]:
        one = send(item, 1)
        # the first is a warm-up, and for the slowest all that there is time for
        if one * most > effort.once:
            return {figure: len(item) / one / 1e6}
        return {figure: len(item) * most / send(item, most) / 1e6}

    return round_


def size_name(size: int) -> str:
    return f"{size // MiB} MiB" if size >= MiB else f"{size:,}"
