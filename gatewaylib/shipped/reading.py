# shipped: stdlib only; Python 2.7-3.14, PyPy, Jython
"""Who reads when: the thread that waits reads.

A round trip costs thread hand-offs more than anything else, so a thread that waits
for an item takes the *turn*, reads the transport itself, hands what is for others to
them and gives the turn back when it has its own. While nobody waits, one thread for
all connections of the process reads what arrives: the ``Poller``, in polling.py.

A transport without a descriptor may *ring* when there is something to read: then, while
nobody waits, a pooled thread reads it. Where there is neither (Jython, Windows pipes, green
threads), a thread of the connection's own has the turn for good, and the others are handed
everything; where many threads wait at once, a pooled thread has it for a while.
doc/explanation/reading.rst tells it with pictures.
"""
from __future__ import absolute_import

from .compat import clock, deque
from .threads import AT_ONCE, release

TIDY_NAP = 0.5  # seconds between looks where no poller can be woken
# What is read at once, as the arguments for map(): os.read of 256 KiB costs an mmap and
# munmap each time; of 64 KiB it does not.
CHUNK = (2 ** 16,)
CROWD = 2  # threads that wait without the turn
CALM = 64  # reads in a row without a crowd, until it has dispersed
LULL = 0.2  # seconds without anything to read, likewise
OTHERS = 16  # reads in a row that were for another, until it may read for itself
STREAK = 0.001  # seconds between two of those at the most
SOON = 0.005  # seconds within which the next item for a callback comes, mostly
REST = 0.001  # seconds that a callback's next item may be late for others to come with it
GREEN_LOOK = 0.5  # seconds between looks whether what a green thread reads was aborted


