"""A round trip beside other work of the same gateway: callbacks, threads, a slow callback."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from bench.data import INT
from bench.effort import Effort
from bench.gateways import GatewayLink, gateways_of, with_gateways
from bench.measure import LESS, Contender, Figure, Row, how_often, paired, say
from bench.peer import Link, Peer, Team, running
from bench.roundtrip import PLACES, held, trips

PART = "beside others"
# holds the other end of as many channels as it is asked for, and sends them here
HOLD = """
channels = [channel.gateway.newchannel() for _ in range(channel.receive())]
channel.send(channels)
channel.receive()
"""


def measure(peers: Sequence[Peer], effort: Effort) -> list[Row]:
    """Return rows of microseconds, and of milliseconds behind the slow callback."""
    with running(with_gateways(peers)) as teams:
        rows = _behind_callbacks(teams, effort)
    with running(with_gateways(peers)) as teams:
        rows += _from_threads(teams, effort)
    with running(with_gateways(peers)) as teams:
        rows += _behind_a_slow_one(teams, effort)
    return rows


def _behind_callbacks(teams: Mapping[str, Team], effort: Effort) -> list[Row]:
    holders = [
        with_callbacks(gateway, effort.callbacks)
        for team in teams.values()
        for gateway in gateways_of(team)
    ]
    rows: list[Row] = []
    for place in PLACES:
        what = f"int, {effort.callbacks} other channels have callbacks"
        say(f"{PART}: {what}, {place}")
        rows += paired(
            PART,
            {
                name: trips(team.links[0], team.pids, what, INT, place, effort)
                for name, team in teams.items()
            },
            effort.rounds,
        )
    for holder in holders:
        holder.send("done")
    return rows


def with_callbacks(gateway: Any, count: int) -> Any:
    """Open channels of the gateway that have callbacks; return the one that ends them."""
    holder = gateway.remote_exec(HOLD)
    holder.send(count)
    for channel in holder.receive():
        channel.setcallback(id)
    return holder


def _from_threads(teams: Mapping[str, Team], effort: Effort) -> list[Row]:
    rows: list[Row] = []
    links = {
        name: [GatewayLink(gateways_of(team)[0]) for _ in range(effort.threads)]
        for name, team in teams.items()
    }
    for place in PLACES:
        figure = Figure(f"int, {effort.threads} threads at once, {place}", "µs", LESS)
        say(f"{PART}: {figure.name}")
        contenders = {
            name: _threads(links[name], team.pids, figure, place, effort)
            for name, team in teams.items()
        }
        rows += paired(PART, contenders, effort.rounds)
    return rows


def _threads(
    links: Sequence[Link], pids: Iterable[int], figure: Figure, place: str, effort: Effort
) -> Contender:
    """Return what gives the time of all by the number of their round trips."""

    def times(pool: ThreadPoolExecutor, count: int) -> float:
        start = time.perf_counter()
        list(pool.map(lambda link: link.echo(INT, count), links))
        return (time.perf_counter() - start) / count / len(links)

    def round_() -> Mapping[Figure, float]:
        with held(pids, place), ThreadPoolExecutor(len(links)) as pool:
            count = how_often(effort.seconds / len(links), times(pool, 10), 10, 10_000)
            return {figure: times(pool, count) * 1e6}

    return round_


def _behind_a_slow_one(teams: Mapping[str, Team], effort: Effort) -> list[Row]:
    seconds = effort.callback_seconds
    figure = Figure(f"int, behind a callback of {seconds:g} s on another channel", "ms", LESS)
    say(f"{PART}: {figure.name}")

    def contender(link: Link, gateway: Any) -> Contender:
        def round_() -> Mapping[Figure, float]:
            begun, done = threading.Event(), threading.Event()

            def callback(item: object) -> None:
                begun.set()
                done.wait(seconds)

            # asked for behind setcallback, which may call it itself for what is here already
            channel = gateway.remote_exec("channel.send(channel.receive())")
            channel.setcallback(callback)
            channel.send(INT)
            begun.wait()
            start = time.perf_counter()
            link.echo(INT, 1)  # and the round trip of the request for it, which waits first
            took = time.perf_counter() - start
            done.set()
            channel.waitclose()
            return {figure: took * 1000}

        return round_

    contenders = {
        name: contender(team.links[0], gateways_of(team)[0]) for name, team in teams.items()
    }
    return paired(PART, contenders, effort.rounds, once=2 * seconds)
