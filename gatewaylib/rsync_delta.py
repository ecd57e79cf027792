# pure
"""What of a file must travel, given checksums of the blocks of an older one.

The other end tells two checksums for each block of its old file: Adler-32, which can be
rolled on byte by byte, and 16 bytes of SHA-256. A block whose checksums turn up anywhere in
the new file does not travel: the other end copies it from its old file.

Looking for blocks at every byte is slow in Python, some MB/s. So it ends where it does not
pay: after ``SEARCH_LIMIT`` bytes without a find only whole blocks are looked at, until one is
found.
"""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple, Union

CHUNK = 2**18  # bytes of a file that are read, and travel, at once
WORTH = 2**16  # bytes: a smaller file travels whole, as asking costs a round trip
MAX_BLOCKS = 2**16  # of an old file that are told of; what lies behind them travels
SMALLEST_BLOCK, LARGEST_BLOCK = 2**12, 2**22  # bytes
USUAL_BLOCKS = 2**13  # in one file, where the sizes above allow it
STRONG = 16  # bytes of a block's SHA-256
SEARCH_LIMIT = 2**24  # bytes
STRETCH = 2**16  # places that are searched at once
MODULUS = 65521  # Adler-32's


class Copy(NamedTuple):
    """As many blocks of the old file, from number ``first`` on."""

    first: int
    blocks: int


Step = Union[bytes, Copy]  # what a new file is made of, one after another


class OldBlocks:
    """The checksums of an old file's blocks, and where to find each.

    Args:
        size: bytes of a block.
        weak: Adler-32 of each block, in order.
        strong: the first ``STRONG`` bytes of SHA-256 of each, joined.
        last: bytes of the last block, 1 to ``size``.
    """

    def __init__(self, size: int, weak: Sequence[int], strong: bytes, last: int) -> None:
        if not (len(weak) * STRONG == len(strong) and 1 <= last <= size):
            raise ValueError(f"{len(weak)} blocks with {len(strong)} bytes, the last of {last}")
        self.size, self.last = size, last
        self._strong = [strong[i : i + STRONG] for i in range(0, len(strong), STRONG)]
        self._weak = weak
        self._numbers: dict[int, list[int]] = {}
        whole = len(weak) if last == size else len(weak) - 1
        seen = set()
        for number in range(whole):
            pair = weak[number], self._strong[number]
            if pair not in seen:  # of blocks that are alike, the first will do
                seen.add(pair)
                self._numbers.setdefault(weak[number], []).append(number)
        self._lows = {value & 0xFFFF for value in self._numbers}
        # A peer can make up checksums that look right and are not, at every byte.
        self._false_alarms_left = 1000 + len(weak)

    def find(self, data: bytes) -> int | None:
        """Return the first place where ``size`` bytes have a weak checksum of ours, or None."""
        size, lows, numbers = self.size, self._lows, self._numbers
        if len(data) < size or not numbers or self._false_alarms_left <= 0:
            return None
        value = zlib.adler32(data[:size])
        if value in numbers:
            return 0
        low, high = value & 0xFFFF, value >> 16
        for place, (gone, come) in enumerate(zip(data, memoryview(data)[size:]), 1):
            low += come - gone
            high += low - 1 - size * gone
            if low % MODULUS in lows and (high % MODULUS << 16 | low % MODULUS) in numbers:
                return place
        return None

    def number_of(self, block: bytes, expected: int) -> int | None:
        """Return the number of the old block that is ``block``; the expected one if it is."""
        weak, strong = zlib.adler32(block), strong_sum(block)
        if expected < len(self._weak) and len(block) == self.size_of(expected):
            if (self._weak[expected], self._strong[expected]) == (weak, strong):
                return expected
        for number in self._numbers.get(weak, ()):
            if self._strong[number] == strong:
                return number
        self._false_alarms_left -= weak in self._numbers
        return None

    def size_of(self, number: int) -> int:
        """Return the bytes of a block."""
        return self.last if number == len(self._weak) - 1 else self.size

    def is_last(self, data: bytes) -> bool:
        """Return whether ``data`` is the last block, which may be a short one."""
        return bool(self._strong) and self._strong[-1] == strong_sum(data)


def block_size(file_size: int) -> int:
    """Return the bytes of a block for an old file of that size: a power of two."""
    size = SMALLEST_BLOCK
    while size < LARGEST_BLOCK and size * USUAL_BLOCKS < file_size:
        size *= 2
    return size


def strong_sum(block: bytes) -> bytes:
    """Return what tells blocks from each other for certain."""
    return hashlib.sha256(block).digest()[:STRONG]


def steps(chunks: Iterable[bytes], old: OldBlocks) -> Iterator[Step]:
    """Yield what makes the file that ``chunks`` are of: bytes of it, and blocks of the old one.

    At most two blocks, a stretch and a chunk of it are held at once.
    """
    literal, copy = bytearray(), Copy(0, 0)  # one of them is empty
    for step in _single_steps(chunks, old):
        if isinstance(step, Copy):
            if literal:
                yield from _in_chunks(literal)
                literal = bytearray()
            if copy.blocks and copy.first + copy.blocks == step.first:
                step = Copy(copy.first, copy.blocks + 1)
            elif copy.blocks:
                yield copy
            copy = step
            continue
        if copy.blocks:
            yield copy
            copy = Copy(0, 0)
        literal += step
        if len(literal) >= CHUNK:
            yield from _in_chunks(literal)
            literal = bytearray()
    if copy.blocks:
        yield copy
    yield from _in_chunks(literal)


def _in_chunks(data: bytearray) -> Iterator[bytes]:
    return (bytes(data[i : i + CHUNK]) for i in range(0, len(data), CHUNK))


def _single_steps(chunks: Iterable[bytes], old: OldBlocks) -> Iterator[Step]:
    """Yield steps with one block each, and bytes in pieces of any size, none empty."""
    source = iter(chunks)
    buffer = bytearray()
    size = old.size
    wanted = size + max(STRETCH, size)
    expected = unmatched = 0
    more = True
    while True:
        while more and len(buffer) < wanted:
            chunk = next(source, None)
            more = chunk is not None
            buffer += chunk or b""
        if len(buffer) < size:
            break
        number = old.number_of(bytes(buffer[:size]), expected)
        if number is not None:
            yield Copy(number, 1)
            expected, unmatched = number + 1, 0
            del buffer[:size]
            continue
        skipped = size if unmatched >= SEARCH_LIMIT else _places_to_skip(buffer, old)
        yield bytes(buffer[:skipped])
        unmatched += skipped
        del buffer[:skipped]
    rest = bytes(buffer)
    if len(rest) >= old.last and old.is_last(rest[len(rest) - old.last :]):
        if len(rest) > old.last:
            yield rest[: -old.last]
        yield Copy(len(old._weak) - 1, 1)
    elif rest:
        yield rest


def _places_to_skip(buffer: bytearray, old: OldBlocks) -> int:
    """Return how many bytes at the buffer's start begin no block, 1 at the least."""
    found = old.find(bytes(buffer[1 : old.size + STRETCH]))
    if found is not None:
        return 1 + found
    # The last place that was searched is not known to begin none if more bytes come.
    return min(len(buffer), old.size + STRETCH) - old.size + 1
