"""Draw the states of a channel's end from the table in the code: ``python doc/draw_states.py``.

Writes doc/explanation/channel_states.svg; a test holds that the committed one is this.
"""

from __future__ import annotations

import math
import sys
from pathlib import Path
from xml.sax.saxutils import escape

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from gatewaylib.shipped.channel_state import (  # noqa: E402
    CLOSED,
    CLOSING,
    GOT_LAST,
    LOSE,
    OPEN,
    SENT_LAST,
    TRANSITIONS,
)

DRAWING = ROOT / "doc" / "explanation" / "channel_states.svg"
WIDTH, HEIGHT, RADIUS = 860, 520, 52
PLACES = {
    OPEN: (100, 285),
    SENT_LAST: (430, 140),
    CLOSING: (430, 285),
    GOT_LAST: (430, 430),
    CLOSED: (760, 285),
}
STYLE = """
  text { font: 13px sans-serif; fill: #24292f; text-anchor: middle; }
  .name { font-weight: bold; font-size: 14px; }
  .stay { fill: #57606a; font-size: 12px; }
  circle { fill: #eef4fb; stroke: #2f6fb0; stroke-width: 2; }
  path { fill: none; stroke: #57606a; stroke-width: 1.5; marker-end: url(#tip); }
"""


def draw() -> str:
    """Return the drawing: an arrow for each pair of states with a move between them.

    ``lose`` leads from every state to closed, and is said once, below.
    """
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" '
        f'role="img" aria-label="States of one end of a channel">',
        f"<style>{STYLE}</style>",
        '<defs><marker id="tip" markerWidth="9" markerHeight="9" refX="8" refY="4" '
        'orient="auto"><path d="M0,0 L8,4 L0,8" style="marker-end:none"/></marker></defs>',
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#ffffff"/>',
    ]
    moves: dict[tuple[str, str], list[str]] = {}
    for state, row in TRANSITIONS.items():
        for event, following in row.items():
            if event != LOSE:
                moves.setdefault((state, following), []).append(event)
    for (state, following), events in moves.items():
        if state != following:
            parts += _arrow(state, following, ", ".join(events))
    for state, (x, y) in PLACES.items():
        stay = ", ".join(moves.get((state, state), []))
        parts.append(f'<circle cx="{x}" cy="{y}" r="{RADIUS}"/>')
        parts.append(f'<text class="name" x="{x}" y="{y}">{escape(state)}</text>')
        if stay:
            parts.append(f'<text class="stay" x="{x}" y="{y + 18}">{escape(stay)}</text>')
    parts.append(
        f'<text x="{WIDTH // 2}" y="{HEIGHT - 12}">In a circle: what leaves the state as it is. '
        "From every state, lose leads to closed.</text>"
    )
    return "\n".join([*parts, "</svg>", ""])


def _arrow(state: str, following: str, label: str) -> list[str]:
    (x1, y1), (x2, y2) = PLACES[state], PLACES[following]
    # The long way from open to closed goes over the states between them.
    bend = 0 if (state, following) != (OPEN, CLOSED) else -480
    middle_x, middle_y = (x1 + x2) / 2, (y1 + y2) / 2 + bend
    start, end = _edge(x1, y1, middle_x, middle_y), _edge(x2, y2, middle_x, middle_y)
    path = (
        f"M{start[0]:.0f},{start[1]:.0f} Q{middle_x:.0f},{middle_y:.0f} {end[0]:.0f},{end[1]:.0f}"
    )
    label_y = (y1 + y2) / 4 + middle_y / 2
    width = 7 * len(label) + 8
    return [
        f'<path d="{path}"/>',
        f'<rect x="{middle_x - width / 2:.0f}" y="{label_y - 11:.0f}" width="{width}" '
        'height="20" fill="#ffffff"/>',
        f'<text x="{middle_x:.0f}" y="{label_y + 4:.0f}">{escape(label)}</text>',
    ]


def _edge(x: float, y: float, towards_x: float, towards_y: float) -> tuple[float, float]:
    """Return where a line from the centre of a state leaves its circle."""
    distance = math.hypot(towards_x - x, towards_y - y)
    reach = (RADIUS + 3) / distance
    return x + (towards_x - x) * reach, y + (towards_y - y) * reach


if __name__ == "__main__":
    DRAWING.write_text(draw(), encoding="utf-8")
    print(DRAWING.relative_to(ROOT))
