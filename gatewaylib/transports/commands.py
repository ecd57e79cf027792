# pure
"""From a spec to a command: how each kind of gateway comes by an interpreter's stdio.

A new kind is a function from a spec and the interpreter's own program to an argv, and a row
in ``COMMANDS``. What such a command prints to stdout is the wire, and a prompt would wait
for ever on it: where a program can be told to ask nothing, it is. Words that others can read
(``ps`` shows them) hold no ``env:``, which travels with the start; only what an interpreter
must have before it starts, ``PYTHON...``, is among them.
"""

from __future__ import annotations

import re
import shlex
import sys
from collections.abc import Callable

from ..shipped.errors import SpecError
from ..spec import Spec

# What a shell at the other end takes for python, if nobody says. The name that is left at
# last is there for the shell's error.
ANY_PYTHON = "$(command -v python3 || command -v python || echo python3)"
# A command and its arguments, and nothing that means something to a shell.
_SIMPLE_COMMAND = re.compile(r"[\w@%+,./:~-]+( +[\w@%+,./:=~-]+)*")
# Kinds that are started with the ``env:`` of their spec as ``popen`` is: the environment of
# the others' commands is none of the interpreter's business.
WITH_ENVIRONMENT = ("popen", "command")
SSH_KINDS = ("ssh", "vagrant_ssh")
SSH_FAILED = 255  # the exit status with which ssh speaks for itself


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


# ---- the interpreter's part --------------------------------------------------------------


def flags(spec: Spec) -> list[str]:
    """Return the options of an interpreter that runs what it is told with ``-c``."""
    return ["-u", *["-B"] * spec.dont_write_bytecode, "-c"]


def _needed_first(spec: Spec) -> list[str]:
    """Return ``NAME=value`` for what an interpreter reads before it runs anything."""
    return [f"{name}={spec.env[name]}" for name in sorted(spec.env) if re.match("PYTHON", name)]


def _python(spec: Spec, boot: str, default: str = "python3") -> list[str]:
    words = words_of(spec, "python") if spec.python is not None else [default]
    return [*words, *flags(spec), boot]


def _with_env(spec: Spec, boot: str) -> list[str]:
    first = _needed_first(spec)
    return [*(["env", *first] if first else []), *_python(spec, boot)]


def _for_a_shell(spec: Spec, boot: str) -> str:
    """Return a line for the login shell of whoever it is, which may be no sh at all.

    The interpreter takes the place of the shell, so that it leads a process group, which
    it can end with itself.
    """
    arguments = shlex.join([*flags(spec), boot])
    first = _needed_first(spec)
    if spec.python is None:
        env = shlex.join(["env", *first]) + " " if first else ""
        # Single quotes mean the same in all shells, $(...) does not.
        return f"exec {env}sh -c 'exec {ANY_PYTHON} \"$@\"' sh {arguments}"
    if not spec.python.strip():
        raise SpecError(f"python={spec.python}: is empty")
    exports = "".join(f"export {shlex.quote(setting)}; " for setting in first)
    # Verbatim: it may be a line of shell, as in "source venv/bin/activate; exec python".
    begin = "exec " if _SIMPLE_COMMAND.fullmatch(spec.python) else ""
    return f"{exports}{begin}{spec.python} {arguments}"


# ---- one function a kind ------------------------------------------------------------------


def _popen(spec: Spec, boot: str) -> list[str]:
    return _python(spec, boot, sys.executable)


def _ssh_options(spec: Spec) -> list[str]:
    return ["-F", spec.ssh_config] if spec.ssh_config is not None else []


# They stand behind the user's own, the first of which counts: no terminal and no question.
# A gateway uses a shared connection that is there, but is none for others: they would be
# lost with it, and it would wait for them to end.
_SSH_LAST = ["-T", "-o", "BatchMode=yes", "-o", "ControlMaster=no"]


def _ssh(spec: Spec, boot: str) -> list[str]:
    target = words_of(spec, "target")
    return ["ssh", *_ssh_options(spec), *target, *_SSH_LAST, _for_a_shell(spec, boot)]


