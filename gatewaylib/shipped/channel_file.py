# shipped: stdlib only; Python 2.7-3.14, PyPy, Jython
"""Files on channels: what is written is sent, what arrives is read."""
from __future__ import absolute_import

from .compat import deque, text_type
from .errors import ChannelClosed, ChannelEnded

_TYPES = {"": (str, text_type), "b": (bytes,)}


def open_file(channel, mode, proxyclose):
    """Return the file that ``Channel.makefile`` promises; ValueError for an unknown mode."""
    if mode in ("w", "wb"):
        return ChannelFileWrite(channel, mode, proxyclose)
    if mode in ("r", "rb"):
        return ChannelFileRead(channel, mode, proxyclose)
    raise ValueError("mode %r: use 'r', 'w', 'rb' or 'wb'" % (mode,))


class ChannelFile(object):
    """What both directions share."""

    def __init__(self, channel, mode, proxyclose):
        self.channel, self.mode = channel, mode
        self._proxyclose = proxyclose
        self.closed = False

    def __enter__(self):
        return self

    def __exit__(self, kind, error, traceback):
        self.close()

    def __repr__(self):
        state = "closed" if self.closed else "open"
        return "<%s %r of %r, %s>" % (self.__class__.__name__, self.mode, self.channel, state)

    def isatty(self):
        return False

    def readable(self):
        return self.mode[0] == "r"

    def writable(self):
        return self.mode[0] == "w"

    def close(self):
        """Close the file, and the channel if that was asked for."""
        self.closed = True
        if self._proxyclose:
            self.channel.close()

    def _check_open(self):
        if self.closed:
            raise ValueError("I/O operation on a closed file")


class ChannelFileWrite(ChannelFile):
    """Sends each string written as an item of its own."""

    def write(self, data):
        """Send the string; return its length. TypeError if it is not the mode's kind."""
        self._check_open()
        if not isinstance(data, _TYPES[self.mode[1:]]):
            raise TypeError("a file opened with %r can't write %r" % (self.mode, type(data)))
        if data:
            self.channel.send(data)
        return len(data)

    def writelines(self, lines):
        for line in lines:
            self.write(line)

    def flush(self):
        """Do nothing: a write is on its way when it returns."""


class ChannelFileRead(ChannelFile):
    """Reads the items as one stream. At its end ``read`` returns what is left, then nothing."""

    def __init__(self, channel, mode, proxyclose):
        super(ChannelFileRead, self).__init__(channel, mode, proxyclose)
        self._chunks = deque()
        self._start = 0  # what of the first chunk was read already: cutting it off copies the rest
        self._nothing = b"" if mode == "rb" else ""

    def _more(self):
        """Take one more item; False at the end of the stream."""
        try:
            item = self.channel.receive()
        except (ChannelEnded, ChannelClosed):
            return False
        if not self._chunks:
            self._nothing = item[:0]  # text or bytes, whichever the other end sends
        self._chunks.append(item)
        return True

    def read(self, n=-1):
        """Return the next ``n`` characters or bytes, fewer at the end; all if ``n`` < 0."""
        self._check_open()
        have = sum(map(len, self._chunks)) - self._start
        while (n < 0 or have < n) and self._more():
            have += len(self._chunks[-1])
        return self._take(have if n < 0 else min(n, have))

    def readline(self):
        """Return the next line with its line end; nothing at the end of the stream."""
        self._check_open()
        size = index = 0
        while index < len(self._chunks) or self._more():
            chunk = self._chunks[index]
            start = 0 if index else self._start
            newline = chunk.find(b"\n" if isinstance(chunk, bytes) else "\n", start)
            if newline >= 0:
                return self._take(size + newline + 1 - start)
            size += len(chunk) - start
            index += 1
        return self._take(size)

    def _take(self, size):
        """Return the first ``size`` of what is here, and leave the rest."""
        parts = []
        while size > 0:
            part = self._chunks[0][self._start : self._start + size]
            parts.append(part)
            size -= len(part)
            self._start += len(part)
            if self._start == len(self._chunks[0]):
                self._chunks.popleft()
                self._start = 0
        return self._nothing.join(parts)

    def __iter__(self):
        return self

    def __next__(self):
        line = self.readline()
        if not line:
            raise StopIteration
        return line

    next = __next__
