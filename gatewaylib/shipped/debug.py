# shipped: stdlib only; Python 2.7-3.14, PyPy, Jython
"""A listener that writes down what happens, where two environment variables say so.

``GATEWAYLIB_DEBUG`` or, of old, ``EXECNET_DEBUG``: 1 writes to a file in the directory for
temporary files, ``gatewaylib-debug-PID-`` and something nobody can guess, which only its
user may read; 2 writes to stderr. A line is an event::

    [PID] SECONDS EVENT field=value ...
"""
from __future__ import absolute_import

import os
import sys
import time

from .compat import encode_text
from .trace import listeners

VARIABLES = ("GATEWAYLIB_DEBUG", "EXECNET_DEBUG")


def told(environ):
    """Return those of the two variables that are set, for the environment of another process."""
    return {name: environ[name] for name in VARIABLES if environ.get(name)}


def listen_as_told(environ):
    """Write down what happens from now on, if the environment says so."""
    levels = [environ[name] for name in VARIABLES if environ.get(name)]
    if levels and levels[0] != "0":
        listeners.append(to_stderr if levels[0] == "2" else DebugFile())


def as_line(event, fields):
    """Return an event as the text of one line."""
    words = ["[%d] %.6f %s" % (os.getpid(), time.time(), event)]
    words += ["%s=%s" % (name, fields[name]) for name in sorted(fields)]
    return " ".join(words).replace("\n", "\\n") + "\n"


def to_stderr(event, fields):
    sys.stderr.write(as_line(event, fields))
    sys.stderr.flush()


class DebugFile(object):
    """Writes events to a new file; what this process forks writes there too.

    Its name is nobody's, and nobody can have made a link of it before.
    """

    def __init__(self):
        import tempfile

        self._fd, self.path = tempfile.mkstemp(prefix="gatewaylib-debug-%d-" % os.getpid())

    def __call__(self, event, fields):
        line = as_line(event, fields)
        os.write(self._fd, line if isinstance(line, bytes) else encode_text(line))
