"""A result as tables: a part each, with a column for each peer."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from bench.forms import Table
from bench.measure import Row
from bench.results import Result

REFERENCE, OURS = "execnet", "gatewaylib"
PEERS = (
    "raw pipe",
    "raw socketpair",
    "pickle 5",
    "gatewaylib",
    "execnet",
    "mp.Pipe",
    "mp.Pool",
    "pyzmq",
    "RPyC",
)
NONE = "–"


def tables(result: Result) -> list[Table]:
    """Return a table for each part; above the first, the sentence about the machine."""
    before = about(result.machine)
    found = []
    for part, rows in by_part(result.rows).items():
        found.append(Table(part, before, cells(rows)))
        before = ""
    return found


def cells(rows: Sequence[Row]) -> list[list[str]]:
    """Return a table as text, its header first: medians, and ours by execnet's."""
    peers = peers_of(rows)
    table = [["", "unit", *peers, f"{OURS} / {REFERENCE}"]]
    for row in rows:
        values = [number(row.median(peer)) for peer in peers]
        table.append([label(row), row.figure.unit, *values, times(row.ratio(OURS, REFERENCE))])
    return table


def label(row: Row) -> str:
    name, at = row.figure.name, row.figure.at
    return name if at is None else f"{name}: {at:,}"


def by_part(rows: Iterable[Row]) -> dict[str, list[Row]]:
    parts: dict[str, list[Row]] = {}
    for row in rows:
        parts.setdefault(row.part, []).append(row)
    return parts


def peers_of(rows: Sequence[Row]) -> list[str]:
    """Return the peers that have a value in any of the rows, limits first."""
    named = {peer for row in rows for peer in row.values}
    return [peer for peer in PEERS if peer in named] + sorted(named - set(PEERS))


def number(value: float | None) -> str:
    """Return three digits that matter, thousands parted."""
    if value is None:
        return NONE
    size = abs(value)
    if size >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if size >= 10 else f"{value:.2f}"


def times(ratio: float | None) -> str:
    return NONE if ratio is None else f"{ratio:.2f} ×"


def about(machine: dict[str, str]) -> str:
    """Return the sentence that says what the figures hold for."""
    known = dict(machine)
    python, system = known.pop("python"), known.pop("system")
    cores, processor = known.pop("cores"), known.pop("processor")
    load = known.pop("load", "unknown")
    versions = ", ".join(f"{package} {version}" for package, version in known.items())
    versions = f", {versions}" if versions else ""
    return f"{python}{versions}; {system}, {cores} cores, {processor}; load before: {load}."
