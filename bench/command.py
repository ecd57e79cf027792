"""The command line: which parts, which peers, how long, and where results go."""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from bench import (
    bulk,
    chart,
    crowd,
    curves,
    growth,
    machine,
    memory,
    oneway,
    report,
    roundtrip,
    score,
    serializer,
    start,
    suite,
    tasks,
    via,
)
from bench.effort import FULL, QUICK, TINY, Effort
from bench.forms import Table, markdown, rst, text
from bench.measure import Row, say
from bench.peer import Peer
from bench.peers import all_peers, choose
from bench.results import Result, from_json, to_json

DOC = Path(__file__).resolve().parent.parent / "doc" / "explanation"
PACKAGES = ("execnet", "rpyc", "pyzmq", "pytest-xdist")

Part = Callable[[Sequence[Peer], Effort], "list[Row]"]
PARTS: dict[str, Part] = {
    "roundtrip": roundtrip.measure,
    "crowd": crowd.measure,
    "oneway": oneway.measure,
    "bulk": bulk.measure,
    "serializer": serializer.measure,
    "start": start.measure,
    "memory": memory.measure,
    "tasks": tasks.measure,
    "via": via.measure,
    "xdist": suite.measure,
    "growth": growth.measure,
}


def parser() -> argparse.ArgumentParser:
    names = ", ".join(peer.name for peer in all_peers())
    parse = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parse.add_argument("--quick", action="store_true", help="under a minute, and rougher")
    parse.add_argument("--tiny", action="store_true", help="only to see that everything runs")
    parse.add_argument(
        "--only", action="append", choices=list(PARTS), default=[], help="this part; repeat it"
    )
    parse.add_argument(
        "--peer", action="append", default=[], metavar="NAME", help=f"one of {names}; repeat it"
    )
    parse.add_argument(
        "--load",
        type=Path,
        action="append",
        default=[],
        metavar="FILE",
        help="measure nothing: take the results of --json; repeat it for those of other Pythons",
    )
    parse.add_argument("--json", type=Path, metavar="FILE", help="write every value of each round")
    parse.add_argument("--rst", type=Path, metavar="FILE", help="write the tables")
    parse.add_argument("--markdown", type=Path, metavar="FILE", help="write the tables")
    parse.add_argument("--svg", type=Path, metavar="FILE", help="write the chart of all figures")
    parse.add_argument(
        "--doc", action="store_true", help="write what doc/explanation/speed.rst includes"
    )
    return parse


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command: the tables go to standard output, progress to standard error."""
    asked = parser().parse_args(arguments)
    # Remotes inherit it, and without bytecode a start would be compiling above all.
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    if asked.load:
        results = [from_json(path.read_text(encoding="utf-8")) for path in asked.load]
    else:
        effort = TINY if asked.tiny else QUICK if asked.quick else FULL
        before = machine.describe(PACKAGES)
        results = [Result(before, run(asked.only, choose(asked.peer), effort))]
    tables = all_tables(results)
    if asked.json:
        write(asked.json, to_json(results[0]))
    if asked.rst:
        write(asked.rst, rst(tables))
    if asked.markdown:
        write(asked.markdown, markdown(tables))
    if asked.svg:
        write(asked.svg, chart.against_execnet(results[0].rows))
    if asked.doc:
        write_doc(results, DOC)
    sys.stdout.write(text(tables))


def run(parts: Sequence[str], peers: Sequence[Peer], effort: Effort) -> list[Row]:
    """Measure the named parts, or all, and return their rows."""
    rows: list[Row] = []
    for name in parts or PARTS:
        begin = time.monotonic()
        rows += PARTS[name](peers, effort)
        say(f"{name}: {time.monotonic() - begin:.0f} s")
    return rows


def all_tables(results: Sequence[Result]) -> list[Table]:
    """Return the table of targets first, then, for each result, those of its parts."""
    tables = score.table(results)
    for result in results:
        tables += report.tables(result) + curves.tables(result.rows)
    return tables


def write_doc(results: Sequence[Result], folder: Path) -> None:
    """Write what the page includes; where several results are drawn as one, the first is it."""
    first = results[0].rows
    for result in results:
        name = result.python.lower().replace(" ", "-")
        write(folder / f"speed-{name}.json", to_json(result))
    write(folder / "speed_targets.inc", rst(score.table(results)))
    details = [table for result in results for table in report.tables(result)]
    write(folder / "speed_table.inc", rst(details))
    write(folder / "speed_growth.inc", rst(curves.tables(first)))
    write(folder / "speed.svg", chart.against_execnet(first))
    write(folder / "speed_targets.svg", chart.against_targets(results))
    write(folder / "speed_growth.svg", curves.drawn(first))


def write(path: Path, written: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(written, encoding="utf-8")
