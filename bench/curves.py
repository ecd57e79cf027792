"""Curves of growth: drawn small, side by side, and how steep each is beside its work."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from bench import svg
from bench.forms import Table
from bench.growth import BYTES, PART
from bench.measure import Row
from bench.report import NONE, OURS, REFERENCE, number, peers_of

ACROSS, WIDTH, HEIGHT, TOP = 3, 330, 190, 50  # curves, pixels
INSIDE = (52, 34, 14, 30)  # pixels of a curve's frame: left, top, right, bottom
NOISE = 0.15  # of an exponent: 1.4 times for ten times as many, as busy machines have it

LIMIT = "raw socketpair"
PEERS = (OURS, REFERENCE, LIMIT)
Points = dict[int, float]


class Curve(NamedTuple):
    """A figure for several sizes: by peer, each size and its median."""

    name: str
    unit: str
    points: Mapping[str, Points]

    @property
    def work(self) -> int:
        """The exponent that the work itself has: an item costs each of its bytes."""
        return 1 if self.name.endswith(BYTES) else 0


def curves(rows: Iterable[Row]) -> list[Curve]:
    """Return the curves that the rows with ``at`` are points of, in order."""
    found: dict[str, Curve] = {}
    for row in rows:
        if row.part == PART and row.figure.at is not None:
            curve = found.setdefault(row.figure.name, Curve(row.figure.name, row.figure.unit, {}))
            assert isinstance(curve.points, dict)
            for peer in row.values:
                median = row.median(peer)
                if median:
                    curve.points.setdefault(peer, {})[row.figure.at] = median
    return list(found.values())


def steepest(points: Points) -> tuple[int, int]:
    """Return from where to where a curve rises most, for tenfold or more if there is so much."""
    first, last = min(points), max(points)
    pairs = [(a, b) for a in points for b in points if b >= 10 * a] or [(first, last)]
    return max(pairs, key=lambda pair: exponent(points, *pair))


def exponent(points: Points, low: int, high: int) -> float:
    """Return the power of the size by which the value grows, beside the most that fewer cost.

    So what is shared by many, and falls first, is not taken for growth when it falls no more.
    """
    if low == high:
        return 0.0
    most = max(value for size, value in points.items() if size <= low)
    return math.log(points[high] / most) / math.log(high / low)


def verdict(curve: Curve) -> list[str]:
    """Return our exponent where it is the greatest, those of others there, and what it means."""
    ours = curve.points[OURS]
    low, high = steepest(ours)
    beside = {
        peer: exponent(points, low, high)
        for peer, points in curve.points.items()
        if low in points and high in points
    }
    work = max(curve.work, beside.get(LIMIT, 0.0))
    words = (
        "no faster than its work"
        if beside[OURS] <= work + NOISE
        else f"FASTER, from {low:,} to {high:,}"
    )
    return [f"{beside[peer]:.2f}" if peer in beside else NONE for peer in PEERS] + [words]


def tables(rows: Iterable[Row]) -> list[Table]:
    """Return the table of how steep each curve is, or none."""
    lines = [["", "unit", "from", "to", "values", *PEERS, "verdict"]]
    for curve in curves(rows):
        ours = curve.points.get(OURS)
        if ours:
            first, last = min(ours), max(ours)
            values = f"{number(ours[first])} → {number(ours[last])}"
            start = [curve.name, curve.unit, f"{first:,}", f"{last:,}", values]
            lines.append(start + verdict(curve))
    title = "growth: the exponent of the steepest tenfold"
    return [Table(title, "", lines)] if len(lines) > 1 else []


def drawn(rows: Iterable[Row]) -> str:
    """Return all curves as one SVG, logarithms on both axes."""
    found = curves(rows)
    peers = peers_of([row for row in rows if row.part == PART])
    title = "Growth: what one costs when there are many (lower is better)"
    parts = [svg.text(svg.MARGIN, 20, title, "start", "bold"), *svg.legend(peers, 36)]
    for place, curve in enumerate(found):
        parts += _curve(curve, place % ACROSS * WIDTH, TOP + place // ACROSS * HEIGHT)
    down = -(-len(found) // ACROSS)
    return svg.document(title, ACROSS * WIDTH, TOP + down * HEIGHT + svg.MARGIN, parts)


def _curve(curve: Curve, x: float, y: float) -> list[str]:
    left, top, right, bottom = INSIDE
    sizes = sorted({size for points in curve.points.values() for size in points})
    values = [value for points in curve.points.values() for value in points.values()]
    across = svg.Scale((sizes[0], sizes[-1]), (x + left, x + WIDTH - right))
    # whole tens, so that what is level looks level
    low, high = (
        10.0 ** math.floor(math.log10(min(values))),
        10.0 ** math.ceil(math.log10(max(values) * 1.01)),
    )
    up = svg.Scale((low, high), (y + HEIGHT - bottom, y + top))
    parts = [svg.text(x + svg.MARGIN, y + 18, f"{curve.name}, {curve.unit}", "start", "bold")]
    for value in up.powers(10):
        parts.append(svg.line([(x + left, up(value)), (x + WIDTH - right, up(value))], "#e4e4e4"))
        parts.append(svg.text(x + left - 5, up(value) + 4, f"{value:,g}", "end"))
    for size in {sizes[0], sizes[-1]}:
        anchor = "start" if size == sizes[0] else "end"
        parts.append(svg.text(across(size), y + HEIGHT - bottom + 16, f"{size:,}", anchor))
    for peer, points in curve.points.items():
        colour = svg.COLOURS.get(peer, "#000000")
        places = [(across(size), up(value), size) for size, value in sorted(points.items())]
        parts.append(svg.line([place[:2] for place in places], colour, 2))
        for px, py, size in places:
            tip = f"{peer}: {number(points[size])} {curve.unit} at {size:,}"
            parts.append(svg.dot(px, py, 3, colour, tip))
    return parts
