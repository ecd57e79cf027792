"""One interface for every peer: a peer starts a team of remotes, and there is a link to each.

What a peer can't do raises Unsupported, and its column stays empty there.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any, TypeVar

from bench.measure import Unsupported

T = TypeVar("T")

clock = time.perf_counter


class Link:
    """A way to one remote, and its process id. Items must arrive equal and of the same type."""

    pid: int

    def echo(self, item: Any, count: int) -> list[float]:
        """Send the item and wait until it is back, ``count`` times; return the seconds of each."""
        raise Unsupported

    def push(self, item: Any, count: int) -> float:
        """Send the item ``count`` times; return the seconds until the remote has them all."""
        raise Unsupported

    def pull(self, item: Any, count: int) -> float:
        """Have it sent here ``count`` times; return the seconds until all are here."""
        raise Unsupported

    def flood_remote(self, item: Any, count: int) -> None:
        """Send the item ``count`` times to a remote that never reads; may block for ever."""
        raise Unsupported

    def flood_local(self, item: Any, count: int) -> None:
        """Return at once, after asking for the item ``count`` times and reading none."""
        raise Unsupported


class Team:
    """Remotes that were started together, each of which has answered once."""

    def __init__(self, links: Sequence[Link], end: Callable[[], object]) -> None:
        self.links = links
        self.pids = [link.pid for link in links]
        self._end = end

    def end(self) -> None:
        """End all of them the way the peer's own documents say; return when none is left."""
        self._end()


class Peer:
    """Somebody who can start remotes, in one or more ways; the bench reports the best one."""

    name: str
    ways: tuple[str, ...] = ("at once",)
    has_channels = False  # can be sent to without being read
    messages = True  # items travel; False: what travels are calls, and their results
    starts = True  # remotes by itself, so that it is worth measuring how soon and how large

    def available(self) -> bool:
        """Return whether what it needs is installed here."""
        return True

    def start(self, count: int, way: str | None = None) -> Team:
        """Return a team of ``count`` remotes, started in the first of ``ways`` or the one named."""
        raise NotImplementedError

    def start_behind(self) -> Team:
        """Return a team with one link, to a remote that another one has started.

        ``pids`` has the other one's too.
        """
        raise Unsupported


ENDS_WITHIN = 10.0  # seconds; nobody comes near it
SEQUENTIAL, THREADS = "one after another", "threads"


def several(make: Callable[[], T], count: int, way: str) -> list[T]:
    """Call ``make`` ``count`` times: in the order, or on as many threads, as ``way`` says."""
    if way == SEQUENTIAL or count == 1:
        return [make() for _ in range(count)]
    with ThreadPoolExecutor(count) as pool:
        return [future.result() for future in [pool.submit(make) for _ in range(count)]]


@contextmanager
def running(peers: Iterable[Peer], count: int = 1) -> Iterator[dict[str, Team]]:
    """Give a team of each peer by its name, and end them all."""
    teams: dict[str, Team] = {}
    try:
        for peer in peers:
            teams[peer.name] = peer.start(count)
        yield teams
    finally:
        for team in teams.values():
            team.end()
