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

    It starts with the first turn or watch and ends with the last.
    """

    def __init__(self, name):
        self._name = name
        self._lock = threading.Lock()
        self._thread = None
        self._turns = {}  # turn -> reads counted at the last look, None while polled
        self._watched = {}  # fd -> function called when it is readable
        self._timers = []  # [time, function]; few: heartbeats and time limits
        self._wake_fds = None
        self._awake = False  # one byte in the wake-up pipe is enough

    def add(self, turn):
        """Read for this turn while nobody else does, until ``remove``."""
        with self._lock:
            self._turns[turn] = None
            self._ensure_thread()

    def remove(self, turn):
        with self._lock:
            self._turns.pop(turn, None)
        self.wake()

    def watch(self, fd, function):
        """Call ``function()`` whenever the descriptor is readable, until ``unwatch``."""
        with self._lock:
            self._watched[fd] = function
            self._ensure_thread()

    def unwatch(self, fd):
        with self._lock:
            self._watched.pop(fd, None)
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
        thread = threading.Thread(target=self._run, name=self._name)
        thread.daemon = True
        self._thread = thread
        thread.start()

    def _run(self):
        while True:
            with self._lock:
                if not (self._turns or self._watched or self._timers):
                    self._thread = None
                    fds, self._wake_fds = self._wake_fds, None
                    break
                poll = select.poll()
                poll.register(self._wake_fds[0], select.POLLIN)
                targets = self._fill(poll)
                timeout = self._time_left()
            for fd, _ in retry(poll.poll, timeout):
                try:
                    self._serve(fd, targets)
                except MemoryError:
                    pass  # not even for a chunk: it waits where it is for the next look
            self._call_timers()
            for turn in list(self._turns):
                turn.tidy()
        for fd in fds:
            os.close(fd)

    def _fill(self, poll):
        """Register what is to be polled; return fd -> what serves it."""
        targets = dict(self._watched)
        for turn, count in list(self._turns.items()):
            if turn.ended:
                del self._turns[turn]
            elif turn.rings:
                pass  # it tells when there is something; only its tidying is done here
            elif count is None:
                targets[turn.fileno()] = partial(self._read, turn)
            elif turn.reads != count:
                self._turns[turn] = turn.reads  # traffic: hold back a little longer
            elif not turn.is_taken():
                self._turns[turn] = None
                targets[turn.fileno()] = partial(self._read, turn)
            else:
                # A long wait: no use in looking again. Whoever reads will tell, and if
                # that was just now, the turn is free again.
                turn.tell_poller = True
                if not turn.is_taken():
                    turn.tell_poller = False
                    self._turns[turn] = None
                    targets[turn.fileno()] = partial(self._read, turn)
        for fd in targets:
            poll.register(fd, select.POLLIN)
        return targets

    def _time_left(self):
        """Milliseconds until something must be looked at again; None for never."""
        left = [min(timer[0] - clock(), MAX_WAIT) for timer in self._timers]
        if any(c is not None and not t.tell_poller for t, c in self._turns.items()):
            left.append(HOLD_BACK)
        return max(0, min(left)) * 1000 if left else None

    def _serve(self, fd, targets):
        target = targets.get(fd)
        if target is None:
            os.read(fd, 512)  # the wake-up pipe
            self._awake = False
        else:
            target()

    def _read(self, turn):
        if not turn.read_some():
            with self._lock:
                if turn in self._turns:
                    self._turns[turn] = turn.reads

    def _call_timers(self):
        now, due = clock(), []
        with self._lock:
            for timer in list(self._timers):
                if timer[0] <= now:
                    self._timers.remove(timer)
                    due.append(timer[1])
        for function in due:
            function()


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
