"""What a remote says of itself is checked before anybody believes it."""

import pytest

from gatewaylib.hello import read_hello
from gatewaylib.shipped.errors import LoadError
from gatewaylib.shipped.serializer import Serializer
from gatewaylib.shipped.worker import describe_interpreter


def dumped(**changes):
    return Serializer().dumps({**describe_interpreter(), **changes})


def test_what_an_honest_remote_says_is_kept():
    told = describe_interpreter()

    assert read_hello(dumped(more=1)) == {**told, "has_slots": False}
    assert read_hello(dumped(has_slots=True))["has_slots"] is True
    assert read_hello(dumped(has_slots="yes"))["has_slots"] is False


@pytest.mark.parametrize(
    "lie",
    [
        {"version": 5},
        {"version": ()},
        {"version": ("1", 0)},
        {"version_info": 7},
        {"version_info": (3,)},
        {"executable": 5},
        {"executable": None},
        {"cwd": "x" * 5000},
        {"pid": "x"},
        {"pid": True},
    ],
)
def test_a_lie_is_no_hello(lie):
    with pytest.raises(LoadError, match="makes no sense"):
        read_hello(dumped(**lie))


def test_what_is_no_dict_of_names_is_no_hello():
    for value in (None, [], {1: 2}, {"self": 1}, b"\xff"):
        with pytest.raises(LoadError, match="makes no sense"):
            read_hello(Serializer().dumps(value))
    with pytest.raises(LoadError, match="makes no sense"):
        read_hello(b"\xff\xff")


def test_an_error_is_quoted_short_and_without_what_moves_a_cursor():
    with pytest.raises(LoadError) as caught:
        read_hello(Serializer().dumps({"error": "\x1b[2J" + "e" * 60000}))

    text = str(caught.value)
    assert "could not do what the spec says" in text
    assert "\x1b" not in text and len(text) < 5000


def test_another_protocol_is_named_with_ours():
    with pytest.raises(LoadError, match=r"speaks protocol 99\.0, this side 1\.0"):
        read_hello(dumped(version=(99, 0)))
