# shipped: stdlib only; Python 2.7-3.14, PyPy, Jython
"""The loop both ends run: transport -> protocol -> channel or task, and back.

``BaseGateway`` joins one transport, one protocol and the channels on it. The local
``Gateway`` and the remote ``Worker`` add what only they do. One lock guards the
protocol, for moments; no user code runs under it, and nothing is read or written.
"""
from __future__ import absolute_import

import sys

from .shipped import events
from .shipped.callbacks import Callbacks
from .shipped.channel import Channel, Mailbox
from .shipped.compat import HAS_REFERENCE_COUNTS, clock
from .shipped.errors import (
    ChannelClosed,
    ChannelEnded,
    DataFormatError,
    DumpError,
    GatewayLost,
    IllegalMove,
    ProtocolError,
    describe_error,
    shortened,
)
from .shipped.handles import Handles
from .shipped.heartbeat import Heartbeat
from .shipped.names import *  # noqa: F403 - programs written for execnet find them here
from .shipped.polling import POLLER, call_later
from .shipped.protocol import Protocol
from .shipped.reading import Turn
from .shipped.receiving import Receiver
from .shipped.sending import Sender
from .shipped.serializer import Serializer
from .shipped.threads import release
from .shipped.told_errors import ERROR_TEXT, error_payload, remote_error, retold
from .shipped.trace import listeners, trace
from .shipped.writing import Writer

MOMENT = 0.01  # seconds that a farewell may wait for what leaves next
# The states of a gateway; it only ever moves on.
ALIVE, ENDING, ENDED = "alive", "ending", "ended"


