# plain: runs on every interpreter
"""The hook: whoever listens hears all of it, and changes nothing."""

from __future__ import absolute_import

from gatewaylib.shipped.trace import listeners, trace


class Listening(object):
    """Has functions listen for the length of a ``with`` block."""

    def __init__(self, *functions):
        self.functions = functions

    def __enter__(self):
        self.before = list(listeners)
        listeners[:] = self.functions

    def __exit__(self, *exc_info):
        listeners[:] = self.before


def test_every_listener_hears_the_event_and_its_fields():
    heard = []
    with Listening(
        lambda *event: heard.append(("first",) + event),
        lambda *event: heard.append(("second",) + event),
    ):
        trace("sent", channel=1, size=3)

    fields = {"channel": 1, "size": 3}
    assert heard == [("first", "sent", fields), ("second", "sent", fields)]


def test_without_a_listener_nothing_happens():
    with Listening():
        trace("sent", size=3)


def test_a_listener_that_raises_is_taken_off_and_the_others_hear_on():
    heard = []

    def broken(event, fields):
        raise ValueError(event)

    with Listening(broken, lambda event, fields: heard.append(event)):
        trace("one")
        trace("two")
        assert broken not in listeners

    assert heard == ["one", "two"]


def test_a_listener_may_take_itself_off_and_raise():
    def broken(event, fields):
        listeners.remove(broken)
        raise ValueError(event)

    with Listening(broken):
        trace("one")
        assert listeners == []
