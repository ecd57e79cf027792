# plain: runs on every interpreter
"""Frames: what is cut from the stream, wherever its chunks end."""

from __future__ import absolute_import

from gatewaylib.shipped import frames
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
        "ASK_STATUS STATUS RECONFIGURE GOODBYE"
    ).split()

    assert [getattr(frames, name) for name in names] == list(range(1, 17))


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
