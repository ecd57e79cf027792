"""Specs: text to value and back, and what is said about a wrong one."""

from __future__ import annotations

import copy
import pickle
import re
from pathlib import Path
from typing import Any

import pytest

from gatewaylib import spec_keys
from gatewaylib.shipped.errors import SpecError
from gatewaylib.spec import Spec, expand, parse, shown


def refusal(text: Any) -> str:
    with pytest.raises(SpecError) as caught:
        parse(text)
    return str(caught.value)


# ---- text to value ---------------------------------------------------------------


def test_every_key_reaches_its_field():
    spec = parse(
        "popen//python=python3.9//id=w1//chdir=/srv/data//nice=-5//env:NAME=value//env:EMPTY="
        "//execmodel=main_thread_only//dont_write_bytecode//stdio=forward//window=1M"
        "//heartbeat=2.5//start_timeout=5//subclasses//imports=a,b.c//via=gw0"
    )

    assert spec == Spec(
        kind="popen",
        target=None,
        python="python3.9",
        id="w1",
        chdir="/srv/data",
        nice=-5,
        env={"NAME": "value", "EMPTY": ""},
        execmodel="main_thread_only",
        dont_write_bytecode=True,
        stdio="forward",
        window=2**20,
        heartbeat=2.5,
        start_timeout=5.0,
        subclasses=True,
        imports=("a", "b.c"),
        via="gw0",
    )
    assert parse(str(spec)) == spec


def test_what_is_not_said_has_the_defaults():
    spec = parse("popen")

    assert spec == Spec()
    assert (spec.id, spec.python, spec.nice, spec.stdio) == (None, None, 0, "inherit")
    assert (spec.window, spec.heartbeat, spec.start_timeout) == (64 * 2**20, 0.0, 30.0)
    assert str(spec) == "popen"


def test_the_kind_may_stand_anywhere_and_is_written_first():
    assert str(parse("python=pypy3//id=a//popen")) == "popen//id=a//python=pypy3"


@pytest.mark.parametrize(
    ("text", "window", "again"),
    [
        ("none", None, "none"),
        ("NONE", None, "none"),
        ("1", 1, "1"),
        ("65536", 65536, "64K"),
        ("512k", 512 * 1024, "512K"),
        ("1536K", 1536 * 1024, "1536K"),
        ("2G", 2**31, "2G"),
        ("1025", 1025, "1025"),
    ],
)
def test_a_window_is_bytes_with_a_unit_or_none(text, window, again):
    spec = parse("popen//window=" + text)

    assert spec.window == window
    assert str(spec) == "popen//window=" + again


def test_a_spec_in_place_of_text_is_returned_as_it_is():
    spec = parse("popen//id=a")

    assert parse(spec) is spec


# ---- the escape ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "written"),
    [
        ("C:\\new\\python.exe", "C:\\new\\python.exe"),
        ("\\\\server\\share", "\\\\server\\share"),
        ("100%", "100%"),
        ("a%20b%2f%%", "a%20b%252f%%"),
        ("http://host:80/a%20b?c=d", "http:%2F%2Fhost:80/a%20b?c=d"),
        ("%2F", "%252F"),
        ("%252F", "%25252F"),
        ("%25", "%25"),
        ("/srv/", "/srv/"),
        ("/", "/"),
        ("///", "%2F%2F%2F"),
        ("a//", "a%2F%2F"),
        ("a=b", "a=b"),
    ],
)
def test_any_value_can_be_written(value, written):
    spec = Spec(chdir=value, env={"A": value}, python=value)

    assert f"chdir={written}//env:A={written}" in str(spec)
    assert parse(str(spec)) == spec


def test_a_single_slash_may_be_escaped_too():
    assert parse("popen//chdir=%2Fsrv%2fdata").chdir == "/srv/data"


def test_of_three_slashes_the_first_ends_the_value():
    assert parse("popen//chdir=/srv///nice=5") == Spec(chdir="/srv/", nice=5)
    assert parse("chdir=///popen") == Spec(chdir="/")


# ---- the value -------------------------------------------------------------------


def test_a_spec_cannot_be_changed_only_copied_with_changes():
    env = {"A": "1"}
    spec = Spec(env=env)
    env["A"] = "2"

    changed = spec.with_(id="w1", nice=3)

    assert (changed.id, changed.nice, changed.env) == ("w1", 3, {"A": "1"})
    assert (spec.id, spec.nice, spec.env) == (None, 0, {"A": "1"})
    with pytest.raises(AttributeError, match="with_"):
        spec.id = "w2"
    with pytest.raises(AttributeError, match="id stays"):
        del spec.id
    with pytest.raises(TypeError):
        spec.env["B"] = "1"  # type: ignore[index]


