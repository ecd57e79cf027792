# shipped: stdlib only; Python 2.7-3.14, PyPy, Jython; pure
"""The half of the protocol that asks: what this side wants in, frames out.

Credit, for each channel and direction: the receiver grants a window of bytes, a frame
of an item costs its payload, the last one ``ITEM_COST`` more, and what was taken is
granted again. A sender with any credit left may send one more frame, so it oversteps
by a piece at most, and a receiver may hold back a quarter of the window before it
grants. An item larger than the window passes because a receiver that waits for it
takes its pieces as they come (``hunger``).

A channel is an *offer* until somebody at the other end claims its own end, by decoding
an item that brought the channel's id. All offers of a side together may be sent no more
than one window of the gateway, so that no number of them costs the other side more.

Source: doc/explanation/wire.rst.
"""
from __future__ import absolute_import

import struct

from . import channel_state as states
from . import frames
from .channel_state import CLOSED, GOT_LAST, OPEN, SENT_LAST, next_state
from .compat import deque, int_types, joined
from .errors import GatewayError

ITEM_COST = 64  # what holding an item costs besides its payload
NO_LIMIT = 2 ** 63
MAX_OFFERS = 2 ** 15  # channels of one side that the other has not claimed
BURST = 2 ** 20  # of one large item in one go: others get their turn in between
_pack = frames.HEADER.pack
AMOUNT = struct.Struct("!Q")
SLOT = struct.Struct("!BI")
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
        "offered",
        "task_due",
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
        self.pieces = None  # Arriving, while an item comes in pieces
        self.pieces_size = 0
        self.prepaid = 0  # cost of those parts that counts as taken already
        self.hungry = False  # somebody waits for the item that is arriving
        self.in_pieces = None  # Pieces of the large item on its way out, which no other may enter
        self.claimed = True  # somebody here holds it
        self.offered = False  # this side opened it, and nobody there has claimed it yet
        self.task_due = False  # the first item that arrives is a task
        self.user = None  # whatever the owner of the protocol keeps with it

    def forget_pieces(self):
        """Begin a new item; ``take`` counts whole ones, so what is prepaid comes off."""
        self.untold -= self.prepaid
        self.pieces, self.pieces_size, self.prepaid = None, 0, 0


