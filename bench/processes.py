"""multiprocessing as a peer: a Pipe to a spawned process, and a Pool of spawned workers."""

from __future__ import annotations

import multiprocessing
from typing import Any

from bench import remote
from bench.channel_link import ChannelLink
from bench.measure import Unsupported
from bench.peer import ENDS_WITHIN, Link, Peer, Team, clock


class Pipe(Peer):
    """multiprocessing: a spawned process on a Pipe; spawn, as a fork would share our memory."""

    name = "mp.Pipe"
    has_channels = True

    def start(self, count: int, way: str | None = None) -> Team:
        context = multiprocessing.get_context("spawn")
        processes, connections = [], []
        for _ in range(count):
            here, there = context.Pipe()
            process = context.Process(target=remote.serve_connection, args=(there,), daemon=True)
            process.start()
            there.close()
            processes.append(process)
            connections.append(here)

        def end() -> None:
            for connection in connections:
                connection.close()
            for process in processes:
                process.join(ENDS_WITHIN)

        return Team([ChannelLink(each.send, each.recv) for each in connections], end)


class PoolLink(Link):
    """A Pool takes calls, not items: a round trip is ``apply`` of a function that returns it."""

    def __init__(self, pool: Any, pid: int) -> None:
        self.pool, self.pid = pool, pid

    def echo(self, item: Any, count: int) -> list[float]:
        apply, took, arguments = self.pool.apply, [], (item,)
        for _ in range(count):
            start = clock()
            apply(remote.same, arguments)
            took.append(clock() - start)
        return took

    def push(self, item: Any, count: int) -> float:
        return self._calls(remote.swallow, item, item, count)

    def pull(self, item: Any, count: int) -> float:
        return self._calls(remote.make, item, ("bytes", len(item)), count)

    def _calls(self, function: Any, item: Any, argument: Any, count: int) -> float:
        # a stream of small items is not what a Pool does: map joins and shares equal ones
        if type(item) is not bytes:
            raise Unsupported
        start = clock()
        for _ in range(count):
            self.pool.apply(function, (argument,))
        return clock() - start


class Pool(Peer):
    """multiprocessing's Pool of spawned workers; there is one link to all of them."""

    name = "mp.Pool"
    messages = False

    def start(self, count: int, way: str | None = None) -> Team:
        context = multiprocessing.get_context("spawn")
        started = context.SimpleQueue()
        pool = context.Pool(count, remote.tell_pid, (started,))
        links = [PoolLink(pool, pid) for pid in [started.get() for _ in range(count)]]

        def end() -> None:
            pool.close()
            pool.join()

        return Team(links, end)
