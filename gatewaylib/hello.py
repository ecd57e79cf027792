# pure
"""What a remote says when it is ready: checked before anybody believes it."""

from __future__ import annotations

from typing import Any

from .quoting import printable
from .shipped.errors import LoadError, shortened
from .shipped.protocol import VERSION
from .shipped.serializer import Serializer

TEXTS = ("executable", "platform", "implementation", "cwd", "hostname")
MAX_TEXT = 4096  # characters that are believed, or quoted


def read_hello(payload: bytes) -> dict[str, Any]:
    """Return what a remote tells of itself: what ``worker.describe_interpreter`` lists.

    Raises LoadError, whose text goes behind the name of the command, if the remote has
    failed, speaks another protocol, or says what makes no sense.
    """
    try:
        info = Serializer().loads(payload)
    except LoadError as error:
        raise LoadError(f"said a hello that makes no sense: {error}") from None
    if not isinstance(info, dict):
        raise _nonsense(info)
    if "error" in info:
        raise LoadError(
            f"could not do what the spec says: {printable(shortened(str(info['error']), MAX_TEXT))}"
        )
    version: Any = info.get("version")
    if not _is_version(version, 1) or not _is_version(info.get("version_info"), 3):
        raise _nonsense(info)
    if version[0] != VERSION[0]:
        raise LoadError(
            f"speaks protocol {_dotted(version)}, this side {_dotted(VERSION)}: "
            "both need the same first number"
        )
    known = {name: info.get(name) for name in ("version", "version_info", "pid", *TEXTS)}
    for name in TEXTS:
        text = known[name]
        if not isinstance(text, str) or len(text) > MAX_TEXT:
            raise _nonsense(info)
    if type(known["pid"]) is not int:
        raise _nonsense(info)
    known["has_slots"] = info.get("has_slots") is True
    return known


def _is_version(value: Any, least: int) -> bool:
    """Say whether it is a tuple that begins with so many ints."""
    if not isinstance(value, tuple) or len(value) < least:
        return False
    return all(type(number) is int for number in value[:least])


def _nonsense(info: object) -> LoadError:
    return LoadError(f"said a hello that makes no sense: {info!r:.100}")


def _dotted(version: tuple[object, ...]) -> str:
    return ".".join(map(str, version[:3]))
