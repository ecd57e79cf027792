# shipped: stdlib only; Python 2.7-3.14, PyPy, Jython
"""This process's group: what tasks have started ends with the interpreter.

Where the local side holds the process itself, it ends the group. By ssh or in a container
nobody but the interpreter can. What has left the group, as a daemon does, may stay.
"""

from __future__ import absolute_import

import os
import signal

from .threads import get_model

NAP = 0.002  # seconds between looks
STATUS_TIME = 0.2  # seconds for a shell that runs the interpreter to hand on its exit status


def end_now():
    """Kill the whole group, this process too; there may be nothing of the kind here."""
    if hasattr(os, "killpg"):
        _kill(os.getpgrp())


def end_behind_us():
    """Have the group killed as soon as this process is gone, so that its status is its own."""
    group, parent = (os.getpgrp(), os.getpid()) if hasattr(os, "fork") else (0, 0)
    if group == 0 or not _fork():
        return
    try:
        os.setpgid(0, 0)
        sleep = get_model("thread").sleep
        while os.getppid() == parent:
            sleep(NAP)
        for _ in range(int(STATUS_TIME / NAP)):
            if not _exists(group):
                break
            sleep(NAP)
        _kill(group)
    finally:
        os._exit(0)


def _fork():
    """Return whether this is the child of a fork; if there can be none, it is not."""
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of threads, which the child has no use for
        try:
            return os.fork() == 0
        except OSError:
            return False


def _exists(pid):
    try:
        os.kill(pid, 0)
    except OSError as error:
        import errno

        return error.errno == errno.EPERM
    return True


def _kill(group):
    try:
        os.killpg(group, signal.SIGKILL)
    except OSError:
        pass  # nobody is left, or all that are left are another user's
