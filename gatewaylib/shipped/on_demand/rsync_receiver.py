# shipped: stdlib only; Python 2.7-3.14, PyPy, Jython
"""The remote half of an rsync: writes what it is sent, and trusts none of the names.

It receives a channel and then, on it, tuples; those that begin alike are alike::

    ("begin", destination, delete, is_directory)
    ("directories", [(name, mode, mtime, is_whole)])
    ("files", number of the first, [(name, mode, mtime, size)])
    ("sums", number, block size, most blocks)
    ("touch", number, mode, mtime)
    ("file", number, mode, mtime)       a file's new content begins
    ("data", bytes)                       more of it
    ("copy", first, count, block size)    more of it, from the old file
    ("drop",)                             it changed while it was sent: the old one stays
    ("end", SHA-256)                      that was all of it
    ("links", [(name, target, is_inside)])
    ("finish",)

and answers these, in order::

    ("ready", None)                                       begin
    ("need", [(number, size of the old or -1, its SHA-256 or b"")])   files
    ("sums", number, size of the old, packed Adler-32s, strong sums)  sums
    ("done", number, "" or what went wrong)               touch, end
    ("finished", [(name, what went wrong)])               finish

Names and paths are bytes, with "/" between the parts of a name; an mtime is in microseconds.
A file is written beside the old one and put in its place by a rename when it is whole.
"""
from __future__ import absolute_import

import binascii
import errno
import hashlib
import os
import re
import stat
import struct
import sys
import zlib

PY2 = sys.version_info[0] == 2
CHUNK = 2 ** 18  # bytes that are read at once
STRONG = 16  # bytes of a block's SHA-256
MOST_PROBLEMS = 1000  # are told of
# The process is part of the name, so that a leftover is told from a file being written.
PARTIAL = ".gatewaylib-rsync-%d-%s"
PARTIAL_NAME = re.compile(r"\.gatewaylib-rsync-(\d+)-[0-9a-f]{16}\Z")
NEW_FILE = (
    os.O_WRONLY | os.O_CREAT | os.O_EXCL
    | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)
)
replace = getattr(os, "replace", os.rename)


class Refused(Exception):
    """The other end sent what no honest one sends."""


def as_path(name):
    """Return bytes as this Python has paths."""
    return name if PY2 else os.fsdecode(name)


def as_bytes(path):
    """Return a path as bytes."""
    if not isinstance(path, bytes):
        return path.encode("utf-8") if PY2 else os.fsencode(path)
    return path


def parts_of(name):
    """Return the parts of a name as this Python has paths; raise Refused for one that may leave."""
    if not name:
        return []
    parts = [as_path(part) for part in name.split(b"/")]
    for part in parts:
        bad = part in ("", os.curdir, os.pardir) or "\0" in part or os.path.isabs(part)
        if os.sep != "/" and not bad:
            bad = os.sep in part or ":" in part
        if bad:
            raise Refused("the name %r leads out of the destination" % (name,))
    return parts


def reason_of(error):
    """Return what an OSError says, as text that can travel."""
    text = error.strerror or str(error)
    return text.decode("utf-8", "replace") if isinstance(text, bytes) else u"%s" % text


def status_of(path):
    """Return lstat's answer, None where there is nothing."""
    try:
        return os.lstat(path)
    except OSError:
        return None


def is_kind(test, status):
    """Return whether something is there, and of that kind."""
    return status is not None and test(status.st_mode)


def mtime_of(status):
    """Return microseconds."""
    if hasattr(status, "st_mtime_ns"):
        return status.st_mtime_ns // 1000
    return int(round(status.st_mtime * 1e6))


def set_mtime(path, mtime):
    """Set the time a file was modified at, in microseconds."""
    if not PY2:
        os.utime(path, ns=(mtime * 1000, mtime * 1000))
    else:
        # Half a microsecond more, as the float is cut off and not rounded.
        os.utime(path, (mtime / 1e6 + 5e-7, mtime / 1e6 + 5e-7))


def remove(path):
    """Remove whatever is there, with all that is in it; links are not followed."""
    status = status_of(path)
    if not is_kind(stat.S_ISDIR, status):
        if status is not None:
            os.unlink(path)
        return
    os.chmod(path, stat.S_IMODE(status.st_mode) | 0o700)
    for name in os.listdir(path):
        remove(os.path.join(path, name))
    os.rmdir(path)


def remove_leftovers(directory, names):
    """Remove the partial files that a process wrote which is no more; return the other names."""
    kept = []
    for name in names:
        found = PARTIAL_NAME.match(name)
        if not found:
            kept.append(name)
        elif not is_running(int(found.group(1))):
            try:
                os.unlink(os.path.join(directory, name))
            except OSError:
                pass  # another's, or another has done it
    return kept


