# shipped: stdlib only; Python 2.7-3.14, PyPy, Jython
"""This process's group: what tasks have started ends with the interpreter.

Where the local side holds the process itself, it ends the group. By ssh, or as another user,
it can't: there a *guardian* does, a process of this side that runs nothing but a wait. What
has left the group, as a daemon does, may stay.
"""

from __future__ import absolute_import

import errno
import os
import select
import signal
import sys

from .compat import clock
from .threads import get_model
from .transport import RDHUP, can_poll, close_on_exec, retry

# Seconds an interpreter may take to end by itself once nobody reads what it writes; one that
# runs Python needs 1.5.
END_TIME = 1.8
# The same once nothing more is written to it, as at every end that is asked for: it may be
# slow, and who asked still listens. Some containers tell no more of a local side that is gone.
ASKED_TIME = 5.0
STATUS_TIME = 0.5  # seconds for a shell that runs the interpreter to hand on its exit status
NAP = 0.005  # seconds between looks
MAX_FD = 4096  # descriptors above it, if there are any, may stay open in a guardian


def end_now():
    """Kill the whole group, this process too; there may be nothing of the kind here."""
    if hasattr(os, "killpg"):
        _kill_group(os.getpgrp())


def guard(transport):
    """Have the group end with this process, and this process soon after its transport.

    That needs no code to run in this process, which may be stopped or busy in C. To be called
    before there are threads. Where nothing can be forked there is no guardian.
    """
    if not (can_poll and hasattr(os, "fork")):
        return
    if os.getpid() == 1:
        return _end_with_parent()
    alive, ours = os.pipe()
    close_on_exec(ours)
    interpreter, group = os.getpid(), os.getpgrp()
    try:
        child = os.fork()
        if child == 0:
            try:
                # Nobody's child: a task that waits for all of its own does not meet it.
                if os.fork() == 0:
                    _Guardian(interpreter, group, transport, alive).run()
            finally:
                os._exit(0)
        retry(os.waitpid, child, 0)
        transport.hold(ours)
    except OSError:
        os.close(ours)  # no more processes are allowed here
    finally:
        os.close(alive)


def _end_with_parent():
    """Have the kernel kill this process when its parent is gone.

    It is the first of a namespace of processes: all others there end with it, and none of
    them can kill it.
    """
    try:
        import ctypes

        ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG
    except (ImportError, AttributeError, OSError):
        pass  # not Linux, or a Python without ctypes


class _Guardian(object):
    """What the guardian's process does.

    Args:
        interpreter, group: ids of the process, and of the group, to look after.
        transport: the interpreter's; its descriptors are looked at, never read.
        alive: a pipe that hangs up when the interpreter is gone, or parts with its transport.
    """

    def __init__(self, interpreter, group, transport, alive):
        self._interpreter, self._group, self._alive = interpreter, group, alive
        self._read_fd, self._write_fd = transport.fileno(), transport.write_fileno()
        self._mark = _mark_of(interpreter)
        self._sleep = get_model("thread").sleep

    def run(self):
        # What is meant for the interpreter's group or session is not meant for this process.
        os.setpgid(0, 0)
        for number in (signal.SIGHUP, signal.SIGINT, signal.SIGTERM):
            signal.signal(number, signal.SIG_IGN)
        self._let_go()
        if self._wait_for_end():
            # Who reads it shall see its end; the interpreter may have parted with it only.
            os.close(self._read_fd)
            os.close(self._write_fd)
            self._wait(lambda: not self._is_there(), END_TIME)
        if self._is_there():
            self._group = os.getpgid(self._interpreter)
            os.kill(self._interpreter, signal.SIGKILL)
        elif self._group != self._interpreter:
            self._wait(lambda: _mark_of(self._group) is None, STATUS_TIME)
        _kill_group(self._group)

    def _let_go(self):
        """Keep nothing open or in use that is somebody else's."""
        os.chdir("/")
        null = os.open(os.devnull, os.O_RDWR)
        for fd in range(3):
            os.dup2(null, fd)
        last = 2
        for fd in sorted([self._read_fd, self._write_fd, self._alive, MAX_FD]):
            os.closerange(last + 1, fd)
            last = fd

    def _wait_for_end(self):
        """Wait until the interpreter ends, or should have; return whether it has."""
        poll = select.poll()
        poll.register(self._alive, 0)  # a hang-up is told unasked
        poll.register(self._read_fd, RDHUP)
        poll.register(self._write_fd, 0)
        deadline = None
        while deadline is None or clock() < deadline:
            left = None if deadline is None else max(0.0, deadline - clock()) * 1000
            for fd, _ in retry(poll.poll, left):
                if fd == self._alive:
                    return True
                poll.unregister(fd)
                last = clock() + (END_TIME if fd == self._write_fd else ASKED_TIME)
                deadline = last if deadline is None else min(last, deadline)
        return False

    def _is_there(self):
        return self._mark is not None and _mark_of(self._interpreter) == self._mark

    def _wait(self, ready, seconds):
        deadline = clock() + seconds
        while not ready() and clock() < deadline:
            self._sleep(NAP)


def _mark_of(pid):
    """Return what tells a process from a later one of its number; None if it has ended."""
    if sys.platform.startswith("linux"):
        try:
            with open("/proc/%d/stat" % pid, "rb") as source:
                words = source.read().rpartition(b")")[2].split()
            return None if words[0] in (b"Z", b"X") else words[19]  # its start time
        except (OSError, IOError):
            if os.path.exists("/proc/self/stat"):
                return None
    try:
        os.kill(pid, 0)
    except OSError as error:
        return b"" if error.errno == errno.EPERM else None
    return b""


def _kill_group(group):
    try:
        os.killpg(group, signal.SIGKILL)
    except OSError:
        pass  # nobody is left, or all that are left are another user's
