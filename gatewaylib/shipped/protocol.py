# shipped: stdlib only; Python 2.7-3.14, PyPy, Jython; pure
"""The protocol of one connection: bytes in, events out; requests in, bytes out.

There is no I/O, thread or clock here, and no lock: whoever owns a ``Protocol`` calls
it from one thread at a time. Requests leave their frames in ``output``, a deque of
byte strings and memoryviews in wire order, which its owner empties; it is the one
thing here that may be popped by another thread.

The requests and the rules of credit are in outgoing.py; here is what the other side's
bytes mean, and what of them is refused.

Source: doc/explanation/wire.rst.
"""
from __future__ import absolute_import

from . import channel_state as states
from . import frames
from .channel_state import CLOSING, OPEN, SENT_LAST, TRANSITIONS
from .errors import ProtocolError
from .outgoing import AMOUNT, ITEM_COST, NO_LIMIT, TO_SENT_LAST, End, Outgoing

VERSION = (1, 0)  # a different first number is refused, a different second one is not

DEFAULT_WINDOW = 2 ** 26
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


class Protocol(Outgoing):
    """One side of a connection.

    Args:
        first_id: 1 at the local side, 2 at the remote: each numbers its own channels.
        window: bytes, what either side grants a channel at first; None for no limit.
        runs_tasks: False refuses EXEC as the act of a hostile peer.
    """

    def __init__(self, first_id, window=DEFAULT_WINDOW, runs_tasks=False):
        super(Protocol, self).__init__(first_id, window, runs_tasks)
        self._highest_theirs = 0
        self._their_parity = 1 - first_id % 2
        self._decoder = frames.FrameDecoder()
        self._pong_due = False

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
        if end.state in TO_SENT_LAST:
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
        if len(payload) != AMOUNT.size:
            raise ProtocolError("an amount of %d bytes instead of 8" % len(payload))
        return AMOUNT.unpack(payload)[0]

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
