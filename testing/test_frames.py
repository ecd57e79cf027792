# plain: runs on every interpreter
"""Frames: what is cut from the stream, wherever its chunks end."""

from __future__ import absolute_import

from gatewaylib.shipped import frames
from gatewaylib.shipped.arriving import HAS_PLACES
from gatewaylib.shipped.compat import joined
from gatewaylib.shipped.errors import ProtocolError
from gatewaylib.shipped.frames import HEADER, FrameDecoder, Pieces, encode

SOME = [
    (frames.DATA, 1, b"hello"),
    (frames.LAST, 2**32 - 1, b""),
    (frames.OPEN, 7, b"\x00" * 300),
    (255, 0, b"x"),
]
WIRE = b"".join(encode(*frame) for frame in SOME)


def refusal(decoder, data):
    """Return what the decoder says against the data."""
    try:
        decoder.feed(data)
    except ProtocolError as error:
        return str(error)
    raise AssertionError("not refused")


def test_a_frame_is_nine_bytes_and_its_payload():
    assert encode(6, 258, b"hello") == b"\x06\x00\x00\x01\x02\x00\x00\x00\x05hello"
    assert encode(8, 2) == b"\x08\x00\x00\x00\x02\x00\x00\x00\x00"
    assert HEADER.size == 9


def test_the_kinds_are_the_numbers_that_are_documented():
    names = (
        "OPEN OPEN_TASK CLAIMED EXEC DATA PIECE_OF DROP_PIECES LAST CLOSE CREDIT PING PONG "
        "ASK_STATUS STATUS RECONFIGURE GOODBYE BEGIN IN_SLOT"
    ).split()

    assert [getattr(frames, name) for name in names] == list(range(1, 19))


def test_frames_arrive_whole_wherever_the_stream_is_cut_in_two():
    for cut in range(len(WIRE) + 1):
        decoder = FrameDecoder()

        assert decoder.feed(WIRE[:cut]) + decoder.feed(WIRE[cut:]) == SOME, cut


def test_frames_arrive_whole_from_chunks_of_any_size():
    for size in (1, 2, 3, 8, 9, 10, 17, len(WIRE)):
        decoder = FrameDecoder()
        got = []
        for start in range(0, len(WIRE), size):
            got += decoder.feed(WIRE[start : start + size])

        assert got == SOME, size


def test_a_frame_is_given_as_soon_as_its_last_byte_is_there():
    decoder = FrameDecoder()
    wire = encode(frames.DATA, 1, b"hello")
    for at in range(len(wire) - 1):
        assert decoder.feed(wire[at : at + 1]) == []

    assert decoder.feed(wire[-1:]) == [(frames.DATA, 1, b"hello")]


def test_a_piece_is_given_in_parts_that_make_it_up_together():
    piece = bytes(bytearray(range(200)))
    wire = encode(frames.PIECE_OF, 1, piece) + encode(frames.DATA, 1, b"end")
    for size in (1, 7, 9, 100, 150, len(wire)):
        decoder = FrameDecoder()
        got = []
        for start in range(0, len(wire), size):
            got += decoder.feed(wire[start : start + size])

        (kind, channel, parts), last = got
        assert (kind, channel, joined(parts)) == (frames.PIECE_OF, 1, piece), size
        assert len(parts) <= frames.MOST_PARTS and last == (frames.DATA, 1, b"end"), size


def test_pieces_are_cut_across_buffers():
    whole = bytes(bytearray(range(100)))
    for buffers in ([whole], [whole[:1], whole[1:]], [whole[:33], b"", whole[33:40], whole[40:]]):
        for size in (1, 7, 33, 50, 100):
            pieces, cut = Pieces(buffers), []
            while pieces.left:
                cut.append(joined(pieces.cut(min(size, pieces.left))))

            assert cut == [whole[at : at + size] for at in range(0, 100, size)], (buffers, size)


def test_nothing_completes_nothing():
    decoder = FrameDecoder()
    assert decoder.feed(b"") == []
    assert decoder.feed(WIRE[:20]) == [SOME[0]]
    assert decoder.feed(b"") == []
    assert decoder.feed(WIRE[20:]) == SOME[1:]


def test_the_longest_frame_passes_and_a_longer_one_does_not():
    wire = encode(frames.DATA, 1, b"x" * 100)
    for cut in (0, 5, 9, 50):
        decoder = FrameDecoder(100)
        assert decoder.feed(wire[:cut]) + decoder.feed(wire[cut:]) == [(frames.DATA, 1, b"x" * 100)]
    for data in (wire, wire[:9], wire * 2):
        assert "100 bytes" in refusal(FrameDecoder(99), data)


def test_a_length_that_lies_is_refused_before_its_bytes_come():
    for length in (frames.MAX_PAYLOAD + 1, 2**31, 2**32 - 1):
        decoder = FrameDecoder()
        header = HEADER.pack(frames.DATA, 1, length)
        assert decoder.feed(header[:8]) == []
        assert str(length) in refusal(decoder, header[8:])


def test_what_noise_looks_like_is_refused():
    assert "announced" in refusal(FrameDecoder(), b"Traceback (most recent call last):\n")


def test_an_incomplete_frame_may_be_given_a_place():
    payload = bytes(bytearray(range(256))) * 2
    wire = encode(frames.DATA, 1, b"before") + encode(frames.DATA, 3, payload)
    wire += encode(frames.LAST, 3)
    for size in (20, 100, 300, 530, len(wire)) if HAS_PLACES else ():
        decoder, room, asked, got = FrameDecoder(), bytearray(512), [], []

        def place_for(kind, channel, length, asked=asked, room=room):
            asked.append((kind, channel, length))
            return memoryview(room)

        for start in range(0, len(wire), size):
            got += decoder.feed(wire[start : start + size])
            if decoder.missing:
                decoder.give_place(place_for)
                assert decoder.into is not None and not decoder.missing

        assert [(kind, channel, bytes(data)) for kind, channel, data in got] == [
            (frames.DATA, 1, b"before"),
            (frames.DATA, 3, payload),
            (frames.LAST, 3, b""),
        ]
        assert asked == ([(frames.DATA, 3, 512)] if size < len(wire) else [])
        assert room == (payload if asked else bytearray(512))


def test_the_number_of_bytes_put_into_a_place_stands_for_them():
    decoder, room = FrameDecoder(), bytearray(100)
    decoder.feed(encode(frames.DATA, 1, b"x" * 100)[:29])
    assert decoder.missing == 80
    for size in (50, 29, 1) if HAS_PLACES else ():
        if decoder.into is None:
            decoder.give_place(lambda kind, channel, length: memoryview(room))
        decoder.into[:size] = b"y" * size
        got = decoder.feed(size)

    if HAS_PLACES:
        assert [(kind, channel, bytes(data)) for kind, channel, data in got] == [
            (frames.DATA, 1, b"x" * 20 + b"y" * 80)
        ]
        assert decoder.into is None


def test_a_frame_without_a_place_goes_on_as_it_was():
    decoder = FrameDecoder()
    wire = encode(frames.DATA, 1, b"x" * 100)
    decoder.feed(wire[:50])
    decoder.give_place(lambda kind, channel, length: None)

    assert decoder.into is None and decoder.feed(wire[50:]) == [(frames.DATA, 1, b"x" * 100)]
