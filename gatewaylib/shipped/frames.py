# shipped: stdlib only; Python 2.7-3.14, PyPy, Jython; pure
"""Frames: the unit the wire carries.

A frame is a 9-byte big-endian header and its payload::

    kind: 1 byte | channel: 4 bytes | length: 4 bytes | payload: length bytes

Bytes come in as arguments and go out as results: there is no I/O here. What the
kinds mean is the protocol's business; doc/explanation/wire.rst lists them.
"""

from __future__ import absolute_import

import struct

from .compat import deque, joined
from .errors import ProtocolError
from .runs import run_of

HEADER = struct.Struct("!BII")
_SIZE = HEADER.size
# An item above this many payload bytes travels in pieces, so that a large one on one
# channel does not stop the others.
PIECE = 2**16
# What is accepted leaves room for a later version with larger pieces.
MAX_PAYLOAD = 2**20
WORTH_A_LOOK = 2**8  # bytes of a chunk: in fewer is no run
MOST_PARTS = 4  # of the stream in which a piece may be kept

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
RUN = -1  # no kind of the wire: many DATA of one channel, one behind another


def encode(kind, channel, payload=b""):
    """Return the frame as wire bytes: ``HEADER.size + len(payload)`` of them."""
    return HEADER.pack(kind, channel, len(payload)) + payload


class Pieces(object):
    """The payload of an item too long for one frame, cut into those of several, uncopied.

    Args:
        buffers: bytes and memoryviews, which must not change until they are written.

    ``left`` is the number of bytes not yet cut off.
    """

    def __init__(self, buffers):
        self._buffers = deque(map(memoryview, buffers))
        self.left = sum(map(len, self._buffers))

    def cut(self, size):
        """Cut off the next ``size`` bytes, at most ``left``; return them as memoryviews."""
        self.left -= size
        cut = []
        while size:
            buffer = self._buffers.popleft()
            cut.append(buffer[:size])
            if len(buffer) > size:
                self._buffers.appendleft(buffer[size:])
            size -= len(cut[-1])
        return cut


class FrameDecoder(object):
    """Cuts a stream of bytes into frames, wherever its chunks happen to end.

    Not thread-safe: the thread that reads the transport owns its decoder. ``parts`` is empty
    where the next chunk begins with a new frame.
    """

    def __init__(self, max_payload=MAX_PAYLOAD):
        self._max_payload = max_payload
        self._start = None  # the header of the incomplete frame, once there is all of it
        self.parts = []  # what there is of that frame besides
        self._missing = 0  # bytes of its payload yet to come

    def feed(self, data):
        """Take the next chunk of the stream; return the frames it completes.

        Args:
            data: bytes of any length; ``b""`` completes nothing.

        Returns:
            list of ``(kind, channel, payload)``, in wire order; empty while the next
            one is incomplete. The payload of a PIECE_OF is a list of buffers, which
            whoever has all pieces joins, that of a RUN a tuple, and of any other kind bytes.

        Raises:
            ProtocolError: a header announces more than ``max_payload`` bytes. Frames
                before it in this chunk are dropped with it: close the transport.

        Source: doc/explanation/wire.rst, "Frames".
        """
        frames = []
        start, end = 0, len(data)
        if self._start is not None:
            if end < self._missing:
                self.parts.append(data)
                self._missing -= end
                return frames
            start = self._missing
            frames.append(self._finish(memoryview(data)[:start]))
        elif self.parts:
            self.parts.append(data)
            data = b"".join(self.parts)
            self.parts = []
            end = len(data)
        if end - start > WORTH_A_LOOK:
            run = run_of(data, start, HEADER, DATA)
            if run is not None:
                channel, payloads, start = run
                frames.append((RUN, channel, payloads))
        while end - start >= _SIZE:
            kind, channel, length = HEADER.unpack_from(data, start)
            if length > self._max_payload:
                raise ProtocolError(
                    "frame of %d bytes announced, the limit is %d" % (length, self._max_payload)
                )
            start += _SIZE
            stop = start + length
            if stop > end:
                self._start, self._missing = (kind, channel), stop - end
                self.parts = [memoryview(data)[start:]]
                return frames
            payload = data[start:stop]
            frames.append((kind, channel, [payload] if kind == PIECE_OF else payload))
            start = stop
        if start < end:
            self.parts = [data[start:]]
        return frames

    def _finish(self, last_part):
        (kind, channel), parts = self._start, self.parts
        parts.append(last_part)
        self._start, self.parts = None, []
        if kind != PIECE_OF:
            return kind, channel, joined(parts)
        # A stream that comes in crumbs would cost many times its bytes if each were kept.
        return kind, channel, parts if len(parts) <= MOST_PARTS else [joined(parts)]
