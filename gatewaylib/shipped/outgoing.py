# shipped: stdlib only; Python 2.7-3.14, PyPy, Jython; pure
"""The half of the protocol that asks: what this side wants in, frames out.

Credit, for each channel and direction: the receiver grants a window of bytes, a frame
of an item costs its payload, the last one ``ITEM_COST`` more, and what was taken is
granted again. A sender with any credit left may send one more frame, so it oversteps
by a piece at most, and a receiver may hold back a quarter of the window before it
grants. An item larger than the window passes because a receiver that waits for it
takes its pieces as they come (``hunger``).

Source: doc/explanation/wire.rst.
"""
from __future__ import absolute_import

import struct
from collections import deque

from . import channel_state as states
from . import frames
from .channel_state import CLOSED, GOT_LAST, OPEN, SENT_LAST, next_state
from .errors import ProtocolError

ITEM_COST = 64  # what holding an item costs besides its payload
NO_LIMIT = 2 ** 63
BURST = 2 ** 20  # of one large item in one go: others get their turn in between
AMOUNT = struct.Struct("!Q")
TO_SENT_LAST = (OPEN, GOT_LAST)  # the states in which this end has not yet sent its last


class End(object):
    """This side's end of one channel, as the protocol sees it.

    ``state`` changes only through ``channel_state``; the counts are bytes.
    """

    __slots__ = (
        "id",
        "state",
        "window",
        "sent",
        "granted",
        "got",
        "returned",
        "limit",
        "untold",
        "pieces",
        "pieces_size",
        "prepaid",
        "hungry",
        "in_pieces",
        "claimed",
        "user",
    )

    def __init__(self, id, window, granted):
        self.id = id
        self.state = OPEN
        self.window = window  # what the other side may send before anything is taken
        self.sent = 0  # cost of all that was sent
        self.granted = granted  # what may be sent in all
        self.got = 0  # cost of all that was received
        self.returned = 0  # what was granted again
        self.limit = window + frames.MAX_PAYLOAD + ITEM_COST  # more than that is a lie
        self.untold = 0  # what was taken and is not yet granted again
        self.pieces = None  # parts of the item that is arriving
        self.pieces_size = 0
        self.prepaid = 0  # cost of those parts that counts as taken already
        self.hungry = False  # somebody waits for the item that is arriving
        self.in_pieces = None  # the sender whose large item is on its way out
        self.claimed = False  # somebody here holds it
        self.user = None  # whatever the owner of the protocol keeps with it


