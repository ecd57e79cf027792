"""The serializer by property: any value comes back, any bytes are a value or LoadError."""

from __future__ import annotations

import gc
import subprocess
import sys
import tracemalloc
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from serializer_vectors import same

from gatewaylib.shipped import layouts, serializer, small
from gatewaylib.shipped.errors import LoadError
from gatewaylib.shipped.serializer import Serializer

PLAIN = Serializer()
CPYTHON = sys.implementation.name == "cpython"

texts = st.text(st.characters(), max_size=20)  # lone surrogates too
simple = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.integers(-(2**31) - 2, 2**31 + 2),
    st.floats(),
    st.complex_numbers(),
    st.binary(max_size=20),
    st.binary(max_size=20).map(bytearray),
    texts,
)
keys = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(allow_nan=False),
    st.binary(max_size=5),
    texts,
    st.tuples(st.integers(), texts),
    st.frozensets(st.integers(), max_size=3),
)


def containers(inner):
    return st.one_of(
        st.lists(inner, max_size=12),
        st.lists(inner, max_size=4).map(tuple),
        st.dictionaries(keys, inner, max_size=40),
        st.lists(st.fixed_dictionaries({"a": inner, "b": inner}), max_size=12),
        st.lists(
            st.one_of(st.fixed_dictionaries({"a": inner}), st.fixed_dictionaries({"b": inner})),
            min_size=16,
            max_size=20,
        ),
        st.lists(st.tuples(inner, inner), max_size=12),
        st.lists(st.lists(inner, max_size=3), max_size=12),
        st.lists(inner, min_size=1, max_size=1).map(lambda one: one * 9),
        st.sets(keys, max_size=40),
        st.frozensets(keys, max_size=10),
    )


values = st.recursive(simple, containers, max_leaves=20)


@pytest.mark.slow
@given(values)
@settings(max_examples=300)
def test_any_value_comes_back_as_it_was(value):
    payload = PLAIN.dumps(value)

    assert same(PLAIN.loads(payload), value)
    assert same(PLAIN.loads(memoryview(payload)), value)
    assert same(serializer.loads(serializer.dumps(value)), value)


@given(st.lists(simple, min_size=8, max_size=300))
def test_any_long_list_comes_back_as_it_was(value):
    assert same(PLAIN.loads(PLAIN.dumps(value)), value)


@pytest.mark.slow
@given(values, st.data())
@settings(max_examples=300)
def test_a_changed_payload_is_a_value_or_a_load_error(value, data):
    payload = bytearray(PLAIN.dumps(value))
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(0, len(payload)))
        payload[at : at + data.draw(st.integers(0, 4))] = data.draw(st.binary(max_size=4))

    try:
        PLAIN.loads(bytes(payload))
    except LoadError:
        pass


@given(st.sampled_from([b"{", b"(", b"[", b"<", b""]), st.binary(max_size=300))
def test_random_bytes_are_a_value_or_a_load_error(letter, data):
    for load in (PLAIN.loads, serializer.loads):
        try:
            load(letter + data)
        except LoadError:
            pass


# ---- memory ----------------------------------------------------------------------


def keyed(size, value=None):
    return {f"k{n}": value for n in range(size)}


def short_texts(count):
    return [chr(256 + n % 1700) for n in range(count)]


