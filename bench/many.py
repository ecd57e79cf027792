"""Growth by gateways: what one of them costs when there are many."""

from __future__ import annotations

import statistics
import time
from collections.abc import Mapping

from bench import machine
from bench.data import INT
from bench.effort import Effort
from bench.gateways import GatewayPeer
from bench.measure import LESS, Contender, Figure, how_often
from bench.peer import Link, Team
from bench.roundtrip import ONE_CORE, held

LEAST = 100  # round trips


def among_gateways(peer: GatewayPeer, count: int, effort: Effort) -> Contender:
    """Return what starts so many in a round, measures them, and ends them."""
    start = Figure("start, each, by gateways", "ms", LESS, count)
    end = Figure("end, each, by gateways", "ms", LESS, count)
    way = peer.ways[-1]  # where there are two, the last is on threads

    def round_() -> Mapping[Figure, float]:
        time.sleep(0.1)  # threads of the peer before may be ending still
        idle = machine.threads()
        begin = time.perf_counter()
        team = peer.start(count, way)
        started = time.perf_counter() - begin
        try:
            figures = _while_up(team, idle, effort)
        finally:
            begin = time.perf_counter()
            team.end()
            ended = time.perf_counter() - begin
        return {start: started / count * 1000, end: ended / count * 1000, **figures}

    return round_


def _while_up(team: Team, idle: int, effort: Effort) -> dict[Figure, float]:
    count = len(team.links)
    size = Figure("memory of a remote (PSS), by gateways", "MB", LESS, count)
    in_turn = Figure("round trip on each in turn, by gateways", "µs", LESS, count)
    threads = Figure("threads here and one, by gateways", "threads", LESS, count)
    more = machine.threads() - idle
    with held(team.pids, ONE_CORE):
        trips = [trip(link, effort.seconds / count) for link in team.links]
    return {
        size: sum(machine.memory(pid)[1] for pid in team.pids) / count / 1e6,
        in_turn: statistics.median(trips) * 1e6,
        threads: max(0, more) + 1,  # a curve of logarithms has no 0
    }


def trip(link: Link, seconds: float) -> float:
    """Return the median of round trips of an int, in seconds."""
    # the first few are slower: the poller leaves a gateway once it has found somebody reading it
    count = how_often(seconds, statistics.median(link.echo(INT, 3)), LEAST, 2_000)
    return statistics.median(link.echo(INT, count))
