"""Two protocols joined back to back: what one puts out, the other is given, cut anywhere."""

from __future__ import absolute_import

from gatewaylib.shipped.compat import joined
from gatewaylib.shipped.events import ITEM, ITEMS
from gatewaylib.shipped.protocol import DEFAULT_WINDOW, MOST_SLOTS, Protocol


class Side(object):
    """One protocol, with what its gateway would keep: its ends and the events it had."""

    def __init__(self, first_id, window, runs_tasks):
        self.protocol = Protocol(first_id, window, runs_tasks)
        self.incoming = bytearray()
        self.events = []

    def receive(self, size):
        """Take in so many bytes of what the other side has put out; return their events."""
        data = bytes(self.incoming[:size])
        del self.incoming[:size]
        events = []
        for event, subject, detail in self.protocol.receive(data):
            if event == ITEMS:
                events += [(ITEM, subject, payload) for payload in detail]
            else:
                detail = joined(detail) if isinstance(detail, list) else detail
                events.append((event, subject, detail))
        self.events += events
        return events


class HalfOfSlots(object):
    """Some slots in ordinary memory, as one end sees them."""

    def __init__(self, mine, theirs):
        self.mine, self.theirs = mine, theirs

    def put(self, cut, size):
        if None not in self.mine:
            return None
        number = self.mine.index(None)
        self.mine[number] = joined(cut(size))
        return number

    def get(self, number, size):
        return memoryview(self.theirs[number])[:size]

    def free(self, number):
        self.theirs[number] = None


class Pair(object):
    """The local side, the remote side, and the bytes on their way."""

    def __init__(self, window=DEFAULT_WINDOW, has_slots=False):
        self.local = Side(1, window, False)
        self.remote = Side(2, window, True)
        if has_slots:
            one, two = [[None] * MOST_SLOTS for _ in range(2)]
            self.local.protocol.slots = HalfOfSlots(one, two)
            self.remote.protocol.slots = HalfOfSlots(two, one)

    def other(self, side):
        return self.remote if side is self.local else self.local

    def write(self, side):
        """Put on its way what a side has put out."""
        side.protocol.say_farewells()
        output = side.protocol.output
        while output:
            self.other(side).incoming += memoryview(output.popleft()).tobytes()

    def deliver(self, side, size):
        """Let so many bytes reach this side; return their events."""
        self.write(self.other(side))
        return side.receive(size)

    def pump(self):
        """Let everything arrive, answers included; return (local's, remote's) new events."""
        marks = len(self.local.events), len(self.remote.events)
        while True:
            self.write(self.local)
            self.write(self.remote)
            if not (self.local.incoming or self.remote.incoming):
                return self.local.events[marks[0] :], self.remote.events[marks[1] :]
            for side in (self.local, self.remote):
                if side.incoming:
                    side.receive(len(side.incoming))


def channel(pair, opener=None, window=None):
    """Open a channel and let the other side claim it; return (the opener's end, the other's)."""
    opener = opener or pair.local
    end = opener.protocol.open(window)
    pair.pump()
    there = pair.other(opener).protocol.claim(end.id)
    pair.pump()
    return end, there


def items(events):
    """Return the payloads of the items among events."""
    return [detail for event, _, detail in events if event == ITEM]
