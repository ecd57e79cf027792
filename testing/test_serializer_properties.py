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

from gatewaylib.shipped import serializer
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
        st.lists(st.tuples(inner, inner), max_size=12),
        st.lists(st.lists(inner, max_size=3), max_size=12),
        st.lists(inner, min_size=1, max_size=1).map(lambda one: one * 9),
        st.sets(keys, max_size=40),
        st.frozensets(keys, max_size=10),
    )


values = st.recursive(simple, containers, max_leaves=20)


@given(values)
@settings(max_examples=300, deadline=None)
def test_any_value_comes_back_as_it_was(value):
    payload = PLAIN.dumps(value)

    assert same(PLAIN.loads(payload), value)
    assert same(PLAIN.loads(memoryview(payload)), value)
    assert same(serializer.loads(serializer.dumps(value)), value)


@given(st.lists(simple, min_size=8, max_size=300))
def test_any_long_list_comes_back_as_it_was(value):
    assert same(PLAIN.loads(PLAIN.dumps(value)), value)


@given(values, st.data())
@settings(max_examples=300, deadline=None)
def test_a_changed_payload_is_a_value_or_a_load_error(value, data):
    payload = bytearray(PLAIN.dumps(value))
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(0, len(payload)))
        payload[at : at + data.draw(st.integers(0, 4))] = data.draw(st.binary(max_size=4))

    try:
        PLAIN.loads(bytes(payload))
    except LoadError:
        pass


@given(st.sampled_from([b"{", b"(", b""]), st.binary(max_size=300))
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
    "lists": [[]] * 20000,
    "dicts": [{}] * 20000,
    "sets": [set()] * 20000,
    "dicts of None": [{None: None}] * 20000,
    "dicts of an empty text": [{"": None}, None] * 10000,
    "bytearrays": [bytearray()] * 20000,
    "bytes": [b"ab"] * 20000,
    "short texts": [*short_texts(20000), "\U0001f600"],
    "short texts and None": [*short_texts(20000), None],
    "bools": [True] * 20000,
    "lists of one": [[None], []] * 10000,
    "tuples of one": [(True,)] * 20000,
    "sets of five": [{1, 2, 3, 4, 5}, None] * 5000,
    **{f"rows of {size}": [keyed(size, True)] * (20000 // size) for size in (1, 6, 11, 22)},
    **{f"dicts of {size}": [keyed(size), None] * (20000 // size) for size in (1, 6, 11, 22)},
    **{f"dict of {size}": dict.fromkeys(range(size)) for size in (43, 342, 5462, 21846)},
    **{f"dict of {size} texts": dict.fromkeys(short_texts(size), True) for size in (86, 1366)},
    **{f"set of {size}": set(range(1000, 1000 + size)) for size in (77, 1229, 19661)},
}


@pytest.mark.skipif(not CPYTHON, reason="tracemalloc is CPython's")
@pytest.mark.parametrize("name", HEAVY)
def test_a_payload_takes_at_most_32_times_its_bytes_of_memory(name):
    payload = PLAIN.dumps(HEAVY[name])
    gc.collect()
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]

    value = PLAIN.loads(payload)

    taken = tracemalloc.get_traced_memory()[1] - before
    tracemalloc.stop()
    assert value == HEAVY[name]
    assert taken <= 32 * len(payload) + 64 * 1024


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
