"""The serializer alone: dumps and loads, there and back, of several kinds of data.

pickle is C code and may not be used on bytes that come from elsewhere; it is the limit here.
"""

from __future__ import annotations

import importlib
import importlib.util
import pickle
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from bench.data import kinds
from bench.effort import Effort
from bench.measure import LESS, Contender, Figure, Row, how_often, paired, say
from bench.peer import Peer

PART = "dumps + loads"


class Codec(NamedTuple):
    dumps: Callable[[Any], bytes]
    loads: Callable[[bytes], Any]


def codecs(names: Sequence[str]) -> dict[str, Codec]:
    """Return pickle's and those of the named packages that have one."""
    found = {"pickle 5": Codec(lambda item: pickle.dumps(item, 5), pickle.loads)}
    if "gatewaylib" in names:
        ours = importlib.import_module("gatewaylib")
        found["gatewaylib"] = Codec(ours.dumps, ours.loads)
    if "execnet" in names:
        execnet = importlib.import_module("execnet")
        found["execnet"] = Codec(execnet.dumps, execnet.loads)
    return found


def measure(peers: Sequence[Peer], effort: Effort) -> list[Row]:
    """Return rows of microseconds for one dumps and one loads."""
    found = codecs([peer.name for peer in peers])
    rows: list[Row] = []
    for what, item in kinds(effort.items).items():
        say(f"{PART}: {what}")
        contenders = {name: _contender(codec, what, item, effort) for name, codec in found.items()}
        rows += paired(PART, contenders, effort.rounds)
    return rows


def _contender(codec: Codec, what: str, item: Any, effort: Effort) -> Contender:
    figure = Figure(what, "µs", LESS)
    dumps, loads = codec

    def times(count: int) -> float:
        start = time.perf_counter()
        for _ in range(count):
            loads(dumps(item))
        return (time.perf_counter() - start) / count

    def round_() -> Mapping[Figure, float]:
        return {figure: times(how_often(effort.seconds, times(1), 1, 20_000)) * 1e6}

    if loads(dumps(item)) != item:
        raise ValueError(f"{what} came back changed")
    return round_
