"""How each kind of spec is started: one row a kind."""

from __future__ import annotations

import contextlib
import errno
import os
from collections.abc import Callable, Mapping
from typing import Any

from ..quoting import printable
from ..shipped.errors import GatewayError, StartError
from ..spec import Spec
from .commands import COMMANDS, WITH_ENVIRONMENT
from .connection import Remote
from .output import Output
from .process import LocalProcess

TOKEN_VARIABLE = "GATEWAYLIB_TOKEN"
# The gateway is the one of the spec's via=, already looked up.
Starter = Callable[[Spec, str, Output, Any], Remote]


def start_process(spec: Spec, boot: str, output: Output, via: Any = None) -> Remote:
    """Start what the spec says, to run the Python program ``boot``.

    Raises StartError if there is nothing to run.
    """
    return STARTERS[spec.kind](spec, boot, output, via)


def _by_command(spec: Spec, boot: str, output: Output, via: Any) -> Remote:
    argv = COMMANDS[spec.kind](spec, boot)
    own = spec.env if spec.kind in WITH_ENVIRONMENT else {}
    if via is not None:
        return _by_relay(spec, argv, own, output, via)
    env = {**os.environ, **own}
    if TOKEN_VARIABLE not in own:
        env.pop(TOKEN_VARIABLE, None)  # of a socket server, and for this process only
    try:
        return LocalProcess(argv, env, output, own_stdout=spec.kind == "popen")
    except OSError as error:
        raise StartError(_cannot_run(spec, argv[0], error, env), str(spec)) from error


def _by_relay(
    spec: Spec, argv: list[str], env: Mapping[str, str], output: Output, via: Any
) -> Remote:
    from .relayed import Relayed

    _need_threads(spec, via)
    if spec.kind == "popen" and spec.python is None:
        # The interpreter that is there, and not the one that is here.
        argv[0] = via._rinfo().executable or "python3"
    try:
        return Relayed(argv, env, output, via)
    except GatewayError as error:
        message = f"{spec.shown}: cannot be started from gateway {via.id}: {error}"
        raise StartError(message, str(spec)) from error


def _need_threads(spec: Spec, via: Any) -> None:
    if via.execmodel.green:
        # A start waits in threads, which these models do not know.
        raise StartError(
            f"{spec.shown}: via= needs threads at this end, not {via.execmodel.backend}; the other "
            f'ends may have it: set_execmodel("thread", "{via.execmodel.backend}")',
            str(spec),
        )


def why_not(error: OSError) -> str:
    """Say why something could not be had of the system, and what to do where that is known."""
    why = error.strerror or str(error)
    if error.errno in (errno.EMFILE, errno.ENFILE):
        why += "; each gateway takes six or seven descriptors: allow more of them (ulimit -n)"
    return why


def _cannot_run(spec: Spec, command: str, error: OSError, env: Mapping[str, str]) -> str:
    message = f"{spec.shown}: cannot run {printable(command)}: {why_not(error)}"
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


def _by_socket(spec: Spec, boot: str, output: Output, via: Any) -> Remote:
    from .tcp import start_socket

    if spec.via is not None:
        _need_threads(spec, via)
    return start_socket(spec, boot, output, via)


STARTERS: dict[str, Starter] = {**dict.fromkeys(COMMANDS, _by_command), "socket": _by_socket}
