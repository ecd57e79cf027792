# shipped: stdlib only; Python 2.7-3.14, PyPy, Jython; pure
"""Frames: the unit the wire carries.

A frame is a 9-byte big-endian header and its payload::

    kind: 1 byte | channel: 4 bytes | length: 4 bytes | payload: length bytes

Bytes come in as arguments and go out as results: there is no I/O here. What the
kinds mean is the protocol's business; doc/explanation/wire.rst lists them.
"""
from __future__ import absolute_import

import struct

from .errors import ProtocolError

HEADER = struct.Struct("!BII")
# An item above this many payload bytes travels in pieces, so that a large one on one
# channel does not stop the others.
PIECE = 2 ** 16
# What is accepted leaves room for a later version with larger pieces.
MAX_PAYLOAD = 2 ** 20

(
    OPEN,  # a channel begins; payload: empty, or its window as 8 bytes (0: no limit)
    OPEN_TASK,  # a channel begins whose first item is a task; only towards the remote
    CLAIMED,  # somebody holds the end of the channel that the receiver of this opened
    EXEC,  # the last, or only, part of that task
    DATA,  # the last, or only, part of an item
    PIECE_OF,  # a part of the item whose last part follows on the same channel; >= PIECE bytes
    DROP_PIECES,  # the parts so far belong to nothing: the sender gave up
    LAST,  # the sender sends no more on this channel, but still receives
    CLOSE,  # the sender sends no more and receives no more; payload: empty, or an error
    CREDIT,  # the receiver took items: 8 bytes, how much more may be sent
    PING,
    PONG,
    ASK_STATUS,  # channel: a number the answer repeats
    STATUS,
    RECONFIGURE,  # channel 0 is the whole gateway; payload: how strings are read
    GOODBYE,  # towards the remote: end; towards the local side: this remote ends as asked
) = range(1, 17)


def encode(kind, channel, payload=b""):
    """Return the frame as wire bytes: ``HEADER.size + len(payload)`` of them."""
    return HEADER.pack(kind, channel, len(payload)) + payload


class FrameDecoder(object):
    """Cuts a stream of bytes into frames, wherever its chunks happen to end.

    Not thread-safe: the thread that reads the transport owns its decoder.
    """

    def __init__(self, max_payload=MAX_PAYLOAD):
        self._max_payload = max_payload
        self._parts = []  # chunks of the incomplete frame at the end of the stream
        self._have = 0  # bytes in _parts
        self._want = HEADER.size  # bytes needed before looking again

    def feed(self, data):
        """Take the next chunk of the stream; return the frames it completes.

        Args:
            data: bytes of any length; ``b""`` completes nothing.

        Returns:
            list of ``(kind, channel, payload)``, in wire order; empty while the next
            one is incomplete.

        Raises:
            ProtocolError: a header announces more than ``max_payload`` bytes. Frames
                before it in this chunk are dropped with it: close the transport.

        Source: doc/explanation/wire.rst, "Frames".
        """
        if not self._parts and len(data) >= HEADER.size:
            # The most common case by far: one whole frame, and nothing waiting for it.
            kind, channel, length = HEADER.unpack_from(data)
            if length == len(data) - HEADER.size and length <= self._max_payload:
                return [(kind, channel, data[HEADER.size :])]
        if self._parts:
            self._parts.append(data)
            self._have += len(data)
            if self._have < self._want:
                return []
            data = b"".join(self._parts)
            self._parts = []
        frames = []
        start, end, size = 0, len(data), HEADER.size
        want = size
        while end - start >= size:
            kind, channel, length = HEADER.unpack_from(data, start)
            if length > self._max_payload:
                raise ProtocolError(
                    "frame of %d bytes announced, the limit is %d" % (length, self._max_payload)
                )
            stop = start + size + length
            if stop > end:
                want = size + length
                break
            frames.append((kind, channel, data[start + size : stop]))
            start = stop
        if start < end:
            self._parts = [data[start:]]
        self._have, self._want = end - start, want
        return frames
