# shipped: stdlib only; Python 2.7-3.14, PyPy, Jython; pure
"""Columns: many values of one simple type <-> one run of bytes.

Pure Python is slow by the value and fast by the call: ``array.array``, ``str.join`` and
``str.split`` do in one call what a loop does in a hundred thousand. So the serializer
sorts a message's values by type, and this file turns each type's values into bytes.

A type has a code, the letter that stands for each of its values on the wire. A column
has a letter too, for its form: ints have the code ``i``, and their columns are ``i`` (32
bits each) or ``q`` (64). Containers, and what they hold, are the serializer's business.
"""

from __future__ import absolute_import

import struct
from itertools import chain

from .compat import (
    PY2,
    as_bytes,
    imap,
    int_from_bytes,
    int_to_bytes,
    pack_numbers,
    text_type,
    unpack_numbers,
)

(NONE, BOOL, INT, BIG, FLOAT, COMPLEX) = bytearray(b"noiNfj")
(BYTES, PY2_STR, BYTEARRAY, TEXT, PY2_UNICODE, CHANNEL) = bytearray(b"bpasuh")
# Forms of columns that are no codes: 64-bit ints; texts of which one holds a NUL.
(INT64, NUL_TEXT, NUL_PY2_UNICODE) = bytearray(b"qSU")


class ChannelId(object):
    """Stands for a channel in a value on its way: the id that both ends know."""

    def __init__(self, number):
        self.number = number


# Bytes and text say which Python wrote them: the reader may have to choose what a
# Python 2 str becomes. None has a code and no column: the code says it all.
CODE_OF_TYPE = {
    type(None): NONE,
    bool: BOOL,
    int: INT,
    float: FLOAT,
    complex: COMPLEX,
    bytes: PY2_STR if PY2 else BYTES,
    bytearray: BYTEARRAY,
    text_type: PY2_UNICODE if PY2 else TEXT,
    ChannelId: CHANNEL,
}
if PY2:
    CODE_OF_TYPE[long] = INT  # noqa: F821

NUL = "\0"
_UINT32 = struct.Struct("<I")
# What reading bytes that make no sense may raise.
BAD_DATA = (ValueError, TypeError, LookupError, OverflowError, struct.error)


class IntTooBig(Exception):
    """One of the ints has more than 64 bits; pack those as BIG."""


# ---- values -> (letter, list of buffers) -----------------------------------------


def pack(code, values):
    """Return a list of values, all of one code, as ``(letter, buffers)``.

    Raises:
        IntTooBig: ``code`` is INT, and one value does not fit a column of ints.
        struct.error: a value is longer than 4 GiB.
    """
    return _PACK[code](values)


def _pack_ints(values):
    for letter, kind in ((INT, "i"), (INT64, "q")):
        try:
            return letter, [pack_numbers(kind, values)]
        except (OverflowError, struct.error):
            pass  # wider then
    raise IntTooBig()


def _pack_texts(values):
    joined = NUL.join(values)
    if joined.count(NUL) == len(values) - 1:
        return TEXT, [encode_text(joined)]
    return NUL_TEXT, _with_lengths(list(imap(encode_text, values)))


def _pack_unicodes(values):
    letter, buffers = _pack_texts(values)
    return PY2_UNICODE if letter == TEXT else NUL_PY2_UNICODE, buffers


def _with_lengths(values):
    count = len(values)
    return [struct.pack("<%dI" % (count + 1), count, *imap(len, values))] + values


if PY2:  # its UTF-8 lets lone surrogates pass without being asked

    def encode_text(value):
        """Return text as UTF-8, in which lone surrogates pass."""
        return value.encode("utf-8")

    def decode_text(data):
        """Return bytes as text; ValueError if they are not UTF-8."""
        return as_bytes(data).decode("utf-8")

else:

    def encode_text(value):
        """Return text as UTF-8, in which lone surrogates pass."""
        return value.encode("utf-8", "surrogatepass")

    def decode_text(data):
        """Return bytes as text; ValueError if they are not UTF-8."""
        return str(data, "utf-8", "surrogatepass")


