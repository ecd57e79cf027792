"""Paired rounds: every contender once a round, in an order that rotates.

So what else the machine does falls on all of them alike, and ratios hold where times don't.
"""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from bench.effort import SLOW

LESS, MORE = "less", "more"


class Unsupported(Exception):
    """A peer has nothing like what was asked of it; its column stays empty."""


class Figure(NamedTuple):
    """What one number says: its name, its unit, and whether less or more of it is better.

    ``at`` is for a point of a curve: of how many, or of what size, it holds.
    """

    name: str
    unit: str
    better: str
    at: int | None = None


@dataclass
class Row:
    """One line of a table: a figure, and for each peer its value in each round, in order."""

    part: str
    figure: Figure
    values: dict[str, list[float]] = field(default_factory=dict)

    def median(self, peer: str) -> float | None:
        values = self.values.get(peer)
        return statistics.median(values) if values else None

    def ratio(self, peer: str, to: str) -> float | None:
        """Return the median, over rounds both were in, of ``peer``'s value by ``to``'s."""
        pairs = zip(self.values.get(peer, ()), self.values.get(to, ()))
        ratios = [value / other for value, other in pairs if other]
        return statistics.median(ratios) if ratios else None


Contender = Callable[[], Mapping[Figure, float]]


def paired(
    part: str, contenders: Mapping[str, Contender], rounds: int, once: float = SLOW
) -> list[Row]:
    """Run each contender once a round and return a row for each figure they gave.

    A contender that raises Unsupported is out; one that takes more than ``once`` seconds
    is not run again.
    """
    rows: dict[Figure, Row] = {}
    names = list(contenders)
    for turn in range(rounds):
        first = turn % len(names) if names else 0
        for name in names[first:] + names[:first]:
            start = time.perf_counter()
            try:
                figures = contenders[name]()
            except Unsupported:
                names.remove(name)
                continue
            if time.perf_counter() - start > once:
                names.remove(name)
            for figure, value in figures.items():
                row = rows.setdefault(figure, Row(part, figure))
                row.values.setdefault(name, []).append(value)
    return list(rows.values())


def how_often(seconds: float, one: float, least: int, most: int) -> int:
    """Return how often something that takes ``one`` second fits in ``seconds``, within bounds."""
    return int(max(least, min(most, seconds / max(one, 1e-9))))


def percentile(values: Sequence[float], percent: float) -> float:
    """Return the value that ``percent`` of the values are not above."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * percent / 100))]


def say(text: str) -> None:
    """Tell whoever waits what is being measured; results alone go to standard output."""
    print(text, file=sys.stderr, flush=True)
