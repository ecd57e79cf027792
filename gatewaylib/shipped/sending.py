# shipped: stdlib only; Python 2.7-3.14, PyPy, Jython
"""Sending items: wait for credit, hand the payload to the protocol, see it written.

A payload above a piece's size leaves piece by piece, and others get their turn in between.
"""
from __future__ import absolute_import

from . import frames
from .channel_state import GOT_LAST, OPEN
from .compat import clock, joined
from .errors import TimeoutError  # noqa: A004
from .frames import DATA, PIECE
from .protocol import size_of
from .trace import listeners, trace
from .writing import REFUSED

PATIENCE = 5.0  # seconds a send waits for credit before it says so, and a task to be written
BACKLOG = 64  # buffers that may wait to be written when a send with a timeout adds its own
BACKLOG_OF_PIECES = 2  # likewise, where it adds a MiB


class Sender(object):
    """Sends the items of one gateway, for any thread.

    Args:
        gateway_id: for messages.
        lock: guards the protocol.
        wait: ``wait(waiting, ready, timeout)``, as the gateway waits for anything.
        why_refused: returns what is to be raised where the transport takes nothing any more.
    """

    def __init__(self, gateway_id, protocol, lock, writer, wait, why_refused):
        self._gateway_id = gateway_id
        self._protocol, self._lock, self._writer = protocol, lock, writer
        self._wait, self._why_refused = wait, why_refused

    def send(self, end, payload, timeout=None, kind=frames.DATA):
        """Send a payload, bytes or a list of buffers, within ``timeout`` seconds.

        A task without a timeout has ``PATIENCE`` for each step; see ``Gateway.remote_exec``.
        Raises TimeoutError, having sent nothing, where no credit comes in time or the
        other end does not even read, IllegalMove where the channel's state forbids to
        send, and what the gateway says where the connection broke.
        """
        if timeout is None and type(payload) is bytes and len(payload) <= PIECE and kind == DATA:
            with self._lock:
                sent = self._protocol.send(end, kind, payload)
            if sent:  # as nearly all are
                self._writer.flush()
            else:
                self._send_patiently(end, payload, timeout, kind)
        else:
            self._send_patiently(end, payload, timeout, kind)
        if self._writer.stopped is REFUSED:
            raise self._why_refused()
        if listeners:
            trace("sent", gateway=self._gateway_id, channel=end.id, size=size_of(payload))

    def _send_patiently(self, end, payload, timeout, kind):
        deadline = None if timeout is None else clock() + timeout
        if type(payload) is list:
            if size_of(payload) > PIECE:
                self._send_pieces(end, frames.Pieces(payload), deadline, kind)
                return
            payload = joined(payload)
        elif len(payload) > PIECE:
            self._send_pieces(end, frames.Pieces([payload]), deadline, kind)
            return
        if kind == frames.EXEC and deadline is None:
            # Whoever starts a task goes on at once, though the other end reads nothing now.
            deadline = clock() + PATIENCE
        if deadline is not None:
            self._write_backlog(end, deadline)
        while True:
            with self._lock:
                sent = self._protocol.send(end, kind, payload)
            if sent:
                break
            self._wait_for_credit(end, deadline)
        if kind == frames.EXEC:
            self._writer.flush_soon()
        else:
            self._writer.flush(deadline)

    def send_now(self, end, payload):
        """Send a payload of at most a piece if nobody has to be waited for; say if it was.

        Raises IllegalMove as ``send`` does.
        """
        with self._lock:
            sent = self._protocol.send(end, frames.DATA, payload)
        self._writer.flush_soon()
        return sent

    def wait_for_credit(self, end, timeout=None):
        """Wait until ``send`` would not, or would raise; False after ``timeout`` seconds."""
        return self._has_credit(end) or self._wait(
            end.user.waiting, lambda: self._has_credit(end), timeout
        )

    def _has_credit(self, end, pieces=None):
        if end.state != OPEN and end.state != GOT_LAST:
            return True
        return self._protocol.may_send(end, pieces)

    def _send_pieces(self, end, pieces, deadline, kind):
        by_steps = kind == frames.EXEC and deadline is None
        try:
            while pieces.left:
                if by_steps:
                    deadline = clock() + PATIENCE  # for each step: some are on their way for long
                if deadline is not None:
                    self._write_backlog(end, deadline, BACKLOG_OF_PIECES)
                with self._lock:
                    sent = self._protocol.send_some(end, kind, pieces)
                if not sent:
                    self._wait_for_credit(end, deadline, pieces)
                self._writer.flush(deadline)
        finally:
            with self._lock:
                self._protocol.give_up(end, pieces)
            self._writer.flush_soon()
            end.user.wake()  # others may wait for this one to be done

    def _write_backlog(self, end, deadline, most=BACKLOG):
        # A send that returns in time, written or not, could be repeated until its frames
        # fill the memory.
        if len(self._protocol.output) > most:
            self._writer.flush(deadline)
            if len(self._protocol.output) > most:
                raise TimeoutError(
                    "nothing sent on channel %d of gateway %s: the other end reads nothing"
                    % (end.id, self._gateway_id)
                )

    def _wait_for_credit(self, end, deadline, pieces=None):
        def ready():
            return self._has_credit(end, pieces)

        left = None if deadline is None else max(0, deadline - clock())
        patience = PATIENCE if left is None else min(PATIENCE, left)
        if self._wait(end.user.waiting, ready, patience):
            return
        if left is None or left > patience:
            import warnings

            warnings.warn(
                "send on channel %d of gateway %s has waited %.0f s: the other end holds %d "
                "bytes it has not received. Receive there, set a callback, or give the "
                "channel or gateway a larger window"
                % (end.id, self._gateway_id, patience, end.window),
                RuntimeWarning,
                stacklevel=5 if pieces is None else 6,  # the line that called send()
            )
            left = None if deadline is None else max(0, deadline - clock())
            if self._wait(end.user.waiting, ready, left):
                return
        raise TimeoutError(
            "nothing sent on channel %d of gateway %s: the other end holds %d bytes it has "
            "not received" % (end.id, self._gateway_id, end.window)
        )
