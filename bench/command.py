"""The command line: which parts, which peers, how long, and where results go."""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from bench import bulk, chart, machine, memory, oneway, report, roundtrip, serializer, start, via
from bench.measure import FULL, QUICK, TINY, Effort, Row, say
from bench.peer import Peer
from bench.peers import all_peers, choose

DOC = Path(__file__).resolve().parent.parent / "doc" / "explanation"
PACKAGES = ("execnet", "rpyc")

Part = Callable[[Sequence[Peer], Effort], "list[Row]"]
PARTS: dict[str, Part] = {
    "roundtrip": roundtrip.measure,
    "oneway": oneway.measure,
    "bulk": bulk.measure,
    "serializer": serializer.measure,
    "start": start.measure,
    "memory": memory.measure,
    "via": via.measure,
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
        "--load", type=Path, metavar="FILE", help="measure nothing: take the results of --json"
    )
    parse.add_argument("--json", type=Path, metavar="FILE", help="write every value of each round")
    parse.add_argument("--rst", type=Path, metavar="FILE", help="write the tables")
    parse.add_argument("--markdown", type=Path, metavar="FILE", help="write the tables")
    parse.add_argument("--svg", type=Path, metavar="FILE", help="write the chart")
    parse.add_argument(
        "--doc", action="store_true", help="write what doc/explanation/speed.rst includes"
    )
    return parse


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command: the table goes to standard output, progress to standard error."""
    asked = parser().parse_args(arguments)
    # Remotes inherit it, and without bytecode a start would be compiling above all.
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    if asked.load:
        about, rows = report.from_json(asked.load.read_text(encoding="utf-8"))
    else:
        effort = TINY if asked.tiny else QUICK if asked.quick else FULL
        about, rows = machine.describe(PACKAGES), run(asked.only, choose(asked.peer), effort)
    if asked.doc:
        asked.json = asked.json or DOC / "speed.json"
        asked.rst = asked.rst or DOC / "speed_table.inc"
        asked.svg = asked.svg or DOC / "speed.svg"
    for path, written in (
        (asked.json, report.to_json(about, rows)),
        (asked.rst, report.rst(about, rows)),
        (asked.markdown, report.markdown(about, rows)),
        (asked.svg, chart.svg(rows)),
    ):
        if path:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(written, encoding="utf-8")
    sys.stdout.write(report.text(about, rows))


def run(parts: Sequence[str], peers: Sequence[Peer], effort: Effort) -> list[Row]:
    """Measure the named parts, or all, and return their rows."""
    rows: list[Row] = []
    for name in parts or PARTS:
        begin = time.monotonic()
        rows += PARTS[name](peers, effort)
        say(f"{name}: {time.monotonic() - begin:.0f} s")
    return rows
