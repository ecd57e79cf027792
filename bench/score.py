"""Targets beside results: which hold, as a table."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Sequence
from fnmatch import fnmatchcase
from typing import NamedTuple

from bench.forms import Table
from bench.measure import Row
from bench.report import NONE, OURS, REFERENCE, number, times
from bench.results import Result
from bench.targets import AT_MOST, TARGETS, Target


class Score(NamedTuple):
    """A target, the row that it is about, and what counts: a ratio, or our value itself."""

    target: Target
    row: Row
    counts: float

    @property
    def holds(self) -> bool:
        if self.target.sign == AT_MOST:
            return self.counts <= self.target.bound
        return self.counts >= self.target.bound


def score(target: Target, rows: Iterable[Row]) -> Score | None:
    """Return the score of the last row that the target fits; None if it was not measured."""
    fitting = [
        row
        for row in rows
        if row.part == target.part and fnmatchcase(row.figure.name, target.figure)
    ]
    if not fitting:
        return None
    row = fitting[-1]
    counts = row.ratio(OURS, target.peer) if target.peer else row.median(OURS)
    return None if counts is None else Score(target, row, counts)


def scores(
    results: Sequence[Result], targets: Sequence[Target] = TARGETS
) -> list[list[Score | None]]:
    """Return a line for each target that any of the results has; a column for each result."""
    lines = [[score(target, result.rows) for result in results] for target in targets]
    return [line for line in lines if any(line)]


def table(results: Sequence[Result]) -> list[Table]:
    """Return the table of targets; several results, of several Pythons, are side by side."""
    lines = scores(results)
    if not lines:
        return []
    header = ["", "beside", "target"]
    for result in results:
        header += [f"ours, {result.python}", "the peer's", "ratio", "holds"]
    cells = [header]
    for line in lines:
        first = next(each for each in line if each)
        target, row = first.target, first.row
        bound = f"{target.sign} {target.bound:g}" + (" ×" if target.peer else f" {row.figure.unit}")
        words = [f"{target.part}: {row.figure.name}", target.peer or NONE, bound]
        cells.append(words + [cell for each in line for cell in _cells(each)])
    return [Table("targets", summary(results, lines), cells, left=3)]


def summary(results: Sequence[Result], lines: Sequence[Sequence[Score | None]]) -> str:
    """Return the sentence that says how many hold."""
    said = []
    for result, column in zip(results, zip(*lines)):
        measured = [each for each in column if each]
        if not measured:
            continue
        hold = sum(each.holds for each in measured)
        rounds = statistics.median_low(len(each.row.values[OURS]) for each in measured)
        said.append(f"{result.python}: {hold} of {len(measured)} hold, by {rounds} rounds")
    return "; ".join(said) + "."


def _cells(found: Score | None) -> list[str]:
    if found is None:
        return [NONE] * 4
    row, peer = found.row, found.target.peer
    ours = f"{number(row.median(OURS))} {row.figure.unit}"
    ratio = times(found.counts) if peer else NONE
    return [ours, number(row.median(peer or REFERENCE)), ratio, "yes" if found.holds else "NO"]
