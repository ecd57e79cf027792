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
from .arriving import Arriving
from .channel_state import CLOSING, OPEN, SENT_LAST, TRANSITIONS
from .errors import ProtocolError
from .events import (
    CREDITED,
    DROPPED,
    ENDED,
    ITEM,
    ITEMS,
    OPENED,
    RECONFIGURED,
    SAID_GOODBYE,
    STATUS_ASKED,
    STATUS_TOLD,
    TASK,
)
from .frames import DATA, EXEC, PIECE_OF
from .outgoing import AMOUNT, ITEM_COST, MAX_OFFERS, NO_LIMIT, SLOT, TO_SENT_LAST, End, Outgoing
from .runs import RUN

VERSION = (1, 0)  # a different first number is refused, a different second one is not

_pack, _SIZE = frames.HEADER.pack, frames.HEADER.size
DEFAULT_WINDOW = 2**26
MAX_FAREWELLS = 256  # bytes
MOST_SLOTS = 3  # of each direction; with more than one the two ends take fewer turns
MAX_ANSWERS = 2**17  # frames that wait because the other side talks and does not read

PARTS = (PIECE_OF, DATA, EXEC)  # the kinds of which an item is made


def size_of(payload):
    """Return the bytes of an item's payload, which is a list of buffers if it came in pieces."""
    return sum(map(len, payload)) if type(payload) is list else len(payload)


