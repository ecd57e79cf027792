# plain: runs on every interpreter
"""The errors: one class for each thing to do about it, and the builtin ones execnet raised."""

from __future__ import absolute_import

import sys

from gatewaylib.shipped import errors
from gatewaylib.shipped.compat import PY2, text_type
from gatewaylib.shipped.errors import (
    GatewayError,
    GatewayLost,
    IllegalMove,
    RemoteError,
    StartError,
    describe_error,
    shortened,
)

ALL = [
    value
    for value in vars(errors).values()
    if isinstance(value, type)
    and issubclass(value, Exception)
    and value.__module__ == errors.__name__
]


class Unprintable(Exception):
    def __str__(self):
        raise ValueError("no words")

    __repr__ = __str__


def described(error):
    """Return what is told of an error that is raised and caught."""
    try:
        raise error
    except type(error):
        return describe_error(sys.exc_info())


def test_every_error_is_a_gateway_error_and_says_what_it_is_for():
    assert len(ALL) > 12
    for kind in ALL:
        assert issubclass(kind, GatewayError), kind
        assert kind.__doc__, kind


def test_errors_are_what_execnet_raised_too():
    for name in ("ChannelClosed", "ChannelEnded", "GatewayLost"):
        assert issubclass(getattr(errors, name), (IOError,)), name
        assert issubclass(getattr(errors, name), (EOFError,)), name
    assert issubclass(errors.SpecError, ValueError)
    assert issubclass(errors.SourceError, ValueError)
    assert issubclass(errors.TimeoutError, IOError)
    if not PY2:
        assert issubclass(errors.TimeoutError, TimeoutError)
    assert issubclass(errors.LoadError, errors.DataFormatError)
    assert issubclass(errors.DumpError, errors.DataFormatError)
    assert issubclass(errors.HostNotFound, StartError)


def test_you_closed_it_it_ended_and_it_broke_are_three():
    three = (errors.ChannelClosed, errors.ChannelEnded, errors.GatewayLost)
    for kind in three:
        assert [other for other in three if issubclass(kind, other)] == [kind]


def test_what_a_caller_may_need_is_an_attribute():
    lost = GatewayLost("gone", "w1", None, 9, "last words")
    start = StartError("no", "popen", 3, "words")
    move = IllegalMove("closed", "send")

    assert (lost.gateway_id, lost.exit_status, lost.signal, lost.stderr) == (
        "w1",
        None,
        9,
        "last words",
    )
    assert (start.spec, start.exit_status, start.stderr) == ("popen", 3, "words")
    assert (move.state, move.event) == ("closed", "send")
    assert errors.DumpError("no", "$[0]").path == "$[0]"
    assert (str(lost), str(start)) == ("gone", "no")


def test_attributes_have_values_where_nothing_is_known():
    lost, start = GatewayLost("gone"), StartError("no")

    assert (lost.gateway_id, lost.exit_status, lost.signal, lost.stderr) == (None, None, None, "")
    assert (start.spec, start.exit_status, start.stderr) == ("", None, "")
    assert RemoteError("text").type_name == ""


def test_a_remote_error_reads_as_the_other_ends_traceback():
    error = RemoteError("Traceback ...\nValueError: 3\n", "ValueError")

    assert str(error) == "Traceback ...\nValueError: 3\n"
    assert repr(error) == "RemoteError: Traceback ...\nValueError: 3\n"
    assert error.type_name == "ValueError"


def test_a_warning_goes_to_stderr():
    class Lines(list):
        write = list.append

    lines = Lines()
    before, sys.stderr = sys.stderr, lines
    try:
        RemoteError("boom").warn()
    finally:
        sys.stderr = before

    assert "".join(lines) == "unhandled RemoteError: boom\n"


def test_an_error_is_told_by_type_and_traceback():
    name, text = described(ValueError("value 3"))

    assert name == "ValueError"
    assert text.startswith("Traceback (most recent call last):\n")
    assert "in described" in text and text.endswith("ValueError: value 3\n")
    assert isinstance(name, text_type) and isinstance(text, text_type)


def test_an_error_that_can_not_be_printed_is_told_all_the_same():
    name, text = described(Unprintable())

    assert name == "Unprintable"
    assert "in described" in text and "Unprintable" in text


def test_an_error_with_undecodable_words_is_told_all_the_same():
    name, text = described(ValueError(b"\xff\xfe".decode("latin-1") if not PY2 else b"\xff\xfe"))

    assert name == "ValueError" and isinstance(text, text_type)


def test_a_long_text_loses_its_middle():
    text = "a" * 500 + "b" * 500

    assert shortened(text, 1000) == text
    assert shortened(text, 100) == "a" * 50 + "\n[... 900 characters ...]\n" + "b" * 50
