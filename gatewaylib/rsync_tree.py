"""A directory tree as it is found at this end: what there is to send."""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Iterator
from typing import Callable, NamedTuple

CLOSE_ON_EXEC = getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)
# Between the walk and the opening another process may put a link or a FIFO in a file's place:
# the one is not followed and the other not waited for.
AS_IT_IS = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | CLOSE_ON_EXEC


class Entry(NamedTuple):
    """A file, a directory or a link of the tree.

    Attributes:
        name: the path from the root, with "/" between its parts; "" is the root.
        mode: permission bits.
        mtime: microseconds since 1970.
        size: bytes of a file.
    """

    name: str
    mode: int
    mtime: int
    size: int = 0


class Directory(NamedTuple):
    """A directory; ``is_whole``: all its names are known, so that others may be deleted."""

    entry: Entry
    is_whole: bool


class Link(NamedTuple):
    """A symbolic link; ``is_inside``: ``target`` is a path from the root, "" the root itself."""

    name: str
    target: str
    is_inside: bool


class Problem(NamedTuple):
    """Something that was left out; ``name`` as in Entry, ``reason`` for people."""

    name: str
    reason: str


class Tree(NamedTuple):
    """All there is to send, directories before what is in them."""

    root: str
    directories: list[Directory]
    files: list[Entry]
    links: list[Link]
    problems: list[Problem]

    def path_of(self, name: str) -> str:
        """Return the path, at this end, of a name in the tree."""
        return os.path.join(self.root, *name.split("/")) if name else self.root


def read_tree(
    root: str,
    wanted: Callable[[str], object] = lambda path: True,
    special: Callable[[str], str] | None = None,
) -> Tree:
    """Walk a directory, or look at a single file, and return what is there.

    Args:
        root: a path; if it is a link, it is followed.
        wanted: called with the path of everything but the root; what is false is left out,
            with all that is in it.
        special: called with the path of what is neither file, directory nor link; returns
            the reason why it is left out.

    What vanishes meanwhile is left out.

    Raises:
        OSError: there is nothing at ``root``, or it can't be read.
        ValueError: there is something special, and no ``special``.
    """
    walk = _Walk(root, wanted, special or refuse_special)
    status = os.stat(root)
    if stat.S_ISDIR(status.st_mode):
        os.listdir(root)  # of the root alone, that it can't be read is an error
        walk.add_directory(root, "", status)
    else:
        walk.add(root, "", status)
    return walk.tree


def refuse_special(path: str) -> str:
    """Raise ValueError, as execnet does: it is for the caller to leave it out by a filter."""
    raise ValueError(
        f"cannot sync {path!r}: it is no file, directory or symbolic link; leave it out by filter()"
    )


class _Walk:
    def __init__(
        self, root: str, wanted: Callable[[str], object], special: Callable[[str], str]
    ) -> None:
        self.tree = Tree(root, [], [], [], [])
        self._wanted, self._special = wanted, special
        self._roots = {os.path.abspath(root), os.path.realpath(root)}

    def add(self, path: str, name: str, status: os.stat_result) -> None:
        mode = status.st_mode
        if stat.S_ISREG(mode):
            self.tree.files.append(entry_of(name, status))
        elif stat.S_ISDIR(mode):
            self.add_directory(path, name, status)
        elif stat.S_ISLNK(mode):
            with contextlib.suppress(FileNotFoundError):
                self.tree.links.append(self._link(name, os.readlink(path)))
        else:
            self.tree.problems.append(Problem(name, self._special(path)))

    def add_directory(self, path: str, name: str, status: os.stat_result) -> None:
        try:
            names = sorted(os.listdir(path))
        except FileNotFoundError:
            return
        except OSError as error:
            names = None
            self.tree.problems.append(Problem(name, f"cannot be read: {error.strerror}"))
        self.tree.directories.append(Directory(entry_of(name, status), names is not None))
        for child in names or ():
            child_path = os.path.join(path, child)
            if self._wanted(child_path):
                with contextlib.suppress(FileNotFoundError):
                    child_name = f"{name}/{child}" if name else child
                    self.add(child_path, child_name, os.lstat(child_path))

    def _link(self, name: str, target: str) -> Link:
        if os.path.isabs(target):
            for root in self._roots:
                with contextlib.suppress(ValueError):  # on another drive
                    inside = os.path.relpath(os.path.normpath(target), root)
                    if inside.split(os.sep)[0] != os.pardir:
                        inside = "" if inside == os.curdir else inside.replace(os.sep, "/")
                        return Link(name, inside, True)
        return Link(name, target, False)


def entry_of(name: str, status: os.stat_result) -> Entry:
    """Return what a stat result says."""
    return Entry(name, stat.S_IMODE(status.st_mode), status.st_mtime_ns // 1000, status.st_size)


class OpenFile:
    """A file of the tree being read, so that one which changes meanwhile is noticed."""

    def __init__(self, path: str, name: str) -> None:
        """Open it; raises OSError, FileNotFoundError if it is gone or no file any more."""
        fd = os.open(path, os.O_RDONLY | AS_IT_IS)
        self._file = os.fdopen(fd, "rb", buffering=0)
        status = os.fstat(fd)
        if not stat.S_ISREG(status.st_mode):
            self._file.close()
            raise FileNotFoundError(f"{path!r} is no file any more")
        self.entry = entry_of(name, status)
        self._before = status.st_mtime_ns, status.st_size
        self._read = 0

    def chunks(self, size: int) -> Iterator[bytes]:
        """Yield what is in it from the start, at most ``size`` bytes at once."""
        self._file.seek(0)
        self._read = 0
        # No more than there was at first: a file that grows all the time has an end.
        while self._read < self.entry.size:
            chunk = self._file.read(min(size, self.entry.size - self._read))
            if not chunk:
                return
            self._read += len(chunk)
            yield chunk

    def has_changed(self) -> bool:
        """Return whether what was read may be of two states of the file."""
        status = os.fstat(self._file.fileno())
        now = status.st_mtime_ns, status.st_size
        return now != self._before or self._read != self.entry.size

    def __enter__(self) -> OpenFile:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()
