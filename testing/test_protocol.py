# plain: runs on every interpreter
"""The protocol, without a process: what is put out, what it means, and what is refused."""

from __future__ import absolute_import

from protocol_pair import HalfOfSlots, Pair, channel, items

from gatewaylib.shipped import frames, outgoing, protocol
from gatewaylib.shipped.arriving import BELIEVED, HAS_PLACES
from gatewaylib.shipped.channel_state import CLOSED, CLOSING, GOT_LAST, SENT_LAST
from gatewaylib.shipped.compat import joined
from gatewaylib.shipped.errors import GatewayError, IllegalMove, ProtocolError
from gatewaylib.shipped.events import (
    CREDITED,
    DROPPED,
    ENDED,
    ITEM,
    OPENED,
    RECONFIGURED,
    SAID_GOODBYE,
    STATUS_ASKED,
    STATUS_TOLD,
    TASK,
)
from gatewaylib.shipped.frames import Pieces
from gatewaylib.shipped.outgoing import AMOUNT, ITEM_COST, NO_LIMIT
from gatewaylib.shipped.protocol import MOST_SLOTS, Protocol

LARGE = b"0123456789abcdef" * (frames.PIECE // 16) * 3 + b"the end"


def error_of(kind, function, *args):
    """Return the text of the exception of this kind that the call raises."""
    try:
        result = function(*args)
    except kind as error:
        return str(error)
    raise AssertionError("no %s, but %r" % (kind.__name__, result))


def refused(side, *frames_given):
    """Return why the frames, each (kind, id, payload), are refused."""
    data = b"".join(frames.encode(*frame) for frame in frames_given)
    return error_of(ProtocolError, side.receive, data)


def output_of(side):
    """Return, as frames, what the side has put out, and forget it."""
    data = b"".join(memoryview(part).tobytes() for part in side.output)
    side.output.clear()
    return frames.FrameDecoder().feed(data)


def send_all(pair, side, end, kind, pieces):
    """Send all that is left of the pieces, letting everything arrive in between."""
    while pieces.left:
        assert side.protocol.send_some(end, kind, pieces), "no credit, %d bytes left" % pieces.left
        pair.pump()


# ---- opening, and ids ----------------------------------------------------------------


def test_an_item_arrives_at_the_end_of_the_same_id():
    pair = Pair()
    here, there = channel(pair)

    assert pair.local.protocol.send(here, frames.DATA, b"payload")
    _, events = pair.pump()

    assert events == [(ITEM, there, b"payload")]
    assert there.id == here.id == 1


def test_each_side_numbers_its_own_channels():
    pair = Pair()

    local = [pair.local.protocol.open().id for _ in range(3)]
    remote = [pair.remote.protocol.open().id for _ in range(3)]

    assert (local, remote) == ([1, 3, 5], [2, 4, 6])
    pair.pump()
    assert (
        sorted(pair.local.protocol.ends) == sorted(pair.remote.protocol.ends) == list(range(1, 7))
    )


def test_tasks_may_be_sent_in_another_order_than_their_channels_were_opened_in():
    pair = Pair()
    first, second = pair.local.protocol.open_for_task(), pair.local.protocol.open_for_task()
    other = pair.local.protocol.open()

    pair.local.protocol.send(second, frames.EXEC, b"second")
    pair.local.protocol.send(other, frames.DATA, b"item")
    pair.local.protocol.send(first, frames.EXEC, b"first")
    _, events = pair.pump()

    told = [(event, end.id, detail) for event, end, detail in events if event != OPENED]
    assert told == [(TASK, 3, b"second"), (ITEM, 5, b"item"), (TASK, 1, b"first")]


def test_a_task_larger_than_the_window_arrives_whole():
    pair = Pair(window=1)
    here = pair.local.protocol.open_for_task()

    send_all(pair, pair.local, here, frames.EXEC, Pieces([LARGE]))

    assert [detail for event, _, detail in pair.remote.events if event == TASK] == [LARGE]


def test_a_task_given_up_while_it_was_sent_leaves_nothing():
    pair = Pair()
    here = pair.local.protocol.open_for_task()
    pieces = Pieces([LARGE * 40])
    pair.local.protocol.send_some(here, frames.EXEC, pieces)
    pair.pump()

    pair.local.protocol.give_up(here, pieces)
    pair.local.protocol.close(here)
    _, events = pair.pump()

    assert [event for event, _, _ in events] == [ENDED]
    assert here.state == CLOSED
    assert pair.local.protocol.ends == pair.remote.protocol.ends == {}


def test_what_answers_the_end_of_a_task_leaves_with_the_next_task():
    local = Protocol(1)
    local.open_for_task()
    local.output.clear()

    local.receive(frames.encode(frames.CLOSE, 1))
    assert not local.output and local.ends == {}

    local.open_for_task()
    assert output_of(local) == [(frames.LAST, 1, b""), (frames.OPEN_TASK, 3, b"")]


def test_what_answers_ends_waits_neither_for_a_status_nor_in_great_numbers():
    local = Protocol(1)
    for _ in range(100):
        local.open_for_task()
    local.output.clear()

    local.receive(frames.encode(frames.CLOSE, 1))
    local.ask_status(7)
    assert output_of(local) == [(frames.LAST, 1, b""), (frames.ASK_STATUS, 7, b"")]

    for id in range(3, 200, 2):
        local.receive(frames.encode(frames.CLOSE, id))
        assert len(local.farewells) <= protocol.MAX_FAREWELLS
    local.say_farewells()
    assert [id for _, id, _ in output_of(local)] == list(range(3, 200, 2))
    assert not local.farewells


def test_the_side_that_runs_tasks_answers_the_end_of_a_channel_at_once():
    remote = Protocol(2, runs_tasks=True)
    remote.receive(frames.encode(frames.OPEN_TASK, 1))

    remote.receive(frames.encode(frames.CLOSE, 1))

    assert output_of(remote) == [(frames.LAST, 1, b"")]


def test_only_one_task_runs_on_a_channel():
    pair = Pair()
    pair.local.protocol.send(pair.local.protocol.open_for_task(), frames.EXEC, b"task")
    pair.pump()

    assert "for items" in refused(pair.remote.protocol, (frames.EXEC, 1, b"again"))


def test_a_side_that_runs_no_tasks_refuses_them():
    assert "run code" in refused(Protocol(1), (frames.OPEN_TASK, 2))
    assert "not open" in refused(Protocol(1), (frames.EXEC, 2, b"task"))
    assert "for items" in refused(Protocol(1), (frames.OPEN, 2), (frames.EXEC, 2, b"task"))


def test_ids_are_opened_one_after_another():
    for id in (0, 1, 2, 6, 2**32 - 2):
        side = Protocol(1)
        side.receive(frames.encode(frames.OPEN, 2))
        assert "the next is 4" in refused(side, (frames.OPEN, id)), id


def test_frames_for_channels_that_never_were_are_refused():
    for kind, payload in (
        (frames.DATA, b""),
        (frames.PIECE_OF, b"x" * frames.PIECE),
        (frames.DROP_PIECES, b""),
        (frames.LAST, b""),
        (frames.CLOSE, b""),
        (frames.CREDIT, AMOUNT.pack(1)),
        (frames.CLAIMED, b""),
        (frames.RECONFIGURE, b""),
        (frames.EXEC, b""),
    ):
        for id in (0, 1, 2, 3, 77):
            if (kind, id) == (frames.RECONFIGURE, 0):
                continue  # the whole gateway
            refused(Protocol(1, runs_tasks=True), (kind, id, payload))


def test_no_id_is_used_twice():
    side = Protocol(1)
    side._next_id = 2**32 - 1
    assert side.open().id == 2**32 - 1

    assert "used up" in error_of(GatewayError, side.open)
    assert "used up" in error_of(GatewayError, side.open_for_task)


# ---- credit ---------------------------------------------------------------------------


def test_a_sender_has_credit_for_a_window_and_one_frame():
    pair = Pair(window=1000)
    here, _ = channel(pair)

    sent = 0
    while pair.local.protocol.send(here, frames.DATA, b"x" * 100):
        sent += 1

    assert sent == 7  # 7 * (100 + ITEM_COST) is the first multiple above 1000
    pair.pump()
    assert len(items(pair.remote.events)) == 7


def test_what_is_taken_is_granted_again():
    pair = Pair(window=1000)
    here, there = channel(pair)
    while pair.local.protocol.send(here, frames.DATA, b"x" * 100):
        pass
    pair.pump()

    pair.remote.protocol.take(there, 100)
    pair.remote.protocol.take(there, 100)
    events, _ = pair.pump()

    assert events == [(CREDITED, here, None)]
    assert pair.local.protocol.may_send(here)


def test_less_than_a_quarter_of_the_window_is_not_told():
    pair = Pair(window=10000)
    here, there = channel(pair)
    pair.local.protocol.send(here, frames.DATA, b"")
    pair.pump()

    pair.remote.protocol.take(there, 0)

    assert not pair.remote.protocol.output


def test_a_sender_has_credit_when_everything_is_taken_whatever_the_window():
    for window in (1, 2, 3, 4, 5, 63, 64, 65, 1000):
        pair = Pair(window)
        here, there = channel(pair)
        for _ in range(10):
            while pair.local.protocol.send(here, frames.DATA, b"x" * 9):
                pass
            _, events = pair.pump()
            for payload in items(events):
                pair.remote.protocol.take(there, len(payload))
            pair.pump()
            assert pair.local.protocol.may_send(here), window


def test_no_limit_is_no_limit():
    for window in (None, 0):
        side = Protocol(1, window)
        end = side.open()
        for _ in range(3):
            assert side.send(end, frames.DATA, b"")
            end.sent += 2**40
        assert end.window == NO_LIMIT


def test_a_channel_may_have_a_window_of_its_own():
    pair = Pair(window=100)

    here, there = channel(pair, window=5000)
    free, freed = channel(pair, window=0)

    assert (here.window, here.granted, there.window, there.granted) == (5000,) * 4
    assert (free.window, freed.granted) == (NO_LIMIT, NO_LIMIT)


def test_a_remote_can_not_make_the_local_side_hold_more_than_its_window():
    pair = Pair(window=100)

    remote, local = channel(pair, pair.remote, window=5000)

    assert (local.window, remote.granted) == (100, 100)
    assert (remote.window, local.granted) == (5000, 5000)


def test_a_window_that_is_none_is_refused_and_nothing_opened():
    side = Protocol(1)
    for window in (-1, 2**64):
        assert "window" in error_of(ValueError, side.open, window)
    assert (side.ends, list(side.output)) == ({}, [])


def test_more_than_the_window_is_refused():
    pair = Pair(window=100)
    channel(pair)
    large = b"x" * frames.MAX_PAYLOAD

    pair.remote.protocol.receive(frames.encode(frames.DATA, 1, large))

    assert "window of 100 bytes" in refused(pair.remote.protocol, (frames.DATA, 1, large))


def test_a_grant_is_8_bytes():
    pair = Pair()
    channel(pair)
    for payload in (b"", b"1234567", b"123456789"):
        assert "instead of 8" in refused(pair.remote.protocol, (frames.CREDIT, 1, payload))


# ---- large items ----------------------------------------------------------------------


def test_a_large_item_travels_in_pieces_and_arrives_whole():
    pair = Pair()
    here, there = channel(pair)
    item = LARGE * 6
    pieces = Pieces([item[:1], item[1:]])

    pair.local.protocol.send_some(here, frames.DATA, pieces)
    pair.local.protocol.send_some(here, frames.DATA, pieces)
    sent = output_of(pair.local.protocol)

    rest = len(item) - 1 - frames.MAX_PAYLOAD
    assert [(kind, protocol.size_of(data)) for kind, _, data in sent] == [
        (frames.BEGIN, 9),
        (frames.PIECE_OF, frames.MAX_PAYLOAD),
        (frames.DATA, rest),
    ]
    assert sent[0][2] == AMOUNT.pack(len(item) - 1) + item[:1]


def test_a_piece_is_no_larger_than_the_credit_left_or_the_smallest_piece():
    for window, sizes in (
        (100, [frames.PIECE]),
        (frames.PIECE * 2, [frames.PIECE * 2]),
        (10**6, [10**6]),
    ):
        pair = Pair(window)
        here, _ = channel(pair)
        pieces = Pieces([bytes(bytearray(2**21))])
        while pair.local.protocol.send_some(here, frames.DATA, pieces):
            pass
        sent = output_of(pair.local.protocol)

        assert [protocol.size_of(data) for _, _, data in sent[1:]] == sizes, window


def deliver(pair, size):
    """Let all reach the remote side, put where it is to stay where that is known; return events."""
    remote = pair.remote
    pair.write(pair.local)
    before = len(remote.events)
    while remote.incoming:
        into = remote.protocol.decoder.into
        if into is None:
            remote.receive(size)
            continue
        count = min(len(into), len(remote.incoming), size)
        into[:count] = remote.incoming[:count]
        del remote.incoming[:count]
        for event, subject, detail in remote.protocol.receive(count):
            remote.events.append((event, subject, joined(detail)))
    return remote.events[before:]


def test_a_large_item_may_be_read_to_where_it_stays():
    item = LARGE * 12
    for size in (2**16, 2**16 + 1, 10**5, 2**21):
        pair = Pair()
        here, there = channel(pair)
        other, _ = channel(pair)
        pieces = Pieces([item])
        events = []
        while pieces.left:
            pair.local.protocol.send_some(here, frames.DATA, pieces)
            pair.local.protocol.send(other, frames.DATA, b"small")
            events += deliver(pair, size)

        assert items(events) == [b"small"] * 2 + [item, b"small"], size
        assert there.got == here.sent


def test_an_item_is_given_a_place_once_it_is_worth_it_and_somebody_has_asked_for_the_channel():
    big = frames.encode(frames.PIECE_OF, 1, bytes(bytearray(frames.MAX_PAYLOAD)))[: 2**16]
    for claimed, said, placed in (
        (True, frames.MAX_PAYLOAD, True),
        (True, 512 * frames.MAX_PAYLOAD, True),
        (True, BELIEVED * frames.MAX_PAYLOAD + 1, False),  # more is said than is believed
        (True, 2**64 - 1, False),
        (True, 0, False),
        (False, frames.MAX_PAYLOAD, False),
    ):
        pair = Pair()
        if claimed:
            channel(pair)
        else:
            pair.local.protocol.open()
            pair.pump()
        side = pair.remote.protocol
        side.receive(frames.encode(frames.BEGIN, 1, AMOUNT.pack(said) + b"x") + big)

        assert (side.decoder.into is not None) == (placed and HAS_PLACES), (claimed, said)


def test_what_would_be_refused_has_no_place():
    big = frames.encode(frames.PIECE_OF, 1, bytes(bytearray(frames.MAX_PAYLOAD)))
    begin = frames.encode(frames.BEGIN, 1, AMOUNT.pack(2**21) + b"x")
    pair = Pair(window=100)
    channel(pair)
    side = pair.remote.protocol
    side.receive(begin + big + big[: 2**16])

    assert side.decoder.into is None
    assert "window of 100 bytes" in error_of(ProtocolError, side.receive, big[2**16 :])


def test_an_item_begins_with_its_size_and_first_byte_and_not_inside_another():
    for payload in (b"", b"1234567", b"12345678", b"1234567890"):
        pair = Pair()
        channel(pair)
        assert "begins with" in refused(pair.remote.protocol, (frames.BEGIN, 1, payload))
    pair = Pair()
    channel(pair)
    begin = (frames.BEGIN, 1, AMOUNT.pack(10) + b"x")
    assert "inside another" in refused(pair.remote.protocol, begin, begin)


def test_an_item_that_is_longer_or_shorter_than_was_said_is_what_came():
    for said in (0, 1, frames.PIECE, 10**6, 2**64 - 1):
        pair = Pair()
        _, there = channel(pair)
        side = pair.remote.protocol
        wire = frames.encode(frames.BEGIN, 1, AMOUNT.pack(said) + b"x")
        for _ in range(3):
            wire += frames.encode(frames.PIECE_OF, 1, b"y" * 2 * frames.PIECE)
        wire += frames.encode(frames.DATA, 1, b"end")
        pair.remote.incoming += wire

        events = deliver(pair, 2**16)

        assert items(events) == [b"x" + b"y" * 6 * frames.PIECE + b"end"], said
        assert there.got == 1 + 6 * frames.PIECE + 3 + ITEM_COST
        assert side.decoder.into is None


def test_pieces_without_a_beginning_are_an_item_too():
    pair = Pair()
    _, there = channel(pair)
    pair.remote.incoming += frames.encode(frames.PIECE_OF, 1, b"y" * frames.PIECE)
    pair.remote.incoming += frames.encode(frames.DATA, 1, b"end")

    assert items(deliver(pair, 2**16)) == [b"y" * frames.PIECE + b"end"]


def test_other_channels_have_their_turn_between_the_pieces():
    pair = Pair()
    here, there = channel(pair)
    other, _ = channel(pair)
    item = b"x" * (outgoing.BURST + frames.PIECE)
    pieces = Pieces([item])

    assert pair.local.protocol.send_some(here, frames.DATA, pieces) == 1 + outgoing.BURST
    pair.local.protocol.send(other, frames.DATA, b"small")
    pair.local.protocol.send_some(here, frames.DATA, pieces)
    _, events = pair.pump()

    assert [(end.id, payload) for _, end, payload in events] == [(3, b"small"), (1, item)]


def test_nobody_gets_between_the_pieces_of_a_channel():
    pair = Pair()
    here, _ = channel(pair)
    side = pair.local.protocol
    mine, yours = [Pieces([b"x" * (outgoing.BURST + 2)]) for _ in range(2)]

    side.send_some(here, frames.DATA, mine)

    assert not side.may_send(here) and not side.may_send(here, yours) and side.may_send(here, mine)
    assert side.send(here, frames.DATA, b"") is False
    assert side.send_some(here, frames.DATA, yours) == 0
    assert side.send_some(here, frames.DATA, mine) == 1
    assert side.send(here, frames.DATA, b"")


def test_an_item_larger_than_the_window_passes_if_somebody_waits_for_it():
    pair = Pair(window=100)
    here, there = channel(pair)
    pieces = Pieces([LARGE])

    assert pair.local.protocol.send_some(here, frames.DATA, pieces) == 1 + frames.PIECE
    pair.pump()
    assert not pair.local.protocol.may_send(here, pieces)
    pair.remote.protocol.hunger(there)
    pair.pump()
    send_all(pair, pair.local, here, frames.DATA, pieces)

    assert items(pair.remote.events) == [LARGE]
    assert here.granted == 100 + there.returned


def test_what_was_taken_piece_by_piece_is_not_granted_twice():
    for window in (1, 100, 10**5, 10**6):
        pair = Pair(window)
        here, there = channel(pair)
        for _ in range(3):
            pair.remote.protocol.hunger(there)
            send_all(pair, pair.local, here, frames.DATA, Pieces([LARGE]))
            pair.remote.protocol.take(there, len(LARGE))
            pair.pump()
        assert there.got == here.sent == 3 * (len(LARGE) + ITEM_COST)
        assert there.returned + there.untold == there.got, window
        assert here.granted == window + there.returned, window


def test_an_item_given_up_leaves_room_for_the_next():
    pair = Pair(window=frames.PIECE)
    here, there = channel(pair)
    side = pair.local.protocol
    pieces = Pieces([LARGE])
    assert side.send_some(here, frames.DATA, pieces) == 1 + frames.PIECE
    assert not side.may_send(here, pieces)

    side.give_up(here, pieces)
    pair.pump()

    assert side.send(here, frames.DATA, b"next")
    _, events = pair.pump()
    assert events == [(ITEM, there, b"next")]
    assert there.returned == 1 + frames.PIECE


def test_giving_up_what_nobody_sends_says_nothing():
    side = Protocol(1)
    end = side.open()
    side.output.clear()

    side.give_up(end, Pieces([LARGE]))

    assert not side.output


def test_a_small_piece_is_refused():
    # Each is kept as an object: small ones would take many times the window's bytes.
    for size in (0, 1, frames.PIECE - 1):
        pair = Pair()
        channel(pair)
        assert "a piece of" in refused(pair.remote.protocol, (frames.PIECE_OF, 1, b"x" * size))


# ---- slots ----------------------------------------------------------------------------


def test_a_large_item_goes_by_slots_while_some_are_free():
    item = LARGE * 50
    pair = Pair(has_slots=True)
    here, there = channel(pair)
    pieces = Pieces([item[:1], item[1:]])
    while pieces.left:
        pair.local.protocol.send_some(here, frames.DATA, pieces)
    kinds = [kind for kind, _, data in output_of_copy(pair)]

    by_slots = [frames.IN_SLOT] * MOST_SLOTS
    by_wire = [frames.PIECE_OF] * (9 - MOST_SLOTS)
    assert kinds == [frames.BEGIN] + by_slots + by_wire + [frames.DATA]
    assert items(deliver(pair, 2**16)) == [item]
    assert there.got == here.sent
    assert pair.local.protocol.slots.mine == [None] * MOST_SLOTS


def output_of_copy(pair):
    """Return, as frames, what the local side has put out, which stays."""
    wire = b"".join(memoryview(part).tobytes() for part in pair.local.protocol.output)
    return frames.FrameDecoder().feed(wire)


def test_items_that_take_turns_with_their_receiver_go_by_slots_alone():
    for size in (frames.PIECE + 2, 2**20, 2**20 + 1, 2**21 + 1, 2**21 + 2**16 + 1):
        item = (LARGE * 11)[:size]
        pair = Pair(has_slots=True)
        here, _ = channel(pair)
        for _ in range(7):
            pieces = Pieces([item])
            while pieces.left:
                pair.local.protocol.send_some(here, frames.DATA, pieces)
                wire = sum(map(len, pair.local.protocol.output))
                assert wire < 100, size
                events = deliver(pair, 7)

            assert items(events) == [item], size


def test_tasks_and_items_on_offers_go_by_slots_too():
    pair = Pair(window=100, has_slots=True)
    task = pair.local.protocol.open_for_task()
    send_all(pair, pair.local, task, frames.EXEC, Pieces([LARGE]))
    assert [detail for event, _, detail in pair.remote.events if event == TASK] == [LARGE]

    pair = Pair(has_slots=True)
    offer = pair.local.protocol.open()
    send_all(pair, pair.local, offer, frames.DATA, Pieces([LARGE]))
    assert items(pair.remote.events) == [LARGE]


def test_a_slot_that_can_not_be_is_refused():
    def in_slot(number, size):
        return frames.IN_SLOT, 1, outgoing.SLOT.pack(number, size)

    pair = Pair()
    channel(pair)
    assert "not shared" in refused(pair.remote.protocol, in_slot(0, frames.PIECE))
    for number, size, why in (
        (MOST_SLOTS, frames.PIECE, "in slot %d" % MOST_SLOTS),
        (255, frames.PIECE, "in slot 255"),
        (0, frames.MAX_PAYLOAD + 1, "in slot 0"),
        (0, frames.PIECE - 1, "a piece of"),
        (0, 0, "a piece of"),
    ):
        pair = Pair(has_slots=True)
        channel(pair)
        pair.local.protocol.slots.mine[0] = b"x" * frames.MAX_PAYLOAD
        assert why in refused(pair.remote.protocol, in_slot(number, size)), (number, size)
    for payload in (b"", b"1234", b"123456"):
        pair = Pair(has_slots=True)
        channel(pair)
        assert "not shared" in refused(pair.remote.protocol, (frames.IN_SLOT, 1, payload))


def test_a_few_bytes_can_not_stand_for_more_than_all_slots():
    # A peer that marks slots as full again and again would fill the memory at no cost.
    pair = Pair(has_slots=True)
    _, there = channel(pair)
    pair.remote.protocol.hunger(there)

    class AlwaysFull(HalfOfSlots):
        def free(self, number):
            pass

    pair.remote.protocol.slots = AlwaysFull([None] * MOST_SLOTS, [b"x" * frames.PIECE] * MOST_SLOTS)
    one = (frames.IN_SLOT, 1, outgoing.SLOT.pack(0, frames.PIECE))
    for _ in range(3):
        pair.remote.protocol.receive(b"".join([frames.encode(*one)] * MOST_SLOTS))

    assert "not shared" in refused(pair.remote.protocol, *[one] * (MOST_SLOTS + 1))


# ---- ending ---------------------------------------------------------------------------


def test_a_closed_channel_is_forgotten_at_both_ends():
    pair = Pair()
    here, there = channel(pair)

    pair.local.protocol.close(here)
    assert here.state == CLOSING
    _, events = pair.pump()

    assert events == [(ENDED, there, b"")]
    assert here.state == there.state == CLOSED
    assert pair.local.protocol.ends == pair.remote.protocol.ends == {}


def test_sending_the_last_leaves_the_other_direction_open():
    pair = Pair()
    here, there = channel(pair)

    pair.local.protocol.send_last(here)
    _, events = pair.pump()

    assert events == [(ENDED, there, None)]
    assert (here.state, there.state) == (SENT_LAST, GOT_LAST)
    assert pair.remote.protocol.send(there, frames.DATA, b"still")
    assert items(pair.pump()[0]) == [b"still"]
    error_of(IllegalMove, pair.local.protocol.send, here, frames.DATA, b"")
    pair.remote.protocol.send_last(there)
    pair.pump()
    assert here.state == there.state == CLOSED


def moves_in_every_order():
    """Yield what both sides did before they heard of each other."""
    moves = ["nothing", "send_last", "close", "send_last close"]
    for local in moves:
        for remote in moves:
            yield local.split(), remote.split()


def test_whatever_crosses_on_the_wire_both_ends_agree_in_the_end():
    for local, remote in moves_in_every_order():
        pair = Pair()
        here, there = channel(pair)
        for side, end, moves in (
            (pair.local.protocol, here, local),
            (pair.remote.protocol, there, remote),
        ):
            for move in moves:
                if move != "nothing":
                    getattr(side, move)(end)

        pair.pump()

        assert (here.state == CLOSED) == (there.state == CLOSED), (local, remote)
        pair.local.protocol.close(here)
        pair.pump()
        assert here.state == there.state == CLOSED, (local, remote)
        assert pair.local.protocol.ends == pair.remote.protocol.ends == {}, (local, remote)


def test_what_arrives_for_a_closed_end_is_dropped():
    pair = Pair()
    here, there = channel(pair)
    pair.local.protocol.send(here, frames.DATA, b"item")
    pieces = Pieces([LARGE * 10])
    pair.local.protocol.send_some(here, frames.DATA, pieces)
    pair.local.protocol.give_up(here, pieces)

    pair.remote.protocol.close(there)
    _, events = pair.pump()

    assert events == [(DROPPED, there, b"item")]
    assert here.state == there.state == CLOSED


def test_an_item_that_crosses_a_close_is_dropped_whole():
    # It may bring channels, which nobody would close if it were not read.
    pair = Pair()
    here, there = channel(pair)
    pieces = Pieces([LARGE])
    pair.local.protocol.send_some(here, frames.DATA, pieces)
    pair.write(pair.local)

    pair.deliver(pair.remote, 100000)
    pair.remote.protocol.close(there)
    _, events = pair.pump()

    assert events == [(DROPPED, there, LARGE)]
    assert there.pieces is None


def test_an_error_arrives_with_the_close_and_one_that_crosses_another_too():
    pair = Pair()
    here, there = channel(pair)

    pair.local.protocol.close(here, b"local's")
    pair.remote.protocol.close(there, b"remote's")

    assert pair.pump() == ([(ENDED, here, b"remote's")], [(ENDED, there, b"local's")])


def test_closing_again_says_nothing():
    side = Protocol(1)
    end = side.open()
    side.close(end)
    side.output.clear()

    side.close(end, b"error")
    side.send_last(end)

    assert not side.output


def test_nothing_may_follow_the_last():
    for kind, payload in (
        (frames.DATA, b""),
        (frames.PIECE_OF, b"x" * frames.PIECE),
        (frames.LAST, b""),
    ):
        pair = Pair()
        channel(pair)
        why = refused(pair.remote.protocol, (frames.LAST, 1), (kind, 1, payload))
        assert GOT_LAST in why, why


def test_credit_that_crosses_a_close_is_nothing_to_wonder_at():
    pair = Pair(window=1)
    here, there = channel(pair)
    pair.local.protocol.send(here, frames.DATA, b"")
    pair.pump()
    pair.remote.protocol.take(there, 0)

    pair.local.protocol.close(here)

    assert pair.pump() == ([(CREDITED, here, None)], [(ENDED, there, b"")])


# ---- channels that travel -----------------------------------------------------------------


def test_what_arrived_before_a_channel_is_claimed_waits_for_whoever_claims_it():
    pair = Pair()
    here = pair.local.protocol.open()
    pair.local.protocol.send(here, frames.DATA, b"early")
    pair.local.protocol.close(here)
    _, events = pair.pump()
    assert here.state == CLOSED

    there = pair.remote.protocol.claim(here.id)

    assert events == [(OPENED, there, None), (ITEM, there, b"early"), (ENDED, there, b"")]
    assert there.state == CLOSED and pair.remote.protocol.ends == {}
    assert pair.remote.protocol.unclaimed == 0


def test_an_error_waits_for_whoever_claims_the_channel_too():
    pair = Pair()
    here = pair.local.protocol.open()
    pair.local.protocol.close(here, b"error")
    _, events = pair.pump()

    there = pair.remote.protocol.claim(here.id)

    assert events == [(OPENED, there, None), (ENDED, there, b"error")]


def test_of_a_channel_closed_with_nothing_said_nothing_stays():
    pair = Pair()
    here = pair.local.protocol.open()
    pair.local.protocol.close(here)
    pair.pump()

    assert pair.remote.protocol.claim(here.id) is None
    assert pair.local.protocol.ends == pair.remote.protocol.ends == {}
    assert pair.remote.protocol.unclaimed == 0 and not pair.local.protocol._offered


def test_channels_nobody_has_claimed_cost_one_window_together():
    pair = Pair(window=1000)
    side = pair.local.protocol
    offers = [side.open() for _ in range(20)]

    sent = [side.send(end, frames.DATA, b"x" * 100) for end in offers]
    pair.pump()

    assert sent == [True] * 7 + [False] * 13
    there = pair.remote.protocol.claim(offers[0].id)
    events, _ = pair.pump()
    # Claiming one makes room for those that found none.
    assert set(events) == {(CREDITED, end, None) for end in offers[7:]}
    assert side.send(offers[19], frames.DATA, b"x" * 100)
    assert not side.may_send(offers[18])
    assert side.may_send(offers[0]) and there.claimed


def test_a_large_item_on_an_offer_waits_for_the_claim():
    pair = Pair(window=100)
    here = pair.local.protocol.open(window=10**6)

    pieces = Pieces([LARGE])
    assert pair.local.protocol.send_some(here, frames.DATA, pieces) == 1 + frames.PIECE
    pair.pump()
    assert not pair.local.protocol.may_send(here, pieces)
    pair.remote.protocol.claim(here.id)
    pair.pump()
    pair.local.protocol.send_some(here, frames.DATA, pieces)
    _, events = pair.pump()

    assert items(events) == [LARGE]


def test_errors_of_offers_that_find_no_room_are_left_out():
    pair = Pair(window=100)
    offers = [pair.local.protocol.open() for _ in range(3)]
    for end in offers:
        pair.local.protocol.close(end, b"x" * 60)

    _, events = pair.pump()

    assert [detail for event, _, detail in events if event == ENDED] == [b"x" * 60, b"", b""]


def test_more_on_unclaimed_channels_than_the_window_is_refused():
    side = Protocol(1, window=100)
    side.receive(b"".join(frames.encode(frames.OPEN, id) for id in (2, 4)))
    item = (frames.DATA, 2, b"x" * frames.MAX_PAYLOAD)
    side.receive(frames.encode(*item))

    assert "nobody asked for" in refused(side, (frames.DATA, 4, b"x" * 101))


def test_there_is_a_limit_to_offers_at_both_ends():
    before, outgoing.MAX_OFFERS = outgoing.MAX_OFFERS, 10
    try:
        pair = Pair()
        ends = [pair.local.protocol.open() for _ in range(10)]
        assert "10 channels" in error_of(GatewayError, pair.local.protocol.open)
        pair.pump()
        pair.remote.protocol.claim(ends[0].id)
        pair.pump()
        pair.local.protocol.open()
    finally:
        outgoing.MAX_OFFERS = before
    side = Protocol(1)
    side._unclaimed = outgoing.MAX_OFFERS
    assert "nobody asked for" in refused(side, (frames.OPEN, 2))


def test_a_channel_is_claimed_once():
    pair = Pair()
    here, there = channel(pair)
    pair.remote.protocol.claim(here.id)
    assert not pair.remote.protocol.output

    assert "not offered" in refused(pair.local.protocol, (frames.CLAIMED, 1))


# ---- the rest ---------------------------------------------------------------------------


def test_pings_of_a_chunk_are_answered_once():
    side = Protocol(1)

    side.receive(frames.encode(frames.PING, 0) * 1000)

    assert output_of(side) == [(frames.PONG, 0, b"")]
    assert side.receive(frames.encode(frames.PONG, 0)) == []


def test_answers_for_a_peer_that_does_not_read_are_limited():
    before, protocol.MAX_ANSWERS = protocol.MAX_ANSWERS, 100
    try:
        side = Protocol(1)
        for _ in range(100):
            side.receive(frames.encode(frames.PING, 0))
        assert "only talks" in refused(side, (frames.PING, 0))
    finally:
        protocol.MAX_ANSWERS = before


def test_what_this_side_puts_out_is_not_the_peers_fault():
    before, protocol.MAX_ANSWERS = protocol.MAX_ANSWERS, 100
    try:
        side = Protocol(1)
        for _ in range(200):
            side.ping()
        for _ in range(100):
            side.receive(frames.encode(frames.PING, 0))
    finally:
        protocol.MAX_ANSWERS = before


def test_status_reconfigure_and_goodbye_arrive():
    pair = Pair()
    here, there = channel(pair)

    pair.local.protocol.ask_status(7)
    pair.local.protocol.reconfigure(None, b"all")
    pair.local.protocol.reconfigure(here, b"one")
    pair.local.protocol.say_goodbye()
    _, events = pair.pump()
    pair.remote.protocol.tell_status(7, b"fine")

    assert events == [
        (STATUS_ASKED, 7, None),
        (RECONFIGURED, None, b"all"),
        (RECONFIGURED, there, b"one"),
        (SAID_GOODBYE, None, b""),
    ]
    assert pair.pump()[0] == [(STATUS_TOLD, 7, b"fine")]


def test_a_channel_that_is_gone_can_not_be_reconfigured():
    pair = Pair()
    here, there = channel(pair)
    pair.local.protocol.send_last(here)
    pair.pump()
    pair.remote.protocol.close(there)
    pair.local.protocol.reconfigure(here, b"one")

    assert pair.pump() == ([(ENDED, here, b"")], [])


def test_unknown_kinds_are_refused():
    for kind in (0, frames.IN_SLOT + 1, 255):
        assert "unknown kind %d" % kind in refused(Protocol(1), (kind, 0))


def test_a_lost_connection_closes_every_end_and_keeps_what_arrived_for_who_claims_it():
    pair = Pair()
    here, there = channel(pair)
    offered = pair.local.protocol.open()
    pair.local.protocol.send(offered, frames.DATA, b"early")
    pair.pump()

    lost = pair.remote.protocol.lose()

    assert {end.id for end in lost} == {here.id, offered.id}
    assert {end.state for end in lost} == {CLOSED}
    assert pair.remote.protocol.claim(here.id) is None
    assert pair.remote.protocol.claim(offered.id) in lost
    assert pair.remote.protocol.ends == {}
    assert pair.remote.protocol.lose() == []
    assert there.state == CLOSED


def test_a_send_that_is_interrupted_between_two_pieces_leaves_the_stream_whole():
    pair = Pair()
    end, _ = channel(pair)
    pieces = frames.Pieces([b"x" * 3 * frames.MAX_PAYLOAD])
    cut, sizes = pieces.cut, []

    def cut_or_be_interrupted(size):
        sizes.append(size)
        if len(sizes) == 3:
            raise KeyboardInterrupt
        return cut(size)

    pieces.cut = cut_or_be_interrupted
    try:
        while pieces.left:
            pair.local.protocol.send_some(end, frames.DATA, pieces)
    except KeyboardInterrupt:
        pair.local.protocol.give_up(end, pieces)
    assert len(sizes) == 3 and pieces.left
    assert pair.local.protocol.send(end, frames.DATA, b"next")

    _, events = pair.pump()

    assert items(events) == [b"next"]
