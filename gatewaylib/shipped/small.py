# shipped: stdlib only; Python 2.7-3.14, PyPy, Jython; pure
"""Small messages: a few values in a container <-> bytes, value by value.

Sorting values into columns pays from about a hundred values on; a small message takes
less time one value after the other, each a letter and its bytes. What is not small, or
has a value of a rarer type in it, is left to ``encoder``.
"""
from __future__ import absolute_import

import struct

from .columns import BYTES, FLOAT, INT, NONE, PY2_STR, TEXT
from .compat import PY2, SURROGATES, as_bytes, imap, int_types, izip, text_type
from .errors import LoadError
from .records import BYTE

SMALL = b"["  # a small message begins with it
(PY2_UNICODE, TRUE, FALSE, LIST, TUPLE, DICT, PY2_DICT) = bytearray(b"utfLTDU")

ENTRIES = 31  # of a container
BUFFERS = 250  # of a message: one for each value and container, two where there is a length
DEPTH = 6  # containers in containers: the functions here call themselves

_ONE = {code: bytes(bytearray([code])) for code in (NONE, TRUE, FALSE)}
_NONE, _TRUE, _FALSE = _ONE[NONE], _ONE[TRUE], _ONE[FALSE]
_INT, _FLOAT, _KEYS = struct.Struct("<cq"), struct.Struct("<cd"), struct.Struct("<I")
_INT_AT, _FLOAT_AT = struct.Struct("<q").unpack_from, struct.Struct("<d").unpack_from
_LONG = int_types[-1]
_TEXT_ONLY = frozenset([text_type])


def _heads(letter, count, zeros=b""):
    """Return what a value of each length begins with; no value is longer than ``count``."""
    head = bytes(bytearray([letter]))
    return [head + byte + zeros for byte in BYTE[: count + 1]]


# A container has a second byte of its size, always zero: no payload may take more than 32
# times its bytes of memory, and an empty list takes 64. So have the keys of a dict.
_TEXTS = _heads(PY2_UNICODE if PY2 else TEXT, 255)
_BYTES = _heads(PY2_STR if PY2 else BYTES, 255)
_LISTS, _TUPLES = _heads(LIST, ENTRIES, b"\0"), _heads(TUPLE, ENTRIES, b"\0")
_DICTS = _heads(PY2_DICT if PY2 else DICT, ENTRIES, b"\0")


class _NotSmall(IndexError):
    """As if the value were longer than all that there are heads for."""


def encode_small(item):
    """Return a container as a payload, or None if it is not small."""
    buffers = [SMALL]
    try:
        _put((item,), buffers, 0)
    except (IndexError, struct.error):
        return None
    return b"".join(buffers)


def _put(values, buffers, depth):
    add = buffers.append
    for value in values:
        kind = type(value)
        if kind is text_type:
            data = value.encode("utf-8", SURROGATES)
            add(_TEXTS[len(data)])
            add(data)
        elif kind is int or kind is _LONG:
            add(_INT.pack(b"q", value))
        elif value is None:
            add(_NONE)
        elif kind is float:
            add(_FLOAT.pack(b"d", value))
        elif value is True:
            add(_TRUE)
        elif value is False:
            add(_FALSE)
        elif kind is bytes:
            add(_BYTES[len(value)])
            add(value)
        elif depth == DEPTH or len(buffers) > BUFFERS:
            raise _NotSmall()
        elif kind is dict:
            add(_DICTS[len(value)])
            if not _TEXT_ONLY.issuperset(imap(type, value)):
                raise _NotSmall()
            keys = u"\0".join(value)
            if value and keys.count(u"\0") != len(value) - 1:
                raise _NotSmall()
            data = keys.encode("utf-8", SURROGATES)
            add(_KEYS.pack(len(data)))
            add(data)
            _put(value.values(), buffers, depth + 1)
        elif kind is list:
            add(_LISTS[len(value)])
            _put(value, buffers, depth + 1)
        elif kind is tuple:
            add(_TUPLES[len(value)])
            _put(value, buffers, depth + 1)
        else:
            raise _NotSmall()


def decode_small(payload, choices):
    """Return the container of a small message.

    Raises:
        LoadError, or one of BAD_DATA: the bytes make no sense. RuntimeError: they nest.
    """
    data = bytearray(payload) if PY2 else as_bytes(payload)
    (value,), position = _take(data, 1, 1, choices)
    if position != len(data):
        raise LoadError("%d bytes, but %d are needed" % (len(data), position))
    return value


def _take(data, position, count, choices):
    """Return ``(count values, position after them)``; may be beyond the end of the data."""
    values = []
    add = values.append
    undecoded = choices.undecoded
    for _ in range(count):
        code = data[position]
        if code == TEXT:
            end = position + 2 + data[position + 1]
            text = data[position + 2 : end]
            add(as_bytes(text) if undecoded else text.decode("utf-8", SURROGATES))
            position = end
        elif code == INT:
            add(_INT_AT(data, position + 1)[0])
            position += 9
        elif code == NONE:
            add(None)
            position += 1
        elif code == FLOAT:
            add(_FLOAT_AT(data, position + 1)[0])
            position += 9
        elif code == TRUE or code == FALSE:
            add(code == TRUE)
            position += 1
        elif code in choices.make:
            end = position + 2 + data[position + 1]
            add(choices.make[code](data[position + 2 : end]))
            position = end
        elif code == PY2_UNICODE:
            end = position + 2 + data[position + 1]
            add(data[position + 2 : end].decode("utf-8", SURROGATES))
            position = end
        else:
            size = data[position + 1]
            if size > ENTRIES:
                raise LoadError("a small container of %d values" % size)
            position += 3
            if code == LIST:
                inner, position = _take(data, position, size, choices)
                add(inner)
            elif code == TUPLE:
                inner, position = _take(data, position, size, choices)
                add(tuple(inner))
            elif code == DICT or code == PY2_DICT:
                end = position + 4 + _KEYS.unpack_from(data, position)[0]
                keys = data[position + 4 : end]
                if undecoded and code == DICT:
                    keys = as_bytes(keys).split(b"\0")
                else:
                    keys = keys.decode("utf-8", SURROGATES).split(u"\0")
                inner, position = _take(data, end, size, choices)
                if size and len(keys) != size:
                    raise LoadError("%d keys and %d values" % (len(keys), size))
                add(dict(izip(keys, inner)) if size else {})
            else:
                raise LoadError("unknown letter %d" % code)
    return values, position
