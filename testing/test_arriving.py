# plain: runs on every interpreter
"""An item that comes in pieces is joined as they come."""

from __future__ import absolute_import

from gatewaylib.shipped.arriving import Arriving
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
    for item in ([1, 2, 3], {"a": [None, 1.5]}, u"text" * 100, bytearray(b"x" * 200)):
        payload = serializer.dumps(item)
        arriving = Arriving()
        arriving.add([payload[:5]])
        arriving.add([payload[5:]])
        assert serializer.loads(arriving.payload()) == item
