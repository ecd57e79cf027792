"""Files and folders of packages, on disk or in a zip archive, which no step leads out of.

A place is entered step by step, by names; a name is an entry of the folder or there is
nothing. So ``..`` and absolute paths lead nowhere, whoever asks. On disk, symbolic links
that lead out of the fence are no entries either.
"""

from __future__ import annotations

import functools
import os
import zipfile
from typing import Protocol

NO_FENCE = ""  # what all paths begin with


class Place(Protocol):
    """A file or a folder.

    Attributes:
        path: text, what the import system calls it.
    """

    path: str

    @property
    def is_folder(self) -> bool: ...

    @property
    def entries(self) -> dict[str, bool]:
        """The names in a folder -> whether each is a folder itself; as of the first look."""

    def enter(self, name: str) -> Place | None:
        """Return the entry of that name, None if there is none."""

    def read(self, offset: int, size: int) -> tuple[int, bytes]:
        """Return a file's size and at most ``size`` bytes of it; OSError if it can't be read."""


class OnDisk:
    """A place on disk.

    Args:
        fence: the real path of the folder that nothing may lead out of; None: the place's
            own, wherever links have led to it.
    """

    def __init__(self, path: str, fence: str | None = None) -> None:
        self.path = path
        self._fence = os.path.realpath(path) if fence is None else fence

    @property
    def is_folder(self) -> bool:
        return os.path.isdir(self.path)

    @functools.cached_property
    def entries(self) -> dict[str, bool]:
        try:
            with os.scandir(self.path) as entries:
                kinds = {entry.name: self._kind(entry) for entry in entries}
        except OSError:  # no folder any more, or not ours to look into
            return {}
        return {name: kind for name, kind in kinds.items() if kind is not None}

    def _kind(self, entry: os.DirEntry[str]) -> bool | None:
        """Return whether an entry is a folder; None if it is neither that nor a plain file."""
        if entry.is_symlink() or os.name == "nt":  # there, other things lead elsewhere too
            real = os.path.realpath(entry.path)
            if real != self._fence and not real.startswith(os.path.join(self._fence, "")):
                return None
        try:
            if entry.is_dir():
                return True
            return False if entry.is_file() else None  # to open a pipe would wait for its writer
        except OSError:  # a link that leads nowhere
            return None

    def enter(self, name: str) -> OnDisk | None:
        # By the listing, not a stat: some file systems find "A.PY" for "a.py".
        return OnDisk(os.path.join(self.path, name), self._fence) if name in self.entries else None

    def read(self, offset: int, size: int) -> tuple[int, bytes]:
        with open(self.path, "rb") as file:
            file.seek(offset)
            return os.fstat(file.fileno()).st_size, file.read(size)


class InArchive:
    """A place in a zip archive, which has no way out.

    Args:
        archive: path of the archive.
        inside: path in it, ``/`` between names; ``""`` is all of it.
    """

    def __init__(self, archive: str, inside: str) -> None:
        self._archive, self._inside = archive, inside
        self.path = os.path.join(archive, *inside.split("/"))

    @property
    def is_folder(self) -> bool:
        return bool(self.entries)

    @functools.cached_property
    def entries(self) -> dict[str, bool]:
        start = f"{self._inside}/" if self._inside else ""
        found: dict[str, bool] = {}
        with zipfile.ZipFile(self._archive) as archive:
            for name in archive.namelist():
                first, slash, _ = name[len(start) :].partition("/")
                if name.startswith(start) and first:
                    found[first] = bool(slash) or found.get(first, False)
        return found

    def enter(self, name: str) -> InArchive | None:
        if name not in self.entries:
            return None
        return InArchive(self._archive, f"{self._inside}/{name}" if self._inside else name)

    def read(self, offset: int, size: int) -> tuple[int, bytes]:
        with zipfile.ZipFile(self._archive) as archive, archive.open(self._inside) as file:
            file.seek(offset)
            return archive.getinfo(self._inside).file_size, file.read(size)


def place_at(path: str) -> Place | None:
    """Return the place that the import system calls ``path``; None if it is nowhere."""
    path = os.path.abspath(path)
    if os.path.exists(path):
        return OnDisk(path)
    archive, inside = path, ""
    while not os.path.exists(archive):
        archive, name = os.path.split(archive)
        inside = f"{name}/{inside}" if inside else name
    if not os.path.isfile(archive) or not zipfile.is_zipfile(archive):
        return None
    place = InArchive(archive, "")
    for name in inside.split("/"):
        entered = place.enter(name)
        if entered is None:
            return None
        place = entered
    return place