class Turn(object):
    """The right to read one transport, which one thread has at a time.

    Args:
        transport: a Transport.
        model: the ExecModel whose threads wait here.
        arrived: called with a deque of the chunks read, to take them out of it, by
            whoever reads; ``b""`` is the end of the stream. It neither waits nor raises.
            Returns a memoryview that the next bytes are to be read into, whose number then
            stands for the chunk; or None.
        poller: the Poller that reads while nobody waits.
        tidy: called by the poller each time it is woken; quick, and never waits.
    """

    def __init__(self, transport, model, arrived, poller, tidy):
        self._transport, self._model, self._arrived = transport, model, arrived
        self.tidy = tidy
        self._poller = poller
        self._receive, self._receive_into = transport.receive, transport.receive_into
        self._into = None  # what to read into next
        self._chunks = deque()
        self._lock = model.Lock()
        self._waiting = []  # locks of threads that wait without the turn
        self.reads = 0  # how often somebody has read: grows with whatever arrives
        self._reads_polled = 0  # what that was when the poller had the turn last
        self.tell_poller = False  # the poller gave up looking and wants to be woken
        self.ended = False
        self._serves_crowd = False  # a pooled thread reads, or is about to, for many that wait
        self._for_others = 0  # reads in a row that brought their reader nothing
        self._last_for_others = 0.0  # when the last of them was
        self._giver = None  # ident of the thread that waits and has given the turn to another
        self._rests = False  # who reads next lets something gather: no work for the poller
        self.rings = transport.rings and not model.green
        self._has_reader = model.green or not (transport.pollable or transport.rings)

    def start(self):
        """Let reading begin in the background."""
        if self._has_reader:
            self._lock.acquire()
            self._model.start(self._read_for_good, name="gatewaylib-reader")
            self._model.start(self._tidy_for_good, name="gatewaylib-tidy")
        else:
            self._poller.add(self)
            if self.rings:
                self._transport.on_ring(self._rung)

    def _rung(self):
        """There is something to read; called by whoever has brought it, who can't wait."""
        if not self.is_taken():  # whoever has the turn looks again when leaving
            self._model.run_soon(self._read_all)

    def _read_all(self):
        while not self.ended and self._transport.wait_readable(0) and self.read_some():
            pass

    def read_item(self, end, take):
        """Read until an item comes for this end, if nobody else has the turn.

        The short way of ``wait`` for the most common case, which has no time limit.
        ``take(end, chunks)`` takes the first chunk out if it is that item and no more, and
        returns its payload, as this does then; else both return None.
        """
        items, chunks = end.user.items, self._chunks
        got = []
        try:
            got.extend(map(self._lock.acquire, AT_ONCE))
            if not got[0]:
                return None
            # Once an item has come the end is hungry no more, whoever has taken it.
            while end.hungry and not items and not self.ended:
                try:
                    self._read_chunk()
                    payload = take(end, chunks)
                finally:
                    if chunks:
                        self._deal()
                if payload is not None:
                    return payload
                if self._waiting and not items and self._gives_way():
                    break
            return None
        finally:
            if got and got[0]:
                self._lock.release()  # not in a function: a Ctrl-C at its first line would keep it
                if self._waiting or self.tell_poller or self.rings:
                    self._leave()

    def wait(self, ready, lock, timeout=None):
        """Wait until ``ready()`` is true; return whether it is, False after ``timeout`` s.

        Args:
            ready: says whether what is waited for is here; called often.
            lock: acquired by the caller, who has put it where whoever brings what is
                waited for will release it.
        """
        deadline = None if timeout is None else clock() + timeout
        try:
            while not ready():
                # After the end of the stream nothing is read; what became of the connection
                # is found out elsewhere, and told by releasing the lock.
                in_time = None
                if not self.ended and not self._has_given_way():
                    in_time = self._read_until(ready, deadline)
                if in_time is None:
                    in_time = self._wait_for_turn(ready, lock, deadline)
                if not in_time:
                    return bool(ready())
        finally:
            if self._has_given_way():
                self._giver = None
        if self._waiting and not self.ended and self._is_free():
            self._wake_next()  # this thread may have been woken to read, and did not
        return True

    def _read_until(self, ready, deadline):
        """Return whether it was ready in time; None if somebody else has the turn."""
        got = []
        try:
            got.extend(map(self._lock.acquire, AT_ONCE))
            if not got[0]:
                return None
            looked = False  # without time left, one look: a loop of those must see what comes
            while not ready() and not self.ended:
                if deadline is not None:
                    left = deadline - clock()
                    if looked and left <= 0 or not self._transport.wait_readable(left):
                        return False
                    looked = True
                self._read()
                if self._waiting and not ready() and self._gives_way():
                    return None
            return True
        finally:
            if got and got[0]:
                self._lock.release()
                self._leave()

    def _read(self):
        try:
            self._read_chunk()
        finally:  # a Ctrl-C in between leaves no chunk behind
            if self._chunks:
                self._deal()

    def _read_chunk(self):
        try:
            # One C call reads and keeps: a Ctrl-C loses nothing in between.
            if self._into is None or self._receive_into is None:
                self._chunks.extend(map(self._receive, CHUNK))
            else:
                self._chunks.extend(map(self._receive_into, (self._into,)))
        except (OSError, IOError):
            self._chunks.append(b"")  # the end of the stream, said rudely
        self.reads += 1

    def _deal(self):
        chunks = self._chunks
        if not chunks[-1] or self._transport.aborted:
            chunks[-1] = b""
            self.ended = True
        self._into = self._arrived(chunks)

    def _gives_way(self):
        """Say whether who has just read for another lets that one read from now on.

        Who waits for long would hand each answer to a thread that asks for many, and that
        costs more than the answer. It waits for its lock then, and the poller looks after
        both where the other one pauses.
        """
        now = clock()
        is_streak = now - self._last_for_others < STREAK
        self._for_others = self._for_others + 1 if is_streak else 1
        self._last_for_others = now
        if self._for_others < OTHERS or len(self._waiting) != 1 or not self._transport.pollable:
            return False
        self._for_others = 0
        self._giver = self._model.get_ident()
        return True

    def _has_given_way(self):
        return self._giver is not None and self._giver == self._model.get_ident()

    def _is_free(self):
        """Say whether somebody who waits should be woken to read."""
        return self._giver is None and not self.is_taken()

    def _leave(self):
        is_crowd = len(self._waiting) >= CROWD and self._transport.pollable
        if is_crowd and not (self.ended or self._serves_crowd):
            self._serves_crowd = True
            try:
                self._model.run_soon(self._read_for_crowd, self._model.get_ident())
            except BaseException:
                self._serves_crowd = False
                raise
        else:
            self._pass_on()

    def _pass_on(self):
        if self._waiting and (self._giver is None or self._has_given_way()):
            self._wake_next()  # but not the giver, as long as the other one reads
        if self.rings:
            if not self.ended and self._transport.wait_readable(0):
                self._rung()
        elif self.tell_poller:
            self.tell_poller = False
            self._poller.wake()

    def _read_for_crowd(self, asker):
        """Read until there is none: then an item is handed on once, and the turn not at all."""
        calm = 0
        try:
            # Where no thread can be started this is who asked, who waits for nobody else's items.
            if self._model.get_ident() != asker and self._lock.acquire(False):
                try:
                    while not self.ended and calm < CALM and self._transport.wait_readable(LULL):
                        calm = calm + 1 if len(self._waiting) < CROWD else 0
                        self._read()
                finally:
                    self._lock.release()
        finally:
            self._serves_crowd, self._giver = False, None
            self._pass_on()  # and gather no crowd again, where nothing comes

    def _wait_for_turn(self, ready, lock, deadline):
        self._waiting.append(lock)
        try:
            # The turn may have become free, or the item come, before the lock was listed.
            if ready() or (not self.ended and self._is_free()):
                return True
            left = None if deadline is None else deadline - clock()
            return self._model.acquire(lock, left)
        finally:
            self._waiting.remove(lock)

    def _wake_next(self):
        for lock in list(self._waiting):
            if release(lock):
                return

    def read_some(self):
        """Read once if nobody has the turn; return False where somebody has (for the poller)."""
        if self._rests or not self._lock.acquire(False):
            return False
        try:
            # Since the poll who had the turn may have read it all, or closed the transport.
            nobody_has_read = self.reads == self._reads_polled
            if not self.ended and (nobody_has_read or self._transport.wait_readable(0)):
                self._read()
            self._reads_polled = self.reads
        finally:
            self._giver = None
            self._lock.release()
            if self._waiting:
                self._wake_next()
        return True

    def read_on(self, is_stream):
        """Read once, if nobody else does or wants to and something comes within a moment.

        For a pooled thread that has called a callback: what it reads itself nobody has to hand
        to it. ``is_stream``: a few items came at once, so more are on their way, and it lets
        some gather. To be woken costs more than an item, for whoever sends it too.
        """
        if self.ended or self._has_reader or not self._transport.pollable:
            return
        if is_stream:
            self._rests = True
            self._model.sleep(REST)
            self._rests = False
        if self._waiting or not self._lock.acquire(False):
            return
        try:
            if not self.ended and self._transport.wait_readable(SOON):
                self._read()
        except MemoryError:
            pass  # not even for a chunk: it waits where it is for the poller
        finally:
            self._lock.release()
            self._leave()

    def is_taken(self):
        """Say whether some thread is reading now."""
        return bool(self._lock.locked())

    def fileno(self):
        return self._transport.fileno()

    def _read_for_good(self):
        while not self.ended:
            if self._model.green and self._transport.pollable:
                # The hub does not see a descriptor become another file's, as by an abort.
                while not (self._transport.aborted or self.ended) and not self._model.wait_readable(
                    self._transport.fileno(), GREEN_LOOK
                ):
                    pass
            self._read()

    def _tidy_for_good(self):
        while not self.ended:
            self._model.sleep(TIDY_NAP)
            self.tidy()

    def preload(self, data):
        """Deal with bytes that were read before there was a turn, ahead of all others."""
        self._chunks.append(data)
        self._into = self._arrived(self._chunks)

    def close(self, timeout):
        """Keep everybody from reading any more; return whether nobody is reading now."""
        self.stop()
        if not self._model.acquire(self._lock, timeout):
            return False
        self._lock.release()
        return True

    def forget(self):
        """In the child of a fork: the thread that had the turn is the parent's."""
        self.ended = True
        release(self._lock)

    def stop(self):
        """Leave reading: nobody needs what may still arrive."""
        self.ended = True
        if not self._has_reader:
            self._poller.remove(self)
