# shipped: stdlib only; Python 2.7-3.14, PyPy, Jython
"""Finding out that a peer is gone without a word: it was stopped, or the link is dead."""
from __future__ import absolute_import

from .polling import POLLER, call_later

SILENT_LOOKS = 3  # of half a heartbeat each: then the peer had one whole to answer in


class Heartbeat(object):
    """Looks for life twice a heartbeat; a dead peer is found within two, and a second.

    Args:
        seconds: one heartbeat.
        chunks_seen: returns a number that grows with whatever arrives.
        ping: asks the peer for a sign of life, without waiting.
        give_up: called once with the reason, when it gave none.
        ended: says whether there is nothing to look after any more.
    """

    def __init__(self, seconds, model, chunks_seen, ping, give_up, ended):
        self._seconds, self._model = seconds, model
        self._chunks_seen, self._ping = chunks_seen, ping
        self._give_up, self._ended = give_up, ended
        self._chunks_then, self._silent = -1, 0
        self._timer = None

    def start(self):
        self._timer = call_later(self._model, self._seconds / 2.0, self._look)

    def stop(self):
        """Look no more; a pending look would keep the gateway, and the poller's thread."""
        POLLER.cancel(self._timer)

    def _look(self):
        if self._ended():
            return
        chunks = self._chunks_seen()
        self._silent = self._silent + 1 if chunks == self._chunks_then else 0
        self._chunks_then = chunks
        if self._silent >= SILENT_LOOKS:
            silence = self._silent * self._seconds / 2.0
            self._give_up("no sign of life for %.1f s (heartbeat=%g)" % (silence, self._seconds))
            return
        if self._silent:
            self._ping()
        self.start()
