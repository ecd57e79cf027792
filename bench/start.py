"""Starting remotes, until each has answered once, and ending them until none is left."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from bench.machine import alive
from bench.measure import LESS, Contender, Effort, Figure, Row, paired, say
from bench.peer import Peer

PART = "start and end"
ROOT = Path(__file__).resolve().parent.parent
# what a script pays before it has a gateway; a name that is imported when used is used
IMPORTS = {
    "raw pipe": "pass",
    "gatewaylib": "import gatewaylib; gatewaylib.makegateway",
    "execnet": "import execnet; execnet.makegateway",
}
ANSWER = "; print(makegateway().remote_exec('channel.send(1)').receive())"
SCRIPTS = {name: f"from {name} import makegateway{ANSWER}" for name in ("gatewaylib", "execnet")}


def measure(peers: Sequence[Peer], effort: Effort) -> list[Row]:
    """Return rows of milliseconds: to start and to end each number of remotes, to import."""
    rows: list[Row] = []
    for count in effort.gateways:
        say(f"{PART}: {count}")
        contenders = {peer.name: _contender(peer, count, best_way(peer, count)) for peer in peers}
        rows += paired(PART, contenders, effort.start_rounds)
    for what, statements in (("import it", IMPORTS), ("a whole script: 1 answer", SCRIPTS)):
        say(f"{PART}: {what}")
        here = [peer.name for peer in peers if peer.name in statements]
        scripts = {name: _script(what, statements[name]) for name in here}
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

    def round_() -> Mapping[Figure, float]:
        started, ended = _start_and_end(peer, count, way)
        return {start: started * 1000, end: ended * 1000}

    return round_


def _start_and_end(peer: Peer, count: int, way: str) -> tuple[float, float]:
    begin = time.perf_counter()
    team = peer.start(count, way)
    up = time.perf_counter()
    team.end()
    down = time.perf_counter()
    left = [pid for pid in team.pids if alive(pid)]
    if left:
        print(f"{peer.name} left {len(left)} of {count} processes", file=sys.stderr)
    return up - begin, down - up


def _script(what: str, statement: str) -> Contender:
    figure = Figure(what, "ms", LESS)

    def round_() -> Mapping[Figure, float]:
        begin = time.perf_counter()
        command = [sys.executable, "-c", statement]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, cwd=ROOT)
        return {figure: (time.perf_counter() - begin) * 1000}

    return round_
