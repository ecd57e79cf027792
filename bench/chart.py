"""The chart: how many times better than execnet each peer is, a line for each figure (SVG).

Written by hand and not by a library, so that a change of a figure is a small change of the file.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from html import escape

from bench.measure import LESS, Row
from bench.report import OURS, REFERENCE, by_part, number, peers_of

COLOURS = {
    "raw pipe": "#9a9a9a",
    "raw socketpair": "#c9c9c9",
    "pickle 5": "#9a9a9a",
    "gatewaylib": "#d1495b",
    "execnet": "#30343f",
    "mp.Pipe": "#2e86ab",
    "mp.Pool": "#7fb7be",
    "RPyC": "#e0a458",
}
LEFT, WIDTH, RIGHT, LINE, TOP = 290, 500, 80, 20, 84  # pixels
LOWEST, HIGHEST = 1 / 32, 64.0  # times execnet; what lies beyond is drawn at the edge


def better(row: Row, peer: str) -> float | None:
    """Return how many times better than execnet a peer is; below 1 is worse."""
    ratio = row.ratio(peer, REFERENCE)
    if not ratio or ratio <= 0:
        return None
    return 1 / ratio if row.figure.better == LESS else ratio


def svg(rows: Iterable[Row]) -> str:
    """Return the chart of all rows in which execnet has a value."""
    shown = [row for row in rows if row.values.get(REFERENCE)]
    parts = by_part(shown)
    height = TOP + LINE * (len(shown) + 2 * len(parts)) + 10
    width = LEFT + WIDTH + RIGHT
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" '
        f'viewBox="0 0 {width} {height}" font-family="sans-serif" font-size="12">',
        f"<title>Times better than {REFERENCE}</title>",
        f'<rect width="{width}" height="{height}" fill="white"/>',
    ]
    lines += _legend(peers_of(shown))
    lines += _grid(height)
    y = TOP
    for part, members in parts.items():
        y += LINE
        lines.append(_text(10, y + 4, part.capitalize(), "start", "bold"))
        for row in members:
            y += LINE
            lines += _row(row, y)
        y += LINE
    return "\n".join([*lines, "</svg>"]) + "\n"


def _x(times: float) -> float:
    inside = min(HIGHEST, max(LOWEST, times))
    return LEFT + WIDTH * math.log(inside / LOWEST) / math.log(HIGHEST / LOWEST)


def _row(row: Row, y: float) -> list[str]:
    lines = [_text(LEFT - 12, y + 4, row.figure.name, "end")]
    lines.append(f'<path d="M{LEFT} {y}H{LEFT + WIDTH}" stroke="#eeeeee"/>')
    for peer in sorted(peers_of([row]), key=lambda peer: peer == OURS):
        times = better(row, peer)
        if times is None:
            continue
        radius = 5.5 if peer == OURS else 4
        tip = f"{peer}: {number(row.median(peer))} {row.figure.unit}, {times:.2f} times"
        lines.append(
            f'<circle cx="{_x(times):.1f}" cy="{y}" r="{radius}" '
            f'fill="{COLOURS.get(peer, "#000000")}"><title>{escape(tip)}</title></circle>'
        )
        if peer == OURS:
            lines.append(_text(LEFT + WIDTH + 12, y + 4, f"{number(times)} ×"))
    return lines


def _grid(height: float) -> list[str]:
    lines = []
    for power in range(int(math.log2(LOWEST)), int(math.log2(HIGHEST)) + 1):
        times = 2.0**power
        stroke = "#888888" if power == 0 else "#e4e4e4"
        lines.append(f'<path d="M{_x(times):.1f} {TOP}V{height - 10}" stroke="{stroke}"/>')
        name = f"{times:g} ×" if power >= 0 else f"1/{2**-power}"
        lines.append(_text(_x(times), TOP - 6, name, "middle"))
    return lines


def _legend(peers: Sequence[str]) -> list[str]:
    lines = [_text(10, 20, f"Times better than {REFERENCE} (right is better)", "start", "bold")]
    x = 15
    for peer in peers:
        lines.append(f'<circle cx="{x}" cy="36" r="5" fill="{COLOURS.get(peer, "#000000")}"/>')
        lines.append(_text(x + 9, 40, peer))
        x += 24 + 8 * len(peer)
    return lines


def _text(x: float, y: float, words: str, anchor: str = "start", weight: str = "normal") -> str:
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" font-weight="{weight}">'
        f"{escape(words)}</text>"
    )
