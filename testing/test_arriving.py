# plain: runs on every interpreter
"""An item that comes in pieces is joined as they come."""

from __future__ import absolute_import

import os

from gatewaylib.shipped.arriving import BELIEVED, HAS_PLACES, HUGE, Arriving
from gatewaylib.shipped.serializer import Serializer


def test_pieces_become_one_payload_whatever_they_are_cut_into():
    whole = bytes(bytearray(range(256))) * 3
    for size in (1, 2, 100, 767, 768):
        arriving = Arriving()
        for start in range(0, len(whole), size):
            arriving.add([whole[start : start + size]])
        assert b"".join(arriving.payload()) == whole


def test_a_piece_may_be_several_buffers_and_some_empty():
    arriving = Arriving()
    arriving.add([b"", memoryview(b"ab"), b"c"])
    arriving.add([memoryview(b"abcd")[3:]])

    assert b"".join(arriving.payload()) == b"abcd"


def test_long_bytes_are_the_payload_without_its_letter():
    serializer = Serializer()
    payload = serializer.dumps(b"x" * 1000)
    arriving = Arriving()
    arriving.add([payload[:300], payload[300:]])

    assert serializer.loads(arriving.payload()) == b"x" * 1000


def test_what_is_no_bytes_is_loaded_from_its_pieces_too():
    serializer = Serializer()
    for item in ([1, 2, 3], {"a": [None, 1.5]}, "text" * 100, bytearray(b"x" * 200)):
        payload = serializer.dumps(item)
        arriving = Arriving()
        arriving.add([payload[:5]])
        arriving.add([payload[5:]])
        assert serializer.loads(arriving.payload()) == item


def test_a_piece_may_be_put_to_where_it_stays():
    for size in (HUGE, 1000) if HAS_PLACES else ():
        whole = b"0123456789" * (size // 10)
        step = size // 8
        arriving = Arriving(b"b", len(whole))
        for start in range(0, len(whole), step):
            piece = whole[start : start + step]
            place = arriving.place(len(piece))
            if start == 2 * step:  # and another may come by itself in between
                place.release()
                arriving.add(piece)
            else:
                place[:] = piece
                arriving.add(place)

        letter, rest = arriving.payload()
        assert letter == b"b" and rest == whole and type(rest) is bytes


def test_nothing_has_a_place_whose_size_is_not_known_or_not_believed():
    assert Arriving().place(100) is None
    assert Arriving(b"b").place(100) is None
    assert Arriving(b"b", 99).place(100) is None
    assert Arriving(b"b", 100 * BELIEVED + 1).place(100) is None
    assert Arriving(b"b", 2**62).place(2**60) is None  # there is no such memory
    assert (Arriving(b"b", 100 * BELIEVED).place(100) is not None) == HAS_PLACES


def test_less_or_more_may_come_than_was_said():
    for come in (10, 90, 100, 110, 300):
        arriving = Arriving(b"b", 100)
        place = arriving.place(10)
        if place is None:
            arriving.add(b"x" * 10)
        else:
            place[:] = b"x" * 10
            arriving.add(place)
        arriving.add(b"y" * (come - 10))

        assert arriving.payload() == [b"b", b"x" * 10 + b"y" * (come - 10)]


def resident():
    """Return the bytes of memory that this process has, where the system tells."""
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGESIZE")


def test_a_place_takes_no_memory_before_it_is_written_to():
    if not HAS_PLACES or not os.path.exists("/proc/self/statm"):
        return
    before = resident()
    several = []
    for _ in range(10):
        arriving = Arriving(b"b", 256 * 2**20)
        place = arriving.place(2**20)
        place[:10] = b"0123456789"
        several.append((arriving, place))

    assert resident() - before < 64 * 2**20
