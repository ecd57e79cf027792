# shipped: stdlib only; Python 2.7-3.14, PyPy, Jython; pure
"""An item that comes in pieces: they are joined as they come.

So the largest of items is there once, and not a second time when its last piece has come.
The bytes of a long ``bytes`` are what is behind the letter that its payload begins with:
they are kept apart from it, to be the item as they are.

Where the size is known ahead there is a place for each piece before it comes, so that it can
be read to where it stays. A place takes memory once it is written to, and not before.
"""

from __future__ import absolute_import

from io import BytesIO

from .compat import HAS_REFERENCE_COUNTS, PY2, as_bytes

# The system has given no memory yet for zeros that nobody has written to; and a BytesIO that
# alone holds them is written to in them. CPython 3 does both.
HAS_PLACES = HAS_REFERENCE_COUNTS and not PY2
# What is said of an item's size is believed up to so many times the piece that comes with it:
# it costs addresses, and a malloc that has had the memory before clears it.
BELIEVED = 1024
# Once glibc's malloc has seen so many of an item's size freed at once, it keeps twice as much of
# what is freed: to get the memory of 1 MiB anew takes three times as long as to copy it.
KEPT = 4
# Bytes that malloc always maps by themselves: what the system is told of them ends with them.
HUGE = 2**25
MADV_HUGEPAGE = 14  # Linux


class Arriving(object):
    """The payload of one item, as far as it has come.

    Args:
        letter: its first byte, if that has come.
        size: how many bytes are said to follow, 0 if nothing is; more may come, or less.
    """

    __slots__ = ("_letter", "_rest", "_size", "_room")
    seen_freed = 0  # bytes, by this process

    def __init__(self, letter=b"", size=0):
        self._letter, self._rest = letter, BytesIO()
        self._size, self._room = size, 0

    def place(self, size):
        """Return a memoryview to put the next piece into, and then ``add``; None: add the piece.

        ``size``: bytes of that piece.
        """
        start = self._rest.tell()
        if not start and size <= self._size <= size * BELIEVED and HAS_PLACES:
            self._make_room()
        if start + size > self._room:
            return None
        return self._rest.getbuffer()[start : start + size]

    def _make_room(self):
        kept = self._size * KEPT
        try:
            if Arriving.seen_freed < kept < HUGE:
                Arriving.seen_freed = len(bytes(kept))
            self._rest = BytesIO(bytes(self._size))
        except MemoryError:
            return  # it grows as pieces come
        self._room = self._size
        if self._room >= HUGE:
            use_huge_pages(self._rest.getbuffer())

    def add(self, piece):
        """Take the next piece: a buffer, a list of them, or a place that was filled."""
        if type(piece) is memoryview and self._room:
            size = len(piece)
            piece.release()  # the bytes can't be given away while somebody could change them
            self._rest.seek(size, 1)
            return
        write = self._rest.write
        for buffer in piece if type(piece) is list else [piece]:
            if not self._letter:
                self._letter, buffer = as_bytes(buffer[:1]), memoryview(buffer)[1:]
            write(as_bytes(buffer) if PY2 else buffer)

    def payload(self):
        """Return the whole payload: its first byte, and the others as bytes, uncopied."""
        self._rest.truncate()  # what less has come than there is room for
        return [self._letter, self._rest.getvalue()]


def use_huge_pages(view):
    """Have the system give 2 MiB at once of a memoryview nobody has written to, if it can.

    Getting 64 MiB by pages of 4 KiB takes twice as long as reading them.
    """
    try:
        import ctypes  # takes 3 ms, which an item of this size saves five times

        system = ctypes.CDLL(None)
        page = system.getpagesize()
        start = ctypes.addressof(ctypes.c_char.from_buffer(view))
        first, end = -(-start // page) * page, (start + len(view)) // page * page
        system.madvise(ctypes.c_void_p(first), ctypes.c_size_t(end - first), MADV_HUGEPAGE)
    except Exception:
        pass  # another system, or a Python without ctypes
