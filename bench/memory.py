"""Memory: what one remote takes, and what both ends take when a receiver never reads."""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from bench import machine
from bench.measure import LESS, Contender, Effort, Figure, MiB, Row, paired, say
from bench.peer import Peer

PART = "memory"
ROOT = Path(__file__).resolve().parent.parent


def measure(peers: Sequence[Peer], effort: Effort) -> list[Row]:
    """Return rows of MB (10**6 bytes), and of the threads that gateways cost here."""
    say(f"{PART}: a remote")
    count = max(effort.gateways[:2])
    contenders = {peer.name: _remote(peer, count) for peer in peers}
    rows = paired(PART, contenders, effort.memory_rounds)
    for direction in ("to the remote", "from the remote"):
        say(f"{PART}: nobody reads, {direction}")
        floods = {
            peer.name: _flood(peer, direction, effort.unread) for peer in peers if peer.has_channels
        }
        rows += paired(PART, floods, effort.memory_rounds)
    return rows


def _remote(peer: Peer, count: int) -> Contender:
    rss = Figure("a remote, RSS", "MB", LESS)
    pss = Figure(f"a remote, PSS among {count}", "MB", LESS)
    threads = Figure(f"threads here for {count} remotes", "threads", LESS)

    def round_() -> Mapping[Figure, float]:
        time.sleep(0.1)  # threads of the peer before may be ending still
        before = machine.threads()
        team = peer.start(count)
        try:
            sizes = [machine.memory(pid) for pid in team.pids]
            more = machine.threads() - before
        finally:
            team.end()
        return {
            rss: statistics.median(size[0] for size in sizes) / 1e6,
            pss: statistics.median(size[1] for size in sizes) / 1e6,
            threads: more,
        }

    return round_


def _flood(peer: Peer, direction: str, size: int) -> Contender:
    """One process for each measure, as memory that was used once is not always given back."""
    what = f"{size // MiB} MiB {direction}, unread"
    receiver, both = Figure(f"{what}: receiver", "MB", LESS), Figure(f"{what}: both", "MB", LESS)

    def round_() -> Mapping[Figure, float]:
        command = [sys.executable, "-m", "bench.flood", peer.name, direction, str(size)]
        text = subprocess.run(command, check=True, stdout=subprocess.PIPE, cwd=ROOT).stdout
        local, remote = json.loads(text)
        received = remote if direction == "to the remote" else local
        return {receiver: received / 1e6, both: (local + remote) / 1e6}

    return round_
