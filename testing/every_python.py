"""What must hold on every interpreter of this machine: `tox -e every-python`.

Not named test_*, so that `pytest` alone leaves it out: it takes minutes.
"""

import os
import re
import subprocess
from pathlib import Path

import interpreters
import pytest
import run_plain
from documented import README, ROOT, program, promised

HERE = Path(__file__).parent
PLAIN = sorted(path.name for path in HERE.glob("test_*.py") if run_plain.is_plain(str(path)))
# This end runs on these; python3.6 to 3.8 may be the other end only.
LOCAL = [name for name in interpreters.find() if not re.match("python(2.7|3.[678])$|jython", name)]
# What an interpreter prints where an error has nobody to go to.
LOST = re.compile("Exception ignored|[Ee]xception in thread")


def run(interpreter, *arguments, timeout, **environ):
    command = [interpreters.find()[interpreter], *map(str, arguments)]
    done = subprocess.run(
        command,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
        env={**os.environ, **environ},
    )
    print(done.stdout, done.stderr, sep="\n")
    assert not LOST.search(done.stderr)
    return done


@pytest.mark.timeout(660)
@pytest.mark.parametrize("file", PLAIN)
@pytest.mark.parametrize("interpreter", interpreters.find())
def test_plain_tests_pass(interpreter, file):
    done = run(interpreter, HERE / "run_plain.py", HERE / file, timeout=600)

    assert done.returncode == 0


@pytest.mark.parametrize("interpreter", LOCAL)
def test_the_tour_of_readme_runs_at_this_end(interpreter, tmp_path):
    tour = tmp_path / "tour.py"
    tour.write_text(program(README), encoding="utf-8")

    done = run(interpreter, "-W", "error", tour, timeout=120, PYTHONPATH=str(ROOT))

    assert done.stdout.splitlines() == promised(program(README))
