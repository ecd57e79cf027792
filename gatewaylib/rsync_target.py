"""One target of an rsync: the conversation with the receiver at one gateway.

``shipped/on_demand/rsync_receiver.py`` says what goes either way. Everything that comes from
there is checked: it may ask for the files it was offered, and for nothing else.
"""

from __future__ import annotations

import hashlib
import os
import struct
import time
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Callable, TypeVar

from .gateway import Gateway
from .rsync_delta import CHUNK, MAX_BLOCKS, STRONG, WORTH, Copy, OldBlocks, Step, block_size, steps
from .rsync_tree import Directory, Entry, Link, OpenFile, Problem, Tree
from .shipped.channel import Channel
from .shipped.errors import (
    ChannelEnded,
    GatewayError,
    ProtocolError,
    TimeoutError,  # noqa: A004
)

WINDOW = 2**23  # bytes that a target which writes slowly holds in memory at most
BATCH = 1000  # entries that are told at once; a round trip for each batch of files
MOST_UNANSWERED = 64  # files whose end is on its way
TRIES = 2  # to send a file that changes while it is sent
PATIENCE = 10.0  # seconds for the receiver to say why it ended
LONGEST_REASON = 1000  # characters of what a target says of a file

# The answers, and the types of what follows their names.
ANSWERS: dict[str, tuple[type, ...]] = {
    "ready": (type(None),),
    "need": (list,),
    "sums": (int, int, bytes, bytes),
    "done": (int, str),
    "finished": (list,),
}
Tell = Callable[[str, Any], object]
T = TypeVar("T")


class Report:
    """What an rsync did for one target.

    Attributes:
        gateway: the gateway's id.
        files: how many files differed there, in content or time.
        size: bytes that are in these.
        sent: bytes of them that travelled.
        left_out: list of Problem: what could not be read here; it stays as it was there.
        failed: list of Problem: what could not be written there.
        error: why the target failed as a whole; None: it did not.
    """

    def __init__(self, gateway: str) -> None:
        self.gateway = gateway
        self.files = self.size = self.sent = 0
        self.left_out: list[Problem] = []
        self.failed: list[Problem] = []
        self.error: Exception | None = None

    def __repr__(self) -> str:
        if self.error is not None:
            return f"<Report {self.gateway!r}: {self.error}>"
        trouble = len(self.left_out) + len(self.failed)
        return (
            f"<Report {self.gateway!r}: {self.files} files of {self.size} bytes, "
            f"{self.sent} sent, {trouble} problems>"
        )


