# shipped: stdlib only; Python 2.7-3.14, PyPy, Jython
"""Copies between a TLS connection and a plain socket, for who needs a descriptor.

A TLS connection holds bytes back that no poll tells of. It is one thread that copies both
ways, because two may not use one TLS connection at the same time.
"""

from __future__ import absolute_import

import errno
import select
import socket

from .connections import CHUNK, RDHUP, shut_down


class Way(object):
    """One direction of a relay; neither socket blocks."""

    def __init__(self, source, target):
        self._source, self._target = source, target
        self._rest = b""
        self.waits_for = (source, select.POLLIN)
        self.is_done = False

    def move(self):
        """Copy what goes without waiting; return whether anything did."""
        if self.is_done:
            return False
        try:
            if not self._rest:
                self._rest = self._try(self._source, self._source.recv, CHUNK, select.POLLIN)
                if self._rest is None:
                    return False
                if not self._rest:
                    return self._finish()
            # TLS wants the same bytes again if it could not write them all.
            count = self._try(self._target, self._target.send, self._rest, select.POLLOUT)
            if count is None:
                return False
            self._rest = self._rest[count:]
        except (OSError, IOError):
            return self._finish()
        return True

    def _finish(self):
        self.is_done = True
        shut_down(self._target, socket.SHUT_WR)
        return True

    def _try(self, sock, function, argument, event):
        try:
            return function(argument)
        except (OSError, IOError) as error:
            # The errors of TLS that say what to wait for; they are no class of their own on 2.7.
            name = error.__class__.__name__
            if name == "SSLWantReadError":
                event = select.POLLIN
            elif name == "SSLWantWriteError":
                event = select.POLLOUT
            elif error.errno not in (errno.EAGAIN, errno.EWOULDBLOCK, errno.EINTR):
                raise
            self.waits_for = (sock, event)
            return None


def relay(one, other, one_ended=None):
    """Copy all between two sockets, both ways, until both have ended.

    It is one thread, because two may not use one TLS connection at the same time.
    ``one_ended`` is called once nothing new comes of the first any more, even if the other
    takes nothing of what has come before (on Linux).
    """
    one.setblocking(False)
    other.setblocking(False)
    ways = [Way(one, other), Way(other, one)]
    while not (ways[0].is_done and ways[1].is_done):
        moved = ways[0].move() + ways[1].move()  # both of them, whatever the first has done
        has_ended = ways[0].is_done
        if not moved:
            has_ended = _wait_for_either(ways, one if one_ended is not None else None)
        if has_ended and one_ended is not None:
            one_ended()
            one_ended = None


def _wait_for_either(ways, watched):
    """Wait until a way may go on; return whether ``watched``, a socket, was hung up."""
    poll, events = select.poll(), {}
    if watched is not None:
        events[watched.fileno()] = RDHUP
    for way in ways:
        if not way.is_done:
            fd = way.waits_for[0].fileno()
            events[fd] = events.get(fd, 0) | way.waits_for[1]
    for fd in events:
        poll.register(fd, events[fd])
    try:
        found = dict(poll.poll())
    except (OSError, IOError, select.error) as error:
        if error.args[0] != errno.EINTR:
            raise
        return False
    hung_up = RDHUP | select.POLLHUP | select.POLLERR
    return watched is not None and bool(found.get(watched.fileno(), 0) & hung_up)


