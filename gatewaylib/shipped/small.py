# shipped: stdlib only; Python 2.7-3.14, PyPy, Jython; pure
"""Small messages: a few values in a few containers <-> bytes.

A small message is its layout, the keys of each dict, and then all numbers, all else that
is bytes, and all text joined. Sending it looks at each value once. Reading it takes a call
for all numbers, one for all text and one or two for each container, as ``layouts`` knows
what is to be done. What is not small, or has a value of a rarer type in it, is left to
``encoder``.
"""
from __future__ import absolute_import

import struct

from .columns import BOOL, CODE_OF_TYPE, FLOAT, INT, NONE, TEXT, ChannelId, as_blob
from .compat import (
    PY2,
    SURROGATES,
    as_bytes,
    bytes_of,
    encode_text,
    imap,
    int_types,
    izip,
    text_type,
)
from .errors import LoadError
from .layouts import (
    END,
    ENTRIES,
    LAYOUT,
    bytes_of_keys,
    heads,
    join_keys,
    make_head,
    make_row,
    rows,
)
from .records import DICT, LIST, TUPLE

# A small message begins with one of these; the second: Python 2 wrote it.
SMALL, SMALL_PYTHON_2 = b"[", b"<"

CONTAINERS = 32  # of a message
LONGEST = 65535  # bytes of a blob, and of all text

_WRITER = SMALL_PYTHON_2 if PY2 else SMALL
_LONG = int_types[-1]
_CONTAINERS = {list: LIST, tuple: TUPLE, dict: DICT}
_BLOB_TYPES = frozenset([bytes, complex, ChannelId])


def encode_small(item):
    """Return a container as a payload, or None if it is not small."""
    code = _CONTAINERS.get(type(item))
    if code is None:
        return None
    codes, parts = [code], [_WRITER, b""]
    ints, floats, bools, blobs, texts = [], [], [], [], []
    containers = [item]
    for container in containers:  # which grows
        size = len(container)
        if size > ENTRIES or len(containers) > CONTAINERS:
            return None
        codes.append(size)
        if type(container) is dict and size:
            keys = tuple(container)
            for key in keys:
                if type(key) is not text_type:
                    return None
            data = bytes_of_keys.get(keys) or join_keys(keys)
            if data is None or len(keys) != size:
                return None
            parts.append(data)
            container = container.values()
        end = len(codes) + size
        for value in container:
            kind = type(value)
            if kind is text_type:
                codes.append(TEXT)
                texts.append(value)
            elif kind is int or kind is _LONG:
                codes.append(INT)
                ints.append(value)
            elif value is None:
                codes.append(NONE)
            elif kind is float:
                codes.append(FLOAT)
                floats.append(value)
            elif kind is bool:
                codes.append(BOOL)
                bools.append(value)
            elif kind is dict:
                codes.append(DICT)
                containers.append(value)
            elif kind is list:
                codes.append(LIST)
                containers.append(value)
            elif kind is tuple:
                codes.append(TUPLE)
                containers.append(value)
            elif kind in _BLOB_TYPES:
                code = CODE_OF_TYPE[kind]
                codes.append(code)
                blob = as_blob(code, value)
                if len(blob) > LONGEST:
                    return None
                blobs.append(blob)
            else:
                return None
        if len(codes) != end:
            return None  # Another thread changes it.
    if len(codes) > LAYOUT:
        return None
    counts = len(ints), len(floats), len(bools), len(blobs)
    pack, _, _ = rows.get(counts) or make_row(counts)
    ints += floats
    ints += bools
    if blobs:
        ints += imap(len, blobs)
    try:
        row = pack(*ints)
    except struct.error:
        return None  # An int of more than 64 bits.
    parts[1] = bytes_of(codes)
    parts.append(END)
    parts.append(row)
    parts += blobs
    if texts:
        text = u"\0".join(texts)
        if text.count(u"\0") != len(texts) - 1:
            return None
        text = text.encode("utf-8", SURROGATES)
        if len(text) > LONGEST:
            return None
        parts.append(text)
    return b"".join(parts)


def decode_small(data, choices):
    """Return the container of a small message, which may be a memoryview.

    Raises:
        LoadError, or one of BAD_DATA: the bytes make no sense.
    """
    if type(data) is not bytes:
        data = as_bytes(data)
    head, end, data = data.partition(END)
    if not end:
        raise LoadError("cut off")
    read_row, position, blobs, expected, steps = heads.get(head) or make_head(head)
    undecoded = choices.undecoded and head[:1] == SMALL
    row = read_row(data, 0)
    values = [None]
    values += row
    if blobs:
        for code, length in izip(blobs, row[-len(blobs) :]):
            end = position + length
            values.append(choices.make[code](data[position:end]))
            position = end
        if position > len(data):
            raise LoadError("%d bytes, but %d are needed" % (len(data), position))
    if expected:
        text = data[position:]
        if undecoded:
            texts = text.split(b"\0")
        else:
            texts = text.decode("utf-8", SURROGATES).split(u"\0")
        if len(texts) != expected:
            raise LoadError("%d texts, but %d are needed" % (len(texts), expected))
        values += texts
    elif position != len(data):
        raise LoadError("%d bytes, but %d are needed" % (len(data), position))
    for make, take, keys in steps:
        if keys is None:
            values.append(make(take(values)))
        else:
            if undecoded:
                keys = imap(encode_text, keys)
            values.append(dict(izip(keys, take(values))))
    return values[-1]
