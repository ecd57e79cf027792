# shipped: stdlib only; Python 2.7-3.14, PyPy, Jython
"""Which channels somebody holds, and what becomes of those nobody does.

Only weak references are kept here. A handle that is collected, whenever that happens,
leaves its end in a queue; nothing is sent from inside a garbage collection.
"""
from __future__ import absolute_import

import gc

from .channel import Mailbox, make_handle
from .channel_state import CLOSED, CLOSING
from .compat import clock, deque
from .errors import ChannelEnded
from .outgoing import End
from .polling import POLLER, call_later

SHORTEST_NAP = 1.0  # seconds between collections where there are no reference counts
MANY = 64  # channels that nobody holds and that are closed: they can be forgotten together
SHARE = 20  # a collection may take one part in this many of the time


class Handles(object):
    """The channels of one gateway that somebody holds.

    Args:
        gateway: whose channels they are; only passed on to them.
        lock: guards the protocol and what is kept here.
        kept: ids of channels that stay open though nobody holds them.
    """

    def __init__(self, gateway, protocol, lock, writer, kept):
        self._gateway = gateway
        self._protocol, self._lock, self._writer = protocol, lock, writer
        self._kept = kept
        self._references = {}  # channel id -> weak reference to its handle
        self._dropped = deque()  # ends whose handle was collected
        self._wake_poller = POLLER.wake  # at the end of an interpreter its global name is gone

    def make(self, end, box):
        """Return a new handle for the end; its lock is held by the caller."""
        end.user = box
        channel = make_handle(self._gateway, end, box, self._drop)
        self._references[end.id] = box.handle
        return channel

    def channels(self):
        """Return all channels that somebody holds."""
        channels = [reference() for reference in list(self._references.values())]
        return [channel for channel in channels if channel is not None]

    def ends(self):
        """Return the ends of all channels that somebody holds."""
        return [channel._end for channel in self.channels()]

    def find(self, id, serializer):
        """Return the handle of the channel with that id, which arrived in an item."""
        with self._lock:
            reference = self._references.get(id)
            channel = reference and reference()
            if channel is not None:
                return channel
            end = self._protocol.claim(id)
            if end is None:
                # Closed at both ends while its id was under way.
                end = End(id, 0, 0)
                end.state = CLOSED
                end.user = Mailbox(serializer)
                end.user.end(ChannelEnded("the other end closed channel %d" % id))
            channel = self.make(end, end.user)
        self._writer.flush_soon()  # who sends on it may wait for this claim
        return channel

    def _drop(self, end):
        # Inside a garbage collection: no lock, no waiting; the poller looks after it.
        self._dropped.append(end)
        box = end.user
        if end.state in (CLOSING, CLOSED) and len(box.items) <= 1 and box.remote_error is None:
            # As each task's is: there is nothing to tell anybody, and to forget it has time.
            if len(self._dropped) < MANY:
                return
        self._wake_poller()

    def tidy(self):
        """Close the ends whose handles were collected, say what has time; never waits."""
        while self._dropped:
            try:
                end = self._dropped.popleft()
            except IndexError:
                return
            self._close_dropped(end)
        if self._protocol.farewells:
            with self._lock:
                self._protocol.say_farewells()
        self._writer.flush_soon()

    def _close_dropped(self, end):
        box = end.user
        with self._lock:
            if box.handle() is not None or end.id in self._kept:
                return  # its id arrived once more, or its task goes on
            if self._references.get(end.id) is box.handle:
                del self._references[end.id]
            if box.callback is not None:
                self._protocol.send_last(end)
            else:
                self._protocol.close(end)
        if box.callback is None:
            box.discard(self._protocol.unclaimed)
        self.warn_if_dropped(box)

    def warn_if_dropped(self, box):
        """Tell stderr the error of a channel whose holder is gone: nobody else is left."""
        if box.handle is None or box.handle() is not None or box.callback is not None:
            return
        error, box.remote_error = box.remote_error, None
        if error is not None:
            try:
                error.warn()
            except Exception:
                pass  # stderr is closed or broken, and whoever reads here must go on

    def collect_for_good(self, model, ended):
        """Run the collector now and then until ``ended()``.

        Without reference counts nothing else would, and channels that nobody holds
        would stay open.
        """
        if ended():
            return
        start = clock()
        if len(self._protocol.ends) > len(self._kept):
            gc.collect()
            self.tidy()
        nap = max(SHORTEST_NAP, SHARE * (clock() - start))
        call_later(model, nap, lambda: self.collect_for_good(model, ended))
