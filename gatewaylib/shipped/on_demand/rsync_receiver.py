# shipped: stdlib only; Python 2.7-3.14, PyPy, Jython
"""The remote half of an rsync: writes what it is sent, and trusts none of the names.

It receives (source of ``rsync_files``, its file name, a channel) and then, on that, tuples::

    ("begin", destination, delete, is_directory)
    ("directories", [(name, mode, mtime, is_whole)])
    ("files", number of the first, [(name, mode, mtime, size)])
    ("sums", number, block size, most blocks)
    ("touch", number, mode, mtime)
    ("whole", number, mode, mtime, content)
    ("file", number, mode, mtime, is_checked)   a file's new content begins
    ("data", bytes)                             more of it
    ("copy", first, count, block size)          more of it, from the old file
    ("drop",)                                   it changed meanwhile: the old one stays
    ("end", SHA-256 or b"")                     that was all of it; only what is_checked has one
    ("links", [(name, target, is_inside)])
    ("finish",)

and answers these, in order::

    ("ready", None)                                       begin
    ("need", [(number, size of the old or -1, its SHA-256 or b"")])   files
    ("sums", number, size of the old, packed Adler-32s, strong sums)  sums
    ("done", number, "" or what went wrong)               touch, whole, end
    ("finished", [(name, what went wrong)])               finish

Names and paths are bytes, with "/" between the parts of a name; an mtime is in microseconds.
"""
from __future__ import absolute_import

import os
import stat
import types

MOST_PROBLEMS = 1000  # are told of


class Refused(Exception):
    """The other end sent what no honest one sends."""


