# shipped: stdlib only; Python 2.7-3.14, PyPy, Jython
"""One connection and its interpreter, until both have ended."""

from __future__ import absolute_import

import socket
import sys
import threading

from ..lifeline import HAS_LIFELINES, close_on_exec
from .background import log, start_thread, start_timer
from .connections import send_last, shut_down, wait_for_hang_up
from .copying import relay
from .interpreter import Interpreter

END_TIME = 1.7  # seconds an interpreter may take to end by itself: it interrupts its tasks


class Session(object):
    """Runs a program for a client that has proved itself; used by one thread, but for ``end``.

    Args:
        conn: the connection; ``run`` closes it.
        program: the text of a Python program.
        is_plain: whether an interpreter can have the connection itself, which is no TLS.
    """

    def __init__(self, conn, program, is_plain):
        self._conn, self._program = conn, program
        # Without a lifeline it is the end of its streams by which it sees that we are gone.
        self._is_direct = is_plain and HAS_LIFELINES
        self._interpreter = self._ours = None
        self._ended = threading.Event()
        self._timers = []

    def run(self):
        """Run the interpreter until its connection or it itself ends."""
        try:
            if self._start():
                if self._is_direct:
                    wait_for_hang_up(self._conn)
                    self._client_ended()
                else:
                    relay(self._conn, self._ours, self._client_ended)
                self._ended.wait()
        finally:
            for timer in self._timers:
                timer.cancel()
            for sock in (self._conn, self._ours):
                if sock is not None:
                    sock.close()

    def end(self):
        """End its interpreter now; any thread may, at any time."""
        if self._interpreter is not None:
            self._interpreter.kill()

    def _start(self):
        """Start the interpreter; return whether that went well. The client is told why not."""
        try:
            if self._is_direct:
                self._interpreter = Interpreter(self._program, self._conn)
            else:
                self._ours, theirs = socket.socketpair()
                try:
                    close_on_exec(self._ours.fileno())
                    self._interpreter = Interpreter(self._program, theirs)
                finally:
                    theirs.close()
            start_thread(self._watch)
            return True
        except Exception as error:  # no descriptor left shows in many classes, as ImportError
            log("cannot start %s: %s" % (sys.executable, error))
            if self._interpreter is not None:  # nobody can wait for it beside us
                self._interpreter.kill()
                self._interpreter.wait()
            send_last(self._conn, "the server cannot start an interpreter: %s\n" % error)
            return False

    def _client_ended(self):
        self._timers.append(start_timer(END_TIME, self._interpreter.kill))

    def _watch(self):
        self._interpreter.wait()
        if self._is_direct:
            shut_down(self._conn, socket.SHUT_WR)  # what it has written arrives before the end
        self._timers.append(start_timer(END_TIME, shut_down, self._conn))
        self._ended.set()
