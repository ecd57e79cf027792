"""Run other projects' own test suites in workers, by execnet and by gatewaylib, and compare.

``python .ci/suites.py [PROJECT...]`` downloads each project's sdist from the package index,
unpacks it, installs it with what its tests ask for into one environment, and runs its tests
twice under ``-n 2``. The outcome of every test has to be the same; it exits with 1 if not.

It needs the network, and only pip: the environment is made in a temporary directory.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "testing")]

from xdist_runs import PLUGIN, environment, outcomes  # noqa: E402

# project -> where its sdist has the tests, and what they import besides pytest
PROJECTS = {
    "iniconfig": ("testing", []),
    "pluggy": ("testing", []),
    "more-itertools": ("tests", []),
}
TIMEOUT = 150.0  # seconds for one suite


def call(*words: str | Path) -> None:
    """Run a command, its output being ours; raise CalledProcessError where it fails."""
    subprocess.run([str(word) for word in words], check=True, stdin=subprocess.DEVNULL)


def unpack(python: Path, project: str, folder: Path) -> Path:
    """Download a project's sdist and unpack it; return the directory that it is."""
    target = folder / project
    index = ("--disable-pip-version-check", "-q", "--no-deps", "--no-binary", project)
    call(python, "-m", "pip", "download", *index, "-d", target, project)
    [archive] = target.glob("*.tar.gz")
    with tarfile.open(archive) as sdist:
        sdist.extractall(target / "sdist", **_CHECKED)
    [directory] = (target / "sdist").iterdir()
    return directory


# Python 3.9's early releases know no filter.
_CHECKED = {"filter": "data"} if hasattr(tarfile, "data_filter") else {}


def run(python: Path, directory: Path, tests: str, report: Path, plugin: bool) -> dict[str, str]:
    """Run a suite in two workers; return test -> what came of it."""
    args = ["-q", "-p", "no:cacheprovider", "-n", "2", f"--junitxml={report}", tests]
    done = subprocess.run(
        [str(python), "-m", "pytest", *(PLUGIN if plugin else ()), *args],
        cwd=directory,
        env=environment(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        timeout=TIMEOUT,
        check=False,
    )
    if done.returncode not in (0, 1):
        raise SystemExit(f"{directory.name}: pytest ended with {done.returncode}\n{done.stdout}")
    return outcomes(report)


def compare(project: str, ours: dict[str, str], theirs: dict[str, str]) -> bool:
    """Print what differs, or that nothing does; return which of them it was."""
    different = [name for name in sorted({*ours, *theirs}) if ours.get(name) != theirs.get(name)]
    for name in different:
        print(f"{project}: {name}: {ours.get(name)} by gatewaylib, {theirs.get(name)} by execnet")
    if not different:
        print(f"{project}: {len(ours)} tests, the outcome of each is the same")
    return not different and bool(ours)


def main(projects: list[str]) -> int:
    """Compare the projects; return the exit status."""
    with tempfile.TemporaryDirectory(prefix="gatewaylib-suites-") as name:
        folder = Path(name)
        call(sys.executable, "-m", "venv", folder / "env")
        python = folder / "env" / "bin" / "python"
        sources = {project: unpack(python, project, folder) for project in projects}
        needed = [more for project in projects for more in PROJECTS[project][1]]
        call(
            python,
            "-m",
            "pip",
            "install",
            "-q",
            "pytest",
            "pytest-xdist",
            *needed,
            *sources.values(),
        )
        same = []
        for project, directory in sources.items():
            tests = PROJECTS[project][0]
            theirs = run(python, directory, tests, folder / "execnet.xml", plugin=False)
            ours = run(python, directory, tests, folder / "gatewaylib.xml", plugin=True)
            same.append(compare(project, ours, theirs))
    return 0 if all(same) else 1


if __name__ == "__main__":
    os.environ.setdefault("PIP_DISABLE_PIP_VERSION_CHECK", "1")
    sys.exit(main(sys.argv[1:] or list(PROJECTS)))