class BaseGateway(object):
    """One end of a connection to another interpreter.

    Attributes:
        id: text, unique in its group.
        execmodel: how code waits and runs here, an ExecModel.
        state: ``ALIVE``, ``ENDING`` once the local end said goodbye, ``ENDED``.
        ended_by: the error that everybody who waits is told, once ``ENDED``.
    """

    _FIRST_CHANNEL = 1
    _RUNS_TASKS = False

    def __init__(self, id, transport, model, window, subclasses=False):
        self.id, self.execmodel = id, model
        self.state, self.ended_by = ALIVE, None
        self._transport = transport
        self._protocol = Protocol(self._FIRST_CHANNEL, window, self._RUNS_TASKS)
        self._lock = model.Lock()
        self._writer = Writer(transport, model, self._protocol.output, self._give_up)
        self._task_ids = {}  # ids of channels that end with their task
        self._handles = Handles(self, self._protocol, self._lock, self._writer, self._task_ids)
        self._turn = Turn(transport, model, self._arrived, POLLER, self._handles.tidy)
        self._sender = Sender(
            id, self._protocol, self._lock, self._writer, self._wait, self._why_refused
        )
        self._receiver = Receiver(
            id, self._protocol, self._lock, self._writer, self._turn, self._wait
        )
        self._callbacks = Callbacks(self, self._protocol, self._lock, model)
        self._subclasses = subclasses
        self._serializer = self._make_serializer(True, False)
        # What the two ends tell each other must not change with what users reconfigure.
        self._own_serializer = self._serializer
        self._waiting = []  # locks of those who wait for the gateway itself
        self._given_up = False
        self._next_farewells = 0.0  # when those that wait need somebody to send them again
        self._said_at_end = u""  # why the other end gave up, if it did
        self._heartbeat = None

    def newchannel(self, window=None):
        """Return a new channel; send it over another one to give the other end its end.

        ``window``: bytes either end may send ahead of being read; None: the gateway's.
        """
        with self._lock:
            if self.state is ENDED:
                raise self._why_ended("cannot open a channel")
            end = self._protocol.open(window)
            return self._handles.make(end, Mailbox(self._serializer))

    def reconfigure(self, py2str_as_py3str=True, py3str_as_py2str=False):
        """Choose how strings cross between Python 2 and 3, at both ends of all channels."""
        self._reconfigure(None, py2str_as_py3str, py3str_as_py2str)

    def _start_reading(self, heartbeat):
        model = self.execmodel
        self._turn.start()
        if not HAS_REFERENCE_COUNTS:
            call_later(model, 0, lambda: self._handles.collect_for_good(model, self._has_ended))
        if heartbeat:
            self._heartbeat = Heartbeat(
                heartbeat,
                model,
                lambda: self._turn.reads,
                self._ping,
                self._give_up,
                self._has_ended,
            )
            self._heartbeat.start()

    def _has_ended(self):
        return self.state is ENDED

    # ---- channels: what their handles ask for -------------------------------------

    def _wait_for_end(self, end, timeout):
        box = end.user
        return self._wait(box.waiting, lambda: box.ended is not None, timeout)

    def _wait(self, waiting, ready, timeout):
        lock = self.execmodel.Lock()
        lock.acquire()
        waiting.append(lock)
        try:
            return self._turn.wait(ready, lock, timeout)
        finally:
            waiting.remove(lock)

    def _set_callback(self, end, callback):
        self._callbacks.set(end, callback)

    def _close_end(self, end, error=None):
        payload = b"" if error is None else error_payload(self._own_serializer, error)
        with self._lock:
            told = self._protocol.close(end, payload)
        end.user.end(ChannelClosed("channel %d was closed at this end" % end.id))
        self._told(end)
        self._writer.flush_soon()  # closing has no timeout, so it must not wait for the peer
        return told

    def _told(self, end):
        """See to what waits for an end whose mailbox has changed."""
        if end.user.callback is not None:
            self._callbacks.call_soon(end)

    # ---- what arrives --------------------------------------------------------------

    def _arrived(self, chunks):
        """Deal with what was read; called by whoever reads. Return where to read to, if said."""
        try:
            while chunks:
                data = chunks.popleft()
                if not data:
                    self._stream_ended()
                    return
                with self._lock:
                    found = self._protocol.receive(data)
                for event, subject, detail in found:
                    if event is events.ITEM:
                        subject.user.items.append(detail)
                        self._came(subject, 1)
                    else:
                        self._ON[event](self, subject, detail)
        except (ProtocolError, DataFormatError, IllegalMove) as error:
            self._give_up("it broke the protocol: %s" % error)
        except Exception:
            # No memory for it, or a mistake of ours: whoever reads, reads for others too.
            self._give_up("reading it failed: %s" % describe_error(sys.exc_info())[1])
        except BaseException as error:
            # Half of a chunk is dealt with and nobody could tell which: a Ctrl-C here
            # must not turn into items that are silently missing.
            self._give_up("reading it was interrupted by %s" % error.__class__.__name__)
            raise
        if self._protocol.farewells and clock() >= self._next_farewells:
            self._next_farewells = clock() + MOMENT
            call_later(self.execmodel, MOMENT, self._handles.tidy)
        if self._protocol.output:
            self._writer.flush_soon()
        return self._protocol.decoder.into

    def _came(self, end, count):
        box = end.user
        if box.waiting:
            box.wake()
        if box.callback is not None:
            self._callbacks.call_soon(end)
        if listeners:
            for _ in range(count):
                trace("received", gateway=self.id, channel=end.id)

    def _on_items(self, end, payloads):
        end.user.items.extend(payloads)
        self._came(end, len(payloads))

    def _on_opened(self, end, detail):
        end.user = Mailbox(self._serializer)

    def _on_ended(self, end, payload):
        box = end.user
        if payload is None:
            box.end(ChannelEnded("the other end sent its last item on channel %d" % end.id))
        elif payload:
            error = remote_error(self._own_serializer, payload)
            box.end(ChannelEnded("the other end closed channel %d: %s" % (end.id, error)), error)
        else:
            box.end(ChannelEnded("the other end closed channel %d" % end.id))
        self._told(end)
        if payload and self.state is ALIVE:
            self._handles.warn_if_dropped(box)

    def _on_credited(self, end, detail):
        end.user.wake()

    def _on_reconfigured(self, end, payload):
        strings = self._own_serializer.loads(payload)
        if not (isinstance(strings, tuple) and len(strings) == 2):
            raise ProtocolError("reconfigure brought %r" % (strings,))
        self._use_strings(end, bool(strings[0]), bool(strings[1]))

    def _on_goodbye(self, subject, why):
        # The end of the stream follows.
        self._said_at_end = shortened(why.decode("utf-8", "replace"), ERROR_TEXT)

    def _on_status_asked(self, number, detail):
        raise ProtocolError("the other side asked for a status")

    def _on_status_told(self, number, payload):
        raise ProtocolError("a status nobody asked for")

    def _on_task(self, end, payload):
        raise ProtocolError("the other side asked this one to run code")

    def _on_dropped(self, end, payload):
        # A channel in it that is made and not held is closed; one that is never made is not.
        if self._protocol.unclaimed:
            try:
                end.user.serializer.loads(payload)
            except DataFormatError:
                pass  # nobody wanted it

    _ON = {
        events.ITEMS: lambda self, *args: self._on_items(*args),
        events.OPENED: lambda self, *args: self._on_opened(*args),
        events.TASK: lambda self, *args: self._on_task(*args),
        events.DROPPED: lambda self, *args: self._on_dropped(*args),
        events.ENDED: lambda self, *args: self._on_ended(*args),
        events.CREDITED: lambda self, *args: self._on_credited(*args),
        events.STATUS_ASKED: lambda self, *args: self._on_status_asked(*args),
        events.STATUS_TOLD: lambda self, *args: self._on_status_told(*args),
        events.RECONFIGURED: lambda self, *args: self._on_reconfigured(*args),
        events.SAID_GOODBYE: lambda self, *args: self._on_goodbye(*args),
    }

    # ---- strings, and channels inside items ------------------------------------------

    def _make_serializer(self, py2str_as_py3str, py3str_as_py2str):
        return Serializer(
            py2str_as_py3str=py2str_as_py3str,
            py3str_as_py2str=py3str_as_py2str,
            subclasses=self._subclasses,
            save_channel=self._save_channel,
            load_channel=self._load_channel,
            channel_type=Channel,
        )

    def _reconfigure(self, end, py2str_as_py3str, py3str_as_py2str):
        payload = self._own_serializer.dumps((bool(py2str_as_py3str), bool(py3str_as_py2str)))
        self._use_strings(end, py2str_as_py3str, py3str_as_py2str)
        with self._lock:
            self._protocol.reconfigure(end, payload)
        self._writer.flush_soon()

    def _use_strings(self, end, py2str_as_py3str, py3str_as_py2str):
        serializer = self._make_serializer(py2str_as_py3str, py3str_as_py2str)
        if end is not None:
            end.user.serializer = serializer
            return
        before, self._serializer = self._serializer, serializer
        with self._lock:
            for other in self._protocol.ends.values():
                if other.user is not None and other.user.serializer is before:
                    other.user.serializer = serializer

    def _save_channel(self, channel):
        if channel.gateway is not self:
            raise DumpError(
                "a channel of %s gateway %r can't travel over gateway %r: only its own gateway "
                "knows it"
                % ("another" if channel.gateway.id != self.id else "another group's",
                   channel.gateway.id, self.id)
            )
        return channel.id

    def _load_channel(self, id):
        return self._handles.find(id, self._serializer)

    # ---- the end ------------------------------------------------------------------------

    def _ping(self):
        with self._lock:
            self._protocol.ping()
        self._writer.flush_soon()

    def _stream_ended(self):
        """The other side's stream is at its end; called by whoever reads, and does not wait."""
        if self._given_up:
            pass  # whoever did knows the reason, and tells
        elif self.state is ENDING:
            self._conclude(ChannelClosed("gateway %s was exited" % self.id))
        else:
            # How it died takes a moment to find out, and others wait for this thread.
            self.execmodel.run_soon(self._conclude_loss, "the connection was closed")

    def _give_up(self, why):
        """Part with a peer that can't be dealt with any more; may be called by any thread."""
        self._given_up = self._turn.ended = True
        self._transport.abort()
        self.execmodel.run_soon(self._conclude_loss, why)

    def _conclude_loss(self, why):
        self._conclude(self._describe_loss(why))

    def _describe_loss(self, why):
        return GatewayLost("gateway %s is lost: %s" % (self.id, why), self.id)

    def _conclude(self, reason):
        """Tell everybody, once, that the gateway is at its end."""
        with self._lock:
            if self.state is ENDED:
                return
            self.state, self.ended_by = ENDED, reason
            # The protocol has forgotten those that were closed by a chunk nobody could read on.
            ends = self._protocol.lose() + self._handles.ends()
        self._turn.stop()
        if self._heartbeat is not None:
            self._heartbeat.stop()
        for end in ends:
            if end.user is not None:
                end.user.end(reason)
                self._told(end)
        self._wake_waiting()
        if listeners:
            trace("ended", gateway=self.id, reason=str(reason))
        self._after_end()

    def _after_end(self):
        """What one kind of gateway does last; nothing may wait here."""

    def forget(self):
        """In the child of a fork: the connection is the parent's; using it here is an error."""
        release(self._lock)  # a thread that does not exist here may have held it
        self.state = ENDED
        self.ended_by = GatewayLost("gateway %s belongs to the parent process" % self.id, self.id)
        for end in self._protocol.lose():
            if end.user is not None:
                end.user.end(self.ended_by)
        self._turn.forget()
        self._writer.forget()
        self._transport.forget()

    def _wake_waiting(self):
        for lock in list(self._waiting):
            release(lock)

    def _why_refused(self):
        # Whoever finds out why the connection broke is on the way.
        self._wait(self._waiting, lambda: self.state is ENDED, 2.0)
        return self._why_ended("cannot send")

    def _why_ended(self, tried):
        reason = self.ended_by
        if reason is None and self.state is ENDING:
            reason = ChannelClosed("gateway %s was exited" % self.id)
        if reason is None:
            return GatewayLost("%s: the connection of gateway %s broke" % (tried, self.id), self.id)
        return retold("%s: %s" % (tried, reason), reason)
