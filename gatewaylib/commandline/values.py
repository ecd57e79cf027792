# pure
"""How a result is written: as a line, a table's cell, or JSON."""

from __future__ import annotations

import math
from collections.abc import Sequence

CELL_WIDTH = 200  # characters of a result that a table shows


def as_line(value: object) -> str:
    """Return a value as a line of output: text as it is, anything else as its repr."""
    return value if isinstance(value, str) else repr(value)


def as_cell(text: str) -> str:
    """Return text for one cell of a table: on one line, and cut where it is long."""
    line = " ".join(text.split())
    return line if len(line) <= CELL_WIDTH else line[: CELL_WIDTH - 1] + "…"


def as_json(value: object) -> object:
    """Return a value as JSON can say it: tuples and sets as lists, what has no JSON as its repr.

    Keys that are not text, bytes, complex numbers and floats that are not finite have none.
    """
    if value is None or isinstance(value, (bool, int, str)):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else repr(value)
    if isinstance(value, dict):
        return {k if isinstance(k, str) else repr(k): as_json(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [as_json(item) for item in value]
    if isinstance(value, (set, frozenset)):
        return [as_json(item) for item in sorted(value, key=repr)]
    return repr(value)


def as_rows(value: object) -> tuple[list[str], list[list[object]]] | None:
    """Return (header, rows) of a list of dicts with the same keys; None for any other value."""
    if not isinstance(value, list) or not value or not isinstance(value[0], dict):
        return None
    header = list(value[0])
    if not header or any(not isinstance(row, dict) or list(row) != header for row in value):
        return None
    return [str(name) for name in header], [list(row.values()) for row in value]


def plain_table(header: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """Return a table as lines of text, two spaces between its columns, numbers to the right."""
    texts = [list(header)] + [[as_cell(as_line(cell)) for cell in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(*texts)]
    right = numeric_columns(header, rows)
    lines = []
    for row in texts:
        cells = [
            cell.rjust(width) if to_right else cell.ljust(width)
            for cell, width, to_right in zip(row, widths, right)
        ]
        lines.append("  ".join(cells).rstrip() + "\n")
    return "".join(lines)


def plain_records(header: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """Return a table as lines of text for where it is too wide: a line for each cell."""
    width = max(map(len, header))
    lines = []
    for row in rows:
        cells = [as_cell(as_line(cell)) for cell in row]
        lines.append(cells[0] + "\n")
        named = zip(header[1:], cells[1:])
        lines += [f"  {name.ljust(width)}  {cell}\n" for name, cell in named if cell]
    return "".join(lines)


def numeric_columns(header: Sequence[str], rows: Sequence[Sequence[object]]) -> list[bool]:
    """Return, for each column, whether all that is in it are numbers."""
    return [
        bool(rows) and all(isinstance(row[i], (int, float)) for row in rows)
        for i in range(len(header))
    ]
