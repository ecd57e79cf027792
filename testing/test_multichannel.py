"""Channels to many at once."""

import queue

import pytest
from settling import BOUND

from gatewaylib import MultiChannel, RemoteError, TimeoutError

ECHO = "for item in channel: channel.send(item)"


@pytest.fixture
def channels(gateway):
    made = MultiChannel([gateway.remote_exec(ECHO) for _ in range(3)])
    yield made
    for channel in made:
        channel.close()


def test_it_is_a_sequence_of_its_channels(channels):
    assert len(channels) == 3
    assert list(channels) == [channels[0], channels[1], channels[2]]
    assert channels[1] in channels and object() not in channels


def test_what_is_sent_to_each_comes_back_in_the_order_of_the_channels(channels):
    channels.send_each(1)
    assert channels.receive_each() == [1, 1, 1]
    channels.send_each(2)
    assert channels.receive_each(withchannel=True) == [(channel, 2) for channel in channels]


def test_receiving_from_each_has_one_timeout_for_all(channels):
    channels[0].send(1)
    with pytest.raises(TimeoutError):
        channels.receive_each(timeout=0.1)


def test_a_queue_gets_the_items_of_all_and_each_ones_end(channels):
    items = channels.make_receive_queue(endmarker="end")
    assert channels.make_receive_queue() is items
    channels.send_each("x")

    got = [items.get(timeout=BOUND) for _ in range(3)]
    assert {channel.id for channel, _ in got} == {channel.id for channel in channels}
    for channel in channels:
        channel.close()

    ends = [items.get(timeout=BOUND) for _ in range(3)]
    assert sorted((channel.id, item) for channel, item in ends) == [(c.id, "end") for c in channels]
    with pytest.raises(queue.Empty):
        items.get_nowait()


def test_the_queue_has_the_end_of_a_task_that_failed(gateway):
    channels = MultiChannel([gateway.remote_exec("channel.send(1)"), gateway.remote_exec("1/0")])
    items = channels.make_receive_queue(endmarker=None)
    got = [items.get(timeout=BOUND) for _ in range(3)]

    assert [item for channel, item in got if channel is channels[0]] == [1, None]
    assert [item for channel, item in got if channel is channels[1]] == [None]
    assert "ZeroDivisionError" in str(channels[1]._getremoteerror())


def test_waitclose_waits_for_all_and_raises_the_first_remote_error(gateway):
    texts = ("pass", "raise KeyError(1)", "raise KeyError(2)", "channel.send(3)")
    channels = MultiChannel([gateway.remote_exec(text) for text in texts])

    with pytest.raises(RemoteError, match="KeyError: 1"):
        channels.waitclose(BOUND)

    assert [channel.isclosed() for channel in channels] == [True] * 4
    assert channels[3].receive(BOUND) == 3