class Target:
    """A destination at a gateway.

    Attributes:
        channel: of the receiver's task; callbacks are given it.
        line: the channel on which files travel: its window keeps few bytes in memory.
        report: filled in while ``run`` runs.
    """

    def __init__(self, gateway: Gateway, task: Channel, destination: bytes, delete: bool) -> None:
        self.gateway, self.channel = gateway, task
        self.report = Report(gateway.id)
        self._destination, self._delete = destination, delete
        self.line = gateway.newchannel(window=WINDOW)
        # Names are bytes, and so are those of Python 2.
        self.line.reconfigure(py2str_as_py3str=False, py3str_as_py2str=False)
        self._unanswered: deque[int] = deque()

    def close(self) -> None:
        """End it from another thread: ``run`` raises, and the other end stops."""
        self.line.close()

    def run(self, tree: Tree, tell: Tell, deadline: float | None) -> None:
        """Make the destination like the tree.

        Args:
            tell: called with ("list", bytes), ("ack", bytes), ("sending", name), and
                ("left out", Problem), as they come about.
            deadline: time.monotonic's.

        Raises:
            TimeoutError: the deadline has passed.
            RemoteError, ProtocolError, GatewayLost: the other end failed, or lied, or is lost.
        """
        self._tree, self._tell, self._deadline = tree, tell, deadline
        try:
            self._run()
        except ChannelEnded:
            self.channel.waitclose(PATIENCE)  # raises what the receiver raised
            raise
        finally:
            self.line.close()

    def _run(self) -> None:
        tree = self._tree
        self._send("begin", self._destination, self._delete, bool(tree.directories))
        self._receive("ready")
        for _, directories in batches(tree.directories):
            self._send("directories", [as_directory(item) for item in directories])
        needed: list[tuple[int, int, bytes]] = []
        for first, entries in batches(tree.files):
            self._send("files", first, [as_entry(entry) for entry in entries])
            (need,) = self._receive("need")
            needed += checked_need(need, first, entries)
        self.report.files = len(needed)
        self.report.size = sum(tree.files[number].size for number, _, _ in needed)
        self._tell("list", self.report.size)
        for number, old_size, digest in needed:
            self._bring(number, old_size, digest)
            self._hear_of(MOST_UNANSWERED)
        self._hear_of(0)
        for _, links in batches(tree.links):
            self._send("links", [as_link(link) for link in links])
        self._send("finish")
        (problems,) = self._receive("finished")
        self.report.failed += checked_problems(problems)

    # ---- one file --------------------------------------------------------------------

    def _bring(self, number: int, old_size: int, digest: bytes) -> None:
        """See to it that a file is there as it is here."""
        name = self._tree.files[number].name
        try:
            for _ in range(TRIES):
                with OpenFile(self._tree.path_of(name), name) as source:
                    if digest and self._is_alike(source, old_size, digest):
                        entry = source.entry
                        self._send("touch", number, entry.mode, entry.mtime)
                        self._unanswered.append(number)
                        return
                    if self._send_file(source, number, old_size):
                        self._unanswered.append(number)
                        return
            self._leave_out(number, "it changed while it was sent, again and again")
        except FileNotFoundError:  # it vanished since the walk
            self._tell("ack", self._tree.files[number].size)
        except GatewayError:
            raise  # some are OSError, too
        except OSError as error:
            self._leave_out(number, f"cannot be read: {error.strerror}")

    def _leave_out(self, number: int, reason: str) -> None:
        entry = self._tree.files[number]
        problem = Problem(entry.name, reason)
        self.report.left_out.append(problem)
        self._tell("left out", problem)
        self._tell("ack", entry.size)

    def _is_alike(self, source: OpenFile, size: int, digest: bytes) -> bool:
        if source.entry.size != size:
            return False
        found = hashlib.sha256()
        for chunk in self._in_time(source.chunks(CHUNK)):
            found.update(chunk)
        return found.digest() == digest and not source.has_changed()

    def _send_file(self, source: OpenFile, number: int, old_size: int) -> bool:
        """Send what a file holds; return whether it stayed as it was meanwhile."""
        entry = source.entry
        self._tell("sending", entry.name)
        chunks = self._in_time(source.chunks(CHUNK))
        if entry.size <= CHUNK and not self._is_worth(entry, old_size):
            content = b"".join(chunks)
            if source.has_changed():
                return False
            self._send("whole", number, entry.mode, entry.mtime, content)
            self.report.sent += len(content)
            return True
        old = self._ask_for_blocks(number, old_size) if self._is_worth(entry, old_size) else None
        # The transport keeps bytes as they are. What is checked is that of the old file.
        whole = hashlib.sha256()
        parts: Iterable[Step] = chunks if old is None else steps(summed(chunks, whole.update), old)
        self._send("file", number, entry.mode, entry.mtime, old is not None)
        try:
            for part in parts:
                if isinstance(part, Copy):
                    assert old is not None
                    self._send("copy", part.first, part.blocks, old.size)
                else:
                    self._send("data", part)
                    self.report.sent += len(part)
            if source.has_changed():
                self._send("drop")
                return False
        except GatewayError:
            raise
        except OSError:  # it can't be read to its end
            self._send("drop")
            raise
        self._send("end", b"" if old is None else whole.digest())
        return True

    def _is_worth(self, entry: Entry, old_size: int) -> bool:
        return min(entry.size, old_size) >= WORTH

    def _ask_for_blocks(self, number: int, old_size: int) -> OldBlocks | None:
        """Return the blocks of the old file; None if it has none that can be read."""
        size = block_size(old_size)
        self._send("sums", number, size, MAX_BLOCKS)
        self._hear_of(0)
        told_number, told, weak, strong = self._receive("sums")
        count = len(weak) // 4
        if told_number != number or len(weak) % 4 or count > MAX_BLOCKS:
            raise self._lie("sums", (told_number, len(weak)))
        if not count:
            return None
        try:
            last = told - (count - 1) * size
            return OldBlocks(size, struct.unpack(f"!{count}I", weak), strong, last)
        except ValueError as error:
            raise self._lie("sums", str(error)) from None

    # ---- the line --------------------------------------------------------------------

    def _send(self, *message: object) -> None:
        self.line.send(message, timeout=self._left())

    def _receive(self, kind: str) -> Sequence[Any]:
        """Return what follows the name of the answer that has to come now."""
        answer = self.line.receive(timeout=self._left())
        if type(answer) is not tuple or answer[:1] != (kind,):
            raise self._lie(kind, answer)
        if tuple(map(type, answer[1:])) != ANSWERS[kind]:
            raise self._lie(kind, answer)
        return answer[1:]

    def _hear_of(self, most: int) -> None:
        """Receive what became of files until at most ``most`` are not heard of."""
        while len(self._unanswered) > most:
            number, problem = self._receive("done")
            if number != self._unanswered.popleft():
                raise self._lie("done", number)
            entry = self._tree.files[number]
            if problem:
                self.report.failed.append(Problem(entry.name, problem[:LONGEST_REASON]))
            self._tell("ack", entry.size)

    def _lie(self, expected: str, got: object) -> ProtocolError:
        return ProtocolError(
            f"gateway {self.gateway.id}: its rsync answered {got!r:.200}, which is not what"
            f" {expected!r} has to be; it is given up"
        )

    def _left(self) -> float | None:
        if self._deadline is None:
            return None
        left = self._deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError(f"gateway {self.gateway.id}: the rsync is out of time")
        return left

    def _in_time(self, chunks: Iterable[bytes]) -> Iterator[bytes]:
        for chunk in chunks:
            self._left()
            yield chunk


