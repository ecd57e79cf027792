# shipped: stdlib only; Python 2.7-3.14, PyPy, Jython
"""The remote's gateway: runs the tasks it is sent, and ends when it is told or left alone.

However busy it is, it is gone ``GRACE + LAST_CHANCE + LAST_MOMENT`` seconds after a
goodbye or after the local side is gone: tasks that do not return by then are interrupted,
then left.
"""

from __future__ import absolute_import

import os
import struct
import sys

try:
    import _signal as signal  # the part in C: the other makes enums of it, for 3 ms
except ImportError:
    import signal

from ..gateway_base import ALIVE, ENDING, BaseGateway
from . import compat
from .debug import listen_as_told
from .errors import ChannelClosed, ChannelEnded, GatewayLost, ProtocolError, RemoteError
from .forks import call_in_forks
from .protocol import VERSION
from .serializer import Serializer
from .standard_streams import take_standard_streams
from .tasks import Tasks, interrupt_main_thread
from .threads import get_model
from .transport import wait_for_hang_up

GRACE = 0.5  # seconds for tasks to find their channels closed and return
LAST_CHANCE = 0.7  # seconds for what a KeyboardInterrupt sets off
LAST_MOMENT = 0.3  # seconds for exit functions
CLOSED_HERE = (
    "its connection was closed in its own process, by code that closes descriptors which it "
    "has not opened (os.closerange, say)"
)
HELLO_SIZE = struct.Struct("!I")  # stands between the hello's text and its payload


class Worker(BaseGateway):
    """The remote end of a gateway; tasks know it as ``channel.gateway``."""

    _FIRST_CHANNEL = 2
    _RUNS_TASKS = True

    def __init__(self, id, transport, model, window, subclasses=False):
        super(Worker, self).__init__(id, transport, model, window, subclasses)
        self._protocol.slots = transport.slots
        self._tasks = Tasks(self, model, self._task_ids)
        self._ends_itself = False
        self._ends_group = False
        self._process = os.getpid()
        self._wire, self._closed_here = self._describe_wire(), False

    def __repr__(self):
        return "<Worker %r %s, %s model, %d tasks>" % (
            self.id,
            self.state,
            self.execmodel.backend,
            len(self._tasks.running),
        )

    def run(self, heartbeat, ends_group=False):
        """Read and run tasks until the gateway ends; called in the main thread.

        ``ends_group``: that all of this process's group is its own, to end with it.
        """
        self._ends_group = ends_group
        self._start_reading(heartbeat)
        if self.execmodel.green and self._transport.pollable:
            get_model("thread").start(self._watch_for_hang_up, name="gatewaylib-hang-up")
        try:
            self._tasks.run_in_main_thread(
                lambda: self._wait(self._waiting, self._tasks.queue.__len__, None)
            )
        except KeyboardInterrupt:
            pass  # the last means of ending a busy task, or somebody's own kill -INT
        self._begin_end()

    def _on_task(self, end, payload):
        channel = self._handles.make(end, end.user)
        self._tasks.start(channel, payload)

    def _end_of_task(self, channel, error):
        told = self._close_end(channel._end, error)
        if error is not None and not told and self.state is ALIVE:
            # Its channel was closed at the other end before: nobody can be told any more.
            type_name, text = error if isinstance(error, tuple) else ("", error)
            try:
                RemoteError(text, type_name).warn()
            except Exception:
                pass  # stderr is closed or broken

    def _on_status_asked(self, number, detail):
        with self._lock:
            status = {
                "numchannels": len(self._protocol.ends),
                "numexecuting": len(self._tasks.running),
                "execmodel": self.execmodel.backend,
            }
            self._protocol.tell_status(number, self._own_serializer.dumps(status))

    def _on_goodbye(self, subject, detail):
        self.state = ENDING if self.state is ALIVE else self.state
        # What tasks wait for will not come; what they still send is read until they end.
        with self._lock:
            ends = list(self._protocol.ends.values())
        for end in ends:
            if end.user is not None:
                end.user.end(ChannelEnded("gateway %s was exited at the other end" % self.id))
                self._told(end)
        self._begin_end()

    def _give_up(self, why):
        if self._is_closed_here():
            why = CLOSED_HERE  # what has the same descriptors now is read as if it were the wire
        sys.stderr.write("%s gives up: %s\n" % (self.id, why))
        with self._lock:
            self._protocol.say_goodbye(compat.encode_text(compat.as_text(why)))
        self._writer.flush_soon()
        super(Worker, self)._give_up(why)

    def _conclude_loss(self, why):
        # What breaks once it was asked to end, a task's send by Ctrl-C say, is no accident.
        if self.state is ENDING:
            self._conclude(ChannelClosed("gateway %s was exited at the other end" % self.id))
        else:
            super(Worker, self)._conclude_loss(why)

    def _stream_ended(self):
        # Behind a goodbye it says no more than that: what tasks still send has half a second.
        if self.state is not ENDING:
            super(Worker, self)._stream_ended()

    def _after_end(self):
        self._begin_end()

    def _begin_end(self):
        """Start no more tasks, and see to it that those that run do end."""
        if not self._ends_itself:
            self._ends_itself = True
            self._tasks.stop()
            self._wake_waiting()
            self.execmodel.start(self._end_in_time, name="gatewaylib-end")

    def _end_in_time(self):
        if not self._wait_for_tasks(GRACE):
            interrupt_main_thread()
            self._wait_for_tasks(LAST_CHANCE)
        # leave() in the main thread may be at its exit functions: they get a moment.
        self.execmodel.sleep(LAST_MOMENT)
        self._die(1)

    def _watch_for_hang_up(self):
        """End in time though a green task keeps the goodbye from being read.

        A task that never waits lets no other green thread run, so this is a real one. It
        looks at the descriptor and reads nothing.
        """
        wait_for_hang_up(self._transport.fileno())
        sleep = get_model("thread").sleep
        sleep(GRACE)
        interrupt_main_thread()
        sleep(LAST_CHANCE + LAST_MOMENT)
        self._die(1)

    def _wait_for_tasks(self, seconds):
        end = compat.clock() + seconds
        while self._tasks.running and compat.clock() < end:
            self.execmodel.sleep(0.01)
        return not self._tasks.running

    def leave(self):
        """End this process as a program that returns would, but in bounded time."""
        self._wait_for_tasks(GRACE + LAST_CHANCE)
        with self._lock:
            self._protocol.say_goodbye()
        self._writer.flush()
        try:
            import atexit

            atexit._run_exitfuncs()
        except BaseException:
            pass  # told on stderr by atexit itself
        self._die(0)

    def _die(self, status):
        is_lost = isinstance(self.ended_by, GatewayLost)
        if is_lost and self._is_closed_here():
            # The other end is there: it ends the group, and tells these words as the last ones.
            is_lost, status = False, 1
            try:
                sys.stderr.write("%s ends: %s\n" % (self.id, CLOSED_HERE))
            except Exception:
                pass  # closed as well
        for stream in (sys.stdout, sys.stderr):
            try:
                stream.flush()
            except Exception:
                pass  # closed, or nobody reads it any more
        # Nobody is left to end the processes that tasks have started.
        is_leader = hasattr(os, "getpgrp") and os.getpgrp() == self._process
        if is_lost and (self._ends_group or is_leader):
            from .process_group import end_now

            end_now()
        os._exit(status)

    def _is_closed_here(self):
        """Return whether code that ran here closed the connection; asked before it is aborted."""
        if not self._given_up:
            self._closed_here = self._closed_here or self._describe_wire() != self._wire
        return self._closed_here

    def _describe_wire(self):
        """Return what tells the files behind the transport's descriptors; None: there are none."""
        try:
            fds = self._transport.fileno(), self._transport.write_fileno()
            return [os.fstat(fd)[1:3] for fd in fds]
        except OSError:
            return None


