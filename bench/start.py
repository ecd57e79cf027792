"""Starting remotes, until each has answered once, and ending them until none is left."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from bench.effort import Effort
from bench.machine import alive
from bench.measure import LESS, Contender, Figure, Row, paired, say
from bench.peer import Peer

PART = "start and end"
PATIENCE = 15.0  # seconds a round may take and is still repeated
ROOT = Path(__file__).resolve().parent.parent
# what a script pays before it has a gateway; a name that is imported when used is used
IMPORTED = """
import time
begin = time.perf_counter()
import {0}
{0}.makegateway
print(time.perf_counter() - begin)
"""
IMPORTS = {name: IMPORTED.format(name) for name in ("gatewaylib", "execnet")}
ANSWER = "; print(makegateway().remote_exec('channel.send(1)').receive())"
SCRIPTS = {name: f"from {name} import makegateway{ANSWER}" for name in ("gatewaylib", "execnet")}


def measure(peers: Sequence[Peer], effort: Effort) -> list[Row]:
    """Return rows of milliseconds: to start and to end each number of remotes, to import."""
    rows: list[Row] = []
    starters = [peer for peer in peers if peer.starts]
    for count in effort.gateways:
        say(f"{PART}: {count}")
        contenders = {
            peer.name: _contender(peer, count, best_way(peer, count)) for peer in starters
        }
        rows += paired(PART, contenders, effort.start_rounds, PATIENCE)
    for what, script in (("import it", _imported), ("a whole script: 1 answer", _script)):
        say(f"{PART}: {what}")
        figure = Figure(what, "ms", LESS)
        scripts = {peer.name: script(figure, peer.name) for peer in peers if peer.name in SCRIPTS}
        rows += paired(PART, scripts, effort.rounds)
    return rows


def best_way(peer: Peer, count: int) -> str:
    """Return the way in which this peer starts so many soonest, tried once each."""
    if count == 1 or len(peer.ways) == 1:
        return peer.ways[0]
    seconds = {way: _start_and_end(peer, count, way)[0] for way in peer.ways}
    return min(seconds, key=lambda way: seconds[way])


def _contender(peer: Peer, count: int, way: str) -> Contender:
    start = Figure(f"start {count}", "ms", LESS)
    end = Figure(f"end {count}", "ms", LESS)
    left = Figure(f"left of {count} then", "processes", LESS)

    def round_() -> Mapping[Figure, float]:
        started, ended, still = _start_and_end(peer, count, way)
        return {start: started * 1000, end: ended * 1000, left: still}

    return round_


def _start_and_end(peer: Peer, count: int, way: str) -> tuple[float, float, int]:
    """Return the seconds of either, and how many processes are left behind them."""
    begin = time.perf_counter()
    team = peer.start(count, way)
    up = time.perf_counter()
    team.end()
    down = time.perf_counter()
    return up - begin, down - up, sum(map(alive, team.pids))


def _imported(figure: Figure, name: str) -> Contender:
    return lambda: {figure: float(_run(IMPORTS[name])) * 1000}


def _script(figure: Figure, name: str) -> Contender:
    def round_() -> Mapping[Figure, float]:
        begin = time.perf_counter()
        _run(SCRIPTS[name])
        return {figure: (time.perf_counter() - begin) * 1000}

    return round_


def _run(script: str) -> bytes:
    command = [sys.executable, "-c", script]
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, cwd=ROOT).stdout
