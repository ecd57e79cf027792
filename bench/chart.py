"""Two charts of dots: times better than execnet, and times better than each target."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial

from bench import svg
from bench.measure import LESS, Row
from bench.report import OURS, REFERENCE, by_part, number, peers_of
from bench.results import Result
from bench.score import Score, scores
from bench.targets import AT_MOST

# what draws the dots of a line at a height
Draw = Callable[[float], list[str]]
LEFT, WIDTH, RIGHT, LINE, TOP = 420, 500, 80, 20, 84  # pixels
GOOD, BAD = "#2a9d5c", "#d1495b"


def better(row: Row, peer: str) -> float | None:
    """Return how many times better than execnet a peer is; below 1 is worse."""
    ratio = row.ratio(peer, REFERENCE)
    if not ratio or ratio <= 0:
        return None
    return 1 / ratio if row.figure.better == LESS else ratio


def against_execnet(rows: Iterable[Row]) -> str:
    """Return the chart of all rows in which execnet has a value; curves have their own."""
    shown = [row for row in rows if row.values.get(REFERENCE) and row.figure.at is None]
    scale = svg.Scale((1 / 32, 64), (LEFT, LEFT + WIDTH))

    def dots(row: Row, y: float) -> list[str]:
        parts = []
        for peer in sorted(peers_of([row]), key=lambda peer: peer == OURS):
            times = better(row, peer)
            if times is None:
                continue
            radius = 5.5 if peer == OURS else 4
            tip = f"{peer}: {number(row.median(peer))} {row.figure.unit}, {times:.2f} times"
            parts.append(svg.dot(scale(times), y, radius, svg.COLOURS.get(peer, "#000000"), tip))
            if peer == OURS:
                parts.append(svg.text(LEFT + WIDTH + 12, y + 4, f"{number(times)} ×"))
        return parts

    groups: dict[str, list[tuple[str, Draw]]] = {
        part: [(row.figure.name, partial(dots, row)) for row in members]
        for part, members in by_part(shown).items()
    }
    title = f"Times better than {REFERENCE} (right is better)"
    return _chart(title, svg.legend(peers_of(shown), 36), groups, scale)


def against_targets(results: Sequence[Result]) -> str:
    """Return the chart of how many times better than each target ours is, in each result."""
    scale = svg.Scale((1 / 16, 16), (LEFT, LEFT + WIDTH))

    def dots(line: Sequence[Score | None], y: float) -> list[str]:
        parts = []
        for place, (result, found) in enumerate(zip(results, line)):
            if found is None:
                continue
            times = margin(found)
            tip = f"{result.python}: {times:.2f} times better than {found.target.bound:g}"
            # one after the other where they would be on top of each other
            height = y - 3 * (len(results) - 1) + 6 * place
            parts.append(svg.dot(scale(times), height, 4.5, GOOD if found.holds else BAD, tip))
        return parts

    groups: dict[str, list[tuple[str, Draw]]] = {}
    for line in scores(results):
        first = next(each for each in line if each)
        name = first.row.figure.name + (f" ({first.target.peer})" if first.target.peer else "")
        groups.setdefault(first.target.part, []).append((name, partial(dots, line)))
    legend = svg.text(15, 40, "green: holds; red: does not; above one another: Pythons, in order")
    return _chart("Times better than the target (right is better)", [legend], groups, scale)


def margin(found: Score) -> float:
    """Return how many times better than its bound a score is; what is 0 is as good as can be."""
    bound, counts = found.target.bound, found.counts
    if bound <= 0 or counts <= 0:
        return math.inf if found.holds else 0.0
    return bound / counts if found.target.sign == AT_MOST else counts / bound


def _chart(
    title: str,
    legend: Sequence[str],
    groups: Mapping[str, Sequence[tuple[str, Draw]]],
    scale: svg.Scale,
) -> str:
    """Return lines of dots: a name each, and what draws its dots at a height."""
    height = TOP + LINE * sum(len(members) + 2 for members in groups.values()) + svg.MARGIN
    parts = [svg.text(svg.MARGIN, 20, title, "start", "bold"), *legend]
    for times in scale.powers(2):
        x, colour = scale(times), "#888888" if times == 1 else "#e4e4e4"
        parts.append(svg.line([(x, TOP), (x, height - svg.MARGIN)], colour))
        name = f"{times:g} ×" if times >= 1 else f"1/{1 / times:g}"
        parts.append(svg.text(x, TOP - 6, name, "middle"))
    y = TOP
    for group, members in groups.items():
        y += LINE
        parts.append(svg.text(svg.MARGIN, y + 4, group.capitalize(), "start", "bold"))
        for name, draw in members:
            y += LINE
            parts.append(svg.text(LEFT - 12, y + 4, name, "end"))
            parts.append(svg.line([(LEFT, y), (LEFT + WIDTH, y)], "#eeeeee"))
            parts += draw(y)
        y += LINE
    return svg.document(title, LEFT + WIDTH + RIGHT, height, parts)
