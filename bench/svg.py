"""SVG, written by hand: so that a change of a figure is a small change of the file."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from html import escape

COLOURS = {
    "raw pipe": "#9a9a9a",
    "raw socketpair": "#c9c9c9",
    "pickle 5": "#9a9a9a",
    "gatewaylib": "#d1495b",
    "execnet": "#30343f",
    "mp.Pipe": "#2e86ab",
    "mp.Pool": "#7fb7be",
    "pyzmq": "#5b8e55",
    "RPyC": "#e0a458",
}
MARGIN = 10  # pixels


def document(title: str, width: float, height: float, parts: Iterable[str]) -> str:
    """Return a whole file; sizes are pixels."""
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" '
        f'viewBox="0 0 {width} {height}" font-family="sans-serif" font-size="12">\n'
        f"<title>{escape(title)}</title>\n"
        f'<rect width="{width}" height="{height}" fill="white"/>\n'
        + "".join(part + "\n" for part in parts)
        + "</svg>\n"
    )


def text(x: float, y: float, words: str, anchor: str = "start", weight: str = "normal") -> str:
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" font-weight="{weight}">'
        f"{escape(words)}</text>"
    )


def dot(x: float, y: float, radius: float, colour: str, tip: str) -> str:
    """Return a circle that says ``tip`` to whoever points at it."""
    return (
        f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{radius:g}" fill="{colour}">'
        f"<title>{escape(tip)}</title></circle>"
    )


def line(points: Sequence[tuple[float, float]], colour: str, width: float = 1) -> str:
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    return f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="{width:g}"/>'


def legend(names: Sequence[str], y: float) -> list[str]:
    """Return a line that says which colour is whose."""
    parts, x = [], MARGIN + 5
    for name in names:
        colour = COLOURS.get(name, "#000000")
        parts += [dot(x, y, 5, colour, name), text(x + 9, y + 4, name)]
        x += 24 + 8 * len(name)
    return parts


class Scale:
    """Values to pixels, by their logarithms; what lies beyond is drawn at the edge."""

    def __init__(self, values: tuple[float, float], pixels: tuple[float, float]) -> None:
        self.values, self.pixels = values, pixels

    def __call__(self, value: float) -> float:
        low, high = self.values
        first, last = self.pixels
        if low == high:
            return (first + last) / 2
        inside = min(high, max(low, value))
        return first + (last - first) * math.log(inside / low) / math.log(high / low)

    def powers(self, base: int) -> list[float]:
        """Return the powers of ``base`` that lie on the scale."""
        low, high = (math.log(value, base) for value in self.values)
        return [
            float(base) ** power
            for power in range(math.ceil(low - 1e-9), math.floor(high + 1e-9) + 1)
        ]
