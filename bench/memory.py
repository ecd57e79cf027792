"""Memory: of one remote, of an item on its way, and when a receiver never reads."""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from bench import machine
from bench.bulk import size_name
from bench.effort import Effort
from bench.measure import LESS, Contender, Figure, Row, Unsupported, paired, say
from bench.peak import UNSUPPORTED
from bench.peer import Peer, running

PART = "memory"
DIRECTIONS = TO, FROM = "to the remote", "from the remote"
ROOT = Path(__file__).resolve().parent.parent


def measure(peers: Sequence[Peer], effort: Effort) -> list[Row]:
    """Return rows of MB (10**6 bytes), and of the threads that gateways cost here."""
    say(f"{PART}: a remote")
    count = max(effort.gateways[:2])
    contenders = {peer.name: _remote(peer, count) for peer in peers if peer.starts}
    rows = paired(PART, contenders, effort.memory_rounds)
    for direction in DIRECTIONS:
        say(f"{PART}: one large item, {direction}")
        items = {
            peer.name: _large(peer, direction, effort.large) for peer in peers if peer.messages
        }
        rows += paired(PART, items, effort.memory_rounds)
    for direction in DIRECTIONS:
        say(f"{PART}: nobody reads, {direction}")
        floods = {
            peer.name: _flood(peer, direction, effort.unread) for peer in peers if peer.has_channels
        }
        rows += paired(PART, floods, effort.memory_rounds)
    return rows


def _remote(peer: Peer, count: int) -> Contender:
    rss = Figure("a remote, RSS", "MB", LESS)
    pss = Figure(f"a remote, PSS among {count}", "MB", LESS)
    threads = Figure(f"threads here for {count} remotes beside another", "threads", LESS)

    def round_() -> Mapping[Figure, float]:
        time.sleep(0.1)  # threads of the peer before may be ending still
        with running([peer]):
            before = machine.threads()
            with running([peer], count) as teams:
                sizes = [machine.memory(pid) for pid in teams[peer.name].pids]
                more = machine.threads() - before
        return {
            rss: statistics.median(size[0] for size in sizes) / 1e6,
            pss: statistics.median(size[1] for size in sizes) / 1e6,
            threads: more,
        }

    return round_


def _large(peer: Peer, direction: str, size: int) -> Contender:
    what = f"{size_name(size)} {direction}"
    sender = Figure(f"{what}: sender, beside the item", "× item", LESS)
    receiver = Figure(f"{what}: receiver, with the item", "× item", LESS)

    def round_() -> Mapping[Figure, float]:
        local, remote = _apart("bench.peak", peer, direction, size)
        gave, got = (local, remote) if direction == TO else (remote, local)
        return {sender: gave / size, receiver: got / size}

    return round_


def _flood(peer: Peer, direction: str, size: int) -> Contender:
    what = f"{size_name(size)} {direction}, unread"
    receiver, both = Figure(f"{what}: receiver", "MB", LESS), Figure(f"{what}: both", "MB", LESS)

    def round_() -> Mapping[Figure, float]:
        local, remote = _apart("bench.flood", peer, direction, size)
        return {
            receiver: (remote if direction == TO else local) / 1e6,
            both: (local + remote) / 1e6,
        }

    return round_


def _apart(module: str, peer: Peer, direction: str, size: int) -> tuple[int, int]:
    """Return by how many bytes both ends grew, in processes of their own.

    Memory that was used once is not always given back.
    """
    command = [sys.executable, "-m", module, peer.name, direction, str(size)]
    result = subprocess.run(command, stdout=subprocess.PIPE, cwd=ROOT)
    if result.returncode == UNSUPPORTED:
        raise Unsupported
    result.check_returncode()
    local, remote = json.loads(result.stdout)
    return local, remote
