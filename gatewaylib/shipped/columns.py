# shipped: stdlib only; Python 2.7-3.14, PyPy, Jython; pure
"""Columns: many values of one simple type <-> one run of bytes.

Pure Python is slow by the value and fast by the call: ``array.array``, ``str.join`` and
``str.split`` do in one call what a loop does in a hundred thousand.

A type has a code, the letter that stands for its values on the wire. Numbers have the
letters that ``struct`` knows them by, so that a row of codes is a format. Texts are
joined, with a NUL between them. All others are blobs: bytes with a length, of which
``MAKE`` makes the value. None is its code and nothing else.
"""
from __future__ import absolute_import

import struct
from itertools import count

from .compat import (
    PY2,
    as_bytes,
    decode_text,
    encode_text,
    imap,
    int_from_bytes,
    int_to_bytes,
    pack_numbers,
    text_type,
    unpack,
    unpack_numbers,
)

(NONE, BOOL, INT, FLOAT, TEXT) = bytearray(b"nBqds")
(BYTES, PY2_STR, BYTEARRAY, BIG, COMPLEX, CHANNEL) = bytearray(b"bpaNjh")
# Forms of columns that are no codes: ints of 32 bits; texts between which is more than a NUL.
(INT32, TEXT_WITH_NUL) = bytearray(b"iS")

BOOLS = (False, True)  # struct's own letter for them is unknown to Jython
NUMBERS = bytes(bytearray([BOOL, INT, FLOAT]))
BLOBS = bytes(bytearray([BYTES, PY2_STR, BYTEARRAY, BIG, COMPLEX, CHANNEL]))


class ChannelId(object):
    """Stands for a channel in a value on its way: the id that both ends know."""

    def __init__(self, number):
        self.number = number


# Bytes say which Python wrote them: whoever reads a Python 2 str may want text.
CODE_OF_TYPE = {
    type(None): NONE,
    bool: BOOL,
    int: INT,
    float: FLOAT,
    complex: COMPLEX,
    bytes: PY2_STR if PY2 else BYTES,
    bytearray: BYTEARRAY,
    text_type: TEXT,
    ChannelId: CHANNEL,
}
if PY2:
    CODE_OF_TYPE[long] = INT  # noqa: F821

_UINT32 = struct.Struct("<I")
_COMPLEX = struct.Struct("<dd")
_CHANNEL = struct.Struct("<q")
# What reading bytes that make no sense may raise.
BAD_DATA = (ValueError, TypeError, LookupError, OverflowError, StopIteration, struct.error)


class IntTooBig(Exception):
    """One of the ints has more than 64 bits; they can be no column."""


# ---- the columns of a message: values of all types, sorted -----------------------

_PIECE = 256  # codes of a format: struct takes 40 bytes for each, and remembers 100 formats


def pack_row(formats, values):
    """Return values as bytes, each by its letter in ``formats``: that of NUMBERS or b"I".

    Raises:
        struct.error: an int is too big for its letter.
    """
    if len(formats) <= _PIECE:
        return struct.pack(b"<" + formats, *values)
    return b"".join(
        [
            struct.pack(b"<" + formats[i : i + _PIECE], *values[i : i + _PIECE])
            for i in range(0, len(formats), _PIECE)
        ]
    )


def unpack_row(formats, data):
    """Return what ``pack_row`` made bytes of; struct.error if there are too few or too many."""
    data = as_bytes(data)
    if len(formats) <= _PIECE:
        return unpack(b"<" + formats, data)
    values = []
    position = 0
    for i in range(0, len(formats), _PIECE):
        piece = b"<" + formats[i : i + _PIECE]
        end = position + struct.calcsize(piece)
        values += unpack(piece, data[position:end])
        position = end
    if position != len(data):
        raise struct.error("%d bytes left over" % (len(data) - position))
    return values


def separator(number):
    """Return the text between texts: one NUL, or one with a number, between two NULs."""
    return u"\0%d\0" % number if number else u"\0"


def join_texts(texts):
    """Return ``(number of the separator, bytes)``; the number is 0 unless a text has a NUL."""
    joined = u"\0".join(texts)
    if joined.count(u"\0") == len(texts) - 1:
        return 0, encode_text(joined)
    for number in count(1):
        between = separator(number)
        joined = between.join(texts)
        if joined.split(between) == texts:
            return number, encode_text(joined)


