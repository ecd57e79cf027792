# shipped: stdlib only; Python 2.7-3.14, PyPy, Jython
"""Slots: memory that both ends have, where they are processes of one machine.

A pipe carries 5 GB a second, and memory 12: so a large piece is copied into a slot that is
free, and a frame says which. Each direction has its own. The receiver frees a slot when it has
copied the piece to where it stays. Nobody waits for one: what finds none goes by the pipe.

The memory has no name, so it is gone with the last process that has it, and it is sealed:
nobody can make it smaller under the other. What the other end writes there at the wrong
time is its own bytes, garbled.
"""

from __future__ import absolute_import

import os

from .arriving import HAS_PLACES
from .frames import MAX_PAYLOAD
from .protocol import MOST_SLOTS

COUNT = MOST_SLOTS
SIZE = MAX_PAYLOAD
HEAD = 2**12  # bytes ahead of them, of which one for each slot says whether it is in use
TOTAL = HEAD + 2 * COUNT * SIZE
# Of other processors a core may see a slot be free before what was in it has been read.
HAS_ORDER = hasattr(os, "uname") and os.uname()[4] == "x86_64"
CAN_SHARE = HAS_PLACES and HAS_ORDER


class Slots(object):
    """One end's view of them: it writes to some and reads the others.

    ``put`` and ``get`` are called by one thread at a time.

    Args:
        fd: the descriptor of the memory, open as long as this may be used.
        first: whether this end writes to the first half.

    Raises OSError if it is no such descriptor.
    """

    def __init__(self, fd, first):
        self._fd, self._file = fd, _describe(fd)
        if self._file[2] != TOTAL:
            raise OSError("descriptor %d has %d bytes instead of %d" % (fd, self._file[2], TOTAL))
        self._mine, self._theirs = (0, COUNT) if first else (COUNT, 0)
        self._memory = None  # a memoryview, from the first use on

    def put(self, cut, size):
        """Fill a slot with ``cut(size)``, buffers of so many bytes; return its number, or None.

        None: there is none free, and nothing was cut.
        """
        try:
            memory = self._memory or self._map()
        except (ImportError, OSError, ValueError):
            return None  # there are no addresses left; or somebody has closed what is not theirs
        number = bytes(memory[self._mine : self._mine + COUNT]).find(b"\0")
        if number < 0:
            return None
        start = HEAD + (self._mine + number) * SIZE
        for buffer in cut(size):
            memory[start : start + len(buffer)] = buffer
            start += len(buffer)
        memory[self._mine + number] = 1  # a Ctrl-C behind this costs a slot, and no more
        return number

    def get(self, number, size):
        """Return a memoryview of the first bytes of a slot that the other end has filled."""
        start = HEAD + (self._theirs + number) * SIZE
        return (self._memory or self._map())[start : start + size]

    def free(self, number):
        """Let the other end fill a slot again."""
        self._memory[self._theirs + number] = 0

    def close(self):
        """Give the memory back; the descriptor is whose it was. What is put from now on is not."""
        self._fd, self._memory = -1, None

    def _map(self):
        from mmap import mmap  # most remotes have nothing large to send

        if _describe(self._fd) != self._file:
            raise OSError("descriptor %d is another file now" % self._fd)
        self._memory = memoryview(mmap(self._fd, TOTAL))
        return self._memory


def _describe(fd):
    status = os.fstat(fd)
    return status.st_dev, status.st_ino, status.st_size
