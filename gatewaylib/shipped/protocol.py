# shipped: stdlib only; Python 2.7-3.14, PyPy, Jython; pure
"""The protocol of one connection: bytes in, events out; requests in, bytes out.

There is no I/O, thread or clock here, and no lock: whoever owns a ``Protocol`` calls
it from one thread at a time. Requests leave their frames in ``output``, a deque of
byte strings and memoryviews in wire order, which its owner empties; it is the one
thing here that may be popped by another thread.

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
from .channel_state import CLOSED, CLOSING, GOT_LAST, OPEN, SENT_LAST, TRANSITIONS, next_state
from .errors import ProtocolError

VERSION = (1, 0)  # a different first number is refused, a different second one is not

ITEM_COST = 64  # what holding an item costs besides its payload
DEFAULT_WINDOW = 2 ** 26
NO_LIMIT = 2 ** 63
BURST = 2 ** 20  # of one large item in one go: others get their turn in between
MAX_CHANNELS = 2 ** 17  # open at once by the other end and held by nobody here
MAX_OUTPUT = 2 ** 17  # frames that wait because the other end does not read

# What receive() makes of the frames: (event, subject, detail)
(
    OPENED,  # an end the other side opened
    TASK,  # an end to run a task on, its payload
    ITEM,  # an end, a payload
    ENDED,  # an end whose other side sends no more; an error payload, b"" or None (sent last)
    CREDITED,  # an end that may send again
    STATUS_ASKED,  # a number the answer repeats
    STATUS_TOLD,  # that number, a payload
    RECONFIGURED,  # an end, or None for the gateway; a payload
    SAID_GOODBYE,
) = (
    "opened",
    "task",
    "item",
    "ended",
    "credited",
    "status-asked",
    "status-told",
    "reconfigured",
    "said-goodbye",
)

_AMOUNT = struct.Struct("!Q")
_TO_SENT_LAST = (OPEN, GOT_LAST)  # the states in which this end has not yet sent its last


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


class Protocol(object):
    """One side of a connection.

    Args:
        first_id: 1 at the local side, 2 at the remote: each numbers its own channels.
        window: bytes, what either side grants a channel at first; None for no limit.
        runs_tasks: False refuses EXEC as the act of a hostile peer.
    """

    def __init__(self, first_id, window=DEFAULT_WINDOW, runs_tasks=False):
        self.window = NO_LIMIT if window is None else window
        self.ends = {}
        self.output = deque()
        self._next_id = first_id
        self._highest_theirs = 0
        self._their_parity = 1 - first_id % 2
        self._decoder = frames.FrameDecoder()
        self._unclaimed = 0
        self._unclaimed_bytes = 0
        self._pong_due = False
        self._runs_tasks = runs_tasks

    @property
    def unclaimed(self):
        """How many ends the other side opened that nobody here has asked for yet."""
        return self._unclaimed

    # ---- requests: what this side wants ------------------------------------------

    def open(self, window=None):
        """Begin a channel of this side; return its End. ``window`` overrides the gateway's."""
        end = self._new_end(window)
        if self._runs_tasks:
            end.granted = min(end.granted, self.window)  # see _on_open
        payload = b"" if window is None else _AMOUNT.pack(window)
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
            if end.state in _TO_SENT_LAST:
                self.output.append(frames.encode(frames.DROP_PIECES, end.id))

    def send_last(self, end):
        """Tell the other side that nothing more comes; do nothing where it knows."""
        if end.state in _TO_SENT_LAST:
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
            self.output.append(frames.encode(frames.CREDIT, end.id, _AMOUNT.pack(amount)))

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

    # ---- what the other side wants -----------------------------------------------

    def receive(self, data):
        """Take the next chunk of the stream; return its events as (event, subject, detail).

        Raises ProtocolError for what no honest peer sends; the connection is then
        useless, and the events of this chunk are lost.
        """
        events = []
        ends = self.ends
        for kind, id, payload in self._decoder.feed(data):
            if kind == frames.DATA:
                end = ends.get(id) or self._open_end(id, "an item")
                if end.state != OPEN and end.state != SENT_LAST:
                    self._check(end, states.GET)
                    continue
                end.got += len(payload) + ITEM_COST
                if end.got > end.limit or not end.claimed:
                    self._check_charge(end, len(payload) + ITEM_COST)
                if end.pieces is not None:
                    payload = self._join(end, payload)
                end.hungry = False
                events.append((ITEM, end, payload))
            else:
                handler = self._HANDLERS.get(kind)
                if handler is None:
                    raise ProtocolError("a frame of unknown kind %d" % kind)
                handler(self, id, payload, events)
        if self._pong_due:
            # One answer for all pings of a chunk: a flood of them must not become ours.
            self._pong_due = False
            self.output.append(frames.encode(frames.PONG, 0))
        if len(self.output) > MAX_OUTPUT:
            raise ProtocolError("%d frames wait for a peer that only talks" % len(self.output))
        return events

    def _charge(self, end, cost):
        end.got += cost
        self._check_charge(end, cost)

    def _check_charge(self, end, cost):
        if end.got > end.limit:
            raise ProtocolError(
                "channel %d was sent more than its window of %d bytes" % (end.id, end.window)
            )
        if not end.claimed:
            self._unclaimed_bytes += cost
            if self._unclaimed_bytes > self.window + frames.MAX_PAYLOAD:
                raise ProtocolError("%d bytes on channels nobody asked for" % self._unclaimed_bytes)

    def _join(self, end, payload):
        end.pieces.append(payload)
        joined = b"".join(end.pieces)
        self._forget_pieces(end)
        return joined

    def _forget_pieces(self, end):
        # take() will count the whole item: what counts as taken already comes off.
        end.untold -= end.prepaid
        end.pieces, end.pieces_size, end.prepaid = None, 0, 0

    def _open_end(self, id, what):
        end = self.ends.get(id)
        if end is None:
            raise ProtocolError("%s for channel %d, which is not open" % (what, id))
        return end

    def _check(self, end, event):
        if event not in TRANSITIONS[end.state]:
            raise ProtocolError("cannot %s on channel %d: it is %s" % (event, end.id, end.state))

    def _new_theirs(self, id, window):
        if id % 2 != self._their_parity or id <= self._highest_theirs:
            raise ProtocolError("channel %d opened, which is not the next one" % id)
        self._highest_theirs = id
        if self._unclaimed >= MAX_CHANNELS:
            raise ProtocolError("%d channels opened that nobody asked for" % self._unclaimed)
        self._unclaimed += 1
        end = self.ends[id] = End(id, window, window)
        return end

    def _on_open(self, id, payload, events):
        wish = (self._amount(payload) or NO_LIMIT) if payload else self.window
        # The remote holds as much as the local side wants it to. The local side holds no
        # more than the gateway's window, which both know, whatever a remote asks for.
        end = self._new_theirs(id, wish if self._runs_tasks else min(wish, self.window))
        end.granted = wish
        events.append((OPENED, end, None))

    def _on_exec(self, id, payload, events):
        end = self._task_end(id)
        if end.user is not None:
            raise ProtocolError("a second task for channel %d" % id)
        self._charge(end, len(payload) + ITEM_COST)
        if end.pieces is not None:
            payload = self._join(end, payload)
        end.hungry = False
        self.take(end, len(payload))
        events.append((TASK, end, payload))

    def _task_end(self, id):
        if not self._runs_tasks:
            raise ProtocolError("the other side asked this one to run code")
        end = self.ends.get(id)
        if end is None:
            end = self._new_theirs(id, self.window)
            end.hungry = True  # a task is taken as it comes
            self.claim(id)
        return end

    def _on_piece(self, id, payload, events):
        end = self.ends.get(id)
        if end is None:
            end = self._task_end(id)
        self._check(end, states.GET)
        if end.state == CLOSING:
            return
        size = len(payload)
        if not size:
            raise ProtocolError("an empty piece for channel %d" % id)
        self._charge(end, size)
        if end.pieces is None:
            end.pieces = []
        end.pieces.append(payload)
        end.pieces_size += size
        if end.hungry:
            self.hunger(end)

    def _on_drop_pieces(self, id, payload, events):
        end = self._open_end(id, "pieces given up")
        if end.pieces is not None:
            size = end.pieces_size
            self._forget_pieces(end)
            self.take(end, size - ITEM_COST)

    def _on_last(self, id, payload, events):
        end = self._open_end(id, "a last item")
        self._check(end, states.GET_LAST)
        told = end.state != CLOSING
        end.pieces = None
        self._move(end, states.GET_LAST)
        if told:
            events.append((ENDED, end, None))

    def _on_close(self, id, payload, events):
        end = self.ends.get(id)
        if end is None:
            return  # it crossed the last item of this side, which ended the channel
        self._check(end, states.GET_CLOSE)
        if end.state in _TO_SENT_LAST:
            self.output.append(frames.encode(frames.LAST, id))
        # An error that crosses our close is told too: a drop is a close nobody asked for.
        told = end.state != CLOSING or payload
        end.pieces = None
        self._move(end, states.GET_CLOSE)
        if told:
            events.append((ENDED, end, payload))

    def _on_credit(self, id, payload, events):
        # A grant may cross our close on the wire; the end is then forgotten already.
        end = self.ends.get(id)
        if end is not None:
            end.granted += self._amount(payload)
            events.append((CREDITED, end, None))

    def _amount(self, payload):
        if len(payload) != _AMOUNT.size:
            raise ProtocolError("an amount of %d bytes instead of 8" % len(payload))
        return _AMOUNT.unpack(payload)[0]

    def _on_ping(self, id, payload, events):
        self._pong_due = True

    def _on_pong(self, id, payload, events):
        pass  # that bytes arrived is all it says

    def _on_ask_status(self, id, payload, events):
        events.append((STATUS_ASKED, id, None))

    def _on_status(self, id, payload, events):
        events.append((STATUS_TOLD, id, payload))

    def _on_reconfigure(self, id, payload, events):
        end = self.ends.get(id) if id else None
        if end is not None or not id:
            events.append((RECONFIGURED, end, payload))

    def _on_goodbye(self, id, payload, events):
        events.append((SAID_GOODBYE, None, None))

    def _move(self, end, event):
        end.state = next_state(end.state, event)
        # What nobody claimed yet may hold items for whoever decodes its id later.
        if end.state == CLOSED and (end.claimed or not end.got):
            self.claim(end.id)
            self.ends.pop(end.id, None)

    _HANDLERS = {
        frames.OPEN: _on_open,
        frames.EXEC: _on_exec,
        frames.PIECE_OF: _on_piece,
        frames.DROP_PIECES: _on_drop_pieces,
        frames.LAST: _on_last,
        frames.CLOSE: _on_close,
        frames.CREDIT: _on_credit,
        frames.PING: _on_ping,
        frames.PONG: _on_pong,
        frames.ASK_STATUS: _on_ask_status,
        frames.STATUS: _on_status,
        frames.RECONFIGURE: _on_reconfigure,
        frames.GOODBYE: _on_goodbye,
    }