def _name(spec: Spec) -> str:
    """Return the spec's target, which stands where an option could."""
    name = spec.target or ""
    if name.startswith("-"):
        raise SpecError(f"{spec.kind}={name}: a name, not an option")
    return name


def _vagrant(spec: Spec, boot: str) -> list[str]:
    options = [*_ssh_options(spec), *_SSH_LAST]
    return ["vagrant", "ssh", _name(spec), "--", *options, _for_a_shell(spec, boot)]


def _container(program: str) -> Callable[[Spec, str], list[str]]:
    def command(spec: Spec, boot: str) -> list[str]:
        env = [word for setting in _needed_first(spec) for word in ("-e", setting)]
        return [program, "exec", "-i", *env, *words_of(spec, "target"), *_python(spec, boot)]

    return command


def _kubectl(spec: Spec, boot: str) -> list[str]:
    where = []
    if spec.namespace is not None:
        where += ["-n", spec.namespace]
    if spec.container is not None:
        where += ["-c", spec.container]
    target = words_of(spec, "target")
    return ["kubectl", "exec", "-i", *where, *target, "--", *_with_env(spec, boot)]


def _lxc(spec: Spec, boot: str) -> list[str]:
    return ["lxc", "exec", "-T", *words_of(spec, "target"), "--", *_with_env(spec, boot)]


def _sudo(spec: Spec, boot: str) -> list[str]:
    # -n: no password is asked for. -H: their home, where their packages are, and not ours.
    return ["sudo", "-n", "-H", "-u", spec.target or "", "--", *_with_env(spec, boot)]


def _su(spec: Spec, boot: str) -> list[str]:
    # A shell that is named: those whom nobody may log in as have /usr/sbin/nologin.
    return ["su", _name(spec), "-s", "/bin/sh", "-c", _in_a_session(_for_a_shell(spec, boot))]


def _in_a_session(line: str) -> str:
    """Return a line of sh that runs one, and on SIGTERM kills all that this has started.

    su makes a session of its own, which no signal from here reaches but SIGTERM: that su
    hands on, to the shell alone. In the background, where the shell can be told, sh gives
    a command an empty stdin if it gets none by another number.
    """
    return f"exec 3<&0; trap 'kill -9 0' TERM; {{ {line}; }} <&3 3<&- & wait $!"


def _srun(spec: Spec, boot: str) -> list[str]:
    options = words_of(spec, "target") if spec.target is not None else []
    # Buffered, srun hands on whole lines only, and frames are none.
    return ["srun", "--ntasks=1", "--unbuffered", *options, *_with_env(spec, boot)]


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


# ---- what a command's exit status means ---------------------------------------------------


def is_unreachable(spec: Spec, status: int | None) -> bool:
    """Return whether a start that ended with this status did not even get to the host."""
    return spec.kind in SSH_KINDS and status == SSH_FAILED


def what_to_do(spec: Spec, status: int | None) -> str:
    """Return what to do about an end before the hello with this status; ``""``: nobody knows."""
    if spec.kind == "popen":
        return ""
    if spec.kind == "ssh" and status in (SSH_FAILED, None):
        words = [*_ssh_options(spec), *words_of(spec, "target")]
        by_hand = shlex.join(["ssh", *words, "true"])
        where = "" if spec.via is None else f" where gateway {spec.via} runs"
        return (
            "ssh asks nothing here, no password and no unknown host; see what it says"
            f"{where}: {by_hand}"
        )
    if status in (126, 127):  # what shells, env and docker say of commands they can't run
        return "is there such an interpreter? Name one by python="
    return ""


def likely_end(spec: Spec, status: int | None) -> str:
    """Return what mostly brings such an end about, where the command is not the interpreter."""
    if is_unreachable(spec, status):
        return " (ssh lost the connection, or a signal killed the interpreter there)"
    if spec.kind != "popen" and status is not None and 128 < status < 160:
        return f" (as if killed by signal {status - 128} there)"
    return ""