class Outgoing(object):
    """What one side of a connection asks of the other; see ``Protocol``."""

    def __init__(self, first_id, window, runs_tasks):
        self.window = window or NO_LIMIT
        self.ends = {}
        self.output = deque()
        self.farewells = b""  # LAST frames that nobody waits for: they leave with what leaves next
        self.slots = None  # Slots that the other side uses too, if there are any
        self._next_id = first_id
        self._offered = {}  # id of each offer -> cost of what was sent on it
        self._offered_cost = 0
        self._starved = set()  # offers on which a send found no room
        self._unclaimed = 0  # the other side's offers
        self._unclaimed_cost = 0
        self._runs_tasks = runs_tasks

    @property
    def unclaimed(self):
        """How many ends the other side opened that nobody here has asked for yet."""
        return self._unclaimed

    def open(self, window=None):
        """Begin a channel of this side; return its End.

        ``window`` overrides the gateway's; 0: no limit. Raises ValueError if it is negative,
        GatewayError if the other side has not claimed ``MAX_OFFERS`` channels before it.
        """
        if window is not None and not (isinstance(window, int_types) and 0 <= window <= NO_LIMIT):
            raise ValueError(
                "a window is a whole number of bytes, from 1, or 0 for no limit; not %r" % (window,)
            )
        if len(self._offered) >= MAX_OFFERS:
            raise GatewayError(
                "%d channels are open that the other end has not received" % len(self._offered)
            )
        end = self._new_end(self.window if window is None else window or NO_LIMIT)
        if self._runs_tasks:
            end.granted = min(end.granted, self.window)  # see Protocol._on_open
        end.offered = True
        self._offered[end.id] = 0
        payload = b"" if window is None else AMOUNT.pack(window)
        self.output.append(frames.encode(frames.OPEN, end.id, payload))
        return end

    def open_for_task(self):
        """Begin a channel for the task that ``send(end, EXEC, payload)`` brings; return its End."""
        # It is told at once: ids arrive in order, whichever thread's task is sent first.
        end = self._new_end(self.window)
        farewells, self.farewells = self.farewells, b""
        self.output.append(farewells + frames.encode(frames.OPEN_TASK, end.id))
        return end

    def _new_end(self, window):
        id = self._next_id
        if id >= 2 ** 32:
            raise GatewayError("all channel ids of this gateway are used up: start another")
        self._next_id += 2
        end = self.ends[id] = End(id, window, window)
        return end

    def may_send(self, end, pieces=None):
        """Say whether a frame of an item may leave now; ``pieces`` as in ``send_some``."""
        if end.sent >= end.granted:
            return False
        if end.in_pieces is not None and end.in_pieces is not pieces:
            return False
        return not end.offered or self._offered_cost < self.window

    def _charge_offer(self, end, cost):
        """Count what is sent on an offer; return False, counting nothing, without room for it."""
        if self._offered_cost >= self.window:
            self._starved.add(end)
            return False
        self._starved.discard(end)
        self._offered[end.id] += cost
        self._offered_cost += cost
        return True

    def send(self, end, kind, payload):
        """Send a small payload (up to ``PIECE`` bytes); return False if there is no credit yet.

        Raises IllegalMove, sending nothing, if the state of the channel forbids it.
        """
        if end.state != OPEN and end.state != GOT_LAST:
            next_state(end.state, states.SEND)
        if end.sent >= end.granted or end.in_pieces is not None:
            return False
        size = len(payload)
        if end.offered and not self._charge_offer(end, size + ITEM_COST):
            return False
        end.sent += size + ITEM_COST
        self.output.append(_pack(kind, end.id, size) + payload)
        return True

    def send_some(self, end, kind, pieces):
        """Send the next of an item's ``Pieces``, about ``BURST`` bytes; return how many.

        0 where there is no credit, or while another item's pieces are on their way.
        Raises IllegalMove as ``send`` does.
        """
        next_state(end.state, states.SEND)
        if end.in_pieces is not pieces:
            if end.in_pieces is not None:
                return 0
            end.in_pieces = pieces
        done = 0
        while pieces.left and done < BURST and end.sent < end.granted:
            credit = end.granted - end.sent
            if end.offered:
                credit = min(credit, self.window - self._offered_cost)
            begins = 0 if pieces.begun else 1
            left = pieces.left - begins
            length = min(frames.MAX_PAYLOAD, left, max(frames.PIECE, credit))
            last = length == left
            cost = begins + length + (ITEM_COST if last else 0)
            if end.offered and not self._charge_offer(end, cost):
                break
            header = b""
            if begins:
                first = AMOUNT.pack(left) + joined(pieces.cut(1))
                header = frames.encode(frames.BEGIN, end.id, first)
            slot = None
            if self.slots is not None and length >= frames.PIECE:
                slot = self.slots.put(pieces.cut, length)
            if slot is None:
                header += frames.HEADER.pack(kind if last else frames.PIECE_OF, end.id, length)
                # One C call: a Ctrl-C leaves no header whose bytes don't follow.
                self.output.extend([header] + pieces.cut(length))
            else:
                header += frames.encode(frames.IN_SLOT, end.id, SLOT.pack(slot, length))
                self.output.append(header + frames.encode(kind, end.id) if last else header)
            end.sent += cost
            done += begins + length
        if not pieces.left:
            end.in_pieces = None
        return done

    def give_up(self, end, pieces):
        """Take back an item of which some pieces were sent."""
        if end.in_pieces is pieces:
            end.in_pieces = None
            if end.state in TO_SENT_LAST:
                self.output.append(frames.encode(frames.DROP_PIECES, end.id))

    def send_last(self, end):
        """Tell the other side that nothing more comes; do nothing where it knows."""
        if end.state in TO_SENT_LAST:
            self.output.append(frames.encode(frames.LAST, end.id))
            self._move(end, states.SEND_LAST)

    def say_farewells(self):
        """Put out what was kept for the next task, as there may be none."""
        if self.farewells:
            self.output.append(self.farewells)
            self.farewells = b""

    def close(self, end, error=b""):
        """End both directions; return False where that was done. ``error`` is at most a piece."""
        if end.state in (OPEN, SENT_LAST, GOT_LAST):
            if end.offered and error and not self._charge_offer(end, len(error) + ITEM_COST):
                error = b""  # the other side would have to hold it for whoever claims its end
            self.output.append(frames.encode(frames.CLOSE, end.id, error))
            self._move(end, states.SEND_CLOSE)
            return True
        return False

    def take(self, end, size, count=1):
        """Say that items of ``size`` payload bytes in all were taken; grant again what is due."""
        cost = size + count * ITEM_COST
        end.untold += cost
        if not end.claimed:
            self._unclaimed_cost -= cost
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
        """Return the End with that id for somebody here to hold; None if nothing is left of it."""
        end = self.ends.get(id)
        if end is not None and not end.claimed:
            end.claimed = True
            self._unclaimed -= 1
            self._unclaimed_cost -= end.got - end.returned - end.untold
            self.output.append(frames.encode(frames.CLAIMED, id))
            if end.state == CLOSED:
                del self.ends[id]
        return end

    def ping(self):
        self.output.append(frames.encode(frames.PING, 0))

    def ask_status(self, number):
        self.say_farewells()  # the answer counts channels
        self.output.append(frames.encode(frames.ASK_STATUS, number))

    def tell_status(self, number, payload):
        self.output.append(frames.encode(frames.STATUS, number, payload))

    def reconfigure(self, end, payload):
        id = 0 if end is None else end.id
        self.output.append(frames.encode(frames.RECONFIGURE, id, payload))

    def say_goodbye(self, why=b""):
        """Say that this side ends: as it was asked, or ``why`` else, in UTF-8."""
        self.output.append(frames.encode(frames.GOODBYE, 0, why))

    def lose(self):
        """The connection is gone: close every end; return those that were open."""
        lost = list(self.ends.values())
        for end in lost:
            end.state = next_state(end.state, states.LOSE)
            if end.claimed:
                del self.ends[end.id]  # the others hold what has arrived, as in _move
        self._offered.clear()
        self._starved.clear()
        self.output.clear()
        self.farewells = b""
        return lost

    def _move(self, end, event):
        end.state = next_state(end.state, event)
        if end.state != CLOSED:
            return
        self._starved.discard(end)
        # What nobody claimed yet may hold items, or an error, for whoever decodes its id later.
        if not end.claimed and not end.got:
            self.claim(end.id)
        elif end.claimed:
            del self.ends[end.id]
