# shipped: stdlib only; Python 2.7-3.14, PyPy, Jython; pure
"""Frames: the unit the wire carries.

A frame is a 9-byte big-endian header and its payload::

    kind: 1 byte | channel: 4 bytes | length: 4 bytes | payload: length bytes

Bytes come in as arguments and go out as results: there is no I/O here. What the
kinds mean is the protocol's business; doc/explanation/wire.rst lists them.
"""

from __future__ import absolute_import

import struct

from .compat import deque, int_types, joined
from .errors import ProtocolError
from .runs import RUN, run_of

HEADER = struct.Struct("!BII")
_SIZE = HEADER.size
# An item above this many payload bytes travels in pieces, so that a large one on one
# channel does not stop the others.
PIECE = 2**16
MAX_PAYLOAD = 2**20  # no frame has more; a piece has as many if there is credit for them
MOST_PARTS = 4  # of the stream in which a piece of PIECE bytes may be kept
WORTH_PLACING = PIECE // 2  # bytes to come; for fewer a place costs more than a copy
WORTH_A_LOOK = 2**8  # bytes of a chunk: in fewer is no run

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
    BEGIN,  # an item that comes in pieces: 8 bytes, how many follow; and its first byte
    IN_SLOT,  # a PIECE_OF whose bytes are in a slot: its number, 1 byte, and how many, 4 bytes
) = range(1, 19)


def encode(kind, channel, payload=b""):
    """Return the frame as wire bytes: ``HEADER.size + len(payload)`` of them."""
    return HEADER.pack(kind, channel, len(payload)) + payload


class Pieces(object):
    """The payload of an item too long for one frame, cut into those of several, uncopied.

    Args:
        buffers: bytes and memoryviews, which must not change until they are written.

    ``left`` is the number of bytes not yet cut off; ``begun`` says whether any was.
    """

    def __init__(self, buffers):
        self.begun = False
        self._buffers = deque(map(memoryview, buffers))
        self.left = sum(map(len, self._buffers))

    def cut(self, size):
        """Cut off the next ``size`` bytes, at most ``left``; return them as memoryviews."""
        self.begun = True
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

    Not thread-safe: the thread that reads the transport owns its decoder.

    ``missing`` is the number of bytes yet to come of the payload of an incomplete frame, 0
    where there is none, or where it was given a place. ``into`` then is what is left of that:
    whoever reads may put the next bytes of the stream there, and feed their number instead.
    ``parts`` is empty where the next chunk begins with a new frame.
    """

    def __init__(self, max_payload=MAX_PAYLOAD):
        self._max_payload = max_payload
        self._start = None  # the header of the incomplete frame, once there is all of it
        self.parts = []  # what there is of that frame besides
        self.missing = 0
        self.into = None

    def feed(self, data):
        """Take the next chunk of the stream; return the frames it completes.

        Args:
            data: bytes of any length; ``b""`` completes nothing. Or the number of bytes
                that were put into ``into``.

        Returns:
            list of ``(kind, channel, payload)``, in wire order; empty while the next
            one is incomplete. The payload of a PIECE_OF is a list of buffers, which
            whoever has all pieces joins, that of a RUN a tuple, and of any other kind bytes; of
            a frame that had a place, that.

        Raises:
            ProtocolError: a header announces more than ``max_payload`` bytes. Frames
                before it in this chunk are dropped with it: close the transport.

        Source: doc/explanation/wire.rst, "Frames".
        """
        if self.into is not None:
            return self._fill(data)
        frames = []
        start, end = 0, len(data)
        if self._start is not None:
            if end < self.missing:
                self.parts.append(data)
                self.missing -= end
                return frames
            start, self.missing = self.missing, 0
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
                self._start, self.missing = (kind, channel), stop - end
                self.parts = [memoryview(data)[start:]]
                return frames
            payload = data[start:stop]
            frames.append((kind, channel, [payload] if kind == PIECE_OF else payload))
            start = stop
        if start < end:
            self.parts = [data[start:]]
        return frames

    def give_place(self, place_for):
        """Have the incomplete frame's payload put where it is to stay.

        ``place_for(kind, channel, length)`` returns a memoryview of ``length`` bytes, which
        is given back as the frame's payload; or None.
        """
        kind, channel = self._start
        parts = self.parts
        place = place_for(kind, channel, sum(map(len, parts)) + self.missing)
        if place is not None:
            self._start, self.parts, self.missing = (kind, channel, place), [place], 0
            self.into = place[:]
            for part in parts:
                self._fill(part)

    def _fill(self, data):
        """Take the next bytes of a frame that has a place; return frames as ``feed`` does."""
        into, rest = self.into, None
        if isinstance(data, int_types):
            size = data
        else:
            size = min(len(data), len(into))
            into[:size] = memoryview(data)[:size]
            rest = data[size:]
        self.into = into[size:] if size < len(into) else None
        into.release()  # nobody but the frame may hold a part of its place
        if self.into is not None:
            return []
        frame, self._start, self.parts = self._start, None, []
        return [frame] + self.feed(rest) if rest else [frame]

    def _finish(self, last_part):
        (kind, channel), parts = self._start, self.parts
        parts.append(last_part)
        self._start, self.parts = None, []
        if kind != PIECE_OF:
            return kind, channel, joined(parts)
        # A stream that comes in crumbs would cost many times its bytes if each were kept.
        most = max(1, sum(map(len, parts)) // PIECE) * MOST_PARTS
        return kind, channel, parts if len(parts) <= most else [joined(parts)]