def encode_big(value):
    """Return an int of any size in two's complement, little-endian."""
    return int_to_bytes(value, value.bit_length() // 8 + 1)


_PACK = {
    BOOL: lambda values: (BOOL, [bytes(bytearray(values))]),
    INT: _pack_ints,
    BIG: lambda values: (BIG, _with_lengths(list(imap(encode_big, values)))),
    FLOAT: lambda values: (FLOAT, [pack_numbers("d", values)]),
    COMPLEX: lambda values: (
        COMPLEX,
        [pack_numbers("d", list(chain.from_iterable((x.real, x.imag) for x in values)))],
    ),
    BYTES: lambda values: (BYTES, _with_lengths(values)),
    PY2_STR: lambda values: (PY2_STR, _with_lengths(values)),
    BYTEARRAY: lambda values: (BYTEARRAY, _with_lengths(list(imap(bytes, values)))),
    TEXT: _pack_texts,
    PY2_UNICODE: _pack_unicodes,
    CHANNEL: lambda values: (CHANNEL, [pack_numbers("q", [x.number for x in values])]),
}


# ---- bytes -> list of values -----------------------------------------------------


def _read_bools(data):
    return list(imap((False, True).__getitem__, bytearray(data)))


def _read_ints(data):
    return unpack_numbers("i", data)


def read_int64s(data):
    return unpack_numbers("q", data)


def _read_floats(data):
    return unpack_numbers("d", data)


def _read_complexes(data):
    parts = unpack_numbers("d", data)
    if len(parts) % 2:
        raise ValueError("%d bytes are no row of complex numbers" % len(data))
    return list(imap(complex, parts[::2], parts[1::2]))


def _read_texts(data):
    return decode_text(data).split(NUL)


def _read_with_lengths(data):
    """Return the pieces that ``_with_lengths`` put together: slices of data."""
    (count,) = _UINT32.unpack(as_bytes(data[:4]))
    end = 4 * count + 4
    if end > len(data):
        raise ValueError("%d values in %d bytes" % (count, len(data)))
    values = []
    start = end
    for length in struct.unpack("<%dI" % count, as_bytes(data[4:end])):
        end = start + length
        values.append(data[start:end])
        start = end
    if end != len(data):
        raise ValueError("values of %d bytes in %d bytes" % (end, len(data)))
    return values


def _each(make):
    """Return the reader of a column with lengths; ``make`` makes a value of its bytes."""
    return lambda data: list(imap(make, _read_with_lengths(data)))


def latin1_text(data):
    """Return Python 2's str as text: bytes and the first 256 characters are alike."""
    return as_bytes(data).decode("latin-1")


def _read_undecoded(data):
    return as_bytes(data).split(b"\0")


def readers(py2str_as_py3str, py3str_as_py2str):
    """Return ``{letter of a column: (code, read)}`` for one choice of what strings become.

    ``read`` takes the bytes of a column, as bytes or as a memoryview of them, and returns
    the list of its values. It raises an exception of BAD_DATA where they make no sense.
    """
    text, nul_text, py2_str = _read_texts, _each(decode_text), _each(as_bytes)
    if not PY2 and py2str_as_py3str:
        py2_str = _each(latin1_text)
    if PY2 and py3str_as_py2str:
        text, nul_text = _read_undecoded, _each(as_bytes)
    return {
        BOOL: (BOOL, _read_bools),
        INT: (INT, _read_ints),
        INT64: (INT, read_int64s),
        BIG: (BIG, _each(int_from_bytes)),
        FLOAT: (FLOAT, _read_floats),
        COMPLEX: (COMPLEX, _read_complexes),
        BYTES: (BYTES, _each(as_bytes)),
        PY2_STR: (PY2_STR, py2_str),
        BYTEARRAY: (BYTEARRAY, _each(bytearray)),
        TEXT: (TEXT, text),
        NUL_TEXT: (TEXT, nul_text),
        PY2_UNICODE: (PY2_UNICODE, _read_texts),
        NUL_PY2_UNICODE: (PY2_UNICODE, _each(decode_text)),
        CHANNEL: (CHANNEL, read_int64s),
    }
