"""Every Python interpreter of this machine that really runs.

Names are ``python2.7``, ``python3.13``, ``pypy3``, ``jython``: the first of each
that answers wins, PATH before pyenv's versions. A command that is found but does
not run (a pyenv shim without its version) does not count.

``python testing/interpreters.py`` prints what it finds.
"""

from __future__ import annotations

import functools
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

COMMANDS = ["python2.7", *(f"python3.{minor}" for minor in range(6, 20)), "pypy3", "jython"]
PROBE = "import sys, platform; print(platform.python_implementation(), sys.version_info[:2])"
FOUND = "GATEWAYLIB_TEST_INTERPRETERS"
NAMES = {"CPython": "python{0}.{1}", "PyPy": "pypy{0}", "Jython": "jython"}


@functools.cache
def find() -> dict[str, str]:
    """Return what ``search`` does, having searched once for this process and its children."""
    if FOUND not in os.environ:
        os.environ[FOUND] = json.dumps(search())
    return json.loads(os.environ[FOUND])  # type: ignore[no-any-return]


def search() -> dict[str, str]:
    """Return name -> absolute path, oldest CPython first.

    Raises LookupError where one that GATEWAYLIB_EXPECT names (separated by spaces) is
    missing: a continuous integration machine says what it has, so that an interpreter
    it has lost is an error and not a test less.
    """
    # All at once: Jython alone needs two seconds to say its name.
    probes = [(path, _start_probe(path)) for path in _candidates()]
    found: dict[str, str] = {}
    for path, probe in probes:
        name = _answer(probe)
        if name is not None:
            found.setdefault(name, path)
    missing = sorted(set(os.environ.get("GATEWAYLIB_EXPECT", "").split()) - set(found))
    if missing:
        raise LookupError(f"this machine should have {missing} and has only {sorted(found)}")
    return {name: found[name] for name in sorted(found, key=_by_age)}


def _candidates() -> list[str]:
    paths = [sys.executable]
    for command in COMMANDS:
        on_path = shutil.which(command)
        if on_path is not None:
            paths.append(on_path)
    root = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv")
    paths.extend(str(path) for path in sorted(root.glob("versions/*/bin/python")))
    return paths


def _start_probe(path: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [path, "-c", "from __future__ import print_function; " + PROBE],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        universal_newlines=True,
    )


def _answer(probe: subprocess.Popen[str]) -> str | None:
    try:
        output, _ = probe.communicate(timeout=60)
    except subprocess.TimeoutExpired:
        probe.kill()
        probe.communicate()
        return None
    implementation, _, version = output.strip().partition(" ")
    if probe.returncode != 0 or implementation not in NAMES:
        return None
    return NAMES[implementation].format(*version.strip("()").split(", "))


def _by_age(name: str) -> tuple[bool, list[int]]:
    version = name.lstrip("abcdefghijklmnopqrstuvwxyz")
    return not name.startswith("python"), [int(part) for part in version.split(".") if part]


if __name__ == "__main__":
    for name, path in find().items():
        print(f"{name:<12} {path}")
