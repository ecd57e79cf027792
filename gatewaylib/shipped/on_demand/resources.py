# shipped: stdlib only; Python 2.7-3.14, PyPy, Jython
"""Data of forwarded packages: what importlib.resources and pkgutil.get_data get at.

It is sent along with importer.py, which runs it, and asks by that file's ``Line``.
"""

from __future__ import absolute_import

import errno
import io
import os


class Resource(object):
    """A file or folder of a package at the local side: an importlib.resources Traversable."""

    def __init__(self, line, package, parts=(), kind=None):
        self._line, self._package, self._parts = line, package, tuple(parts)
        self._kind = kind  # "file" or "folder" once it is known

    @property
    def name(self):
        return self._parts[-1] if self._parts else self._package.rpartition(".")[2]

    def __repr__(self):
        return "<Resource %s of package %s>" % ("/".join(self._parts), self._package)

    def joinpath(self, *steps):
        """Return what is below; each step may be several, joined by ``/``."""
        parts = [part for step in steps for part in str(step).split("/") if part != "."]
        return Resource(self._line, self._package, self._parts + tuple(parts)) if parts else self

    __truediv__ = __div__ = joinpath

    def _ask(self, *offset_and_size):
        answer = self._line.ask("data", self._package, self._parts, *offset_and_size)
        if answer[0] == "refused":
            raise IOError(self._line.native(answer[1]))
        return answer

    def _look(self):
        if self._kind is None:
            self._kind = self._ask(0, 0)[0]
        return self._kind

    def is_file(self):
        return self._look() == "file"

    def is_dir(self):
        return self._look() == "folder"

    def _fail(self, number):
        raise IOError(number, os.strerror(number), "/".join((self._package,) + self._parts))

    def iterdir(self):
        """Give what is in the folder, each a Resource."""
        names, total = [], 1
        while len(names) < total:
            answer = self._ask(len(names))
            if answer[0] != "folder":
                self._fail(errno.ENOENT if answer[0] == "missing" else errno.ENOTDIR)
            total = answer[2] if answer[1] else 0
            names += answer[1]
        for name, is_folder in names:
            parts = self._parts + (self._line.native(name),)
            yield Resource(self._line, self._package, parts, "folder" if is_folder else "file")

    def read_bytes(self):
        answer = self._ask()
        if answer[0] != "file":
            self._fail(errno.ENOENT if answer[0] == "missing" else errno.EISDIR)
        return self._line.read_on("data", self._package, self._parts, answer[2], answer[1])

    def read_text(self, encoding=None, errors="strict"):
        return self.open("r", encoding=encoding or "utf-8", errors=errors).read()

    def open(self, mode="r", *args, **kwargs):
        """Return an open file; all of it is here then."""
        stream = io.BytesIO(self.read_bytes())
        return stream if "b" in mode else io.TextIOWrapper(stream, *args, **kwargs)


class ResourceReader(object):
    """What importlib.resources asks a loader for: of Python 3.7, and of 3.10 and later."""

    def __init__(self, line, package):
        self._root = Resource(line, package)

    def files(self):
        return self._root

    def open_resource(self, resource):
        return self._root.joinpath(resource).open("rb")

    def resource_path(self, resource):
        self._root._fail(errno.ENOENT)  # importlib.resources makes a temporary file then

    def is_resource(self, name):
        return self._root.joinpath(name).is_file()

    def contents(self):
        return [resource.name for resource in self._root.iterdir()]
