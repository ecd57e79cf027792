# shipped: stdlib only; Python 2.7-3.14, PyPy, Jython
"""Channels: what users hold to send items to the other end and receive them.

A ``Channel`` is a handle; what arrives for it waits in its ``Mailbox``, which the
gateway keeps, so that a handle nobody holds can be noticed: the gateway sees its weak
reference die and closes the channel at both ends, whenever the garbage is collected.
"""
from __future__ import absolute_import

from _weakref import ref  # what weakref has besides takes a millisecond

from .channel_state import CLOSED, CLOSING
from .compat import clock, deque, joined
from .errors import (
    ChannelClosed,
    ChannelEnded,
    DataFormatError,
    IllegalMove,
    RemoteError,
    TimeoutError,  # noqa: A004
)
from .threads import release
from .told_errors import again, retold

NO_ENDMARKER = object()
_LAST = object()  # stands in a mailbox behind the last item; stays there


class Mailbox(object):
    """What has arrived for one end of a channel, and who waits for it.

    The gateway puts in, whoever holds the Channel takes out. ``ended`` is None while
    items may come, then the error that says why no more do.
    """

    __slots__ = (
        "items",
        "taken",
        "waiting",
        "handle",
        "ended",
        "remote_error",
        "callback",
        "endmarker",
        "calling",
        "serializer",
    )

    def __init__(self, serializer):
        self.items = deque()  # payloads: an item is made when somebody takes it
        self.taken = []  # bytes of items that were taken and that the protocol knows nothing of yet
        self.waiting = []  # locks to release when there is something new
        self.handle = None  # weak reference to the Channel, once there is one
        self.ended = None
        self.remote_error = None  # a RemoteError nobody has been told yet
        self.callback = None
        self.endmarker = NO_ENDMARKER
        self.calling = False  # a thread is calling the callback
        self.serializer = serializer

    def end(self, reason, remote_error=None):
        """Say that nothing more comes; what is here stays to be taken."""
        if self.ended is None:
            self.ended = reason
            self.items.append(_LAST)
        if remote_error is not None:
            self.remote_error = remote_error  # it may come behind a last item
        self.wake()

    def wake(self):
        for lock in list(self.waiting):
            release(lock)

    def discard(self, with_channels):
        """Forget the items, which nobody will take.

        With channels among them that nobody has asked for yet they are made all the same:
        a channel that is made and not held is closed, one that never was is not.
        """
        while self.items:
            payload = self.items.popleft()
            if with_channels and payload is not _LAST:
                try:
                    self.serializer.loads(payload)
                except DataFormatError:
                    pass  # nobody wanted it
        if self.ended is not None:
            self.items.append(_LAST)

    def next_error(self):
        """Return what receiving behind the last item raises: a remote error is told once."""
        error, self.remote_error = self.remote_error, None
        return error or again(self.ended)


