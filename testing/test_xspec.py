"""execnet's spec: what it takes, and what of it can't be started."""

import pytest

from gatewaylib import Spec, SpecError, XSpec
from gatewaylib.xspec import as_xspec, as_xspecs, to_spec


def test_keys_without_a_value_are_true_and_values_are_text():
    spec = XSpec("popen//python=python3.9//nice=5//chdir=/srv//id=w1//dont_write_bytecode")

    assert (spec.popen, spec.dont_write_bytecode) == (True, True)
    assert (spec.python, spec.nice, spec.chdir, spec.id) == ("python3.9", "5", "/srv", "w1")


def test_any_key_is_taken_and_one_that_is_not_there_is_none():
    spec = XSpec("popen//color=blue")

    assert spec.color == "blue"
    assert (spec.ssh, spec.id, spec.anything) == (None, None, None)
    with pytest.raises(AttributeError, match="_anything"):
        spec._anything


def test_variables_of_the_environment_are_a_dict():
    assert XSpec("popen").env == {}
    assert XSpec("popen//env:A=1//env:B=x=y").env == {"A": "1", "B": "x=y"}


@pytest.mark.parametrize(
    "text", ["popen//popen", "id=a//id=b", "env:A=//env:A=", "popen//", "//popen", "", "=x"]
)
def test_a_key_twice_and_an_empty_one_are_value_errors_that_quote_the_text(text):
    with pytest.raises(ValueError) as raised:
        XSpec(text)
    assert repr(text) in str(raised.value)


def test_a_key_that_begins_with_an_underscore_is_an_attribute_error():
    with pytest.raises(AttributeError, match="_spec"):
        XSpec("popen//_spec=1")


def test_its_text_is_what_it_is_whatever_was_changed_since():
    one, other = XSpec("popen//id=a"), XSpec("popen//id=a")
    other.id, other.chdir = "b", "/tmp"

    assert str(other) == other._spec == "popen//id=a"
    assert repr(other) == "<XSpec 'popen//id=a'>"
    assert one == other and hash(one) == hash(other) and not one != other
    assert one != XSpec("popen") and one != "popen//id=a"


def test_a_value_may_have_two_slashes_in_it_as_in_a_spec():
    assert XSpec("popen//env:P=http:%2F%2Fhost").env["P"] == "http://host"
    assert XSpec("chdir=/srv///nice=5").chdir == "/srv/"


def test_only_a_process_here_in_this_directory_has_the_same_file_system():
    assert XSpec("popen")._samefilesystem()
    assert not XSpec("popen//chdir=/srv")._samefilesystem()
    assert not XSpec("ssh=host")._samefilesystem()


def test_what_is_started_is_what_the_attributes_say_now():
    spec = XSpec("popen//nice=5//execmodel=thread//env:A=1")
    spec.chdir, spec.nice, spec.execmodel, spec.id = "/srv", 7, None, "w1"
    spec.env["B"] = "2"
    spec._mine = "of the program"

    assert to_spec(spec) == Spec(id="w1", chdir="/srv", nice=7, env={"A": "1", "B": "2"})


def test_a_key_nobody_knows_is_refused_by_name_where_a_gateway_is_made():
    with pytest.raises(SpecError, match=r"pyton.*did you mean 'python'"):
        to_spec(XSpec("pyton=python3.9//popen"))
    with pytest.raises(SpecError, match="no kind"):
        to_spec(XSpec("python=python3.9"))
    with pytest.raises(SpecError, match="two kinds, popen and ssh"):
        to_spec(XSpec("popen//ssh=host"))
    with pytest.raises(SpecError, match="env:X needs a value"):
        to_spec(XSpec("popen//env:X"))


def test_texts_and_specs_become_xspecs_and_one_that_is_one_stays_itself():
    xspec = XSpec("popen//id=a")

    assert as_xspec(xspec) is xspec
    assert as_xspec("popen//nice=5").nice == "5"
    assert as_xspec(Spec(nice=5)).nice == "5"
    assert as_xspecs([xspec, "2*popen"]) == [xspec, XSpec("popen"), XSpec("popen")]
    assert as_xspecs(xspec)[0] is xspec
    assert as_xspecs("popen") == [XSpec("popen")]
    with pytest.raises(SpecError, match="a spec is text"):
        as_xspecs(5)
    with pytest.raises(SpecError, match="did you mean 'python'"):
        as_xspec("popen//pyton=x")


def test_the_values_of_env_are_not_shown():
    spec = XSpec("popen//env:TOKEN=s3cret//nise=5")

    with pytest.raises(SpecError, match="nise") as caught:
        to_spec(spec)

    assert "s3cret" not in str(caught.value) + repr(spec)
    assert spec.env == {"TOKEN": "s3cret"}