# What takes most memory for its bytes, each just as large as makes its tables largest.
HEAVY = {
    "lists": [[]] * 6000,
    "dicts": [{}] * 6000,
    "sets": [set()] * 6000,
    "dicts of None": [{None: None}] * 6000,
    "dicts of an empty text": [{"": None}, None] * 3000,
    "bytearrays": [bytearray()] * 6000,
    "bytes": [b"ab"] * 6000,
    "short texts": [*short_texts(6000), "\U0001f600"],
    "short texts and None": [*short_texts(6000), None],
    "bools": [True] * 6000,
    "lists of one": [[None], []] * 3000,
    "lists of one bool": [[True]] * 6000,
    "lists of two bools": [[True, False]] * 3000,
    "tuples of one": [(True,)] * 6000,
    "sets of five": [{1, 2, 3, 4, 5}, None] * 1500,
    **{f"rows of {size}": [keyed(size, True)] * (6000 // size) for size in (1, 6, 11, 22)},
    **{f"rows of {n} and 1 more": [keyed(n), keyed(n + 1)] * (3000 // n) for n in (1, 5, 10)},
    **{f"dicts of {size}": [keyed(size), None] * (6000 // size) for size in (1, 6, 11, 22)},
    **{f"dict of {size}": dict.fromkeys(range(size)) for size in (43, 342, 5462)},
    **{f"dict of {size} texts": dict.fromkeys(short_texts(size), True) for size in (86, 1366)},
    **{f"set of {size}": set(range(1000, 1000 + size)) for size in (77, 1229)},
}


# The same for small messages, of more values than an honest one has.
HEAVY_AND_SMALL = [
    [],
    [None],
    (),
    (None,),
    {},
    {"": None},
    keyed(6),
    keyed(11),
    keyed(22),
    "",
    "\u0101",
    "ab",
    b"ab",
    1000,
    0.5,
]


def load_and_measure(payload):
    """Return the value of a payload, having checked what memory it took to load."""
    gc.collect()
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    value = PLAIN.loads(payload)
    taken = tracemalloc.get_traced_memory()[1] - before
    tracemalloc.stop()
    assert taken <= 32 * len(payload) + 64 * 1024
    return value


@pytest.mark.skipif(not CPYTHON, reason="tracemalloc is CPython's")
@pytest.mark.parametrize("name", HEAVY)
def test_a_payload_takes_at_most_32_times_its_bytes_of_memory(name):
    assert load_and_measure(PLAIN.dumps(HEAVY[name])) == HEAVY[name]


@pytest.mark.skipif(not CPYTHON, reason="tracemalloc is CPython's")
@pytest.mark.parametrize("value", HEAVY_AND_SMALL)
def test_a_small_message_may_not_take_more(value, monkeypatch):
    for module, name in ((small, "ENTRIES"), (layouts, "ENTRIES"), (small, "CONTAINERS")):
        monkeypatch.setattr(module, name, 65)  # from 66 on, a size may be a code
    most = max(n for n in range(66) if small.encode_small([value] * n))
    payload = PLAIN.dumps([value] * most)
    assert payload[:1] == b"["
    layouts.layouts.clear()
    layouts.heads.clear()

    assert load_and_measure(payload) == [value] * most


@pytest.mark.skipif(not CPYTHON, reason="tracemalloc is CPython's")
def test_long_bytes_cost_one_copy_each_way():
    data = bytes(8 * 2**20)
    for item in (data, [1, data, {"k": data}]):
        copies = 1 if item is data else 2
        tracemalloc.start()
        payload = PLAIN.dumps(item)
        dumped = tracemalloc.get_traced_memory()[1]
        parts = PLAIN.dump_parts(item)
        tracemalloc.reset_peak()
        before = tracemalloc.get_traced_memory()[0]
        arrived = PLAIN.loads(payload)
        loaded = tracemalloc.get_traced_memory()[1] - before
        tracemalloc.stop()

        assert arrived == item
        assert dumped < copies * len(data) + 100_000
        assert loaded < copies * len(data) + 100_000
        assert any(part is data for part in parts)


# ---- the command -----------------------------------------------------------------


def test_the_fuzz_command_finds_nothing_in_a_short_run():
    command = Path(__file__).with_name("fuzz_serializer.py")

    run = subprocess.run(
        [sys.executable, str(command), "--payloads", "3000", "--ms", "10000"],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert run.returncode == 0, run.stdout + run.stderr
    assert " 0 breaches" in run.stdout