def is_running(pid):
    """Return whether a process is there, as far as can be known."""
    if pid == os.getpid():
        return True
    if os.name == "nt" or not hasattr(os, "kill"):  # signal 0 would end it on Windows
        return False
    try:
        os.kill(pid, 0)
    except OSError as error:
        return error.errno == errno.EPERM
    except OverflowError:
        return False
    return True


def chunks_of(file, size):
    """Yield the next ``size`` bytes of a file, fewer where it ends."""
    while size > 0:
        data = file.read(min(size, CHUNK))
        if not data:
            return
        size -= len(data)
        yield data


def digest_of(path):
    """Return the SHA-256 of a file."""
    sum_ = hashlib.sha256()
    with open(path, "rb") as file:
        for data in chunks_of(file, float("inf")):
            sum_.update(data)
    return sum_.digest()


def sums_of(path, size, most):
    """Return (bytes told of, packed Adler-32s, strong sums) of a file's first blocks."""
    weak, strong, told = [], [], 0
    with open(path, "rb") as file:
        while len(weak) < most:
            low, sum_, length = 1, hashlib.sha256(), 0
            for data in chunks_of(file, size):
                low = zlib.adler32(data, low) & 0xFFFFFFFF
                sum_.update(data)
                length += len(data)
            if not length:
                break
            weak.append(struct.pack("!I", low))
            strong.append(sum_.digest()[:STRONG])
            told += length
    return told, b"".join(weak), b"".join(strong)


class NewFile(object):
    """A file while it is written, under another name; its first error is kept for its end."""

    def __init__(self, path, mode, mtime):
        self.path, self._mode, self._mtime = path, mode, mtime
        self.error = None
        self._sum = hashlib.sha256()
        self._file = self._old = None
        token = binascii.hexlify(os.urandom(8)).decode("ascii")
        self._partial = os.path.join(os.path.dirname(path), str(PARTIAL % (os.getpid(), token)))
        self._try(self._open)

    def _open(self):
        self._file = os.fdopen(os.open(self._partial, NEW_FILE, 0o600), "wb")

    def _try(self, action, *args):
        if self.error is None:
            try:
                action(*args)
            except (IOError, OSError) as error:
                self.error = reason_of(error)

    def write(self, data):
        """Write more of the content."""
        self._try(self._write, data)

    def _write(self, data):
        self._sum.update(data)
        self._file.write(data)

    def copy(self, first, count, size):
        """Write blocks of the old file."""
        self._try(self._copy, first * size, count * size)

    def _copy(self, start, size):
        if self._old is None:
            self._old = open(self.path, "rb")
        self._old.seek(start)
        for data in chunks_of(self._old, size):
            self._write(data)

    def finish(self, digest):
        """Put it in the old one's place; return "" or what went wrong."""
        self._try(self._finish, digest)
        self.drop()
        return self.error or u""

    def _finish(self, digest):
        self._file.close()
        if self._sum.digest() != digest:
            raise OSError(0, "the old file changed while the new one was made from it")
        os.chmod(self._partial, self._mode)
        set_mtime(self._partial, self._mtime)
        self._old = self._old and self._old.close()
        if is_kind(stat.S_ISDIR, status_of(self.path)):
            remove(self.path)
        replace(self._partial, self.path)

    def drop(self):
        """Leave nothing of it but what it was renamed to."""
        for file in (self._file, self._old):
            if file is not None:
                try:
                    file.close()
                except (IOError, OSError):
                    pass  # the disk is full: that is known
        if self._file is not None and status_of(self._partial) is not None:
            os.unlink(self._partial)
        self._file = self._old = None