def split_texts(data, number, undecoded=False):
    """Return the list of texts that ``join_texts`` got, in UTF-8 if ``undecoded``."""
    if undecoded:
        return as_bytes(data).split(encode_text(separator(number)))
    return decode_text(data).split(separator(number))


def encode_big(value):
    """Return an int of any size in two's complement, little-endian."""
    return int_to_bytes(value, value.bit_length() // 8 + 1)


def as_blob(code, value):
    """Return the bytes of a value, of a code among BLOBS."""
    return _BLOB[code](value) if code in _BLOB else value


def latin1_text(data):
    """Return Python 2's str as text: bytes and the first 256 characters are alike."""
    return as_bytes(data).decode("latin-1")


def _make_complex(data):
    return complex(*_COMPLEX.unpack(as_bytes(data)))


_BLOB = {
    BYTEARRAY: bytes,
    BIG: encode_big,
    COMPLEX: lambda value: _COMPLEX.pack(value.real, value.imag),
    CHANNEL: lambda value: _CHANNEL.pack(value.number),
}


class Choices(object):
    """What one reader makes of the strings of the other Python, and of channels."""

    def __init__(self, py2str_as_py3str, py3str_as_py2str, load_channel=None):
        self._load_channel = load_channel
        # Whether text that Python 3 wrote stays as it is on the wire, in UTF-8.
        self.undecoded = PY2 and py3str_as_py2str
        # code of a blob -> what makes a value of its bytes
        self.make = {
            BYTES: as_bytes,
            PY2_STR: latin1_text if py2str_as_py3str and not PY2 else as_bytes,
            BYTEARRAY: bytearray,
            BIG: int_from_bytes,
            COMPLEX: _make_complex,
            CHANNEL: self.make_channel,
        }

    def make_channel(self, data):
        """Return the channel of a blob."""
        if self._load_channel is None:
            raise ValueError("a channel arrives only over a channel")
        return self._load_channel(_CHANNEL.unpack(as_bytes(data))[0])


# ---- a column by itself: a list of one type --------------------------------------


def pack_column(code, values):
    """Return a list of values, all of one code, as ``(letter, buffers)``.

    Raises:
        IntTooBig: an int has more than 64 bits.
        struct.error: a value is longer than 4 GiB.
    """
    if code == INT:
        return _pack_ints(values)
    if code == FLOAT:
        return FLOAT, [pack_numbers("d", values)]
    if code == BOOL:
        return BOOL, [bytes(bytearray(values))]
    if code == TEXT:
        number, data = join_texts(values)
        return (TEXT_WITH_NUL, [_UINT32.pack(number), data]) if number else (TEXT, [data])
    blobs = [as_blob(code, value) for value in values]
    lengths = struct.pack("<%dI" % (len(blobs) + 1), len(blobs), *imap(len, blobs))
    return code, [lengths] + blobs


def _pack_ints(values):
    for letter, kind in ((INT32, "i"), (INT, "q")):
        try:
            return letter, [pack_numbers(kind, values)]
        except (OverflowError, struct.error):
            pass  # more bits then
    raise IntTooBig()


def read_column(letter, data, choices, undecoded):
    """Return the list of values of a column; one of BAD_DATA if the bytes make none."""
    if letter == INT or letter == INT32:
        return unpack_numbers("q" if letter == INT else "i", data)
    if letter == FLOAT:
        return unpack_numbers("d", data)
    if letter == BOOL:
        return list(imap(BOOLS.__getitem__, bytearray(data)))
    if letter == TEXT:
        return split_texts(data, 0, undecoded)
    if letter == TEXT_WITH_NUL:
        return split_texts(data[4:], _UINT32.unpack(as_bytes(data[:4]))[0], undecoded)
    (size,) = _UINT32.unpack(as_bytes(data[:4]))
    start = 4 * size + 4
    if start > len(data):
        raise ValueError("%d values in %d bytes" % (size, len(data)))
    lengths = struct.unpack("<%dI" % size, as_bytes(data[4:start]))
    if start + sum(lengths) != len(data):
        raise ValueError("values of other lengths than %d bytes" % (len(data) - start))
    return list(imap(choices.make[letter], cut(data, start, lengths)))


def cut(data, start, lengths):
    """Yield pieces of data, from start on: one at a time, as a memoryview takes 200 bytes."""
    for length in lengths:
        end = start + length
        yield data[start:end]
        start = end
