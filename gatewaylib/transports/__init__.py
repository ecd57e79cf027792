"""How each kind of spec is started: one row a kind."""

from __future__ import annotations

import contextlib
import errno
import os
import sys
from collections.abc import Callable, Mapping

from ..shipped.errors import SpecError, StartError
from ..spec import Spec
from .output import Output
from .process import LocalProcess

Starter = Callable[[Spec, str, Output], LocalProcess]


def start_process(spec: Spec, boot: str, output: Output) -> LocalProcess:
    """Start what the spec says, to run the Python program ``boot``.

    Raises StartError if there is nothing to run.
    """
    return STARTERS[spec.kind](spec, boot, output)


def python_command(spec: Spec) -> list[str]:
    """Return the interpreter of a spec, with the arguments that come with it."""
    if spec.python is None:
        return [sys.executable]
    import shlex

    try:
        words = shlex.split(spec.python)
    except ValueError as error:
        raise SpecError(f"python={spec.python}: {error}") from None
    if not words:
        raise SpecError(f"python={spec.python}: is empty")
    return words


def _popen(spec: Spec, boot: str, output: Output) -> LocalProcess:
    flags = ["-u"] + ["-B"] * spec.dont_write_bytecode
    argv = [*python_command(spec), *flags, "-c", boot]
    env = {**os.environ, **spec.env}
    try:
        return LocalProcess(argv, env, output)
    except OSError as error:
        raise StartError(_cannot_run(spec, argv[0], error, env), str(spec)) from error


def why_not(error: OSError) -> str:
    """Say why something could not be had of the system, and what to do where that is known."""
    why = error.strerror or str(error)
    if error.errno in (errno.EMFILE, errno.ENFILE):
        why += "; each gateway takes five descriptors: allow more of them (ulimit -n)"
    return why


def _cannot_run(spec: Spec, command: str, error: OSError, env: Mapping[str, str]) -> str:
    message = f"{spec}: cannot run {command}: {why_not(error)}"
    if isinstance(error, FileNotFoundError) and os.path.exists(command):
        message += "; it is there, but not the interpreter that its first line (#!) names"
    elif isinstance(error, FileNotFoundError) and not os.path.dirname(command):
        import difflib

        near = difflib.get_close_matches(os.path.basename(command), _pythons_on_path(env), 3)
        message += f"; on the PATH are {', '.join(near)}" if near else "; is it on the PATH?"
    return message


def _pythons_on_path(env: Mapping[str, str]) -> set[str]:
    names: set[str] = set()
    for folder in env.get("PATH", os.defpath).split(os.pathsep):
        with contextlib.suppress(OSError):
            found = os.listdir(folder or ".")
            names.update(name for name in found if name.startswith(("python", "pypy", "jython")))
    return names


STARTERS: dict[str, Starter] = {"popen": _popen}
