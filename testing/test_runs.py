# plain: runs on every interpreter
"""Many small items one behind another: cut at once, and nothing else than cut one by one."""

from __future__ import absolute_import

import random
import struct

from protocol_pair import Pair, channel, items

from gatewaylib.shipped import frames, runs
from gatewaylib.shipped.errors import ProtocolError
from gatewaylib.shipped.events import ITEMS
from gatewaylib.shipped.frames import DATA, FrameDecoder, encode
from gatewaylib.shipped.protocol import Protocol
from gatewaylib.shipped.runs import RUN

CUTS_RUNS = hasattr(struct, "iter_unpack")  # not Python 2
ALIKE = [b"%5d" % number for number in range(40)]
WIRE = [encode(DATA, 1, payload) for payload in ALIKE]


def one_by_one(found):
    """Return frames with those of runs one by one."""
    frames = []
    for kind, id, payload in found:
        if kind == RUN:
            frames += [(DATA, id, each) for each in payload]
        else:
            frames.append((kind, id, payload))
    return frames


def refusal(protocol, data):
    """Return what the protocol says against the data."""
    try:
        protocol.receive(data)
    except ProtocolError as error:
        return str(error)
    raise AssertionError("not refused")


def test_alike_items_of_one_channel_are_cut_at_once():
    found = FrameDecoder().feed(b"".join(WIRE))

    assert one_by_one(found) == [(DATA, 1, payload) for payload in ALIKE]
    assert len(found) == (1 if CUTS_RUNS else len(ALIKE))


def test_items_of_any_length_are_cut_alike():
    for length in (0, 1, runs.LONGEST, runs.LONGEST + 1, 10000):
        payloads = [(b"%02d" % number) * 5000 for number in range(40)]
        payloads = [payload[:length] for payload in payloads]

        found = FrameDecoder().feed(b"".join(encode(DATA, 1, payload) for payload in payloads))

        assert one_by_one(found) == [(DATA, 1, payload) for payload in payloads]


def test_one_frame_that_is_not_alike_is_found_wherever_it_stands():
    others = [(DATA, 3, b"12345"), (DATA, 1, b"123456"), (frames.LAST, 1, b"")]
    for other in others:
        for place in (0, 1, 20, 38, 39, 40):
            expected = [(DATA, 1, payload) for payload in ALIKE]
            expected.insert(place, other)

            found = FrameDecoder().feed(b"".join(encode(*frame) for frame in expected))

            assert one_by_one(found) == expected


def test_a_run_is_the_same_wherever_its_chunks_end():
    rng = random.Random(4)
    data = b"".join(WIRE * 8)
    for _ in range(100):
        decoder, found, start = FrameDecoder(), [], 0
        while start < len(data):
            stop = start + rng.randrange(1, 2000)
            found += one_by_one(decoder.feed(data[start:stop]))
            start = stop

        assert [payload for _, _, payload in found] == ALIKE * 8


def test_the_items_of_a_run_arrive_and_are_paid_for_like_others():
    pair = Pair(window=10000)
    end, there = channel(pair)
    for payload in ALIKE:
        assert pair.local.protocol.send(end, DATA, payload)

    _, events = pair.pump()

    assert items(events) == ALIKE
    assert there.got == end.sent
    pair.remote.protocol.take(there, 5 * len(ALIKE), len(ALIKE))
    pair.pump()
    assert end.granted == 10000 + end.sent


def test_a_run_that_oversteps_the_window_is_refused():
    victim = Protocol(1, window=1000)
    end = victim.open()
    victim.receive(encode(frames.CLAIMED, end.id))
    one = encode(DATA, end.id) * 100
    most = 2 + frames.MAX_PAYLOAD // (100 * 64)

    for _ in range(most - 1):
        victim.receive(one)

    assert "more than its window" in refusal(victim, one)


def test_a_run_for_a_channel_that_is_not_open_is_refused():
    assert "which is not open" in refusal(Protocol(1), encode(DATA, 2) * 40)


def test_a_run_that_crosses_the_close_of_its_channel_is_dropped_item_by_item():
    pair = Pair()
    end, there = channel(pair)
    for payload in ALIKE:
        pair.local.protocol.send(end, DATA, payload)
    pair.remote.protocol.close(there)

    events = pair.deliver(pair.remote, 10**6)

    assert [event for event, _, _ in events] == ["dropped"] * len(ALIKE)


def test_the_last_part_of_a_large_item_may_begin_a_run():
    pair = Pair()
    end, _ = channel(pair)
    large = b"x" * frames.PIECE + b"12345"
    pieces = frames.Pieces([large])
    while pieces.left:
        pair.local.protocol.send_some(end, DATA, pieces)
    for payload in ALIKE:
        pair.local.protocol.send(end, DATA, payload)

    _, events = pair.pump()

    assert items(events) == [large] + ALIKE


def test_what_is_a_run_here_is_no_kind_of_the_wire():
    assert "unknown kind 255" in refusal(Protocol(1), encode(RUN % 256, 1) * 40)


def test_a_run_is_one_event():
    pair = Pair()
    end, there = channel(pair)
    for payload in ALIKE:
        pair.local.protocol.send(end, DATA, payload)
    data = b"".join(pair.local.protocol.output)
    pair.local.protocol.output.clear()

    events = pair.remote.protocol.receive(data)

    if CUTS_RUNS:
        assert events == [(ITEMS, there, tuple(ALIKE))]
    else:
        assert len(events) == len(ALIKE)