class Receiver(object):
    """Does what the messages of one rsync say; each has a method of its name."""

    def __init__(self, send, files):
        self._send, self._files = send, files
        self._root = None
        self._delete = False
        self._is_directory = False
        self._directories = {}  # name -> (path, mode, mtime, is_whole), made or found in this run
        self._failed = set()  # directories that could not be made
        self._names = {}  # name of a directory -> set of names that belong into it
        self._paths = {}  # number of a file that is needed -> its name and path
        self._new = None
        self._problems = []

    def close(self):
        """Leave no partial file."""
        if self._new is not None:
            self._new.drop()

    def _fail(self, name, reason):
        """Note that there is no such file or directory, nor what would be in it."""
        self._failed.add(name)
        self._problem(name, reason)

    def _problem(self, name, reason):
        if len(self._problems) < MOST_PROBLEMS:
            self._problems.append((name, reason))

    def _parts_of(self, name):
        """Return the parts of a name as paths; raise Refused for one that may leave."""
        if not name:
            return []
        parts = [self._files.as_path(part) for part in name.split(b"/")]
        for part in parts:
            bad = part in ("", os.curdir, os.pardir) or "\0" in part or os.path.isabs(part)
            if os.sep != "/" and not bad:
                bad = os.sep in part or ":" in part
            if bad:
                raise Refused("the name %r leads out of the destination" % (name,))
        return parts

    def _place(self, name):
        """Return the path of an entry in a directory of this run; None if it can't have one.

        The directories are real ones, no links: so no name leads anywhere else.
        """
        if not name:
            return self._root
        parent = name.rpartition(b"/")[0]
        if parent in self._failed:
            return self._fail(name, u"its directory could not be made")
        if parent not in self._directories:
            raise Refused("%r is in no directory that was announced" % (name,))
        try:
            last = self._parts_of(name)[-1]
        except UnicodeError:
            return self._fail(name, u"no file can have this name here")
        names = self._names[parent]
        if last in names:
            # A link in the place of a directory would lead the names in it elsewhere.
            raise Refused("%r is announced twice" % (name,))
        names.add(last)
        return os.path.join(self._directories[parent][0], last)

    # ---- what there is ---------------------------------------------------------------

    def begin(self, destination, delete, is_directory):
        if self._root is not None:
            raise Refused("a second destination")
        self._root = os.path.abspath(self._files.as_path(destination))
        self._delete, self._is_directory = delete, is_directory
        if not is_directory:
            if os.path.isdir(self._root):
                raise Refused("the destination %r is a directory, the source a file" % self._root)
            parent = os.path.dirname(self._root)
            self._files.make_directories(parent)
            self._files.remove_leftovers(parent, os.listdir(parent))
        elif not os.path.isdir(self._root):
            status = self._files.status_of(self._root)
            # Another receiver that has not ended yet may just have made the directory.
            if status is not None and not stat.S_ISDIR(status.st_mode):
                os.unlink(self._root)  # a file, or a link to one or to nothing
            self._files.make_directories(self._root)
        self._send((u"ready", None))

    def directories(self, entries):
        for name, mode, mtime, is_whole in entries:
            if not self._is_directory:
                raise Refused("a directory in what is a file")
            path = self._place(name)
            if path is None:
                continue
            try:
                self._make_directory(name, path, mode)
            except OSError as error:
                if not name:
                    raise
                self._fail(name, self._files.reason_of(error))
                continue
            self._directories[name] = (path, mode, mtime, is_whole)
            self._names[name] = set()

    def _make_directory(self, name, path, mode):
        status = os.stat(path) if not name else self._files.status_of(path)
        if not self._files.is_kind(stat.S_ISDIR, status):
            if status is not None:
                os.unlink(path)
            self._files.make_directories(path, 0o700)
        else:
            if stat.S_IMODE(status.st_mode) & 0o700 != 0o700:
                os.chmod(path, stat.S_IMODE(status.st_mode) | 0o700)
            self._files.remove_leftovers(path, os.listdir(path))

    def files(self, number, entries):
        needed = []
        for name, mode, mtime, size in entries:
            if not name and self._is_directory:
                raise Refused("a file without a name")
            path = self._place(name)
            if path is not None:
                need = self._compare(path, mode, mtime, size)
                if need is not None:
                    needed.append((number,) + need)
                    self._paths[number] = (name, path)
            number += 1
        self._send((u"need", needed))

    def _compare(self, path, mode, mtime, size):
        """Return (size of the old file or -1, its SHA-256 or b""), or None if all is well."""
        status = self._files.status_of(path)
        if not self._files.is_kind(stat.S_ISREG, status):
            return -1, b""
        if status.st_size != size:
            return status.st_size, b""
        if abs(self._files.mtime_of(status) - mtime) > 1:  # Python 2 has it as a float
            try:
                return size, self._files.digest_of(path)
            except (IOError, OSError):
                return -1, b""  # it can't be read, but may be replaced
        if stat.S_IMODE(status.st_mode) != mode:
            try:
                os.chmod(path, mode)
            except OSError:
                return -1, b""
        return None

    def sums(self, number, block_size, most):
        path = self._paths[number][1]
        try:
            told, weak, strong = self._files.sums_of(path, block_size, most)
        except (IOError, OSError):
            told, weak, strong = 0, b"", b""
        self._send((u"sums", number, told, weak, strong))

    # ---- what is in the files --------------------------------------------------------

    def touch(self, number, mode, mtime):
        path = self._paths[number][1]
        try:
            os.chmod(path, mode)
            self._files.set_mtime(path, mtime)
        except (IOError, OSError) as error:
            self._send((u"done", number, self._files.reason_of(error)))
        else:
            self._send((u"done", number, u""))

    def whole(self, number, mode, mtime, content):
        self.file(number, mode, mtime, False)
        self.data(content)
        self.end(b"")

    def file(self, number, mode, mtime, is_checked):
        self._number = number
        self._new = self._files.NewFile(self._paths[number][1], mode, mtime, is_checked)

    def data(self, data):
        self._new.write(data)

    def copy(self, first, count, size):
        self._new.copy(first, count, size)

    def drop(self):
        self._new.drop()
        self._new = None

    def end(self, digest):
        problem = self._new.finish(digest)
        self._new = None
        self._send((u"done", self._number, problem))

    # ---- the rest --------------------------------------------------------------------

    def links(self, entries):
        for name, target, is_inside in entries:
            if not name:
                raise Refused("a link in the place of the destination")
            path = self._place(name)
            if path is None:
                continue
            try:
                if is_inside:
                    target_path = os.path.join(self._root, *self._parts_of(target))
                else:
                    target_path = self._files.as_path(target)
                status = self._files.status_of(path)
                if self._files.is_kind(stat.S_ISLNK, status) and os.readlink(path) == target_path:
                    continue
                self._files.make_link(target_path, path)
            except OSError as error:
                self._problem(name, self._files.reason_of(error))
            except (AttributeError, NotImplementedError, UnicodeError):
                self._problem(name, u"there can be no such link here")

    def finish(self):
        # What is deepest first, as the time of a directory changes with what is in it.
        for name in sorted(self._directories, reverse=True):
            path, mode, mtime, is_whole = self._directories[name]
            try:
                if self._delete and is_whole:
                    self._delete_others(name, path)
                # Its owner can always go on writing here, or the next run could not.
                os.chmod(path, mode | 0o700)
                self._files.set_mtime(path, mtime)
            except OSError as error:
                self._problem(name, self._files.reason_of(error))
        self._send((u"finished", self._problems))

    def _delete_others(self, name, path):
        for other in self._files.remove_leftovers(path, os.listdir(path)):
            if other not in self._names[name]:
                try:
                    self._files.remove(os.path.join(path, other))
                except OSError as error:
                    child = self._files.as_bytes(other)
                    full = name + b"/" + child if name else child
                    self._problem(full, self._files.reason_of(error))


MESSAGES = frozenset(
    "begin directories files sums touch whole file data copy drop end links finish".split()
)


def serve(channel):
    """Receive the channel of one rsync, and do what comes on it until the end."""
    source, filename, line = channel.receive()
    files = types.ModuleType("gatewaylib_rsync_files")
    exec(compile(source, filename, "exec", 0, True), files.__dict__)
    receiver = Receiver(line.send, files)
    try:
        for message in line:
            kind = message[0]
            if kind not in MESSAGES:
                raise Refused("an unknown message: %r" % (kind,))
            getattr(receiver, str(kind))(*message[1:])
            if kind == "finish":
                break
    finally:
        receiver.close()
        line.close()


if __name__ == "__channelexec__":
    serve(channel)  # noqa: F821 - remote_exec gives a module its channel as a global
