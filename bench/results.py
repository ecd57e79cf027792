"""A result: every value of each round, and the machine they hold for, to JSON and back."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, NamedTuple

from bench.measure import Figure, Row


class Result(NamedTuple):
    """What one run measured.

    Attributes:
        machine: what ``machine.describe`` told before it.
        rows: in the order in which they were measured.
    """

    machine: dict[str, str]
    rows: Sequence[Row]

    @property
    def python(self) -> str:
        """The interpreter's name and version, as short as columns are: "CPython 3.13"."""
        return ".".join(self.machine["python"].split(".")[:2])


def to_json(result: Result) -> str:
    rows = [
        {"part": row.part, "figure": list(row.figure), "values": row.values} for row in result.rows
    ]
    return json.dumps({"machine": result.machine, "rows": rows}, indent=1) + "\n"


def from_json(text: str) -> Result:
    """Return what ``to_json`` was given."""
    data: dict[str, Any] = json.loads(text)
    rows = [Row(row["part"], Figure(*row["figure"]), row["values"]) for row in data["rows"]]
    return Result(data["machine"], rows)
