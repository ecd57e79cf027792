# shipped: stdlib only; Python 2.7-3.14, PyPy, Jython
"""Runs the source that was sent, beside the loop: in the main thread first.

Whoever reads the connection starts a task here and goes on; nothing here reads. Main
threads are special (signals, many C libraries, asyncio), so the first task gets it,
and later ones get it whenever it is free.
"""
from __future__ import absolute_import

import os
import sys

from . import compat
from .compat import deque, native
from .errors import ChannelClosed, ChannelEnded, GatewayLost, describe_error
from .polling import call_later
from .task_sources import show_source
from .trace import listeners, trace

MAIN_THREAD_BUSY = (
    "concurrent remote_exec would cause deadlock for main_thread_only execmodel: "
    "the main thread runs another task; wait for its end, or use execmodel=thread"
)
SHORT = 2 ** 13  # characters of a text whose code is kept, bytes of a payload
MOST_KEPT = 32
PATIENCE = 1.0  # seconds a main_thread_only task waits for the one before it

_codes = {}  # (text, file name, first line) -> code object


class Tasks(object):
    """The tasks of one remote; ``start`` is called by whoever reads and never waits.

    Args:
        gateway: closes a task's channel and waits for ``queue`` to have something.
        model: its ExecModel.
        running: dict to keep the tasks in that have not ended, by channel id.
    """

    def __init__(self, gateway, model, running):
        self._gateway, self._model = gateway, model
        self._process = os.getpid()
        self._sources = {}  # payload -> what it says, of the last few
        self.running = running
        self._lock = model.Lock()
        self.queue = deque()  # tasks for the main thread; None at the end
        self._main_is_free = True  # not yet in run_in_main_thread, and on its way there

    def start(self, channel, payload):
        """Run the task of a payload; raises DataFormatError where it is damaged."""
        task = Task(channel, self._source_of(payload))
        with self._lock:
            self.running[channel.id] = task
            if self._model.backend == "main_thread_only" or self._main_is_free:
                wait = not self._main_is_free
                self._main_is_free = False
                self.queue.append(task)
                self._gateway._wake_waiting()
                if wait:
                    call_later(self._model, PATIENCE, lambda: self._refuse(task))
                return
        if self._model.green:
            self._model.start(self._run, (task,))
        else:
            self._model.run_soon(self._run, task)

    def _source_of(self, payload):
        """Return the payload's (text, file name, first line, name to call, kwargs)."""
        # One that came in pieces is a list of them, and long.
        may_keep = type(payload) is bytes and len(payload) <= SHORT
        source = self._sources.get(payload) if may_keep else None
        if source is None:
            source = self._gateway._own_serializer.loads(payload)
            if may_keep and not source[4]:  # values may be changed by who gets them
                _keep(self._sources, payload, source)
        return source

    def _refuse(self, task):
        try:
            self.queue.remove(task)
        except ValueError:
            return  # it runs, or has run
        self._end(task, MAIN_THREAD_BUSY)

    def run_in_main_thread(self, wait):
        """Run tasks until ``stop``; ``wait()`` returns once ``queue`` has something."""
        while True:
            wait()
            task = self.queue.popleft()
            if task is None:
                return
            self._run(task, in_main_thread=True)

    def stop(self):
        """Start no more; let ``run_in_main_thread`` return after what it runs."""
        self.queue.append(None)

    def _run(self, task, in_main_thread=False):
        error = None
        if listeners:
            trace("task", channel=task.channel.id)
        try:
            task.run()
        except:  # noqa: E722 - SystemExit too is told, not obeyed; 2.7 has classes of old
            if os.getpid() != self._process:
                _leave_fork(task, sys.exc_info()[1])
            # What these say is that the local side is done with this task.
            if not isinstance(sys.exc_info()[1], (ChannelEnded, ChannelClosed, GatewayLost)):
                error = task.describe_error()
        if os.getpid() != self._process:
            _leave_fork(task, None)
        if in_main_thread:
            # Ahead of the channel's end: who waits for that may send the next task at once.
            with self._lock:
                self._main_is_free = not self.queue
        self._end(task, error)

    def _end(self, task, error):
        self.running.pop(task.channel.id, None)
        if listeners:
            what = error[0] if type(error) is tuple else error or "none"
            trace("task-ended", channel=task.channel.id, error=what)
        self._gateway._end_of_task(task.channel, error)


def _leave_fork(task, error):
    """End a fork of this process that is at the end of the task, as a program ends.

    The channel is its parent's, and so is the loop that ran the task.
    """
    status = 0 if error is None else 1
    try:
        if isinstance(error, SystemExit) and isinstance(error.code, (int, type(None))):
            status = error.code or 0
        elif error is not None:
            sys.stderr.write(native(task.describe_error()[1]))
        sys.stdout.flush()
        sys.stderr.flush()
    finally:
        os._exit(status & 0xFF)


class Task(object):
    """One piece of sent source, and the channel it talks through."""

    def __init__(self, channel, source):
        self.channel = channel
        self._text, self._file_name, self._first_line, self._call, self._kwargs = source

    def run(self):
        """Run it here and now; whatever it raises comes out."""
        self._show_source()
        code = _code_of(self._text, self._file_name, self._first_line)
        namespace = {"channel": self.channel, "__name__": "__channelexec__"}
        exec(code, namespace)
        if self._call is not None:
            namespace[self._call](self.channel, **_native_names(self._kwargs))

    def _show_source(self):
        """Let tracebacks find the lines: the file itself is most likely not here."""
        show_source(native(self._file_name), self._text, self._first_line)

    def describe_error(self):
        """Return (type name, traceback text) of the exception being handled."""
        # Another task may have shown other source under the same name since.
        self._show_source()
        kind, error, trace = sys.exc_info()
        # The first two frames are _run's and run's; a syntax error has no third.
        return describe_error((kind, error, trace.tb_next and trace.tb_next.tb_next))


def _code_of(text, file_name, first_line):
    """Return the text's code: the same as before where one of the last tasks had that text."""
    key = text, file_name, first_line
    code = _codes.get(key)
    if code is None:
        code = compile("\n" * (first_line - 1) + text, native(file_name), "exec", 0, True)
        if len(text) <= SHORT:
            _keep(_codes, key, code)
    return code


def _keep(kept, key, value):
    """Keep a value for when its key comes again, with those of a few others."""
    if len(kept) >= MOST_KEPT:
        kept.clear()
    kept[key] = value


def _native_names(kwargs):
    return {native(name): value for name, value in kwargs.items()}


def interrupt_main_thread():
    """Raise KeyboardInterrupt in the main thread, also while it waits in a system call."""
    import signal
    import threading

    if hasattr(signal, "pthread_kill"):
        signal.pthread_kill(threading.main_thread().ident, signal.SIGINT)
    elif not compat.JYTHON:
        os.kill(os.getpid(), signal.SIGINT)
