"""RPyC as a peer: its classic server in a subprocess, calls in place of messages."""

from __future__ import annotations

import importlib
import importlib.util
import pickle
import subprocess
import sys
from typing import Any

from bench import remote
from bench.peer import ENDS_WITHIN, SEQUENTIAL, THREADS, Link, Peer, Team, clock, several

RPYC_REMOTE = """
import os, pickle, rpyc
def same(item): return item
def same_pickled(data): return pickle.dumps(pickle.loads(data), 5)
def swallow(item): pass
def swallow_pickled(data): pickle.loads(data)
def make(size): return b"x" * size
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
    messages = False
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
