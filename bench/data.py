"""What is sent: the kinds of data people send, from one number to a report of a test."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

INT = 42

DICT = {
    "id": 17,
    "name": "worker",
    "score": 0.75,
    "ok": True,
    "nothing": None,
    "tags": ["a", "b"],
    "pair": (1, 2),
    "blob": b"\x00\x01",
    "text": "a somewhat longer text, as a message is",
    "big": 2**40,
}


def blob(size: int) -> bytes:
    """Return bytes that take memory; of ``bytes(size)`` every page may be the same, of zeros."""
    return b"x" * size


MESSAGES: dict[str, Any] = {"int": INT, "dict of 10": DICT}


def ints(count: int) -> list[int]:
    return list(range(count))


def floats(count: int) -> list[float]:
    return [number * 0.5 for number in range(count)]


def texts(count: int) -> list[str]:
    return [f"item {number}" for number in range(count)]


def dicts(count: int) -> list[dict[str, Any]]:
    return [
        {"name": f"name{number}", "id": number, "score": number / 7, "tags": ["x", "y"]}
        for number in range(max(1, count // 10))
    ]


def ragged(count: int) -> list[dict[str, Any]]:
    """JSON as the web serves it: objects that are nearly, not quite, alike."""
    things: list[dict[str, Any]] = []
    for number in range(max(1, count // 100)):
        thing: dict[str, Any] = {"id": number, "type": "push" if number % 3 else "fork"}
        if number % 2:
            thing["actor"] = {"login": f"user{number}", "url": None, "admin": False}
        if number % 5 == 0:
            thing["commits"] = [
                {"sha": f"{number + each:040x}", "size": each} for each in range(number % 4)
            ]
        thing["value"] = [number, str(number), number / 3, None][number % 4]
        things.append(thing)
    return things


def report(count: int) -> tuple[str, dict[str, Any]]:
    """What pytest-xdist sends for each test that passed."""
    data = {
        "nodeid": "testing/test_channel.py::TestChannel::test_item_arrives[popen-1]",
        "location": ("testing/test_channel.py", 117, "TestChannel.test_item_arrives[popen-1]"),
        "keywords": {"test_item_arrives[popen-1]": 1, "parametrize": 1, "TestChannel": 1, "": 1},
        "outcome": "passed",
        "longrepr": None,
        "when": "call",
        "user_properties": [],
        "sections": [("Captured stdout call", "one line\n")],
        "duration": 0.00123,
        "start": 1700000000.123,
        "stop": 1700000000.124,
        "item_index": 42,
        "worker_id": "gw1",
        "testrun_uid": "0123456789abcdef0123456789abcdef",
        "node": None,
        "$report_type": "TestReport",
    }
    return ("testreport", {"data": data})


def mixed(count: int) -> dict[str, Any]:
    return DICT


def nested(count: int) -> list[Any]:
    thing: list[Any] = []
    for _ in range(199):
        thing = [thing]
    return thing


# name -> what makes one
KINDS: dict[str, Callable[[int], Any]] = {
    "{n} ints": ints,
    "{n} floats": floats,
    "{n} short strs": texts,
    "{tenth} dicts of 4": dicts,
    "{hundredth} ragged dicts": ragged,
    "report of a test": report,
    "dict of 10": mixed,
    "lists nested 200 deep": nested,
}


def kinds(count: int) -> dict[str, Any]:
    """Return every kind by its name, the large ones with about ``count`` values."""
    sizes = {
        "n": f"{count:,}",
        "tenth": f"{max(1, count // 10):,}",
        "hundredth": f"{max(1, count // 100):,}",
    }
    return {name.format(**sizes): build(count) for name, build in KINDS.items()}
