# shipped: stdlib only; Python 2.7-3.14, PyPy, Jython
"""Process groups that end with this process: each has a lifeline.

A lifeline is a pipe of which this process has the writing end, and the group the other. When
the writing end is closed, by us or because we are gone, the kernel kills the group, whatever
it is doing, stopped or not. (Linux; elsewhere a group only sees the end of its streams.)
"""

from __future__ import absolute_import

import os
import signal
import subprocess
import sys

try:
    import fcntl
except ImportError:  # Jython, or no POSIX
    fcntl = None

PY2 = sys.version_info[0] == 2
HAS_LIFELINES = sys.platform.startswith("linux")
F_SETSIG = 10  # Linux's, where fcntl does not name it


def arm(read_end, group):
    """Have the kernel kill a group when the other end of this pipe is closed.

    ``group`` has to have it open too: the kernel tells nobody of a descriptor that is gone.
    """
    if not HAS_LIFELINES:
        return
    try:
        fcntl.fcntl(read_end, fcntl.F_SETOWN, -group)
        fcntl.fcntl(read_end, getattr(fcntl, "F_SETSIG", F_SETSIG), signal.SIGKILL)
        flags = fcntl.fcntl(read_end, fcntl.F_GETFL)
        fcntl.fcntl(read_end, fcntl.F_SETFL, flags | os.O_ASYNC)
    except (AttributeError, OSError, IOError):
        pass  # a system that is Linux only by name


def close_on_exec(fd):
    """Keep a descriptor from what this process starts; Python 3 does so of its own accord."""
    if PY2 and fcntl is not None:
        fcntl.fcntl(fd, fcntl.F_SETFD, fcntl.fcntl(fd, fcntl.F_GETFD) | fcntl.FD_CLOEXEC)


def start_group(argv, **options):
    """Start a command as a process group of its own; return (its Popen, its lifeline).

    ``options`` are Popen's. The lifeline is a descriptor, to be closed by the caller.

    Raises what Popen does; nothing is left then.
    """
    read_end, lifeline = os.pipe()
    try:
        if PY2:
            close_on_exec(lifeline)
            options["preexec_fn"] = lambda: _begin_group(read_end)
        else:
            options.update(start_new_session=True, pass_fds=[read_end])
        process = subprocess.Popen(argv, **options)
        arm(read_end, process.pid)
    except BaseException:
        os.close(lifeline)
        raise
    finally:
        os.close(read_end)
    return process, lifeline


def _begin_group(lifeline):
    """In a new process of Python 2, which is given all descriptors: keep but the lifeline."""
    os.setsid()
    has_proc = os.path.isdir("/proc/self/fd")
    for fd in map(int, os.listdir("/proc/self/fd")) if has_proc else range(256):
        if fd > 2 and fd != lifeline:
            try:
                close_on_exec(fd)
            except (OSError, IOError):
                pass  # it is not open
