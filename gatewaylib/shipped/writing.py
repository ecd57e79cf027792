# shipped: stdlib only; Python 2.7-3.14, PyPy, Jython
"""Who writes when: whoever has something to send writes all that waits.

Frames wait in one deque. A thread that has put some there writes until the deque is
empty, or leaves it to the thread that is writing already: so small frames of many
threads leave in one system call, and nothing waits on purpose for more. A thread that
reads must never wait for a peer that does not: it uses ``flush_soon``.
"""
from __future__ import absolute_import

from .compat import clock
from .threads import AT_ONCE, release
from .transport import JOINED, rest_of

REFUSED, CLOSED = "refused", "closed"
GREEN_LOOK = 0.1  # seconds between looks whether what a green thread writes was aborted


class Writer(object):
    """Empties a deque of buffers into a transport.

    Args:
        output: deque of bytes and memoryviews in wire order; others append.
        give_up: called with the reason where a frame was written in part; it aborts the
            transport.

    ``stopped`` is None, then ``REFUSED`` once the transport did, or ``CLOSED`` from here on:
    what is put there then is dropped.
    """

    def __init__(self, transport, model, output, give_up):
        self._transport, self._model, self._output = transport, model, output
        self._lock = model.Lock()
        self._give_up = give_up
        self.stopped = None
        self._write_one = transport.write_one
        self._never_block = transport.pollable or transport.rings
        self._waits_in_write = not model.green
        if model.green and not transport.rings:
            self._wait_writable = self._wait_green
        else:
            self._wait_writable = transport.wait_writable

    def flush(self, deadline=None):
        """Write what waits, or leave it to who is writing; return once it is on its way.

        With a deadline it returns in time, and what could not leave until then follows
        as soon as it can: it is bounded by the credit of whoever sent it.
        """
        if deadline is not None or not self._waits_in_write:
            return self._flush_in_time(deadline)
        output = self._output
        while output:
            with self._lock:  # one C call, as AT_ONCE says: no Ctrl-C leaves it taken
                try:
                    if len(output) == 1:
                        data = output.popleft()  # the one frame of a send, mostly
                        if self.stopped is None:
                            self._write_one(data)
                    else:
                        buffers = self._next_buffers()
                        if buffers and self.stopped is None:
                            self._transport.write(buffers)
                except (OSError, IOError):
                    self.stopped = REFUSED
                except IndexError:
                    pass  # the gateway has just ended, and there is nothing left to write
                except BaseException as error:
                    self._break_off(error)
                    raise

    def _flush_in_time(self, deadline):
        while self._output:
            got = []
            try:
                got.extend(map(self._lock.acquire, AT_ONCE))
                if not got[0]:
                    left = None if deadline is None else max(0, deadline - clock())
                    if not self._model.acquire_into(got, self._lock, left):
                        return  # the thread that has the lock looks again when it is done
                self._write_in_time(deadline)
            except (OSError, IOError):
                self.stopped = REFUSED
            except BaseException as error:
                if got and got[-1]:
                    self._break_off(error)
                raise
            finally:
                if got and got[-1]:
                    self._lock.release()
            if deadline is not None and self._output and clock() >= deadline:
                self._model.run_soon(self.flush)
                return

    def flush_soon(self):
        """Write what goes without waiting, and have a pooled thread write the rest."""
        while self._output:
            got = []
            try:
                got.extend(map(self._lock.acquire, AT_ONCE))
                if not got[0]:
                    return  # the thread that has the lock looks again when it is done
                written = self._never_block and self._write_now()
            finally:
                if got and got[0]:
                    self._lock.release()
            if not written:
                self._model.run_soon(self.flush)
                return

    def _wait_green(self, timeout):
        # The hub does not see a descriptor become another file's, as by an abort.
        deadline = None if timeout is None else clock() + timeout
        while not self._transport.aborted:
            left = GREEN_LOOK if deadline is None else min(GREEN_LOOK, deadline - clock())
            if self._model.wait_writable(self._transport.write_fileno(), max(0, left)):
                return True
            if deadline is not None and clock() >= deadline:
                return False
        return True

    def _next_buffers(self):
        buffers, output = [], self._output
        try:
            while len(buffers) < JOINED:
                buffers.append(output.popleft())
        except IndexError:
            pass
        return buffers

    def _break_off(self, error):
        """A Ctrl-C in the middle of a frame: nobody could make sense of the rest."""
        self.stopped = REFUSED
        self._give_up("writing to it was interrupted by %s" % error.__class__.__name__)

    def _write_in_time(self, deadline):
        buffers = self._next_buffers()
        while buffers and self.stopped is None:
            if not self._never_block:
                self._transport.write(buffers)
                return
            buffers = rest_of(buffers, self._transport.write_now(buffers))
            left = None if deadline is None else deadline - clock()
            if buffers and not self._wait_writable(left):
                self._output.extendleft(reversed(buffers))
                return

    def _write_now(self):
        """Write once without waiting; return whether everything left."""
        buffers = self._next_buffers()
        if self.stopped is not None:
            return True
        try:
            rest = rest_of(buffers, self._transport.write_now(buffers))
        except (OSError, IOError):
            self.stopped = REFUSED
            return True
        self._output.extendleft(reversed(rest))
        return not rest

    def forget(self):
        """In the child of a fork: the thread that was writing is the parent's."""
        self.stopped = CLOSED
        release(self._lock)

    def close(self, timeout):
        """Keep everybody from writing any more; return whether nobody is writing now."""
        self.stopped = CLOSED
        if not self._model.acquire(self._lock, timeout):
            return False
        self._lock.release()
        return True