def serve(payload, write_fd, slots_fd=0):
    """Run the remote end over this process's standard streams until it ends; never return.

    ``write_fd`` and ``slots_fd`` are what ``take_standard_streams`` takes.
    ``payload`` is a serialized dict, made by the local side's bootstrap.py: ``hello``
    (text that begins the answer), ``version``, ``id``, ``execmodel``,
    ``window``, ``subclasses``, ``heartbeat``, ``ends_group``, ``chdir``, ``nice``, ``env``.
    """
    options = Serializer().loads(payload)
    try:
        transport = take_standard_streams(write_fd, slots_fd)
    except (OSError, IOError):
        sys.exit(
            "descriptor %d, the wire, is closed here: what runs this interpreter must leave "
            "descriptors open. sudo closes them; there is sudo= for it" % write_fd
        )
    if options["ends_group"]:
        from .process_group import guard

        guard(transport)
    try:
        model = _prepare(options)
        news = describe_interpreter()
        news["has_slots"] = transport.slots is not None
    except Exception as error:
        text = "%s: %s" % (error.__class__.__name__, error)
        _say_hello(transport, options, {"error": compat.as_text(text)})
        sys.exit(1)
    worker = Worker(
        compat.native(options["id"]), transport, model, options["window"], options["subclasses"]
    )
    call_in_forks(worker.forget)
    _say_hello(transport, options, news)
    worker.run(options["heartbeat"], options["ends_group"])
    worker.leave()


def _prepare(options):
    """Make this process what the spec says; return its execution model."""
    if tuple(options["version"])[0] != VERSION[0]:
        raise ProtocolError(
            "the local side speaks protocol %s, this side %s: both need the same first number"
            % (".".join(map(str, options["version"])), ".".join(map(str, VERSION)))
        )
    for name, value in options["env"].items():
        os.environ[compat.native(name)] = compat.native(value)
    if options["chdir"] is not None:
        path = compat.native(options["chdir"])
        try:
            os.mkdir(path)
        except OSError:  # it is there; others that start with this one may just have made it
            if not os.path.isdir(path):
                raise
        os.chdir(path)
    if options["nice"]:
        os.nice(options["nice"])
    listen_as_told(os.environ)
    model = get_model(compat.native(options["execmodel"]))
    # Started in the background by a shell, a process ignores SIGINT, the means to end a task.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    return model


def _say_hello(transport, options, info):
    payload = Serializer().dumps(info)
    transport.write_one(options["hello"].encode("ascii") + HELLO_SIZE.pack(len(payload)) + payload)


def _current_directory():
    try:
        return os.getcwd()
    except OSError:
        return ""  # it was removed


def _hostname():
    if hasattr(os, "uname"):
        return os.uname()[1]
    import socket

    return socket.gethostname()


def describe_interpreter():
    """Return what the local side wants to know of this interpreter, as a dict."""
    text = compat.as_text
    return {
        "version": VERSION,
        "executable": text(sys.executable or ""),
        "version_info": tuple(sys.version_info[:3])
        + (text(sys.version_info[3]), sys.version_info[4]),
        "platform": text(sys.platform),
        "implementation": text(compat.IMPLEMENTATION),
        "cwd": text(_current_directory()),
        "pid": os.getpid(),
        "hostname": text(_hostname()),
    }
