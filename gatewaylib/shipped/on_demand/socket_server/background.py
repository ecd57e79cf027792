# shipped: stdlib only; Python 2.7-3.14, PyPy, Jython
"""What goes on beside the server's main thread: threads, timers, and words to who runs it."""

from __future__ import absolute_import

import sys
import threading

# What there is where the system gives no more threads; the last is no RuntimeError on Python 2.
NO_THREAD = (RuntimeError, MemoryError, getattr(threading, "ThreadError", RuntimeError))


def start_thread(function, *args):
    """Run it in a thread that keeps no process from ending; raises one of ``NO_THREAD``."""
    thread = threading.Thread(target=function, args=args, name="gatewaylib-socket")
    thread.daemon = True
    thread.start()


def start_timer(seconds, function, *args):
    """Return a timer; where there can be none, the time is over now: better than never."""
    timer = threading.Timer(seconds, function, args)
    timer.daemon = True
    try:
        timer.start()
    except NO_THREAD:
        function(*args)
    return timer


def log(text):
    """Tell whoever reads this process's stderr."""
    try:
        sys.stderr.write("gatewaylib socket server: %s\n" % text)
        sys.stderr.flush()
    except (OSError, IOError, ValueError):
        pass  # nobody reads it
