"""Runs each plain test file on each interpreter of this machine: `tox -e every-python`.

Not named test_*, so that `pytest` alone leaves it out: it takes minutes.
"""

import re
import subprocess
from pathlib import Path

import interpreters
import pytest
import run_plain

HERE = Path(__file__).parent
PLAIN = sorted(path.name for path in HERE.glob("test_*.py") if run_plain.is_plain(str(path)))
# What an interpreter prints where an error has nobody to go to.
LOST = re.compile("Exception ignored|[Ee]xception in thread")


@pytest.mark.timeout(660)
@pytest.mark.parametrize("file", PLAIN)
@pytest.mark.parametrize("interpreter", interpreters.find())
def test_plain_tests_pass(interpreter: str, file: str) -> None:
    command = [interpreters.find()[interpreter], str(HERE / "run_plain.py"), str(HERE / file)]

    run = subprocess.run(command, capture_output=True, text=True, timeout=600, check=False)

    print(run.stdout, run.stderr, sep="\n")
    assert run.returncode == 0
    assert not LOST.search(run.stderr)
