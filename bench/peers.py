"""The peers: gatewaylib, execnet, multiprocessing's Pipe and Pool, RPyC, and raw links.

A package is imported when its peer is first used, so that a part of the bench runs without
those it doesn't need.
"""

from __future__ import annotations

import importlib
import importlib.util
import multiprocessing
import pickle
import subprocess
import sys
from collections.abc import Iterable, Sequence
from typing import Any

from bench import raw, remote
from bench.measure import Unsupported
from bench.peer import SEQUENTIAL, THREADS, ChannelLink, Link, Peer, Team, clock, several

ENDS_WITHIN = 10.0  # seconds; nobody comes near it


class Gatewaylib(Peer):
    """Ours: all gateways started together, one channel to each."""

    name = "gatewaylib"
    has_channels = True

    def start(self, count: int, way: str | None = None) -> Team:
        gatewaylib = importlib.import_module("gatewaylib")
        group = gatewaylib.Group()
        group.makegateways([f"{count}*popen"])
        return _channel_team(group)

    def start_behind(self) -> Team:
        return _team_behind(importlib.import_module("gatewaylib").Group())


class Copied(Gatewaylib):
    """Ours behind another gateway that copies, as it does where that is on another machine."""

    name = "gatewaylib, copied"

    def start_behind(self) -> Team:
        relayed: Any = importlib.import_module("gatewaylib.transports.relayed")
        is_near = relayed.is_near
        relayed.is_near = lambda via: False
        try:
            return super().start_behind()
        finally:
            relayed.is_near = is_near


class Execnet(Peer):
    """execnet, which starts gateways one by one; threads round it are the user's own work."""

    name = "execnet"
    has_channels = True
    ways = (SEQUENTIAL, THREADS)

    def available(self) -> bool:
        return importlib.util.find_spec("execnet") is not None

    def start(self, count: int, way: str | None = None) -> Team:
        group = importlib.import_module("execnet").Group()
        several(lambda: group.makegateway("popen"), count, way or SEQUENTIAL)
        return _channel_team(group)

    def start_behind(self) -> Team:
        return _team_behind(importlib.import_module("execnet").Group())


def _channel_team(group: Any) -> Team:
    channels = [gateway.remote_exec(remote.serve) for gateway in group]
    links = [ChannelLink(channel.send, channel.receive) for channel in channels]
    return Team(links, lambda: group.terminate(timeout=ENDS_WITHIN))


def _team_behind(group: Any) -> Team:
    front = group.makegateway("popen//id=front").remote_exec(remote.serve)
    behind = group.makegateway("popen//via=front").remote_exec(remote.serve)
    link = ChannelLink(behind.send, behind.receive)
    team = Team([link], lambda: group.terminate(timeout=ENDS_WITHIN))
    team.pids.append(front.receive())
    return team


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

    def start(self, count: int, way: str | None = None) -> Team:
        context = multiprocessing.get_context("spawn")
        started = context.SimpleQueue()
        pool = context.Pool(count, remote.tell_pid, (started,))
        links = [PoolLink(pool, pid) for pid in [started.get() for _ in range(count)]]

        def end() -> None:
            pool.close()
            pool.join()

        return Team(links, end)


RPYC_REMOTE = """
import os, pickle, rpyc
def same(item): return item
def same_pickled(data): return pickle.dumps(pickle.loads(data), 5)
def swallow(item): pass
def swallow_pickled(data): pickle.loads(data)
def make(size): return bytes(size)
def give(callback, item, count, unanswered):
    send = rpyc.async_(callback)
    for number in range(1, count + 1):
        result = send(item)
        if number % unanswered == 0 or number == count:
            result.wait()
"""
UNANSWERED = 256  # calls under way at most: more answers than a pipe holds would stop both ends


class RpycLink(Link):
    """RPyC passes ints and bytes by value and a dict by reference, a call for each key.

    A dict goes as pickled bytes here, as its own ``deliver`` and ``obtain`` do it.
    """

    def __init__(self, rpyc: Any, connection: Any) -> None:
        self.async_ = rpyc.async_
        connection.execute(RPYC_REMOTE)
        self.remote = connection.namespace
        self.pid = self.remote["os"].getpid()

    def echo(self, item: Any, count: int) -> list[float]:
        by_value, took = type(item) in (int, bytes), []
        same = self.remote["same" if by_value else "same_pickled"]
        for _ in range(count):
            start = clock()
            if by_value:
                same(item)
            else:
                pickle.loads(same(pickle.dumps(item, 5)))
            took.append(clock() - start)
        return took

    def push(self, item: Any, count: int) -> float:
        by_value = type(item) in (int, bytes)
        send = self.async_(self.remote["swallow" if by_value else "swallow_pickled"])
        unanswered = 1 if type(item) is bytes else UNANSWERED
        start = clock()
        for number in range(1, count + 1):
            result = send(item if by_value else pickle.dumps(item, 5))
            if number % unanswered == 0 or number == count:
                result.wait()
        return clock() - start

    def pull(self, item: Any, count: int) -> float:
        start = clock()
        if type(item) is bytes:
            make = self.remote["make"]
            for _ in range(count):
                make(len(item))
        elif type(item) is int:
            self.remote["give"](remote.swallow, item, count, UNANSWERED)
        else:
            self.remote["give"](pickle.loads, pickle.dumps(item, 5), count, UNANSWERED)
        return clock() - start


class Rpyc(Peer):
    """RPyC's classic server in a subprocess, over its standard pipes."""

    name = "RPyC"
    ways = (THREADS, SEQUENTIAL)

    def available(self) -> bool:
        return importlib.util.find_spec("rpyc") is not None

    def start(self, count: int, way: str | None = None) -> Team:
        rpyc = importlib.import_module("rpyc")
        factory = importlib.import_module("rpyc.utils.factory")
        # what its rpyc_classic.py does, which need not be on the PATH
        server = "from rpyc.cli.rpyc_classic import main; main()"
        command = [sys.executable, "-u", "-c", server, "-q", "-m", "stdio"]

        def connect() -> Any:
            return factory.connect_subproc(command, rpyc.classic.SlaveService)

        connections = several(connect, count, way or THREADS)

        def end() -> None:
            for connection in connections:
                connection.close()
            for connection in connections:
                try:
                    connection.proc.wait(ENDS_WITHIN)
                except subprocess.TimeoutExpired:
                    connection.proc.kill()
                    connection.proc.wait()

        return Team([RpycLink(rpyc, connection) for connection in connections], end)


def all_peers() -> list[Peer]:
    """Return every peer, the limits first, in the order of the tables' columns."""
    return [raw.RawPipe(), raw.RawSocketpair(), Gatewaylib(), Execnet(), Pipe(), Pool(), Rpyc()]


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
