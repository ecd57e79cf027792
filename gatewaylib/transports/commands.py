# pure
"""From a spec to a command: how each kind of gateway comes by an interpreter's stdio.

A new kind is a function from a spec and the interpreter's own command to an argv, and a row
in ``COMMANDS``. What such a command prints to stdout is the wire, and a prompt would wait
for ever on it: where a program can be told to ask nothing, it is.
"""

from __future__ import annotations

import shlex
import sys
from collections.abc import Callable

from ..shipped.errors import SpecError
from ..spec import Spec

# What a shell at the other end takes for python, if nobody says.
ANY_PYTHON = "$(command -v python3 || command -v python || echo python3)"


def words_of(spec: Spec, name: str) -> list[str]:
    """Return the words of the spec's value of that name, quoted as in a shell."""
    text = getattr(spec, name) or ""
    try:
        words = shlex.split(text)
    except ValueError as error:
        raise SpecError(f"{_key(spec, name)}={text}: {error}") from None
    if not words:
        raise SpecError(f"{_key(spec, name)}={text}: is empty")
    return words


def _key(spec: Spec, name: str) -> str:
    return spec.kind if name == "target" else name


def flags(spec: Spec) -> list[str]:
    """Return the options of an interpreter that runs what it is told with ``-c``."""
    return ["-u", *["-B"] * spec.dont_write_bytecode, "-c"]


def _python(spec: Spec, boot: str, default: str = "python3") -> list[str]:
    words = words_of(spec, "python") if spec.python is not None else [default]
    return [*words, *flags(spec), boot]


def _for_a_shell(spec: Spec, boot: str) -> str:
    # Verbatim: it may be a line of shell, as in "source venv/bin/activate; python".
    return f"{spec.python or ANY_PYTHON} {' '.join(flags(spec))} {shlex.quote(boot)}"


def _popen(spec: Spec, boot: str) -> list[str]:
    return _python(spec, boot, sys.executable)


def _ssh_options(spec: Spec) -> list[str]:
    return ["-F", spec.ssh_config] if spec.ssh_config is not None else []


# Behind the user's own, the first of which counts. No terminal, no question.
_SSH_LAST = ["-T", "-o", "BatchMode=yes"]


def _ssh(spec: Spec, boot: str) -> list[str]:
    target = words_of(spec, "target")
    return ["ssh", *_ssh_options(spec), *target, *_SSH_LAST, _for_a_shell(spec, boot)]


def _vagrant(spec: Spec, boot: str) -> list[str]:
    options = [*_ssh_options(spec), *_SSH_LAST]
    return ["vagrant", "ssh", spec.target or "", "--", *options, _for_a_shell(spec, boot)]


def _container(program: str) -> Callable[[Spec, str], list[str]]:
    def command(spec: Spec, boot: str) -> list[str]:
        return [program, "exec", "-i", *words_of(spec, "target"), *_python(spec, boot)]

    return command


def _kubectl(spec: Spec, boot: str) -> list[str]:
    where = []
    if spec.namespace is not None:
        where += ["-n", spec.namespace]
    if spec.container is not None:
        where += ["-c", spec.container]
    target = words_of(spec, "target")
    return ["kubectl", "exec", "-i", *where, *target, "--", *_python(spec, boot)]


def _lxc(spec: Spec, boot: str) -> list[str]:
    return ["lxc", "exec", "-T", *words_of(spec, "target"), "--", *_python(spec, boot)]


def _sudo(spec: Spec, boot: str) -> list[str]:
    return ["sudo", "-n", "-u", spec.target or "root", "--", *_python(spec, boot)]


def _su(spec: Spec, boot: str) -> list[str]:
    return ["su", spec.target or "root", "-s", "/bin/sh", "-c", _for_a_shell(spec, boot)]


def _srun(spec: Spec, boot: str) -> list[str]:
    options = words_of(spec, "target") if spec.target is not None else []
    return ["srun", "--ntasks=1", "--unbuffered", *options, *_python(spec, boot)]


def _command(spec: Spec, boot: str) -> list[str]:
    words = words_of(spec, "target")
    if spec.python is not None:
        words += words_of(spec, "python")
    return [*words, *flags(spec), boot]


COMMANDS: dict[str, Callable[[Spec, str], list[str]]] = {
    "popen": _popen,
    "ssh": _ssh,
    "vagrant_ssh": _vagrant,
    "docker": _container("docker"),
    "podman": _container("podman"),
    "kubectl": _kubectl,
    "lxc": _lxc,
    "sudo": _sudo,
    "su": _su,
    "srun": _srun,
    "command": _command,
}
