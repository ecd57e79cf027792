"""What holds for any spec and any text."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from gatewaylib.shipped.errors import SpecError
from gatewaylib.spec import Spec, expand, parse, shown
from gatewaylib.spec_keys import EXECMODELS, KEYS, MAX_SECONDS, STDIO

# Much of what means something in the syntax, and some of everything else.
PIECES = st.sampled_from(
    ["/", "//", "%", "%2F", "%2f", "25", "2F", "=", ":", "\\", "*", " ", "popen"]
)
ANY_TEXT = st.lists(st.one_of(PIECES, st.text(max_size=3)), max_size=8).map("".join)
VALUES = ANY_TEXT.filter(lambda text: text and "\0" not in text)
ENV_NAMES = st.text(min_size=1, max_size=5).filter(lambda name: not set(name) & set("/=\0"))
SECONDS = st.floats(0, MAX_SECONDS)

SPECS = st.builds(
    Spec,
    id=st.none() | VALUES.filter(str.isprintable),
    python=st.none() | VALUES,
    chdir=st.none() | VALUES,
    nice=st.integers(),
    env=st.dictionaries(ENV_NAMES, VALUES | st.just(""), max_size=3),
    execmodel=st.none() | st.sampled_from(EXECMODELS),
    dont_write_bytecode=st.booleans(),
    stdio=st.sampled_from(STDIO),
    window=st.none() | st.integers(1, 2**59),
    heartbeat=SECONDS,
    start_timeout=SECONDS.filter(bool),
    subclasses=st.booleans(),
    imports=st.lists(st.sampled_from(["a", "a.b", "_c1.\u00e4", "*"]), max_size=3).map(tuple),
    via=st.none() | VALUES,
)

KEY_TEXTS = st.sampled_from([*KEYS, "popen", "env:A", "_x", "pyton", ""])
SEGMENTS = st.builds(
    "{}{}{}".format, KEY_TEXTS, st.sampled_from(["", "="]), ANY_TEXT | st.just("5")
)
NEARLY_SPECS = st.lists(SEGMENTS, max_size=4).map("//".join).map("popen//".__add__)


@given(SPECS)
def test_any_spec_is_the_same_after_being_text(spec):
    again = parse(str(spec))

    assert again == spec
    assert hash(again) == hash(spec)
    assert str(again) == str(spec)


@given(st.one_of(ANY_TEXT, st.text(), NEARLY_SPECS))
def test_any_text_is_a_spec_or_refused(text):
    try:
        spec = parse(text)
    except SpecError as error:
        assert repr(shown(text)) in str(error)
    else:
        assert parse(str(spec)) == spec


@given(st.one_of(ANY_TEXT, NEARLY_SPECS, NEARLY_SPECS.map("2*".__add__)))
def test_any_list_is_counted_out_or_refused(text):
    try:
        specs = expand([text])
    except SpecError:
        pass
    else:
        assert specs == [specs[0]] * len(specs)


@given(SPECS.map(lambda spec: spec.with_(id=None)), st.integers(1, 5))
def test_a_count_gives_so_many_of_the_same(spec, count):
    assert expand([f"{count}*{spec}"]) == [spec] * count
