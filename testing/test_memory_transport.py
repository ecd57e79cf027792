"""Rare timing, made certain: two gateways joined in memory, in one process."""

import threading

import pytest
from settling import BOUND, settle

from gatewaylib import ChannelEnded, GatewayLost, RemoteError, TimeoutError
from gatewaylib.gateway_base import ENDED, BaseGateway
from gatewaylib.shipped.threads import get_model
from gatewaylib.transports import memory


class OtherEnd(BaseGateway):
    """The second of a pair: it numbers its channels as a remote does."""

    _FIRST_CHANNEL = 2


class Pair:
    """Two gateways in one process. Nothing of ``held`` moves until ``let_go``."""

    def __init__(self, window=2**20, capacity=memory.CAPACITY):
        model = get_model("thread")
        self.transports = memory.pair(capacity)
        kinds = zip((BaseGateway, OtherEnd), ("one", "two"), self.transports)
        self.one, self.two = [kind(id, transport, model, window) for kind, id, transport in kinds]
        for gateway in (self.one, self.two):
            gateway._start_reading(None)

    def channels(self):
        """Return both ends of a new channel; the first channel carries the next ones."""
        first = self.one.newchannel()
        first.send(None)
        with self.two._lock:
            pass
        return first, self.wait_for(first.id)

    def wait_for(self, id):
        assert settle(lambda: id in self.two._protocol.ends), f"no channel {id}"
        return self.two._load_channel(id)


@pytest.fixture
def pair():
    made = Pair()
    yield made
    for transport in made.transports:
        transport.abort()


def test_items_cross_between_two_gateways_of_one_process(pair):
    here, there = pair.channels()
    assert there.receive(BOUND) is None
    there.send([1, {2}])
    assert here.receive(BOUND) == [1, {2}]


def test_two_closes_that_cross_end_the_channel_at_both_ends(pair):
    here, there = pair.channels()
    threads = [threading.Thread(target=end.close) for end in (here, there)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(BOUND)

    # Whatever crossed is over once another channel has been there and back.
    probe, other = pair.channels()
    other.send(1)
    probe.receive(BOUND)
    assert here.isclosed() and there.isclosed()
    for gateway in (pair.one, pair.two):
        assert here.id not in gateway._protocol.ends


def test_an_error_behind_the_last_item_is_told(pair):
    here, there = pair.channels()
    with pair.two._lock:
        pair.two._protocol.send_last(there._end)
    pair.two._writer.flush_soon()
    here.waitclose(BOUND)

    there.close("it broke")

    probe, other = pair.channels()  # behind the error, whatever reads
    other.send(1)
    probe.receive(BOUND)
    with pytest.raises(RemoteError, match="it broke"):
        here.receive(BOUND)


def test_what_is_sent_into_a_close_is_lost_without_harm(pair):
    here, there = pair.channels()
    there.receive(BOUND)
    sent = 0
    closer = threading.Thread(target=here.close)
    try:
        closer.start()
        while True:
            there.send(b"x" * 1000, timeout=BOUND)
            sent += 1
    except ChannelEnded:
        closer.join(BOUND)

    probe, other = pair.channels()
    other.send(sent)
    assert probe.receive(BOUND) == sent


def test_a_channel_in_an_item_that_crosses_a_close_is_closed(pair):
    here, there = pair.channels()
    there.receive(BOUND)
    with here.gateway._lock:  # nothing that arrives at that end is looked at meanwhile
        crossing = there.gateway.newchannel()
        there.send(crossing, timeout=BOUND)
        here.gateway._protocol.close(here._end)
    here.gateway._writer.flush()

    crossing.waitclose(BOUND)

    assert crossing.isclosed()


def test_a_large_item_given_up_leaves_the_channel_whole():
    pair = Pair(window=100_000, capacity=1000)
    here, there = pair.channels()
    there.receive(BOUND)
    with pytest.raises(TimeoutError):
        here.send(b"x" * 500_000, timeout=0.1)
    here.send("next", timeout=BOUND)
    assert there.receive(BOUND) == "next"
    for transport in pair.transports:
        transport.abort()


def test_a_connection_that_breaks_wakes_every_waiter_of_both_ends(pair):
    here, there = pair.channels()
    there.receive(BOUND)
    told = []

    def wait(call):
        try:
            call()
        except GatewayLost as error:
            told.append(error.gateway_id)

    calls = (here.receive, here.waitclose, there.receive, there.waitclose)
    threads = [threading.Thread(target=wait, args=(call,)) for call in calls]
    for thread in threads:
        thread.start()
    pair.transports[0].abort()
    for thread in threads:
        thread.join(BOUND)

    assert sorted(told) == ["one", "one", "two", "two"]
    assert pair.one.state is ENDED and pair.two.state is ENDED
    with pytest.raises(GatewayLost):
        here.send(1)


def test_a_peer_that_breaks_the_protocol_is_given_up_with_the_reason(pair):
    here, there = pair.channels()
    pair.transports[1].write_one(b"\xff" * 9)
    with pytest.raises(GatewayLost, match="frame of 4294967295 bytes"):
        here.receive(BOUND)


def test_a_local_end_does_not_run_what_its_peer_sends(pair):
    here, there = pair.channels()
    with pair.two._lock:
        end = pair.two._protocol.open_for_task()
    pair.two._sender.send(end, b"", kind=2)
    with pytest.raises(GatewayLost, match="asked this one to run code"):
        here.receive(BOUND)


def test_what_was_sent_before_all_is_given_back_is_no_error_of_the_send(pair, monkeypatch):
    here, there = pair.channels()
    there.receive(BOUND)
    send = pair.one._sender.send

    def send_and_lose(*args):
        """Stand for a peer that dies of what it is sent, before ``send`` goes on."""
        send(*args)
        pair.one._writer.close(BOUND)

    monkeypatch.setattr(pair.one._sender, "send", send_and_lose)
    here.send("last")

    assert there.receive(BOUND) == "last"
