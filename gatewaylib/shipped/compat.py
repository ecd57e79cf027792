# shipped: stdlib only; Python 2.7-3.14, PyPy, Jython; pure
"""Which Python this is: the only file that asks.

Everything else imports a name from here and looks the same on every version.
"""
from __future__ import absolute_import

import platform
import sys
import time

PY2 = sys.version_info[0] == 2
IMPLEMENTATION = platform.python_implementation()
JYTHON = IMPLEMENTATION == "Jython"
# Where False, an object nobody holds stays until the collector happens to run.
HAS_REFERENCE_COUNTS = IMPLEMENTATION == "CPython"

if PY2:
    text_type = unicode  # noqa: F821
    int_types = (int, long)  # noqa: F821
    # Python 2 has no monotonic clock; a step of the wall clock moves deadlines with it.
    clock = time.time
    import Queue as queue  # noqa: F401
else:
    text_type = str
    int_types = (int,)
    clock = time.monotonic
    import queue  # noqa: F401


def native(text):
    """Return text as this Python's ``str``: UTF-8 bytes on 2.7, unchanged on 3."""
    if PY2 and isinstance(text, text_type):
        return text.encode("utf-8")
    return text


def as_text(value):
    """Return a native ``str`` or bytes as text, undecodable bytes replaced."""
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    return value
