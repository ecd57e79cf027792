"""The other end of a raw link: a script on stdin and stdout that does as little as can be.

A request is a verb, a size and a count; sizes are agreed beforehand, so there are no headers,
no serializer and no copy that the system calls do not need.
"""

from __future__ import annotations

import os
import struct

REQUEST = struct.Struct("=cQQ")
CHUNK = 64 * 1024  # larger reads of small messages cost a mmap and munmap each


def write_all(fd: int, data: memoryview) -> None:
    while data:
        data = data[os.write(fd, data) :]


def read_exactly(fd: int, size: int) -> bytearray:
    """Return ``size`` bytes, read where they will stay; EOFError if the stream ends before."""
    data = bytearray(size)
    rest = memoryview(data)
    while rest:
        got = os.readv(fd, [rest])
        if not got:
            raise EOFError
        rest = rest[got:]
    return data


def drain(fd: int, size: int) -> None:
    """Read ``size`` bytes and forget them."""
    while size:
        got = len(os.read(fd, min(size, CHUNK)))
        if not got:
            raise EOFError
        size -= got


def take(fd: int, size: int, count: int) -> None:
    """Read ``count`` messages: small ones by the chunk, large ones each into its own bytes."""
    if size < CHUNK:
        drain(fd, size * count)
    else:
        for _ in range(count):
            read_exactly(fd, size)


def give(fd: int, size: int, count: int) -> None:
    """Write ``count`` messages of ``size`` bytes, at least one system call for each."""
    message = b"x" * size
    if size < CHUNK:
        write = os.write
        for _ in range(count):
            sent = write(fd, message)
            if sent < size:
                write_all(fd, memoryview(message)[sent:])
    else:
        for _ in range(count):
            write_all(fd, memoryview(message))


def main() -> None:
    os.write(1, struct.pack("=Q", os.getpid()))
    while True:
        verb, size, count = REQUEST.unpack(read_exactly(0, REQUEST.size))
        if verb == b"e":
            for _ in range(count):
                os.write(1, os.read(0, size))
        elif verb == b"t":
            take(0, size, count)
            os.write(1, b"!")
        elif verb == b"g":
            give(1, size, count)


if __name__ == "__main__":
    try:
        main()
    except (EOFError, OSError):
        pass
