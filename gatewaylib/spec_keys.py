# pure
"""What a spec may say: the table of kinds and the table of keys.

A new kind of transport is a row in ``KINDS``. A new key is a row in ``KEYS``, and the field
of the same name in ``spec.Spec``.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from typing import Any, Callable, NamedTuple

DEFAULT_WINDOW = 64 * 2**20  # bytes
DEFAULT_START_TIMEOUT = 30.0  # seconds
# Longer waits overflow the timeouts of locks and selectors on some platforms.
MAX_SECONDS = 1e9

EXECMODELS = ("thread", "main_thread_only", "gevent", "eventlet")
STDIO = ("inherit", "forward", "drop")


def did_you_mean(word: str, words: Iterable[str]) -> str:
    """Return `` (did you mean 'x'?)`` for the nearest of ``words``; ``""`` if none is near."""
    import difflib  # only those who mistype wait for it

    near = difflib.get_close_matches(word.lower(), list(words), n=1)
    return f" (did you mean {near[0]!r}?)" if near else ""


# ---- how values are read and written ---------------------------------------------
# Each reader takes the unescaped text after "=" and raises ValueError with what it wants.


def read_text(text: str) -> str:
    if "\0" in text:
        raise ValueError("text without NUL characters")
    return text


def _read_id(text: str) -> str:
    if not text.isprintable():  # ids tag lines of output
        raise ValueError("text of printable characters")
    return text


def _read_int(text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise ValueError("a whole number") from None


def _read_seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = math.nan
    if not 0 <= seconds <= MAX_SECONDS:
        raise ValueError("seconds, as in 2.5")
    return seconds


def _read_timeout(text: str) -> float:
    seconds = _read_seconds(text)
    if seconds == 0:
        raise ValueError("more than 0 seconds")
    return seconds


def _write_seconds(seconds: float) -> str:
    text = repr(seconds)
    return text[:-2] if text.endswith(".0") else text


_UNITS = {"": 1, "K": 2**10, "M": 2**20, "G": 2**30}


def _read_window(text: str) -> int | None:
    if text.lower() == "none":
        return None
    match = re.fullmatch(r"([0-9]{1,18})([KMG]?)", text.upper())
    size = int(match[1]) * _UNITS[match[2]] if match else 0
    if size == 0:
        raise ValueError("bytes (as in 65536, 512K, 64M or 1G), at least 1, or none for no limit")
    return size


def _write_window(size: int | None) -> str:
    if size is None:
        return "none"
    unit = max((u for u in _UNITS if size % _UNITS[u] == 0), key=_UNITS.__getitem__, default="")
    return f"{size // _UNITS[unit]}{unit}"


def _read_imports(text: str) -> tuple[str, ...]:
    names = tuple(text.split(","))
    for name in names:
        usable = all(part.isidentifier() for part in name.split(".")) and name != "__main__"
        if not usable and name != "*":
            raise ValueError("names of packages (as in a,b.c), or * for all that is not there")
    return names


def _one_of(words: tuple[str, ...]) -> Callable[[str], str]:
    def read(text: str) -> str:
        if text not in words:
            raise ValueError("one of " + ", ".join(words) + did_you_mean(text, words))
        return text

    return read


# ---- the two tables --------------------------------------------------------------


class Kind(NamedTuple):
    """A row of ``KINDS``.

    Attributes:
        help: one line for people.
        target: what the kind's value is, as in ``"host"``; ``""`` if it takes none.
        target_optional: whether the value may be left out.
    """

    help: str
    target: str = ""
    target_optional: bool = False


class Key(NamedTuple):
    """A row of ``KEYS``.

    Attributes:
        help: one line for people.
        read: unescaped text -> value; None for a flag, which takes no value.
        write: value -> text, so that ``read(write(value)) == value``.
        named: whether it is written ``key:NAME=value``, and the values are a mapping.
        kinds: the kinds that take it; None for all.
    """

    help: str
    read: Callable[[str], Any] | None = read_text
    write: Callable[[Any], str] = str
    named: bool = False
    kinds: tuple[str, ...] | None = None


KINDS: dict[str, Kind] = {
    "popen": Kind("a new process on this machine"),
    "ssh": Kind("by the ssh client; options may stand before the host", "host"),
    "vagrant_ssh": Kind("a machine of vagrant's, by ssh", "name"),
    "docker": Kind("in a running container", "container"),
    "podman": Kind("in a running container", "container"),
    "kubectl": Kind("in a pod", "pod"),
    "lxc": Kind("in a running container", "container"),
    "sudo": Kind("as another user, who needs no password", "user"),
    "su": Kind("as another user; for root", "user"),
    "srun": Kind("by Slurm; its options, if any", "options", True),
    "socket": Kind("a socket server, by TCP or TLS", "host:port", True),
    "command": Kind("any command; -u -c and a program are added to it", "command"),
}

KEYS: dict[str, Key] = {
    "id": Key("name of the gateway; default gw0, gw1, ...", _read_id),
    "python": Key(
        "command that starts the interpreter; default: this one",
        kinds=tuple(kind for kind in KINDS if kind != "socket"),
    ),
    "chdir": Key("working directory; created if missing"),
    "nice": Key("added to the process's niceness; a whole number", _read_int),
    "env": Key("env:NAME=value sets an environment variable", named=True),
    "execmodel": Key("how tasks run: " + ", ".join(EXECMODELS), _one_of(EXECMODELS)),
    "dont_write_bytecode": Key("flag: write no .pyc files", None),
    "stdio": Key("remote output: " + ", ".join(STDIO), _one_of(STDIO)),
    "window": Key("bytes a channel may have under way, or none", _read_window, _write_window),
    "heartbeat": Key("seconds between signs of life; 0 is off", _read_seconds, _write_seconds),
    "start_timeout": Key("seconds the start may take", _read_timeout, _write_seconds),
    "subclasses": Key("flag: send instances of subclasses as their base", None),
    "imports": Key("packages of this end that it may import, or *", _read_imports, ",".join),
    "ssh_config": Key("file for ssh -F", kinds=("ssh", "vagrant_ssh")),
    "namespace": Key("of the pod", kinds=("kubectl",)),
    "container": Key("of the pod", kinds=("kubectl",)),
    "installvia": Key("id of the gateway to start the server on", kinds=("socket",)),
    "token_file": Key("file with the server's token", kinds=("socket",)),
    "ca": Key("file to check the server by, or system; speaks TLS", kinds=("socket",)),
    "cert": Key("file with this side's certificate, for TLS", kinds=("socket",)),
    "key": Key("file with its key, if that has it not", kinds=("socket",)),
    "via": Key("id of the gateway to start it from"),
}
