"""Raw links: os.read and os.write between two Python processes, the limit of what can be had.

There is no serializer, so the round trip is of 8 bytes, and a dict has no column.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

from bench.measure import Unsupported
from bench.peer import Link, Peer, Team, clock
from bench.raw_remote import REQUEST, give, read_exactly, take

SMALL = 8  # bytes an int takes


class RawLink(Link):
    """Two descriptors and the process at their other end."""

    def __init__(self, reads: int, writes: int, process: subprocess.Popen[bytes]) -> None:
        self.reads, self.writes, self.process = reads, writes, process
        self.pid = process.pid

    def wait_until_up(self) -> None:
        """Read the remote's first answer, its pid."""
        read_exactly(self.reads, 8)

    def echo(self, item: Any, count: int) -> list[float]:
        size, read, write, took = _size(item), os.read, os.write, []
        message = bytes(size)
        self._ask(b"e", size, count)
        for _ in range(count):
            start = clock()
            write(self.writes, message)
            read(self.reads, size)
            took.append(clock() - start)
        return took

    def push(self, item: Any, count: int) -> float:
        size = _size(item)
        self._ask(b"t", size, count)
        start = clock()
        give(self.writes, size, count)
        os.read(self.reads, 1)
        return clock() - start

    def pull(self, item: Any, count: int) -> float:
        size = _size(item)
        start = clock()
        self._ask(b"g", size, count)
        take(self.reads, size, count)
        return clock() - start

    def _ask(self, verb: bytes, size: int, count: int) -> None:
        os.write(self.writes, REQUEST.pack(verb, size, count))

    def close(self) -> None:
        for descriptor in {self.reads, self.writes}:
            os.close(descriptor)


def _size(item: Any) -> int:
    if type(item) is bytes:
        return len(item)
    if type(item) is int:
        return SMALL
    raise Unsupported


class RawPipe(Peer):
    """A pair of pipes."""

    name = "raw pipe"

    def connect(self) -> RawLink:
        """Start one remote and return the link, before it is up."""
        process = subprocess.Popen(_command(), stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        assert process.stdin is not None and process.stdout is not None
        reads, writes = os.dup(process.stdout.fileno()), os.dup(process.stdin.fileno())
        process.stdin.close()
        process.stdout.close()
        return RawLink(reads, writes, process)

    def start(self, count: int, way: str | None = None) -> Team:
        links = [self.connect() for _ in range(count)]
        for link in links:
            link.wait_until_up()

        def end() -> None:
            for link in links:
                link.close()
            for link in links:
                link.process.wait()

        return Team(links, end)


class RawSocketpair(RawPipe):
    """One socketpair for both directions."""

    name = "raw socketpair"

    def connect(self) -> RawLink:
        here, there = socket.socketpair()
        process = subprocess.Popen(_command(), stdin=there.fileno(), stdout=there.fileno())
        there.close()
        descriptor = here.detach()
        return RawLink(descriptor, descriptor, process)


def _command() -> list[str]:
    return [sys.executable, str(Path(__file__).with_name("raw_remote.py"))]
