"""The peers by their names; each is in a file of its own.

A package is imported when its peer is first used, so that a part of the bench runs without
those it doesn't need.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence

from bench.gateways import Execnet, Gatewaylib
from bench.peer import Peer
from bench.processes import Pipe, Pool
from bench.raw import RawPipe, RawSocketpair
from bench.rpyc_peer import Rpyc
from bench.zmq_peer import Zmq


def all_peers() -> list[Peer]:
    """Return every peer, the limits first, in the order of the tables' columns."""
    return [
        RawPipe(),
        RawSocketpair(),
        Gatewaylib(),
        Execnet(),
        Pipe(),
        Pool(),
        Zmq(),
        Rpyc(),
    ]


def choose(names: Iterable[str]) -> Sequence[Peer]:
    """Return the peers of these names, or all; those not installed are named and left out."""
    wanted = list(names)
    peers = [peer for peer in all_peers() if not wanted or peer.name in wanted]
    unknown = set(wanted) - {peer.name for peer in peers}
    if unknown:
        known = ", ".join(peer.name for peer in all_peers())
        raise ValueError(f"no peer is called {', '.join(sorted(unknown))}; there are {known}")
    for peer in peers:
        if not peer.available():
            print(f"{peer.name} is not installed: left out", file=sys.stderr)
    return [peer for peer in peers if peer.available()]
