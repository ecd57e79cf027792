# shipped: stdlib only; Python 2.7-3.14, PyPy, Jython; pure
"""Small messages: a few values in a few containers <-> bytes.

A small message is its layout, and then all numbers, the keys of each dict, all else that
is bytes, and all text joined. Sending it looks at each value once. Reading it takes a call
for all numbers, one for all text and one or two for each container, as ``layouts`` knows
what is to be done. What is not small, or has a value of a rarer type in it, is left to
``encoder``.
"""
from __future__ import absolute_import

import struct

from .columns import BOOL, CODE_OF_TYPE, FLOAT, INT, NONE, TEXT, ChannelId, as_blob
from .compat import PY2, SURROGATES, as_bytes, bytes_of, int_types, izip, text_type
from .errors import LoadError
from .layouts import (
    DICT,
    LIST,
    LONGEST,
    TUPLE,
    bytes_of_keys,
    join_keys,
    keys_of_bytes,
    layouts,
    make_layout,
    make_pack,
    packs,
    split_keys,
)

# A small message begins with one of these; the second: its text is Python 2's unicode.
SMALL, SMALL_PYTHON_2 = b"[", b"<"
WRITER = SMALL_PYTHON_2 if PY2 else SMALL

LAYOUT = 255  # bytes of it
CONTAINERS = 32  # of a message
ENTRIES = 32  # of a container

_HEADS = [SMALL + bytes_of([size]) for size in range(LAYOUT + 1)]
_WRITER_HEADS = [WRITER + bytes_of([size]) for size in range(LAYOUT + 1)]
_SIZE = struct.Struct("<xB").unpack_from
_LONG = int_types[-1]
_CONTAINERS = {list: LIST, tuple: TUPLE, dict: DICT}
_BLOB_TYPES = frozenset([bytes, complex, ChannelId])


def encode_small(item):
    """Return a container as a payload, or None if it is not small."""
    code = _CONTAINERS.get(type(item))
    if code is None:
        return None
    codes = [code]
    numbers, keys, blobs, texts = [], [], [], []
    containers = [item]
    for container in containers:
        size = len(container)
        if size > ENTRIES or len(containers) > CONTAINERS:
            return None
        codes.append(size)
        if type(container) is dict and size:
            for key in container:
                if type(key) is not text_type:
                    return None
            row = tuple(container)
            data = bytes_of_keys.get(row)
            if data is None:
                data = join_keys(row)
                if data is None:
                    return None
            keys.append(data)
            container = container.values()
        for value in container:
            kind = type(value)
            if kind is text_type:
                codes.append(TEXT)
                texts.append(value)
            elif kind is int or kind is _LONG:
                codes.append(INT)
                numbers.append(value)
            elif value is None:
                codes.append(NONE)
            elif kind is float:
                codes.append(FLOAT)
                numbers.append(value)
            elif kind is bool:
                codes.append(BOOL)
                numbers.append(value)
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
    if keys:
        blobs = keys + blobs
    if len(codes) > LAYOUT:
        return None
    data = bytes_of(codes)
    try:
        pack = packs.get(data) or make_pack(data, len(containers), numbers, len(blobs))
        for blob in blobs:
            numbers.append(len(blob))
        row = pack(*numbers)
    except (LoadError, struct.error):
        return None  # An int of more than 64 bits, or another thread changed the item.
    if texts:
        text = u"\0".join(texts)
        if text.count(u"\0") != len(texts) - 1:
            return None
        text = text.encode("utf-8", SURROGATES)
        if len(text) > LONGEST:
            return None
        blobs.append(text)
    heads = _WRITER_HEADS if texts or keys else _HEADS
    return b"".join([heads[len(data)], data, row] + blobs)


def decode_small(choices, data):
    """Return the container of a small message, which may be a memoryview.

    Raises:
        LoadError, or one of BAD_DATA: the bytes make no sense.
    """
    if type(data) is not bytes:
        data = as_bytes(data)
    position = 2 + _SIZE(data)[0]
    known = data[2:position]
    layout = layouts.get(known) or make_layout(known)
    row = layout.read_row(data, position)
    position += layout.row_size
    undecoded = choices.undecoded and data[:1] == SMALL
    values = list(row)
    add = values.append
    add(None)
    if len(row) > layout.numbers:
        lengths = iter(row[layout.numbers :])
        for size, length in izip(layout.dicts, lengths):
            end = position + length
            known = data[position:end]
            keys = keys_of_bytes.get(known) or split_keys(known)
            if len(keys) != size:
                raise LoadError("%d keys and %d values" % (len(keys), size))
            add(known.split(b"\0") if undecoded else keys)
            position = end
        if layout.blobs:
            for code, length in izip(layout.blobs, lengths):
                end = position + length
                add(choices.make[code](data[position:end]))
                position = end
    if position > len(data) or (position < len(data) and not layout.texts):
        raise LoadError("%d bytes, but %d are needed" % (len(data), position))
    if layout.texts:
        text = data[position:]
        if undecoded:
            texts = text.split(b"\0")
        else:
            texts = text.decode("utf-8", SURROGATES).split(u"\0")
        if len(texts) != layout.texts:
            raise LoadError("%d texts, but %d are needed" % (len(texts), layout.texts))
        values += texts
    for make, take, keys in layout.containers:
        if keys is None:
            add(make(take(values)))
        else:
            add(dict(izip(values[keys], take(values))))
    return values[-1]
