"""Where the time of a round trip goes: ``python -m bench.layers``, in microseconds.

Each layer is measured by itself, in one process and without a wait; the whole is measured
with a remote on the same core. What is in the whole and in no layer is the system's: two
wake-ups of the other process, and what they do to the caches. This file knows the inside
of the library, which no other file of the bench does.
"""

from __future__ import annotations

import collections
import importlib
import os
import statistics
import sys
import time
import timeit
from collections.abc import Callable, Sequence
from typing import Any

from bench.data import MESSAGES
from bench.gateways import Gatewaylib
from bench.machine import one_core
from bench.raw import RawPipe, RawSocketpair

RUNS = 25


class Pair:
    """Both ends of a gateway in one thread: what one sends, the other finds to be read."""

    def __init__(self) -> None:
        base = importlib.import_module("gatewaylib.gateway_base").BaseGateway
        transport = importlib.import_module("gatewaylib.shipped.pipe_transport").PipeTransport
        model = importlib.import_module("gatewaylib.shipped.threads").get_model("thread")

        class Other(base):  # type: ignore[misc,valid-type]
            _FIRST_CHANNEL = 2

        there, here = os.pipe(), os.pipe()
        self.read, self.write = there
        ours, theirs = (
            transport(here[0], there[1], is_own=True),
            transport(there[0], here[1], is_own=True),
        )
        self.transports = ours, theirs
        window = None  # no limit: the pair never returns credit
        self.local = base("local", ours, model, window)
        self.remote = Other("remote", theirs, model, window)
        self.sender = self.local.newchannel()
        self.local._writer.flush()
        self.remote._turn._read()
        self.receiver = self.remote._load_channel(self.sender.id)
        self.local._turn._read()  # that it was claimed

    def close(self) -> None:
        """End both without a word: no thread reads here that would notice."""
        for each in self.transports:
            each.close()


def layers(item: Any, count: int) -> list[tuple[str, float]]:
    """Return (layer, microseconds of one direction), the whole of a direction last."""
    pair = Pair()
    try:
        serializer = pair.local._serializer
        payload = serializer.dumps(item)
        protocol_of = importlib.import_module("gatewaylib.shipped.protocol").Protocol
        frames = importlib.import_module("gatewaylib.shipped.frames")
        ours, theirs = protocol_of(1, None), protocol_of(2, None)
        end = ours.open()
        theirs.receive(b"".join(ours.output))
        ours.output.clear()
        other, chunks = theirs.claim(end.id), collections.deque[bytes]()
        ours.receive(theirs.output.popleft())  # that it was claimed

        def through_protocol() -> None:
            ours.send(end, frames.DATA, payload)
            chunks.append(ours.output.popleft())
            theirs.receive_item(other, chunks)

        def through_pipe() -> None:
            os.write(pair.write, frame)
            os.read(pair.read, 65536)

        def through_channel() -> None:
            pair.sender.send(item)
            pair.receiver.receive()

        frame = frames.encode(frames.DATA, end.id, payload)
        dumps = _microseconds(lambda: serializer.dumps(item), count)
        loads = _microseconds(lambda: serializer.loads(payload), count)
        protocol = _microseconds(through_protocol, count)
        calls = _microseconds(through_pipe, count)
        whole = _microseconds(through_channel, count)
    finally:
        pair.close()
    return [
        ("serializer: dumps", dumps),
        ("serializer: loads", loads),
        ("protocol: frame, credit, event", protocol),
        ("system calls: write and read", calls),
        ("channel, turn, writer, locks", whole - dumps - loads - protocol - calls),
        ("one direction, without a wake-up", whole),
    ]


def _microseconds(function: Callable[[], object], count: int) -> float:
    # CPU time, as nothing waits here; the least of many short runs, as the caches are shared
    short = count // RUNS + 1
    return (
        min(timeit.repeat(function, number=short, repeat=RUNS, timer=time.thread_time))
        / short
        * 1e6
    )


def whole(peer: Gatewaylib | RawPipe, item: Any, count: int) -> float:
    """Return the least of some medians of a round trip on one core, in microseconds."""
    team = peer.start(1)
    try:
        with one_core(team.pids):
            runs = [team.links[0].echo(item, count // RUNS + 1) for _ in range(RUNS)]
            return min(map(statistics.median, runs)) * 1e6
    finally:
        team.end()


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the layers of each kind of message; the one argument is how often, 5000."""
    given = sys.argv[1:] if arguments is None else list(arguments)
    count = int(given[0]) if given else 5000
    for what, item in MESSAGES.items():
        found = layers(item, count)
        trip = whole(Gatewaylib(), item, count)
        print(f"{what}: a round trip on one core takes {trip:.1f} µs")
        for name, one in [*found, ("wake-ups, caches", (trip - 2 * found[-1][1]) / 2)]:
            print(f"  {name:34} 2 x {one:6.2f} {200 * one / trip:5.0f} %")
    for peer in (RawPipe(), RawSocketpair()):
        print(f"a {peer.name}: {whole(peer, MESSAGES['int'], count):.1f} µs")


if __name__ == "__main__":
    main()
