"""A link over anything that sends and receives items: gateways, pipes, sockets of messages."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from bench.peer import Link, clock


class ChannelLink(Link):
    """A link over anything with ``send`` and ``receive`` whose other end runs ``remote.serve``."""

    def __init__(self, send: Callable[[Any], object], receive: Callable[[], Any]) -> None:
        self.send = send
        self.receive = receive
        self.pid = receive()

    def _ask(self, verb: str, item: Any, count: int) -> None:
        self.send((verb, item, count))
        ready = self.receive()
        if ready != "ready":
            raise RuntimeError(f"asked for {verb}, got {ready!r}")

    def echo(self, item: Any, count: int) -> list[float]:
        self._ask("echo", None, count)
        send, receive, took = self.send, self.receive, []
        for _ in range(count):
            start = clock()
            send(item)
            receive()
            took.append(clock() - start)
        return took

    def push(self, item: Any, count: int) -> float:
        self._ask("take", None, count)
        send = self.send
        start = clock()
        for _ in range(count):
            send(item)
        self.receive()
        return clock() - start

    def pull(self, item: Any, count: int) -> float:
        self._ask_for(item, count)
        receive = self.receive
        start = clock()
        self.send("go")
        for _ in range(count):
            receive()
        return clock() - start

    def _ask_for(self, item: Any, count: int) -> None:
        if type(item) is bytes:
            self._ask("give bytes", len(item), count)
        else:
            self._ask("give", item, count)

    def flood_remote(self, item: Any, count: int) -> None:
        self._ask("ignore", None, 0)
        for _ in range(count):
            self.send(item)

    def flood_local(self, item: Any, count: int) -> None:
        self._ask_for(item, count)
        self.send("go")