class Protocol(Outgoing):
    """One side of a connection.

    Args:
        first_id: 1 at the local side, 2 at the remote: each numbers its own channels.
        window: bytes, what either side grants a channel at first; None for no limit.
        runs_tasks: False refuses OPEN_TASK as the act of a hostile peer.
    """

    def __init__(self, first_id, window=DEFAULT_WINDOW, runs_tasks=False):
        super(Protocol, self).__init__(first_id, window, runs_tasks)
        self._next_theirs = 3 - first_id
        self.decoder = frames.FrameDecoder()
        self._pong_due = False
        self._from_slots = 0  # frames of one chunk that were in slots
        self._answers = 0  # at most so many frames in output were caused by the other side

    def receive(self, data):
        """Take the next chunk of the stream; return its events as (event, subject, detail).

        Raises ProtocolError for what no honest peer sends; the connection is then
        useless, and the events of this chunk are lost.
        """
        events = []
        ends = self.ends
        before = len(self.output)
        only_items = True
        for kind, id, payload in self.decoder.feed(data):
            if kind == DATA:
                self._on_data(ends.get(id) or self._open_end(id, "an item"), payload, events)
            elif kind == RUN:
                self._on_run(id, payload, events)
            else:
                only_items = False
                handler = self._HANDLERS.get(kind)
                if handler is None:
                    raise ProtocolError("a frame of unknown kind %d" % kind)
                handler(self, id, payload, events)
        if not (only_items and events):
            self._conclude_chunk()
        if self._answers or len(self.output) > before:
            self._count_answers(before)
        return events

    def _conclude_chunk(self):
        """Do what is due behind a chunk, unless that was nothing but whole items."""
        self._from_slots = 0
        if self._pong_due:
            # One answer for all pings of a chunk: a flood of them must not become ours.
            self._pong_due = False
            self.output.append(frames.encode(frames.PONG, 0))
        if self.decoder.missing >= frames.WORTH_PLACING:
            self.decoder.give_place(self._place_for)

    def receive_item(self, end, chunks):
        """Take the first chunk away if it is one small item for this end, and no more.

        Returns the item's payload, which counts as taken already; None where the chunk is
        anything else: then it is still there, for ``receive``. What one thread sends and
        another waits for comes so, mostly.
        """
        if self.decoder.parts:
            return None
        data = chunks[0]
        size = len(data) - _SIZE
        if size < 0 or not data.startswith(_pack(DATA, end.id, size)):
            return None
        got = end.got + size + ITEM_COST
        if end.state != OPEN or end.pieces is not None or got > end.limit:
            return None
        chunks.popleft()
        end.got = got
        end.hungry = False
        end.untold += size + ITEM_COST
        if end.untold >= end.window >> 2:
            self._grant(end)
        return data[_SIZE:]

    def _count_answers(self, before):
        # What this side has put there by itself is not the other side's fault.
        more = max(0, len(self.output) - before)
        self._answers = min(self._answers, before) + more
        if self._answers > MAX_ANSWERS:
            raise ProtocolError("%d answers wait for a peer that only talks" % self._answers)

    def _charge(self, end, cost):
        end.got += cost
        self._check_charge(end, cost)

    def _check_charge(self, end, cost):
        if end.got > end.limit:
            raise ProtocolError(
                "channel %d was sent more than its window of %d bytes" % (end.id, end.window)
            )
        if not end.claimed:
            self._unclaimed_cost += cost
            if self._unclaimed_cost > self.window + frames.MAX_PAYLOAD + ITEM_COST:
                raise ProtocolError("%d bytes on channels nobody asked for" % self._unclaimed_cost)

    def _join(self, end, payload):
        arriving = end.pieces
        arriving.add(payload)
        end.forget_pieces()
        return arriving.payload()

    def _open_end(self, id, what):
        end = self.ends.get(id)
        if end is None:
            raise ProtocolError("%s for channel %d, which is not open" % (what, id))
        return end

    def _check(self, end, event):
        if event not in TRANSITIONS[end.state]:
            raise ProtocolError("cannot %s on channel %d: it is %s" % (event, end.id, end.state))

    def _check_gone(self, id):
        theirs = id % 2 == self._next_theirs % 2
        if not 0 < id < (self._next_theirs if theirs else self._next_id):
            raise ProtocolError("a frame for channel %d, which never was" % id)

    def _new_theirs(self, id, window):
        if id != self._next_theirs:
            raise ProtocolError("channel %d opened, the next is %d" % (id, self._next_theirs))
        self._next_theirs += 2
        end = self.ends[id] = End(id, window, window)
        return end

    def _on_data(self, end, payload, events):
        if end.state != OPEN and end.state != SENT_LAST:
            self._check(end, states.GET)
            if end.pieces is not None:
                payload = self._join(end, payload)
            events.append((DROPPED, end, payload))
            return
        end.got += len(payload) + ITEM_COST
        if end.got > end.limit or not end.claimed:
            self._check_charge(end, len(payload) + ITEM_COST)
        if end.pieces is not None:
            payload = self._join(end, payload)
        end.hungry = False
        events.append((ITEM, end, payload))

    def _on_run(self, id, payloads, events):
        end = self._open_end(id, "an item")
        cost = len(payloads) * (len(payloads[0]) + ITEM_COST)  # they are alike
        is_usual = end.state in (OPEN, SENT_LAST) and end.pieces is None
        if not is_usual:
            for payload in payloads:
                self._on_data(end, payload, events)
            return
        self._charge(end, cost)
        end.hungry = False
        events.append((ITEMS, end, payloads))

    def _on_open(self, id, payload, events):
        if self._unclaimed >= MAX_OFFERS:
            raise ProtocolError("%d channels opened that nobody asked for" % self._unclaimed)
        wish = (self._amount(payload) or NO_LIMIT) if payload else self.window
        # The remote holds as much as the local side wants it to. The local side holds no
        # more than the gateway's window, which both know, whatever a remote asks for.
        end = self._new_theirs(id, wish if self._runs_tasks else min(wish, self.window))
        end.granted = wish
        end.claimed = False
        self._unclaimed += 1
        events.append((OPENED, end, None))

    def _on_open_task(self, id, payload, events):
        if not self._runs_tasks:
            raise ProtocolError("the other side asked this one to run code")
        end = self._new_theirs(id, self.window)
        end.task_due = end.hungry = True  # a task is taken as it comes
        events.append((OPENED, end, None))

    def _on_claimed(self, id, payload, events):
        cost = self._offered.pop(id, None)
        if cost is None:
            raise ProtocolError("channel %d claimed, which was not offered" % id)
        self._offered_cost -= cost
        events.extend([(CREDITED, end, None) for end in self._starved])
        end = self.ends.get(id)
        if end is not None:
            end.offered = False
            self._starved.discard(end)

    def _on_exec(self, id, payload, events):
        end = self._open_end(id, "a task")
        self._check(end, states.GET)
        if not end.task_due:
            raise ProtocolError("a task for channel %d, which is for items" % id)
        self._charge(end, len(payload) + ITEM_COST)
        if end.pieces is not None:
            payload = self._join(end, payload)
        end.task_due = end.hungry = False
        self.take(end, size_of(payload))
        events.append((TASK, end, payload))

    def _on_begin(self, id, payload, events):
        end = self._open_end(id, "an item")
        self._check(end, states.GET)
        if len(payload) != AMOUNT.size + 1:
            raise ProtocolError("an item begins with %d bytes instead of 9" % len(payload))
        if end.pieces is not None:
            raise ProtocolError("an item begins inside another on channel %d" % id)
        self._charge(end, 1)
        # Offers may be many, and no more than a window comes for all of them together.
        size = AMOUNT.unpack(payload[:-1])[0] if end.claimed else 0
        end.pieces, end.pieces_size = Arriving(payload[-1:], size), 1

    def _place_for(self, kind, id, size):
        """Return where the payload of a frame that is coming is to stay, or None."""
        end = self.ends.get(id)
        # What is to be refused is, once it has come.
        if end is None or end.pieces is None or end.got + size > end.limit:
            return None
        return end.pieces.place(size) if kind in PARTS else None

    def _on_in_slot(self, id, payload, events):
        self._from_slots += 1
        # The other side uses none again before what is freed here has been read there.
        if self.slots is None or self._from_slots > MOST_SLOTS or len(payload) != SLOT.size:
            raise ProtocolError("bytes in memory that is not shared")
        number, size = SLOT.unpack(payload)
        if number >= MOST_SLOTS or size > frames.MAX_PAYLOAD:
            raise ProtocolError("%d bytes in slot %d" % (size, number))
        piece = self.slots.get(number, size)
        place = self._place_for(PIECE_OF, id, size)
        if place is not None:
            place[:] = piece
        self._on_piece(id, [piece] if place is None else place, events)
        self.slots.free(number)

    def _on_piece(self, id, payload, events):
        end = self._open_end(id, "a piece")
        self._check(end, states.GET)
        size = size_of(payload)
        if size < frames.PIECE:
            # Each is kept as an object: small ones would take many times their bytes.
            raise ProtocolError("a piece of %d bytes for channel %d" % (size, id))
        self._charge(end, size)
        if end.pieces is None:
            end.pieces = Arriving()
        end.pieces.add(payload)
        end.pieces_size += size
        if end.hungry:
            self.hunger(end)

    def _on_drop_pieces(self, id, payload, events):
        end = self._open_end(id, "pieces given up")
        if end.pieces is not None:
            size = end.pieces_size
            end.forget_pieces()
            self.take(end, size - ITEM_COST)

    def _on_last(self, id, payload, events):
        end = self._open_end(id, "a last item")
        self._check(end, states.GET_LAST)
        told = end.state != CLOSING
        end.forget_pieces()
        self._move(end, states.GET_LAST)
        if told:
            events.append((ENDED, end, None))

    def _on_close(self, id, payload, events):
        end = self.ends.get(id)
        if end is None:
            self._check_gone(id)
            return  # it crossed the last item of this side, which ended the channel
        self._check(end, states.GET_CLOSE)
        if end.state in TO_SENT_LAST:
            # Who closed has its channel closed; to hear that it can be forgotten has time.
            self.farewells += frames.encode(frames.LAST, id)
            if self._runs_tasks or len(self.farewells) > MAX_FAREWELLS:
                self.say_farewells()
        # An error that crosses our close is told too: a drop is a close nobody asked for.
        told = end.state != CLOSING or payload
        end.forget_pieces()
        if payload and not end.claimed:
            self._charge(end, len(payload) + ITEM_COST)  # it waits for whoever claims the end
        self._move(end, states.GET_CLOSE)
        if told:
            events.append((ENDED, end, payload))

    def _on_credit(self, id, payload, events):
        amount = self._amount(payload)
        end = self.ends.get(id)
        if end is None:
            self._check_gone(id)
            return  # it crossed the close of this side
        end.granted += amount
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
        if id and end is None:
            self._check_gone(id)
            return  # it crossed what ended the channel
        events.append((RECONFIGURED, end, payload))

    def _on_goodbye(self, id, payload, events):
        events.append((SAID_GOODBYE, None, payload))

    _HANDLERS = {
        frames.OPEN: _on_open,
        frames.OPEN_TASK: _on_open_task,
        frames.CLAIMED: _on_claimed,
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
        frames.BEGIN: _on_begin,
        frames.IN_SLOT: _on_in_slot,
    }