def batches(items: Sequence[T]) -> Iterator[tuple[int, Sequence[T]]]:
    """Yield (number of the first, some of the items) until there were all."""
    for first in range(0, len(items), BATCH):
        yield first, items[first : first + BATCH]


def summed(chunks: Iterable[bytes], update: Callable[[bytes], object]) -> Iterator[bytes]:
    """Yield the chunks, each given to ``update`` before."""
    for chunk in chunks:
        update(chunk)
        yield chunk


def as_entry(entry: Entry) -> tuple[bytes, int, int, int]:
    """Return a file as it travels."""
    return os.fsencode(entry.name), entry.mode, entry.mtime, entry.size


def as_directory(directory: Directory) -> tuple[bytes, int, int, bool]:
    """Return a directory as it travels."""
    entry = directory.entry
    return os.fsencode(entry.name), entry.mode, entry.mtime, directory.is_whole


def as_link(link: Link) -> tuple[bytes, bytes, bool]:
    """Return a link as it travels."""
    return os.fsencode(link.name), os.fsencode(link.target), link.is_inside


def checked_need(
    need: list[Any], first: int, offered: Sequence[Entry]
) -> list[tuple[int, int, bytes]]:
    """Return what a target needs of the files it was offered; raise ProtocolError if it can't."""
    before = first - 1
    for item in need:
        if type(item) is not tuple or tuple(map(type, item)) != (int, int, bytes):
            raise ProtocolError(f"an rsync needs {item!r:.200}, which is no file")
        number, old_size, digest = item
        if not before < number < first + len(offered):
            raise ProtocolError(f"an rsync needs file {number}, which it was not offered, or again")
        if old_size < -1 or len(digest) not in (0, 32):
            raise ProtocolError(f"an rsync has {old_size} bytes of file {number}")
        before = number
    return need


def checked_problems(problems: list[Any]) -> list[Problem]:
    """Return what went wrong at a target; raise ProtocolError if it is something else."""
    for item in problems:
        if type(item) is not tuple or tuple(map(type, item)) != (bytes, str):
            raise ProtocolError(f"an rsync had a problem that is none: {item!r:.200}")
    return [Problem(os.fsdecode(name), reason[:LONGEST_REASON]) for name, reason in problems]


assert STRONG == 16  # as the receiver has it