class Outgoing(object):
    """What one side of a connection asks of the other; see ``Protocol``."""

    def __init__(self, first_id, window, runs_tasks):
        self.window = NO_LIMIT if window is None else window
        self.ends = {}
        self.output = deque()
        self._next_id = first_id
        self._unclaimed = 0
        self._unclaimed_bytes = 0
        self._runs_tasks = runs_tasks

    @property
    def unclaimed(self):
        """How many ends the other side opened that nobody here has asked for yet."""
        return self._unclaimed

    def open(self, window=None):
        """Begin a channel of this side; return its End. ``window`` overrides the gateway's."""
        end = self._new_end(window)
        if self._runs_tasks:
            end.granted = min(end.granted, self.window)  # see Protocol._on_open
        payload = b"" if window is None else AMOUNT.pack(window)
        self.output.append(frames.encode(frames.OPEN, end.id, payload))
        return end

    def open_for_task(self):
        """Begin a channel that ``send(end, EXEC, payload)`` will announce; return its End."""
        return self._new_end(None)

    def _new_end(self, window):
        id = self._next_id
        if id >= 2 ** 32:
            raise ProtocolError("all channel ids of this gateway are used up: start another")
        self._next_id += 2
        size = self.window if window is None else (window or NO_LIMIT)
        end = self.ends[id] = End(id, size, size)
        end.claimed = True
        return end

    def send(self, end, kind, payload):
        """Send a small payload (up to ``PIECE`` bytes); return False if there is no credit yet.

        Raises IllegalMove, sending nothing, if the state of the channel forbids it.
        """
        if end.state != OPEN and end.state != GOT_LAST:
            next_state(end.state, states.SEND)
        if end.sent >= end.granted or end.in_pieces is not None:
            return False
        size = len(payload)
        end.sent += size + ITEM_COST
        self.output.append(frames.HEADER.pack(kind, end.id, size) + payload)
        return True

    def send_some(self, end, kind, view, position, sender):
        """Send the next pieces of a large payload; return the position reached.

        Args:
            view: memoryview of the whole payload.
            position: where the last call stopped; 0 at first.
            sender: anything that tells this item's sender from others: nobody else's
                item gets between its pieces.

        Returns the old position where there is no credit, and ``len(view)`` at the end.
        Raises IllegalMove as ``send`` does.
        """
        next_state(end.state, states.SEND)
        if end.in_pieces is not sender:
            if end.in_pieces is not None:
                return position
            end.in_pieces = sender
        size, stop = len(view), position + BURST
        while position < min(size, stop) and end.sent < end.granted:
            length = min(frames.PIECE, size - position)
            last = position + length == size
            header = frames.HEADER.pack(kind if last else frames.PIECE_OF, end.id, length)
            self.output.append(header)
            self.output.append(view[position : position + length])
            end.sent += length + (ITEM_COST if last else 0)
            position += length
        if position == size:
            end.in_pieces = None
        return position

    def give_up(self, end, sender):
        """Take back a large payload that was sent in part."""
        if end.in_pieces is sender:
            end.in_pieces = None
            if end.state in TO_SENT_LAST:
                self.output.append(frames.encode(frames.DROP_PIECES, end.id))

    def send_last(self, end):
        """Tell the other side that nothing more comes; do nothing where it knows."""
        if end.state in TO_SENT_LAST:
            self.output.append(frames.encode(frames.LAST, end.id))
            self._move(end, states.SEND_LAST)

    def close(self, end, error=b""):
        """End both directions; do nothing where that was done. ``error`` is at most a piece."""
        if end.state in (OPEN, SENT_LAST, GOT_LAST):
            self.output.append(frames.encode(frames.CLOSE, end.id, error))
            end.pieces, end.pieces_size = None, 0
            self._move(end, states.SEND_CLOSE)

    def take(self, end, size):
        """Say that an item of ``size`` payload bytes was taken; grant again what is due."""
        end.untold += size + ITEM_COST
        if not end.claimed:
            self._unclaimed_bytes -= size + ITEM_COST
        if end.untold >= end.window >> 2:
            self._grant(end)

    def hunger(self, end):
        """Say that somebody waits for the item that is arriving: its pieces count as taken."""
        end.hungry = True
        if end.pieces_size:
            fresh = end.pieces_size - end.prepaid
            end.prepaid += fresh
            end.untold += fresh
            if end.untold >= end.window >> 2:
                self._grant(end)

    def _grant(self, end):
        amount, end.untold = end.untold, 0
        if end.state == OPEN or end.state == SENT_LAST:
            end.returned += amount
            end.limit += amount
            self.output.append(frames.encode(frames.CREDIT, end.id, AMOUNT.pack(amount)))

    def claim(self, id):
        """Return the End with that id for somebody here to hold; None if it is closed."""
        end = self.ends.get(id)
        if end is not None and not end.claimed:
            end.claimed = True
            self._unclaimed -= 1
            self._unclaimed_bytes -= end.got - end.returned - end.untold
            if end.state == CLOSED:
                self.ends.pop(id, None)
        return end

    def ping(self):
        self.output.append(frames.encode(frames.PING, 0))

    def ask_status(self, number):
        self.output.append(frames.encode(frames.ASK_STATUS, number))

    def tell_status(self, number, payload):
        self.output.append(frames.encode(frames.STATUS, number, payload))

    def reconfigure(self, end, payload):
        id = 0 if end is None else end.id
        self.output.append(frames.encode(frames.RECONFIGURE, id, payload))

    def say_goodbye(self):
        self.output.append(frames.encode(frames.GOODBYE, 0))

    def lose(self):
        """The connection is gone: close every end; return those that were open."""
        lost = list(self.ends.values())
        for end in lost:
            end.state = next_state(end.state, states.LOSE)
        self.ends.clear()
        self.output.clear()
        return lost

    def _move(self, end, event):
        end.state = next_state(end.state, event)
        # What nobody claimed yet may hold items for whoever decodes its id later.
        if end.state == CLOSED and (end.claimed or not end.got):
            self.claim(end.id)
            self.ends.pop(end.id, None)
