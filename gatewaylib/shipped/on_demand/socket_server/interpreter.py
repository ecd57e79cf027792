# shipped: stdlib only; Python 2.7-3.14, PyPy, Jython
"""The interpreter of one connection."""

from __future__ import absolute_import

import os
import signal
import sys
import threading

from ..lifeline import close_on_exec, start_group
from .tokens import TOKEN_VARIABLE


class Interpreter(object):
    """A fresh interpreter in a process group of its own, which has a socket as its stdio.

    The group ends with this process, by its lifeline. Raises what Popen does.
    """

    def __init__(self, program, sock):
        env = dict(os.environ)
        env.pop(TOKEN_VARIABLE, None)
        close_on_exec(sock.fileno())
        argv = [sys.executable, "-u", "-c", program]
        self._lock = threading.Lock()
        self._process, self._lifeline = start_group(argv, stdin=sock, stdout=sock, env=env)

    def wait(self):
        """Wait for its end, and leave nothing of its group."""
        if hasattr(os, "waitid"):  # until it is reaped its number can't be another's
            try:
                os.waitid(os.P_PID, self._process.pid, os.WEXITED | os.WNOWAIT)
            except OSError:
                pass  # on a gateway, a task of its users has reaped it
            self.kill()
        self._process.wait()
        if not hasattr(os, "waitid"):
            self.kill()
        with self._lock:
            os.close(self._lifeline)
            self._lifeline = None

    def kill(self):
        """End its whole group, if it is still there."""
        with self._lock:
            if self._lifeline is not None:
                try:
                    os.killpg(self._process.pid, signal.SIGKILL)
                except OSError:
                    pass  # nothing is left of it
