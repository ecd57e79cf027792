"""execnet's gateway_io: the commands that gateways are started by, and the way to other ones.

Programs put a function of their own in the place of ``ssh_args`` here, to reach machines in
a way that no spec can say. It is called with an ``XSpec`` and returns the command as a list
of words, which ends in a Python that runs ``popen_bootstrapline``; what it returns is run.
"""

from __future__ import annotations

import shlex
import sys
from types import ModuleType
from typing import Any

from .bootstrap import BOOT
from .transports.commands import COMMANDS
from .xspec import SpecLike, XSpec, as_xspec, to_spec

# Without " and $: it may be put between double quotes in a line of shell.
popen_bootstrapline = BOOT

_OURS = dict(COMMANDS)  # what they are before anybody changes one
# name here -> the kind of gateway whose command it returns
_KINDS = {"popen_args": "popen", "ssh_args": "ssh", "vagrant_ssh_args": "vagrant_ssh"}


def popen_args(spec: SpecLike) -> list[str]:
    """Return the command that starts an interpreter on this machine."""
    return _command("popen", spec)


def ssh_args(spec: SpecLike) -> list[str]:
    """Return the command that starts an interpreter by ssh."""
    return _command("ssh", spec)


def vagrant_ssh_args(spec: SpecLike) -> list[str]:
    """Return the command that starts an interpreter on a machine of vagrant's."""
    return _command("vagrant_ssh", spec)


def _command(kind: str, spec: SpecLike) -> list[str]:
    return _OURS[kind](to_spec(as_xspec(spec)), popen_bootstrapline)


def shell_split_path(path: str) -> list[str]:
    """Return the words of a command, quoted as in a shell."""
    return shlex.split(path)


class _Door(ModuleType):
    """This module: a function that is put here in the place of ours is put to use."""

    def __setattr__(self, name: str, value: Any) -> None:
        super().__setattr__(name, value)
        if name in _KINDS:
            COMMANDS[_KINDS[name]] = lambda spec, boot: list(value(XSpec(str(spec))))


sys.modules[__name__].__class__ = _Door
