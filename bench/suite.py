"""pytest-xdist over a generated suite of quick tests: on gatewaylib, and on execnet."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from bench.effort import Effort
from bench.measure import LESS, Contender, Figure, Row, paired, say
from bench.peer import Peer

PART = "pytest-xdist"
ROOT = Path(__file__).resolve().parent.parent
IN_A_FILE = 100
PATIENCE = 120.0  # seconds a run may take and is still repeated
# what makes xdist use the one or the other
PLUGINS = {"gatewaylib": ("-p", "gatewaylib.xdist"), "execnet": ()}
TEST = "def test_{0}():\n    assert {0} + 1 > {0}\n\n\n"


def measure(peers: Sequence[Peer], effort: Effort) -> list[Row]:
    """Return a row of the seconds that the whole run takes."""
    if importlib.util.find_spec("xdist") is None:
        return []
    figure = Figure(f"-n 2, {effort.suite:,} quick tests", "s", LESS)
    say(f"{PART}: {figure.name}")
    with tempfile.TemporaryDirectory(prefix="bench-suite-") as folder:
        write(Path(folder), effort.suite)
        contenders = {
            peer.name: _run(folder, PLUGINS[peer.name], figure, effort.suite)
            for peer in peers
            if peer.name in PLUGINS
        }
        return paired(PART, contenders, effort.suite_rounds, PATIENCE)


def write(folder: Path, tests: int) -> None:
    """Write so many tests, which do nothing, into files of a hundred."""
    (folder / "pytest.ini").write_text("[pytest]\n", encoding="utf-8")
    for first in range(0, tests, IN_A_FILE):
        numbers = range(first, min(tests, first + IN_A_FILE))
        text = "".join(map(TEST.format, numbers))
        (folder / f"test_from_{first}.py").write_text(text, encoding="utf-8")


def _run(folder: str, plugin: Sequence[str], figure: Figure, tests: int) -> Contender:
    # nothing of a pytest that we may be in, nor of its options
    environment = {name: value for name, value in os.environ.items() if "PYTEST" not in name}
    environment["PYTHONPATH"] = str(ROOT)
    options = ["-q", "-n", "2", "-p", "no:cacheprovider", *plugin]

    def round_() -> Mapping[Figure, float]:
        begin = time.perf_counter()
        command = [sys.executable, "-m", "pytest", *options, folder]
        result = subprocess.run(
            command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, cwd=folder, env=environment
        )
        took = time.perf_counter() - begin
        if result.returncode or f"{tests} passed".encode() not in result.stdout:
            raise RuntimeError(result.stdout.decode(errors="replace"))
        return {figure: took}

    return round_
