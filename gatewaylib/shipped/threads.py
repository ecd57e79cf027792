# shipped: stdlib only; Python 2.7-3.14, PyPy, Jython
"""Starting, locking and waiting, alike for threads and for green threads.

A model is a row of functions; whoever holds one never asks which it is. ``thread``
and ``main_thread_only`` differ only in where tasks run, which is the business of
``tasks``. gevent and eventlet are imported when first asked for, never before.
"""
from __future__ import absolute_import

import threading
import time

from . import compat
from .compat import deque
from .forks import call_in_forks

NAMES = ("thread", "main_thread_only", "gevent", "eventlet")
# Locks that a thread of the user's takes are taken with map(), into a list: one C call
# takes the lock and keeps that it was taken, so that no Ctrl-C comes in between and leaves
# it taken for ever. This is the argument of an acquire that does not wait.
AT_ONCE = (False,)
IDLE = 1.0  # seconds a pooled thread waits for more work before it ends


class ExecModel(object):
    """How code waits and runs side by side at one end of a gateway.

    Attributes:
        backend: the model's name, one of ``NAMES``.
        green: True where only cooperative calls may wait.
        Lock, RLock, Event, sleep, get_ident: as in threading and time.
        queue, subprocess, socket: modules, as those of these names; imported when asked for.
        fdopen: ``(fd, mode, bufsize=1, closefd=True)``, a file; text is UTF-8.
        wait_readable, wait_writable: ``(fd, timeout) -> bool``, cooperative; None for
            threads, which simply block.
    """

    def __init__(
        self, backend, spawn, lock, rlock, event, modules, sleep, get_ident, fdopen, wait_fd=None
    ):
        self.backend = backend
        self.green = wait_fd is not None
        self._spawn = spawn
        self.Lock, self.RLock, self.Event = lock, rlock, event
        self._modules, self.sleep, self.get_ident = modules, sleep, get_ident
        self.fdopen = fdopen
        self.wait_readable = wait_fd and (lambda fd, timeout: wait_fd(fd, False, timeout))
        self.wait_writable = wait_fd and (lambda fd, timeout: wait_fd(fd, True, timeout))
        self._idle = deque()

    @property
    def queue(self):
        return self._module(0)

    @property
    def subprocess(self):
        return self._module(1)

    @property
    def socket(self):
        return self._module(2)

    def _module(self, index):
        # Not all that starts needs them, and each costs milliseconds.
        return __import__(self._modules[index], None, None, ["*"])

    def __repr__(self):
        return "<ExecModel %r>" % self.backend

    def start(self, function, args=(), name=None):
        """Run ``function(*args)`` beside the caller, in a thread of that name."""
        return self._spawn(function, args, name or "gatewaylib")

    def run_soon(self, function, *args):
        """Run a short piece of work in a pooled thread; nothing is told of its end.

        In a process that is ending, where no thread can be started any more, it runs
        in the caller.
        """
        try:
            worker = self._idle.pop()
        except IndexError:
            worker = _Worker(self, function, args)
            try:
                self.start(worker.run, name="gatewaylib-pool")
            except RuntimeError:
                function(*args)
        else:
            worker.work = (function, args)
            worker.wake.release()

    def acquire(self, lock, timeout=None):
        """Acquire the lock within ``timeout`` seconds (None: wait for ever); say if it was."""
        return self.acquire_into([], lock, timeout)

    def acquire_into(self, got, lock, timeout=None):
        """Acquire as ``acquire`` does, and keep in the list ``got`` that it was.

        Whoever finds True at the end of ``got`` has the lock, whatever was raised.
        """
        if timeout is None or timeout > compat.MAX_WAIT:
            got.extend(map(lock.acquire, (True,)))
        elif timeout <= 0:
            got.extend(map(lock.acquire, AT_ONCE))
        elif self.green or compat.JYTHON or not compat.PY2:
            got.extend(map(lock.acquire, (True,), (timeout,)))
        else:
            # CPython 2 locks know no timeout: look again after ever longer naps.
            deadline, nap = compat.clock() + timeout, 0.0005
            got.extend(map(lock.acquire, AT_ONCE))
            while not got[-1] and compat.clock() < deadline:
                nap = min(nap * 2, max(0, deadline - compat.clock()), 0.02)
                time.sleep(nap)
                got.extend(map(lock.acquire, AT_ONCE))
        return got[-1]