class Channel(object):
    """One end of a line to the other interpreter; made by gateways, usable by any thread.

    Items are builtin values (doc/reference/serializer.rst) and other channels of the
    same gateway. As a context manager it is closed at the end.

    Attributes:
        gateway: the gateway it belongs to.
        id: int, the same at both ends.
    """

    RemoteError = RemoteError
    TimeoutError = TimeoutError

    def __init__(self, gateway, end, box):
        self.gateway, self.id = gateway, end.id
        self._end, self._box = end, box

    def __repr__(self):
        return "<Channel id=%d %s>" % (self.id, self._end.state)

    def __enter__(self):
        return self

    def __exit__(self, kind, error, traceback):
        if not self._runs_a_task():
            self.close()

    # ---- sending -----------------------------------------------------------------

    def send(self, item, timeout=None):
        """Send an item; return when it is on its way.

        Waits while the other end holds a window's bytes unread: after 5 s a warning
        says so.

        Raises:
            DumpError: the item can't travel; nothing was sent.
            TimeoutError: no credit came within ``timeout`` seconds; nothing was sent.
            ChannelClosed, ChannelEnded, GatewayLost: you closed it, the other end
                closed it, or the connection broke. All three are OSError.
        """
        payload = self._box.serializer.dump_parts(item)
        try:
            self.gateway._sender.send(self._end, payload, timeout)
        except IllegalMove:
            raise self._why_not_sent()

    def _why_not_sent(self):
        # A channel is told a moment after its gateway is at its end.
        reason = self._box.ended or self.gateway.ended_by
        if self._end.state == CLOSED and reason is not None:
            return retold("cannot send: %s" % reason, reason)
        return ChannelClosed("cannot send: channel %d was closed at this end" % self.id)

    def _send_now(self, item):
        """Send a small item if that takes no waiting; return whether it was. Errors as in send."""
        payload = self._box.serializer.dumps(item)
        try:
            return self.gateway._sender.send_now(self._end, payload)
        except IllegalMove:
            raise self._why_not_sent()

    def _wait_for_credit(self, timeout=None):
        """Wait, without a warning, until ``send`` would not; False after ``timeout`` seconds."""
        return self.gateway._sender.wait_for_credit(self._end, timeout)

    def _send_payload(self, data):
        """Send bytes that are no item, for a ``_receive_payload``; waits, and raises, as send does.

        At most a piece of them.
        """
        end, sender = self._end, self.gateway._sender
        if end.sent >= end.granted or end.offered:
            sender.wait_for_credit(end)  # without a warning
        try:
            sender.send(end, data)
        except IllegalMove:
            raise self._why_not_sent()

    def _send_payload_now(self, data):
        """Send such bytes if that takes no waiting; return whether it was."""
        try:
            return self.gateway._sender.send_now(self._end, data)
        except IllegalMove:
            raise self._why_not_sent()

    def makefile(self, mode="w", proxyclose=False):
        """Return a file whose writes send, or whose reads take, this channel's items.

        Args:
            mode: "r" or "w" for text items, "rb" or "wb" for bytes.
            proxyclose: closing the file closes the channel too.

        Raises ValueError for any other mode.
        """
        from .channel_file import open_file

        return open_file(self, mode, proxyclose)

    # ---- receiving ---------------------------------------------------------------

    def receive(self, timeout=None):
        """Return the next item.

        Raises:
            TimeoutError: none came within ``timeout`` seconds.
            RemoteError: the other end failed; told once, then as if it had ended.
            ChannelEnded, ChannelClosed, GatewayLost: behind the last item, each time.
                All three are EOFError.
            LoadError: the item's bytes are damaged; the next one can be received.
            OSError: a callback takes this channel's items.
        """
        box = self._box
        if box.callback is not None:
            raise IOError("cannot receive: channel %d has a callback" % self.id)
        items = box.items
        if timeout is None and not items:
            payload = self.gateway._receiver.read_item(self._end)
            if payload is not None:
                return box.serializer.loads(payload)
        deadline = None if timeout is None else clock() + timeout
        while True:
            if not items and not self.gateway._receiver.wait_for_item(self._end, deadline):
                raise TimeoutError(
                    "nothing received on channel %d within %s s" % (self.id, timeout)
                )
            try:
                payload = items.popleft()
            except IndexError:
                continue  # another thread has taken it
            if payload is _LAST:
                items.append(_LAST)
                raise box.next_error()
            self.gateway._receiver.took(self._end, payload)
            return box.serializer.loads(payload)

    def _receive_payload(self):
        """Wait for what a ``_send_payload`` has sent and return it, b"" at the end."""
        items = self._box.items
        while True:
            try:
                payload = items.popleft()
            except IndexError:
                self.gateway._receiver.wait_for_item(self._end, None)
                continue
            if payload is _LAST:
                items.append(_LAST)
                return b""
            if type(payload) is list:
                payload = joined(payload)
            self.gateway._receiver.took(self._end, payload)
            return payload

    def __iter__(self):
        return self

    def __next__(self):
        """Return the next item; stop when the other end is done.

        A broken connection raises GatewayLost: an end by accident is not an end.
        """
        try:
            return self.receive()
        except (ChannelEnded, ChannelClosed):
            raise StopIteration

    next = __next__

    def setcallback(self, callback, endmarker=NO_ENDMARKER):
        """Have ``callback(item)`` called for each item, one after another.

        Items that wait already are handed over before this returns; later ones in a
        thread of the library's: a slow callback stops its own channel only. At the end,
        however it comes, ``callback(endmarker)`` is called once if one was given. A
        callback that raises closes the channel, and the other end gets the traceback.

        Raises OSError if a callback was set before.
        """
        box = self._box
        if not callable(callback):
            raise TypeError("a callback is called with each item, and %r can't be" % (callback,))
        if box.callback is not None:
            raise IOError("channel %d has a callback already" % self.id)
        box.endmarker = endmarker
        self.gateway._set_callback(self._end, callback)

    def waitclose(self, timeout=None):
        """Wait until the other end sends no more; items stay to be received.

        Raises RemoteError if it failed, GatewayLost if the connection broke,
        TimeoutError after ``timeout`` seconds.
        """
        if not self.gateway._wait_for_end(self._end, timeout):
            raise TimeoutError("channel %d is still open after %s s" % (self.id, timeout))
        error = self._box.remote_error
        if error is not None:
            self._box.remote_error = None
            raise error
        if not isinstance(self._box.ended, (ChannelEnded, ChannelClosed)):
            raise again(self._box.ended)

    # ---- ending ------------------------------------------------------------------

    def close(self, error=None):
        """Close both directions; closing again does nothing.

        Args:
            error: text, or what has one; the other end gets it as a RemoteError.

        Raises OSError in a task for the task's own channel: it ends with the task.
        """
        if self._runs_a_task():
            raise IOError("cannot close channel %d in its own task: return instead" % self.id)
        self.gateway._close_end(self._end, error)

    def isclosed(self):
        """Return whether nothing can be sent or received any more, save what waits here."""
        return self._end.state in (CLOSING, CLOSED)

    def _runs_a_task(self):
        return self._end.id in self.gateway._task_ids

    def reconfigure(self, py2str_as_py3str=True, py3str_as_py2str=False):
        """Choose how strings cross between Python 2 and 3 on this channel, at both ends."""
        self.gateway._reconfigure(self._end, py2str_as_py3str, py3str_as_py2str)

    def _getremoteerror(self):
        """Return the next error receive would raise besides an ordinary end, or None."""
        if self._box.remote_error is not None:
            return self._box.next_error()
        ended = self._box.ended
        return None if isinstance(ended, (ChannelEnded, ChannelClosed)) else ended and again(ended)


def make_handle(gateway, end, box, dropped):
    """Return a new Channel for the end; ``dropped(end)`` is called when nobody holds it.

    ``dropped`` runs inside a garbage collection: it must not lock or wait.
    """
    channel = Channel(gateway, end, box)
    box.handle = ref(channel, lambda gone: dropped(end))
    return channel


def call_back(gateway, end):
    """Hand an end's items to its callback until none waits; called by one thread at a time.

    Returns True once the end marker, if any, was handed over: nothing more will come.
    """
    box = end.user
    while True:
        try:
            payload = box.items.popleft()
        except IndexError:
            return False
        if payload is _LAST:
            box.items.append(_LAST)
            marker, box.endmarker = box.endmarker, NO_ENDMARKER
            if marker is not NO_ENDMARKER:
                box.callback(marker)
            return True
        box.callback(box.serializer.loads(payload))
        gateway._receiver.took(end, payload)
