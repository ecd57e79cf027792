"""Frames, whatever they are and wherever the stream is cut."""

from hypothesis import given
from hypothesis import strategies as st

from gatewaylib.shipped.compat import joined
from gatewaylib.shipped.errors import ProtocolError
from gatewaylib.shipped.frames import HEADER, FrameDecoder, encode

FRAMES = st.lists(
    st.tuples(st.integers(0, 255), st.integers(0, 2**32 - 1), st.binary(max_size=40)), max_size=8
)


def pieces(data, cuts):
    """Return the data cut at these places."""
    places = [0, *sorted(cut % (len(data) + 1) for cut in cuts), len(data)]
    return [data[start:end] for start, end in zip(places, places[1:])]


def fed(decoder, chunks):
    """Return the frames that the chunks complete, the parts of pieces joined."""
    return [
        (kind, channel, joined(payload) if isinstance(payload, list) else payload)
        for chunk in chunks
        for kind, channel, payload in decoder.feed(chunk)
    ]


@given(FRAMES, st.lists(st.integers(min_value=0), max_size=12))
def test_frames_arrive_as_they_were_sent_wherever_the_stream_is_cut(frames, cuts):
    wire = b"".join(encode(*frame) for frame in frames)
    decoder = FrameDecoder()

    assert fed(decoder, pieces(wire, cuts)) == frames


@given(st.binary(max_size=200), st.lists(st.integers(min_value=0), max_size=12))
def test_any_bytes_are_frames_that_encode_to_them_or_are_refused(data, cuts):
    decoder, frames = FrameDecoder(max_payload=50), []
    try:
        for chunk in pieces(data, cuts):
            frames += fed(decoder, [chunk])
    except ProtocolError:
        return
    wire = b"".join(encode(*frame) for frame in frames)

    assert data.startswith(wire)
    rest = data[len(wire) :]
    assert len(rest) < HEADER.size or len(rest) < HEADER.size + HEADER.unpack_from(rest)[2]


@given(FRAMES, st.integers(0, 39), st.lists(st.integers(min_value=0), max_size=5))
def test_a_frame_above_the_limit_is_refused_and_none_below_it(frames, limit, cuts):
    wire = b"".join(encode(*frame) for frame in frames)
    too_long = any(len(payload) > limit for _, _, payload in frames)
    decoder = FrameDecoder(limit)
    try:
        for chunk in pieces(wire, cuts):
            decoder.feed(chunk)
    except ProtocolError:
        assert too_long
    else:
        assert not too_long
