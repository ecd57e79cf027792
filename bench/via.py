"""Behind one other gateway (``via=``): round trips, and bytes of 64 MiB, each way.

Three processes on one core show what the code costs, the hop's included; a wake-up across
cores is on top of it on any core, and twice as often as without a hop. Busy processes show
what is left when others want the machine too.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext

from bench.bulk import contender as bulk_contender
from bench.data import blob
from bench.effort import Effort
from bench.gateways import Copied, Gatewaylib
from bench.machine import one_core
from bench.measure import LESS, Contender, Figure, Row, Unsupported, how_often, paired, say
from bench.peer import Link, Peer, Team

PART = "via one hop"
ONE_CORE, ANY_CORE, BUSY = "one core", "any core", "beside 4 busy processes"
ITEM = 42


def measure(peers: Sequence[Peer], effort: Effort) -> list[Row]:
    """Return rows of the median round trip in microseconds, and of MB/s."""
    teams: dict[str, Team] = {}
    rows: list[Row] = []
    if any(peer.name == Gatewaylib.name for peer in peers):
        peers = [*peers, Copied()]
    try:
        for peer in peers:
            try:
                teams[peer.name] = peer.start_behind()
            except Unsupported:
                continue
        for place in (ONE_CORE, ANY_CORE, BUSY):
            say(f"{PART}: int, {place}")
            with busy(4) if place == BUSY else nullcontext():
                contenders = {
                    name: _contender(team.links[0], team.pids, place, effort)
                    for name, team in teams.items()
                }
                rows += paired(PART, contenders, effort.rounds)
        item = blob(effort.bulk[-1])
        for place in (ONE_CORE, ANY_CORE):
            for way in ("to the remote", "from the remote"):
                say(f"{PART}: bytes {way}, {place}")
                contenders = {
                    name: _placed(
                        bulk_contender(team.links[0], item, f"{way}, {place}", effort),
                        team.pids,
                        place,
                    )
                    for name, team in teams.items()
                }
                rows += paired(PART, contenders, effort.rounds, effort.once)
    finally:
        for team in teams.values():
            team.end()
    return rows


def _where(pids: Iterable[int], place: str) -> AbstractContextManager[None]:
    return one_core(pids) if place == ONE_CORE else nullcontext()


def _placed(contender: Contender, pids: Iterable[int], place: str) -> Contender:
    def round_() -> Mapping[Figure, float]:
        with _where(pids, place):
            return contender()

    return round_


def _contender(link: Link, pids: Iterable[int], place: str, effort: Effort) -> Contender:
    figure = Figure(f"round trip, int, {place}", "µs", LESS)

    def round_() -> Mapping[Figure, float]:
        one = statistics.median(link.echo(ITEM, 20))
        took = link.echo(ITEM, how_often(effort.seconds, one, 20, 20_000))
        return {figure: statistics.median(took) * 1e6}

    return _placed(round_, pids, place)


@contextmanager
def busy(count: int) -> Iterator[None]:
    """Keep ``count`` processes computing for as long as it lasts."""
    loops = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(count)]
    try:
        yield
    finally:
        for loop in loops:
            loop.kill()
            loop.wait()
