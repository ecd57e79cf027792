"""Local sides in processes of their own, for tests that kill them."""

from __future__ import annotations

import contextlib
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from command_line import environment

PROGRAM = """
import sys
sys.path.insert(0, {testing!r})
import gatewaylib
group = gatewaylib.Group()
{code}
print(*pids, flush=True)
sys.stdin.read()
"""


@contextlib.contextmanager
def local_side(code: str) -> Iterator[tuple[subprocess.Popen[str], list[int]]]:
    """Run code that starts gateways in ``group``; give its process, and its ``pids``.

    What it sets as ``pids``, process ids, are those the test is about. It may import what
    is in the tests' folder, and waits then until it is killed or the test is over.
    """
    program = PROGRAM.format(testing=str(Path(__file__).parent), code=code)
    with subprocess.Popen(
        [sys.executable, "-c", program],
        env=environment(),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        encoding="utf-8",
    ) as process:
        assert process.stdout is not None
        yield process, [int(word) for word in process.stdout.readline().split()]
