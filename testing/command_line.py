"""Runs the real command, for the tests of the command line."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import gatewaylib

# The directory of the gatewaylib that this process tests: the wheel's, or the tree's.
LIBRARY = Path(gatewaylib.__file__).resolve().parent.parent
COMMAND = [sys.executable, "-m", "gatewaylib"]
TIMEOUT = 120.0  # seconds: a hang, and nothing else


def environment(**changes: str) -> dict[str, str]:
    """Return an environment in which the command is the one that is tested, in any directory."""
    known = {name: value for name, value in os.environ.items() if name not in VARIABLES}
    return {**known, "PYTHONPATH": str(LIBRARY), **changes}


# They would change how the output looks.
VARIABLES = {"NO_COLOR", "FORCE_COLOR", "COLUMNS", "TTY_COMPATIBLE", "TTY_INTERACTIVE", "TERM"}


def call(*args: str, cwd: Path, text: str = "") -> subprocess.CompletedProcess[str]:
    """Run the command to its end with ``text`` as its stdin."""
    return subprocess.run(
        [*COMMAND, *args],
        cwd=cwd,
        env=environment(),
        input=text,
        capture_output=True,
        encoding="utf-8",
        timeout=TIMEOUT,
        check=False,
    )


def start(*args: str, cwd: Path, stdin: int = subprocess.DEVNULL) -> subprocess.Popen[str]:
    """Start the command as the leader of a process group of its own, as a shell does."""
    return subprocess.Popen(
        [*COMMAND, *args],
        cwd=cwd,
        env=environment(),
        stdin=stdin,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
        start_new_session=True,
    )