def test_equal_specs_have_equal_hashes_and_travel_by_pickle():
    one, two = parse("popen//env:A=1//env:B=2"), parse("popen//env:B=2//env:A=1")

    assert one == two
    assert hash(one) == hash(two)
    assert one != parse("popen//env:A=1")
    assert pickle.loads(pickle.dumps(one)) == copy.deepcopy(one) == one
    assert repr(one) == "Spec('popen//env:A=...//env:B=...')"


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({"kind": "popn"}, "unknown kind 'popn' (did you mean 'popen'?)"),
        ({"target": "x"}, "popen takes no value, but has 'x'"),
        ({"nice": "5"}, "nice is '5', must be int, not str"),
        ({"nice": 1.5}, "must be a whole number"),
        ({"nice": True}, "nice is True, must be a whole number"),
        ({"nice": None}, "must be a whole number"),
        ({"window": 0}, "at least 1"),
        ({"window": 1.5}, "must be bytes"),
        ({"stdio": "loud"}, "one of inherit, forward, drop"),
        ({"heartbeat": -1}, "must be seconds"),
        ({"heartbeat": float("nan")}, "must be seconds"),
        ({"start_timeout": 0}, "more than 0 seconds"),
        ({"start_timeout": float("inf")}, "must be seconds"),
        ({"chdir": ""}, "chdir is '', must not be empty"),
        ({"chdir": 5}, "must be str, not int"),
        ({"python": "a\0b"}, "without NUL"),
        ({"id": "a\nb"}, "printable"),
        ({"subclasses": 1.5}, "must be True or False"),
        ({"env": "A=1"}, "must be a mapping"),
        ({"env": {"A=B": "1"}}, "env:A=B is wrong"),
        ({"env": {"": "1"}}, "env: is wrong"),
        ({"env": {1: "1"}}, "env:1 is wrong"),
        ({"env": {"A": 1}}, "env:A is 1, must be str, not int"),
    ],
)
def test_a_value_that_could_not_be_written_is_refused_when_it_is_made(fields, why):
    with pytest.raises(SpecError) as caught:
        Spec(**fields)

    assert why in str(caught.value)


# ---- wrong text ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("popn", "unknown kind 'popn' (did you mean 'popen'?)"),
        ("POPEN", "unknown kind 'POPEN' (did you mean 'popen'?)"),
        ("popn//python=x", "unknown kind 'popn'"),
        ("teleport=host", "unknown kind 'teleport'; known are popen"),
        ("teleport:host", "unknown kind 'teleport'; known are popen"),
        ("pyton=x", "unknown key 'pyton' (did you mean 'python'?)"),
        ("python=x", "it has no kind; the kinds are popen"),
        ("popen//pyton=x", "unknown key 'pyton' (did you mean 'python'?)"),
        ("popen//qqq=x", "unknown key 'qqq'; known are id, python, chdir"),
        ("popen//id:w=x", "unknown key 'id:w' (did you mean 'id='?)"),
        ("popen//_id=x", "key '_id' begins with _"),
        ("popen//=x", "'=x' has no key before the ="),
        ("popen//id=a//id=b", "id is there twice"),
        ("popen//env:A=a//env:A=b", "env:A is there twice"),
        ("popen//popen", "popen is there twice"),
        ("popen=x", "popen takes no value, but has 'x'"),
        ("popen=", "popen has nothing behind its ="),
        ("popen//id", "id needs a value: id=..."),
        ("popen//id=", "id needs a value: id=..."),
        ("popen//env:A", "env:A needs a value: env:A=..."),
        ("popen//env=A", "env is written env:NAME=value"),
        ("popen//env:=A", "env: is wrong: it is written env:NAME=value"),
        ("popen//env:A/B=1", "env:A/B is wrong"),
        ("popen//subclasses=1", "subclasses is a flag and takes no value, but has '1'"),
        ("popen//nice=high", "nice is 'high', must be a whole number"),
        ("popen//stdio=dropp", "must be one of inherit, forward, drop (did you mean 'drop'?)"),
        ("popen//execmodel=threads", "(did you mean 'thread'?)"),
        ("popen//window=64Q", "window is '64Q', must be bytes (as in 65536, 512K, 64M or 1G)"),
        ("popen//window=0", "at least 1"),
        ("popen//window=-1", "at least 1"),
        ("popen//heartbeat=soon", "heartbeat is 'soon', must be seconds"),
        ("popen//heartbeat=nan", "must be seconds"),
        ("popen//start_timeout=0", "more than 0 seconds"),
        ("popen//start_timeout=inf", "must be seconds"),
        ("popen//id=a\tb", "printable"),
        ("", "it is empty"),
        ("//popen", "empty segment at the start"),
        ("popen//", "empty segment after 'popen'"),
        ("popen////id=a", "empty segment after 'popen'"),
        ("popen//env:URL=http://host", "(env:URL=...), write it %2F%2F"),
        ("popen//chdir=a////id=x", "empty segment after 'chdir=a'; if its // belongs"),
        ("2*popen", "a count is for lists of specs"),
    ],
)
def test_wrong_text_is_refused_with_the_part_and_what_is_near_it(text, why):
    message = refusal(text)

    assert why in message
    assert message.startswith(f"spec {shown(text)!r}: ")


