# shipped: stdlib only; Python 2.7-3.14, PyPy, Jython
"""Receiving items: wait for them, take them, and give credit for what was taken.

The thread that waits reads. What it waits for comes alone, mostly: then it is handed to it at
once, and no mailbox, no event and no other thread see it.
"""
from __future__ import absolute_import

from .compat import clock
from .protocol import size_of
from .trace import listeners, trace

# Items of so few bytes are counted as taken so many at once.
SMALL, MANY = 1024, 64
LARGE_WINDOW = 8 * SMALL * MANY


class Receiver(object):
    """Receives the items of one gateway, for any thread.

    Args:
        gateway_id: for traces.
        lock: guards the protocol.
        turn: the Turn to read.
        wait: ``wait(waiting, ready, timeout)``, as the gateway waits for anything.
    """

    def __init__(self, gateway_id, protocol, lock, writer, turn, wait):
        self._gateway_id = gateway_id
        self._protocol, self._lock, self._writer = protocol, lock, writer
        self._read, self._take, self._wait = turn.read_item, self._take_item, wait

    def read_item(self, end):
        """Read until an item comes for this end, if nobody else reads.

        Returns its payload, taken, if it was all that a read has brought; else None, and it
        is in the mailbox, if there is one.
        """
        end.hungry = True
        if end.pieces_size:
            self.feed(end)
        return self._read(end, self._take)

    def _take_item(self, end, chunks):
        with self._lock:
            payload = self._protocol.receive_item(end, chunks)
        if payload is None:
            return None
        if end.user.waiting:
            end.user.wake()  # others that wait for this end are as hungry as before
        if self._protocol.output:
            self._writer.flush_soon()
        if listeners:
            trace("received", gateway=self._gateway_id, channel=end.id)
        return payload

    def wait_for_item(self, end, deadline):
        """Wait until an item is in the mailbox; others may take it first.

        Returns False if none came until ``deadline``; None: there is none.
        """
        end.hungry = True
        if end.pieces_size:
            self.feed(end)
        items = end.user.items
        left = None if deadline is None else max(0, deadline - clock())

        def ready():
            if not items and not end.hungry:
                self.feed(end)  # another thread took the item that this one waited for
            return bool(items)

        return self._wait(end.user.waiting, ready, left)

    def feed(self, end):
        """Give credit for the pieces of the item that is arriving: somebody waits for it."""
        with self._lock:
            self._protocol.hunger(end)
        self._writer.flush_soon()

    def took(self, end, payload):
        """Say that an item was taken from the mailbox.

        Small ones are counted several at once, while more of them wait and the window is
        so large that no sender could wait for these.
        """
        size, taken = size_of(payload), end.user.taken
        if size <= SMALL and end.user.items and len(taken) < MANY and end.window >= LARGE_WINDOW:
            taken.append(size)
            return
        with self._lock:
            if taken:  # others may add to it meanwhile, and nobody else takes any away
                count = len(taken)
                self._protocol.take(end, sum(taken[:count]), count)
                del taken[:count]
            self._protocol.take(end, size)
        if self._protocol.output:
            self._writer.flush_soon()