class Receiver(object):
    """Does what the messages of one rsync say; each has a method of its name."""

    def __init__(self, send):
        self._send = send
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

    def _problem(self, name, reason):
        if len(self._problems) < MOST_PROBLEMS:
            self._problems.append((name, reason))

    def _place(self, name):
        """Return the path of an entry in a directory of this run; None if that failed.

        The directories are real ones, no links: so no name leads anywhere else.
        """
        if not name:
            return self._root
        parent, _, last = name.rpartition(b"/")
        parts_of(name)
        if parent in self._failed:
            self._failed.add(name)
            return None
        if parent not in self._directories:
            raise Refused("%r is in no directory that was announced" % (name,))
        names, last = self._names[parent], as_path(last)
        if last in names:
            # A link in the place of a directory would lead the names in it elsewhere.
            raise Refused("%r is announced twice" % (name,))
        names.add(last)
        return os.path.join(self._directories[parent][0], last)

    # ---- what there is ---------------------------------------------------------------

    def begin(self, destination, delete, is_directory):
        self._root = os.path.abspath(as_path(destination))
        self._delete, self._is_directory = delete, is_directory
        if not is_directory:
            if os.path.isdir(self._root):
                raise Refused("the destination %r is a directory, the source is not" % self._root)
            parent = os.path.dirname(self._root)
            if not os.path.isdir(parent):
                os.makedirs(parent)
            remove_leftovers(parent, os.listdir(parent))
        elif not os.path.isdir(self._root):
            if status_of(self._root) is not None:
                os.unlink(self._root)  # a file, or a link to one or to nothing
            os.makedirs(self._root)
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
                self._failed.add(name)
                self._problem(name, reason_of(error))
                continue
            self._directories[name] = (path, mode, mtime, is_whole)
            self._names[name] = set()

    def _make_directory(self, name, path, mode):
        status = os.stat(path) if not name else status_of(path)
        if not is_kind(stat.S_ISDIR, status):
            if status is not None:
                os.unlink(path)
            os.mkdir(path, 0o700)
        else:
            if stat.S_IMODE(status.st_mode) & 0o700 != 0o700:
                os.chmod(path, stat.S_IMODE(status.st_mode) | 0o700)
            remove_leftovers(path, os.listdir(path))

    def files(self, number, entries):
        needed = []
        for name, mode, mtime, size in entries:
            if not name and self._is_directory:
                raise Refused("a file without a name")
            path = self._place(name)
            if path is None:
                self._problem(name, u"its directory could not be made")
            else:
                need = self._compare(path, mode, mtime, size)
                if need is not None:
                    needed.append((number,) + need)
                    self._paths[number] = (name, path)
            number += 1
        self._send((u"need", needed))

    def _compare(self, path, mode, mtime, size):
        """Return (size of the old file or -1, its SHA-256 or b""), or None if all is well."""
        status = status_of(path)
        if not is_kind(stat.S_ISREG, status):
            return -1, b""
        if status.st_size != size:
            return status.st_size, b""
        # Python 2 reads and sets times as floats.
        if abs(mtime_of(status) - mtime) > (1 if PY2 else 0):
            try:
                return size, digest_of(path)
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
            told, weak, strong = sums_of(path, block_size, most)
        except (IOError, OSError):
            told, weak, strong = 0, b"", b""
        self._send((u"sums", number, told, weak, strong))

    # ---- what is in the files --------------------------------------------------------

    def touch(self, number, mode, mtime):
        path = self._paths[number][1]
        try:
            os.chmod(path, mode)
            set_mtime(path, mtime)
        except (IOError, OSError) as error:
            self._send((u"done", number, reason_of(error)))
        else:
            self._send((u"done", number, u""))

    def file(self, number, mode, mtime):
        self._number = number
        self._new = NewFile(self._paths[number][1], mode, mtime)

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
            target_path = os.path.join(self._root, *parts_of(target)) if is_inside else (
                as_path(target)
            )
            if not name:
                raise Refused("a link in the place of the destination")
            path = self._place(name)
            if path is None:
                continue
            try:
                status = status_of(path)
                if is_kind(stat.S_ISLNK, status) and os.readlink(path) == target_path:
                    continue
                remove(path)
                os.symlink(target_path, path)
            except (OSError, AttributeError, NotImplementedError) as error:
                reason = reason_of(error) if isinstance(error, OSError) else u"no links here"
                self._problem(name, reason)

    def finish(self):
        # What is deepest first, as the time of a directory changes with what is in it.
        for name in sorted(self._directories, reverse=True):
            path, mode, mtime, is_whole = self._directories[name]
            try:
                if self._delete and is_whole:
                    self._delete_others(name, path)
                # Its owner can always go on writing here, or the next run could not.
                os.chmod(path, mode | 0o700)
                set_mtime(path, mtime)
            except OSError as error:
                self._problem(name, reason_of(error))
        self._send((u"finished", self._problems))

    def _delete_others(self, name, path):
        for other in remove_leftovers(path, os.listdir(path)):
            if other not in self._names[name]:
                try:
                    remove(os.path.join(path, other))
                except OSError as error:
                    child = as_bytes(other)
                    self._problem(name + b"/" + child if name else child, reason_of(error))


MESSAGES = frozenset(
    "begin directories files sums touch file data copy drop end links finish".split()
)


def serve(channel):
    """Receive the channel of one rsync, and do what comes on it until the end."""
    line = channel.receive()
    receiver = Receiver(line.send)
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
