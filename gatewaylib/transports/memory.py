"""Two transports joined in memory, for tests of rare timing.

What one end writes the other receives, in this process and without a descriptor. The
test decides when: nothing moves but by a call of ``receive`` or ``write``.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence

from ..shipped.compat import joined
from ..shipped.transport import Transport

CAPACITY = 2**16  # bytes that one direction holds, as a pipe does


class _Direction:
    """Bytes on their way from one end to the other."""

    def __init__(self, capacity: int) -> None:
        self.changed = threading.Condition()
        self.capacity = capacity
        self.data = bytearray()
        self.at_end = False  # no more is written
        self.broken = False  # no more is read

    def stop(self, broken: bool) -> None:
        with self.changed:
            self.at_end = True
            self.broken = self.broken or broken
            self.changed.notify_all()

    @property
    def room(self) -> int:
        return self.capacity - len(self.data)


class MemoryTransport(Transport):
    """One end of a pair; see ``pair``."""

    def __init__(self, incoming: _Direction, outgoing: _Direction) -> None:
        self._in, self._out = incoming, outgoing

    def receive(self, size: int) -> bytes:
        with self._in.changed:
            self._in.changed.wait_for(lambda: self._in.data or self._in.at_end)
            data = bytes(self._in.data[:size])
            del self._in.data[:size]
            self._in.changed.notify_all()
        return data

    def wait_readable(self, timeout: float | None) -> bool:
        with self._in.changed:
            return bool(
                self._in.changed.wait_for(lambda: self._in.data or self._in.at_end, timeout)
            )

    def write_one(self, data: bytes | memoryview) -> None:
        rest = memoryview(data)
        while len(rest):
            self.wait_writable(None)
            rest = rest[self.write_now([rest]) :]

    def write_now(self, buffers: Sequence[bytes | memoryview]) -> int:
        data = joined(list(buffers))
        with self._out.changed:
            if self._out.at_end:
                raise BrokenPipeError("the other end of this transport is closed")
            taken = data[: max(0, self._out.room)]
            self._out.data += taken
            self._out.changed.notify_all()
        return len(taken)

    def wait_writable(self, timeout: float | None) -> bool:
        with self._out.changed:
            return bool(
                self._out.changed.wait_for(lambda: self._out.room > 0 or self._out.at_end, timeout)
            )

    def close_write(self) -> None:
        self._out.stop(broken=False)

    def abort(self) -> None:
        self._out.stop(broken=True)
        self._in.stop(broken=True)

    def close(self) -> None:
        self.abort()


def pair(capacity: int = CAPACITY) -> tuple[MemoryTransport, MemoryTransport]:
    """Return the two ends of a new connection."""
    there, back = _Direction(capacity), _Direction(capacity)
    return MemoryTransport(back, there), MemoryTransport(there, back)
