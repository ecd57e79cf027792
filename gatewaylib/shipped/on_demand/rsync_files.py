# shipped: stdlib only; Python 2.7-3.14, PyPy, Jython
"""The files of an rsync at the remote: their times and checksums, and how new ones are written.

A file is written beside the old one and put in its place by a rename when it is whole.
``rsync_receiver`` gets this module from the local side, with its first item.
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
JYTHON = sys.platform.startswith("java")
CHUNK = 2 ** 18  # bytes that are read at once
STRONG = 16  # bytes of a block's SHA-256
# The process is part of the name, so that a leftover is told from a file being written.
PARTIAL = ".gatewaylib-rsync-%d-%s"
PARTIAL_NAME = re.compile(r"\.gatewaylib-rsync-(\d+)-[0-9a-f]{16}\Z")
NEW_FILE = (
    os.O_WRONLY | os.O_CREAT | os.O_EXCL
    | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)
)
replace = getattr(os, "replace", os.rename)

if JYTHON:
    # Its zlib.adler32 is written in Python and takes a second for each MB.
    from java.util.zip import Adler32
else:

    class Adler32(object):
        """A running checksum, with the names that Java has for it."""

        def __init__(self):
            self._value = 1

        def update(self, data):
            """Go on with more bytes."""
            self._value = zlib.adler32(data, self._value)

        def getValue(self):  # noqa: N802 - Java's name
            """Return the checksum of all until now."""
            return self._value & 0xFFFFFFFF


def as_path(name):
    """Return bytes as this Python has paths; UnicodeError if it can't have such a name."""
    if JYTHON:
        name.decode("utf-8")
    return name if PY2 else os.fsdecode(name)


def as_bytes(path):
    """Return a path as bytes."""
    if not isinstance(path, bytes):
        return path.encode("utf-8") if PY2 else os.fsencode(path)
    return path


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


def make_directories(path, mode=0o777):
    """Make a directory and its parents; another rsync may be making them, too."""
    try:
        os.makedirs(path, mode)
    except OSError:
        if not os.path.isdir(path):
            raise


def remove(path):
    """Remove whatever is there, with all that is in it; links are not followed."""
    try:
        status = status_of(path)
        if is_kind(stat.S_ISDIR, status):
            os.chmod(path, stat.S_IMODE(status.st_mode) | 0o700)
            for name in os.listdir(path):
                remove(os.path.join(path, name))
            os.rmdir(path)
        elif status is not None:
            os.unlink(path)
    except OSError as error:
        if error.errno != errno.ENOENT:  # another has removed it
            raise


def put_in_place(partial, path):
    """Give a partial file, or link, its name, in the place of whatever has it."""
    if is_kind(stat.S_ISDIR, status_of(path)):
        remove(path)
    replace(partial, path)


def make_link(target, path):
    """Make a symbolic link, in the place of whatever is there."""
    partial = partial_beside(path)
    os.symlink(target, partial)
    put_in_place(partial, path)


def partial_beside(path):
    """Return a new name for what is to become ``path``."""
    token = binascii.hexlify(os.urandom(8)).decode("ascii")
    return os.path.join(os.path.dirname(path), str(PARTIAL % (os.getpid(), token)))


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
            low, sum_, length = Adler32(), hashlib.sha256(), 0
            for data in chunks_of(file, size):
                low.update(data)
                sum_.update(data)
                length += len(data)
            if not length:
                break
            weak.append(struct.pack("!I", low.getValue()))
            strong.append(sum_.digest()[:STRONG])
            told += length
    return told, b"".join(weak), b"".join(strong)


class NewFile(object):
    """A file while it is written, under another name; its first error is kept for its end.

    One that ``is_checked`` ends with a checksum: it is made of parts of another file.
    """

    def __init__(self, path, mode, mtime, is_checked):
        self.path, self._mode, self._mtime = path, mode, mtime
        self.error = None
        self._sum = hashlib.sha256() if is_checked else None
        self._file = self._old = None
        self._partial = partial_beside(path)
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
        if self._sum is not None:
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
        if self._sum is not None and self._sum.digest() != digest:
            raise OSError(0, "the old file changed while the new one was made from it")
        os.chmod(self._partial, self._mode)
        set_mtime(self._partial, self._mtime)
        self._old = self._old and self._old.close()
        put_in_place(self._partial, self.path)
        self._file = None

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
