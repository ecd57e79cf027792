"""Work: tasks that do nothing, one after another, and items handed to two workers."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any

from bench import remote
from bench.effort import Effort
from bench.gateways import GatewayPeer, gateways_of, with_gateways
from bench.measure import MORE, Contender, Figure, Row, Unsupported, paired, say
from bench.peer import Peer, Team, running
from bench.processes import PoolLink

PART = "work"
WORKER = """
for item in channel:
    channel.send(item)
"""
AHEAD, ANSWERED = "all sent ahead", "the next when one is done"
SPREADING = ("gatewaylib", "execnet", "mp.Pool")
PATIENCE = 60.0  # seconds a round may take and is still repeated


def measure(peers: Sequence[Peer], effort: Effort) -> list[Row]:
    """Return rows of thousands of tasks, and of items, a second."""
    figure = Figure(f"{effort.tasks:,} remote_exec calls, one after another", "1000/s", MORE)
    say(f"{PART}: {figure.name}")
    with running(with_gateways(peers)) as teams:
        contenders = {
            name: _calls(gateways_of(team)[0], figure, effort.tasks) for name, team in teams.items()
        }
        rows = paired(PART, contenders, effort.rounds, PATIENCE)
    spreading = {peer.name: peer for peer in peers if peer.name in SPREADING}
    with running(spreading.values(), 2) as teams:
        for how in (AHEAD, ANSWERED):
            figure = Figure(f"{effort.spread:,} items over 2 workers, {how}", "1000/s", MORE)
            say(f"{PART}: {figure.name}")
            contenders = {
                name: _spread(spreading[name], team, figure, how, effort.spread)
                for name, team in teams.items()
            }
            rows += paired(PART, contenders, effort.rounds, PATIENCE)
    return rows


def _calls(gateway: Any, figure: Figure, count: int) -> Contender:
    def round_() -> Mapping[Figure, float]:
        start = time.perf_counter()
        for _ in range(count):
            gateway.remote_exec("pass").waitclose()
        return {figure: count / (time.perf_counter() - start) / 1000}

    return round_


def _spread(peer: Peer, team: Team, figure: Figure, how: str, count: int) -> Contender:
    def round_() -> Mapping[Figure, float]:
        if isinstance(peer, GatewayPeer):
            took = _over_gateways(peer.library(), team, how, count)
        else:
            took = _over_pool(team, how, count)
        return {figure: count / took / 1000}

    return round_


def _over_gateways(library: Any, team: Team, how: str, count: int) -> float:
    """Return the seconds that all items take, to the workers and back into one queue."""
    workers = [gateway.remote_exec(WORKER) for gateway in gateways_of(team)]
    answers = library.MultiChannel(workers).make_receive_queue()
    for worker in workers:  # both are at work before the time begins
        worker.send(None)
        answers.get()
    start = time.perf_counter()
    if how == AHEAD:
        for number in range(count):
            workers[number % 2].send(number)
        for _ in range(count):
            answers.get()
    else:
        for number, worker in enumerate(workers):
            worker.send(number)
        for number in range(len(workers), count):
            worker, _ = answers.get()
            worker.send(number)
        for _ in workers:
            answers.get()
    took = time.perf_counter() - start
    for worker in workers:
        worker.close()
    return took


def _over_pool(team: Team, how: str, count: int) -> float:
    (pool,) = {link.pool for link in team.links if isinstance(link, PoolLink)}
    if how == ANSWERED:
        raise Unsupported  # it hands out by itself
    start = time.perf_counter()
    for _ in pool.imap_unordered(remote.same, range(count)):
        pass
    return time.perf_counter() - start