@pytest.mark.parametrize("value", [None, 3, b"popen", {"popen": True}])
def test_something_else_than_text_is_refused(value):
    assert refusal(value) == f"a spec is text, as in 'popen//id=w1', not {value!r}"


def test_a_list_is_refused_with_a_word_on_lists():
    assert "makegateways takes many" in refusal(["popen"])


def test_a_spec_error_is_a_value_error():
    assert issubclass(SpecError, ValueError)


# ---- lists -----------------------------------------------------------------------


def test_lists_are_counted_out_in_order():
    one, two = Spec(), Spec(python="python2.7")

    assert expand(["2*popen//python=python2.7", "popen", two]) == [two, two, one, two]
    assert expand([" 2 * popen", "1*popen//id=a"]) == [one, one, Spec(id="a")]
    assert expand(iter(["popen"])) == [one]
    assert expand([]) == []


def test_a_single_text_is_a_list_of_one():
    assert expand("2*popen") == [Spec(), Spec()]
    assert expand(Spec()) == [Spec()]


def test_a_star_in_a_value_is_no_count():
    assert expand(["popen//env:A=2*3"]) == [Spec(env={"A": "2*3"})]


@pytest.mark.parametrize(
    ("specs", "why"),
    [
        (["2*popen//id=a"], "2 gateways can't all have id 'a'"),
        (["0*popen"], "the count is '0', must be a number from 1"),
        (["-1*popen"], "the count is '-1'"),
        (["*popen"], "the count is ''"),
        (["two*popen"], "the count is 'two'"),
        (["2*2*popen"], "a count is for lists"),
        (["2*"], "it is empty"),
        (["2*popn"], "did you mean 'popen'"),
        ([3], "a spec is text"),
        (3, "specs are a list of texts"),
        (None, "specs are a list of texts"),
    ],
)
def test_wrong_lists_are_refused(specs, why):
    with pytest.raises(SpecError) as caught:
        expand(specs)

    assert why in str(caught.value)


# ---- the tables ------------------------------------------------------------------


def test_a_new_kind_is_a_row(monkeypatch):
    monkeypatch.setitem(spec_keys.KINDS, "ssh", spec_keys.Kind("by ssh", "host"))
    monkeypatch.setitem(spec_keys.KINDS, "socket", spec_keys.Kind("by tcp", "host:port", True))
    python = spec_keys.KEYS["python"]._replace(kinds=("popen", "ssh"))
    monkeypatch.setitem(spec_keys.KEYS, "python", python)

    spec = parse("python=pypy3//ssh=-p 2222 me@host")

    assert (spec.kind, spec.target) == ("ssh", "-p 2222 me@host")
    assert parse(str(spec)) == spec
    assert parse("socket").target is None
    assert "ssh needs a value: ssh=host" in refusal("ssh")
    assert "ssh has nothing behind its =" in refusal("ssh=")
    assert "python is for popen, ssh, not for socket" in refusal("socket=a:1//python=x")
    assert "two kinds, popen and ssh: a spec has one" in refusal("popen//ssh=host")
    assert "did you mean 'ssh'" in refusal("sssh=host")


def test_each_key_has_a_field_and_each_field_a_key():
    fields = vars(Spec())

    assert set(fields) == {"kind", "target", *spec_keys.KEYS}
    assert list(fields) == list(Spec.__annotations__)


def test_each_kind_and_key_is_documented():
    page = Path(__file__).resolve().parent.parent / "doc" / "reference" / "spec.rst"
    documented = re.findall(r"^   \* - ``(\w+)", page.read_text(encoding="utf-8"), re.MULTILINE)

    assert documented == [*spec_keys.KINDS, *spec_keys.KEYS]


# ---- secrets ---------------------------------------------------------------------


def test_what_is_shown_of_a_spec_is_its_text_without_the_values_of_env():
    spec = parse("popen//chdir=/a//env:TOKEN=s3cret%2F%2F=x//env:EMPTY=//nice=5")

    assert spec.shown == "popen//chdir=/a//nice=5//env:EMPTY=//env:TOKEN=..."
    assert "s3cret" in str(spec) and "s3cret" not in repr(spec)


def test_nothing_in_what_is_shown_steers_a_terminal():
    spec = parse("popen//chdir=/a\x1b[31m//env:A=\x1b")

    assert "\x1b" in str(spec) and "\x1b" not in spec.shown + repr(spec)
    assert "\x1b" not in refusal("popen//env:PW\x1b[31mX") + refusal("popen//x\x1b=1")


@pytest.mark.parametrize(
    "text",
    [
        "popen//env:TOKEN=s3cret//nise=5",
        "popen//env:TOKEN=s3cret////nice=5",
        "popen//env:TOKEN=s3cret//env:TOKEN=s3cret",
        "env:TOKEN=s3cret",
        "popen//env:TOKEN=s3cret//nice=high",
        "2*popen//env:TOKEN=s3cret",
    ],
)
def test_an_error_about_a_spec_does_not_show_the_values_of_its_env(text):
    assert "s3cret" not in refusal(text)
