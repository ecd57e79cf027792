# shipped: stdlib only; Python 2.7-3.14, PyPy, Jython; pure
"""Runs: small items of one channel that came one behind another, cut out of a chunk at once.

Who sends many small messages sends alike ones, mostly: numbers, or records of the same
types. Frames that begin with the same header are cut by a few calls of C, however many
there are.
"""
from __future__ import absolute_import

import struct

RUN = -1  # as the kind of a frame, which no kind of the wire is
LONGEST = 128  # payload bytes: copying longer ones costs more than cutting them
SHORTEST = 16  # frames: a few are cut as quickly one by one
_formats = [None] * (LONGEST + 1)  # payload bytes -> Struct of a frame as its header, its payload


def run_of(data, start, header_format, kind):
    """Return the run that a chunk has from ``start`` on.

    Args:
        header_format: Struct of a frame's header: kind, channel, bytes of the payload.
        kind: what the frames of a run are.

    Returns:
        ``(channel, payloads, stop)``: the payloads of its items and where the last frame
        ends; None if there is no run, or something else in its middle.
    """
    if not hasattr(struct, "iter_unpack"):
        return None  # Python 2
    its_kind, channel, length = header_format.unpack_from(data, start)
    if its_kind != kind or length > LONGEST:
        return None
    size = header_format.size + length
    count = (len(data) - start) // size
    header, last = data[start : start + header_format.size], start + (count - 1) * size
    if count < SHORTEST or not (
        data.startswith(header, start + size) and data.startswith(header, last)
    ):
        return None  # as is found out at once, where messages are not alike
    form = _formats[length]
    if form is None:
        form = _formats[length] = struct.Struct("%ds%ds" % (header_format.size, length))
    stop = last + size
    headers, payloads = zip(*form.iter_unpack(memoryview(data)[start:stop]))
    return (channel, payloads, stop) if headers.count(header) == count else None
