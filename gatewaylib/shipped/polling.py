# shipped: stdlib only; Python 2.7-3.14, PyPy, Jython
"""One thread that reads for all who do not wait, and looks at clocks.

After somebody had the turn of a connection, the ``Poller`` holds back for ``HOLD_BACK``
seconds, since who just read will mostly read again soon.
"""
from __future__ import absolute_import

import os
import select
import threading

from .compat import MAX_WAIT, clock, partial
from .forks import call_in_forks
from .transport import can_poll, close_on_exec, retry

HOLD_BACK = 0.005


class Poller(object):
    """One thread that reads for all turns nobody holds, and looks at clocks.

    It starts with the first turn or watch and ends with the last. What it does for one event
    does not depend on how many turns there are.
    """

    def __init__(self, name):
        self._name = name
        self._lock = threading.Lock()
        self._thread = None
        self._turns = {}  # turn -> its descriptor; None: it rings
        self._held = {}  # turn -> its reads at the last look, of those not polled for a while
        self._next_look = 0.0  # when to look at those, which may not be soon after the last time
        self._watched = {}  # fd -> function called when it is readable
        self._timers = []  # [time, function]; few: heartbeats and time limits
        self._poll = None
        # fd -> what serves it. Never changed but copied: who has polled may look up what it
        # has polled, though the number is another file's by now.
        self._polled = {}
        self._wake_fds = None
        self._awake = False  # one byte in the wake-up pipe is enough

    def add(self, turn):
        """Read for this turn while nobody else does, until ``remove``."""
        with self._lock:
            self._ensure_thread()
            self._turns[turn] = None if turn.rings else turn.fileno()
            self._register(turn)

    def remove(self, turn):
        with self._lock:
            self._held.pop(turn, None)
            self._unregister(self._turns.pop(turn, None))
        self.wake()

    def watch(self, fd, function):
        """Call ``function()`` whenever the descriptor is readable, until ``unwatch``."""
        with self._lock:
            self._ensure_thread()
            self._watched[fd] = function
            self._poll_for(fd, function)

    def unwatch(self, fd):
        with self._lock:
            if self._watched.pop(fd, None) is not None:
                self._unregister(fd)
        self.wake()

    def call_later(self, seconds, function):
        """Call ``function()`` once in that many seconds; it must not wait. Return a handle."""
        timer = [clock() + seconds, function]
        with self._lock:
            self._timers.append(timer)
            self._ensure_thread()
        return timer

    def cancel(self, timer):
        with self._lock:
            if timer in self._timers:
                self._timers.remove(timer)
        self.wake()

    def wake(self):
        """Make the thread look again; safe from anywhere, a garbage collection included."""
        fds = self._wake_fds
        if fds is not None and not self._awake:
            self._awake = True
            try:
                os.write(fds[1], b"x")
            except OSError:
                pass  # closed: there is nothing to look at any more
            except BaseException:
                self._awake = False  # a Ctrl-C: another byte does no harm, none would
                raise

    def forget(self):
        """In the child of a fork, which has none of these threads: begin anew."""
        for fd in self._wake_fds or ():
            os.close(fd)
        self.__init__(self._name)

    def _ensure_thread(self):
        if self._thread is not None:
            self.wake()
            return
        self._wake_fds = os.pipe()
        self._awake = False
        for fd in self._wake_fds:
            close_on_exec(fd)
        self._poll, self._polled = select.poll(), {}
        self._poll_for(self._wake_fds[0], self._woken)
        thread = threading.Thread(target=self._run, name=self._name)
        thread.daemon = True
        self._thread = thread
        thread.start()

    def _woken(self):
        os.read(self._wake_fds[0], 512)
        self._awake = False
        for turn in list(self._turns):
            turn.tidy()

    def _register(self, turn):
        fd = self._turns[turn]
        if fd is not None:  # else it tells when there is something
            self._poll_for(fd, partial(self._read, turn))

    def _poll_for(self, fd, function):
        self._polled = dict(self._polled)
        self._polled[fd] = function
        self._poll.register(fd, select.POLLIN)

    def _unregister(self, fd):
        if fd in self._polled:
            self._polled = dict(self._polled)
            del self._polled[fd]
            self._poll.unregister(fd)

    def _run(self):
        while True:
            with self._lock:
                if not (self._turns or self._watched or self._timers):
                    self._thread = None
                    fds, self._wake_fds = self._wake_fds, None
                    break
                if self._held and clock() >= self._next_look:
                    self._look_at_held()
                timeout = self._time_left()
                polled = self._polled
            for fd, _ in retry(self._poll.poll, timeout):
                try:
                    polled.get(fd, _nothing)()
                except MemoryError:
                    pass  # not even for a chunk: it waits where it is for the next look
            if self._timers:
                self._call_timers()
        for fd in fds:
            os.close(fd)

    def _read(self, turn):
        if not turn.read_some():
            with self._lock:
                if turn in self._turns:
                    self._held[turn] = turn.reads
                    self._unregister(self._turns[turn])

    def _look_at_held(self):
        """Poll again for those turns that nobody has had since the last look."""
        self._next_look = clock() + HOLD_BACK
        for turn, reads in list(self._held.items()):
            if turn.reads != reads:
                self._held[turn] = turn.reads  # traffic: hold back a little longer
                continue
            if turn.is_taken():
                # A long wait: no use in looking again. Whoever reads will tell, and if
                # that was just now, the turn is free again.
                turn.tell_poller = True
                if turn.is_taken():
                    continue
                turn.tell_poller = False
            del self._held[turn]
            self._register(turn)

    def _time_left(self):
        """Milliseconds until something must be looked at again; None for never."""
        due = [timer[0] for timer in self._timers]
        if not all(turn.tell_poller for turn in self._held):
            due.append(self._next_look)
        return min(max(0, min(due) - clock()), MAX_WAIT) * 1000 if due else None

    def _call_timers(self):
        now, due = clock(), []
        with self._lock:
            for timer in list(self._timers):
                if timer[0] <= now:
                    self._timers.remove(timer)
                    due.append(timer[1])
        for function in due:
            function()


def _nothing():
    """Stands for what is not polled any more."""


POLLER = Poller("gatewaylib-poller")
call_in_forks(POLLER.forget)


def call_later(model, seconds, function):
    """Call ``function()`` once in that many seconds, in a thread of the model's kind.

    Returns what ``POLLER.cancel`` takes: None where a thread is on its way already.
    """
    if model.green or not can_poll:
        model.start(lambda: (model.sleep(seconds), function()), name="gatewaylib-timer")
        return None
    return POLLER.call_later(seconds, function)