class _Worker(object):
    """A thread of the pool: does its first work, then what it is handed while it idles."""

    def __init__(self, model, function, args):
        self.model = model
        self.work = (function, args)
        self.wake = model.Lock()
        self.wake.acquire()

    def run(self):
        while self.work is not None:
            function, args = self.work
            self.work = None
            function(*args)
            function = args = None
            self.model._idle.append(self)
            if not self.model.acquire(self.wake, IDLE):
                try:
                    self.model._idle.remove(self)
                except ValueError:
                    # Somebody picked this worker in the last moment: its work is coming.
                    self.wake.acquire()


def release(lock):
    """Release a waiter's lock; False where somebody else had done it."""
    try:
        lock.release()
    except Exception:  # RuntimeError, thread.error, or what a green library raises
        return False
    return True


def _start_thread(function, args, name):
    thread = threading.Thread(target=function, args=args, name=name)
    thread.daemon = True
    thread.start()
    return thread


def _thread_model(backend):
    lock = threading.Lock
    if compat.JYTHON:
        from .java_lock import JavaLock as lock
    return ExecModel(
        backend,
        _start_thread,
        lock,
        threading.RLock,
        threading.Event,
        (compat.QUEUE, "subprocess", "socket"),
        time.sleep,
        _thread_ident,
        _fdopen,
    )


def _fdopen(fd, mode, bufsize=1, closefd=True):
    import io

    binary = "b" in mode
    if binary and bufsize == 1:
        bufsize = -1  # there are no lines in bytes
    return io.open(fd, mode, bufsize, encoding=None if binary else "utf-8", closefd=closefd)


def _thread_ident():
    return threading.current_thread().ident


def _gevent_model(backend):
    import gevent
    import gevent.event
    import gevent.lock
    import gevent.socket

    def wait_fd(fd, writing, timeout):
        wait = gevent.socket.wait_write if writing else gevent.socket.wait_read
        try:
            wait(fd, timeout)
        except gevent.socket.timeout:
            return False
        return True

    def fdopen(fd, mode, bufsize=1, closefd=True):
        import gevent.fileobject

        encoding = None if "b" in mode else "utf-8"
        return gevent.fileobject.FileObjectThread(fd, mode, encoding=encoding, closefd=closefd)

    return ExecModel(
        backend,
        lambda function, args, name: gevent.spawn(function, *args),
        lambda: gevent.lock.Semaphore(1),
        gevent.lock.RLock,
        gevent.event.Event,
        ("gevent.queue", "gevent.subprocess", "gevent.socket"),
        gevent.sleep,
        lambda: id(gevent.getcurrent()),
        fdopen,
        wait_fd,
    )


def _eventlet_model(backend):
    import eventlet
    import eventlet.green.threading
    import eventlet.hubs
    import eventlet.semaphore

    def wait_fd(fd, writing, timeout):
        try:
            eventlet.hubs.trampoline(fd, read=not writing, write=writing, timeout=timeout)
        except eventlet.Timeout:
            return False
        return True

    def fdopen(fd, mode, bufsize=1, closefd=True):
        import eventlet.green.os

        return eventlet.green.os.fdopen(fd, mode, bufsize, closefd=closefd)

    return ExecModel(
        backend,
        lambda function, args, name: eventlet.spawn(function, *args),
        lambda: eventlet.semaphore.Semaphore(1),
        eventlet.green.threading.RLock,
        eventlet.green.threading.Event,
        ("eventlet.queue", "eventlet.green.subprocess", "eventlet.green.socket"),
        eventlet.sleep,
        lambda: id(eventlet.getcurrent()),
        fdopen,
        wait_fd,
    )


_MAKERS = {
    "thread": _thread_model,
    "main_thread_only": _thread_model,
    "gevent": _gevent_model,
    "eventlet": _eventlet_model,
}
_models = {}


def _forget_pools():
    for model in _models.values():
        model._idle.clear()  # its threads are the parent's


call_in_forks(_forget_pools)


def get_model(backend):
    """Return the process's ExecModel of that name, made when first asked for.

    Raises ValueError for an unknown name, ImportError where gevent or eventlet is
    asked for and not installed. An ExecModel is returned as it is.
    """
    if isinstance(backend, ExecModel):
        return backend
    if backend not in _MAKERS:
        raise ValueError("unknown execmodel %r: use one of %s" % (backend, ", ".join(NAMES)))
    if backend not in _models:
        _models[backend] = _MAKERS[backend](backend)
    return _models[backend]
