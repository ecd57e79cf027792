# shipped: stdlib only; Python 2.7-3.14, PyPy, Jython; pure
"""An item that comes in pieces: they are joined as they come.

So the largest of items is there once, and not a second time when its last piece has come.
The bytes of a long ``bytes`` are what is behind the letter that its payload begins with:
they are kept apart from it, to be the item as they are.
"""

from __future__ import absolute_import

from io import BytesIO

from .compat import PY2, as_bytes


class Arriving(object):
    """The payload of one item, as far as it has come."""

    __slots__ = ("_letter", "_rest")

    def __init__(self):
        self._letter, self._rest = b"", BytesIO()

    def add(self, buffers):
        """Take the next piece, a list of buffers."""
        write = self._rest.write
        for buffer in buffers:
            if not self._letter:
                self._letter, buffer = as_bytes(buffer[:1]), memoryview(buffer)[1:]
            write(as_bytes(buffer) if PY2 else buffer)

    def payload(self):
        """Return the whole payload: its first byte, and the others as bytes, uncopied."""
        return [self._letter, self._rest.getvalue()]
