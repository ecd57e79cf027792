# shipped: stdlib only; Python 2.7-3.14, PyPy, Jython
"""Callbacks: who hands a channel's items to its callback, and what if that raises."""
from __future__ import absolute_import

import sys

from .channel import call_back
from .errors import RemoteError, describe_error

MANY = 16  # items that are enough to be woken for


class Callbacks(object):
    """Calls the callbacks of one gateway's channels, each in one thread at a time.

    Args:
        gateway: is told what was taken, and closes the channel of a callback that raised.
        lock: guards the protocol, and who is calling.
    """

    def __init__(self, gateway, protocol, lock, model):
        self._gateway, self._model = gateway, model
        self._protocol, self._lock = protocol, lock

    def set(self, end, callback):
        """Call from now on, and here for what has come already."""
        box = end.user
        with self._lock:
            box.callback, box.calling = callback, True
        self._call(end)

    def call_soon(self, end):
        """Have a pooled thread call for what has come, if none is calling; never waits."""
        box = end.user
        with self._lock:
            if box.calling:
                return
            box.calling = True
        self._model.run_soon(self._call, end, True)

    def _call(self, end, reads_on=False):
        """Call until nothing is left. ``reads_on``: and read what comes next; see Turn.read_on."""
        box = end.user
        while True:
            is_stream = 1 < len(box.items) < MANY
            try:
                finished = call_back(self._gateway, end)
            except:  # noqa: E722 - Python 2 has exceptions that are of no class of ours
                self._fail(end, describe_error(sys.exc_info()))
                box.discard(self._protocol.unclaimed)
                if isinstance(sys.exc_info()[1], (KeyboardInterrupt, SystemExit)):
                    raise  # a Ctrl-C in setcallback() is its caller's too
                continue  # the end marker is still due
            if finished:
                return
            end.hungry = True
            if end.pieces_size:
                self._gateway._receiver.feed(end)
            if reads_on and not box.items:
                self._gateway._turn.read_on(is_stream)
            with self._lock:
                if not box.items:
                    box.calling = False
                    return

    def _fail(self, end, error):
        """Close a channel whose callback raised: both ends are told why."""
        box = end.user
        if box.remote_error is None:
            # Ahead of the end: whoever waits for that looks for the reason at once.
            box.remote_error = RemoteError(error[1], error[0])
        self._gateway._close_end(end, error)
