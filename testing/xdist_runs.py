"""Runs pytest as a user would, with workers, for the tests of gatewaylib in execnet's place."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
import xml.etree.ElementTree as xml
from pathlib import Path

from command_line import LIBRARY

TIMEOUT = 120.0  # seconds: a hang, and nothing else
PLUGIN = ("-p", "gatewaylib.xdist")
# Nothing is left in the directory, and what takes a while to import and is not used is not.
QUIETLY = ("-p", "no:cacheprovider", "-p", "no:hypothesispytest", "-W", "ignore")


def environment(**changes: str) -> dict[str, str]:
    """Return an environment in which pytest knows nothing of the pytest that runs it."""
    known = {k: v for k, v in os.environ.items() if not k.startswith(("PYTEST_", "COV_"))}
    return {**known, "PYTHONPATH": str(LIBRARY), "COLUMNS": "200", **changes}


def write(directory: Path, **files: str) -> None:
    """Write files, ``test_a="..."`` as ``test_a.py``; a ``pytest.ini`` marks it as the root."""
    for name, text in files.items():
        (directory / f"{name}.py").write_text(textwrap.dedent(text), encoding="utf-8")
    (directory / "pytest.ini").write_text("[pytest]\n", encoding="utf-8")


def command(*args: str, python: str = sys.executable, plugin: bool = True) -> list[str]:
    """Return the command line of a pytest whose execnet is gatewaylib."""
    ours = PLUGIN if plugin else ()
    return [python, "-m", "pytest", *QUIETLY, *ours, *args]


def run(
    directory: Path, *args: str, plugin: bool = True, timeout: float = TIMEOUT, **changes: str
) -> subprocess.CompletedProcess[str]:
    """Run pytest in the directory to its end."""
    return subprocess.run(
        command(*args, plugin=plugin),
        cwd=directory,
        env=environment(**changes),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        encoding="utf-8",
        timeout=timeout,
        check=False,
    )


def start(directory: Path, *args: str, **changes: str) -> subprocess.Popen[str]:
    """Start pytest in the directory as the leader of a process group, as a shell does."""
    return subprocess.Popen(
        command(*args),
        cwd=directory,
        env=environment(**changes),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
        start_new_session=True,
    )


def outcomes(report: Path) -> dict[str, str]:
    """Return test -> what came of it, of a JUnit report: "passed", "failed", "skipped" or "error".

    A skip or an expected failure is told with its reason.
    """
    found: dict[str, str] = {}
    for case in xml.parse(report).getroot().iter("testcase"):
        name = f"{case.get('classname')}::{case.get('name')}"
        words = [f"{e.tag} {e.get('message') or ''}" for e in case if e.tag in KINDS]
        what = "; ".join(KINDS[word.split()[0]] + _reason(word) for word in words) or "passed"
        # The same name twice is two tests; which of them came first says nothing.
        found[name] = " + ".join(sorted([*filter(None, [found.get(name)]), what]))
    return found


KINDS = {"failure": "failed", "error": "error", "skipped": "skipped"}


def _reason(word: str) -> str:
    return f": {word.partition(' ')[2]}" if word.startswith("skipped") else ""
