# shipped: stdlib only; Python 2.7-3.14, PyPy, Jython; pure
"""Layouts: where each value of a small message is, worked out once for all that are alike.

Messages repeat: a thousand reports differ in their values and hardly in what they are
made of. What ``small`` sends begins with just that, so the bytes that say it are a key,
and what has to be done for them is kept: an ``itemgetter`` for each container, that takes its
values from among those of the message, and its keys. Where the keys are new each time, the
layout is not. How numbers are packed depends on how many there are, and is kept by that.

A layout is the letter of the message, the code of its one value, and for each container,
the outermost first, its size ``u8`` and a code for each of its values. The containers of a
container come in their order, after those that are no deeper.
"""
from __future__ import absolute_import

from operator import itemgetter, mul

from .columns import BLOBS, BOOL, FLOAT, INT, NONE, TEXT
from .compat import decode_text, encode_text, imap, row_functions
from .errors import LoadError
from .records import BYTE, DICT, LIST, NO_BLOBS, TUPLE

BETWEEN, END = b"\xfe", b"\xff"  # before each row of keys, and after them: no UTF-8 has these
LAYOUT = 255  # bytes of it, without the letter
ENTRIES = 32  # of a container

# Of each cache, and bytes of what may be a key in it: a peer who repeats nothing costs up to
# 12 MiB, and the time that all took if nothing were kept.
KEPT, KEPT_BYTES = 256, 512

_MAKE = {LIST: list, TUPLE: tuple, DICT: dict}
_NO_CONTAINERS = bytes(bytearray(code for code in range(256) if code not in _MAKE))
_INT, _FLOAT, _BOOL, _TEXT = BYTE[INT], BYTE[FLOAT], BYTE[BOOL], BYTE[TEXT]
_BLOBS = frozenset(bytearray(BLOBS))

# Only caches: a thread that finds one emptied by another makes its entry again.
bytes_of_keys = {}  # keys of a dict -> how they travel
rows = {}  # how many numbers and lengths -> functions of a row
layouts = {}  # bytes of a layout -> what _make_layout returns
heads = {}  # bytes of a layout and all keys -> what make_head returns


def join_keys(keys):
    """Return a tuple of text as it travels; None if it can't, for a NUL in it."""
    text = u"\0".join(keys)
    if text.count(u"\0") != len(keys) - 1:
        return None
    data = BETWEEN + encode_text(text)
    if len(data) <= KEPT_BYTES:
        _keep(bytes_of_keys, keys, data)
    return data


def make_row(counts):
    """Return ``(pack, read, size)``, the functions of rows of so many values, and keep them.

    Args:
        counts: how many ints, floats, bools, and lengths of blobs.
    """
    functions = row_functions(b"<" + b"".join(imap(mul, (b"q", b"d", b"?", b"H"), counts)))
    _keep(rows, counts, functions)
    return functions


def make_head(data):
    """Return what is to be done for messages that begin with this layout and these keys.

    Returns:
        A tuple of the first four that _make_layout returns, and ``(make, take, keys or None)``
        for each container.

    Raises:
        LoadError: the bytes make no sense.
    """
    parts = data.split(BETWEEN)
    known = parts[0]
    read_row, row_size, blobs, texts, containers = layouts.get(known) or _make_layout(known)
    steps = []
    for make, take, size in containers:
        keys = None
        if size:
            keys = decode_text(parts.pop()).split(u"\0")
            if len(keys) != size:
                raise LoadError("%d keys and %d values" % (len(keys), size))
        steps.append((make, take, keys))
    if len(parts) != 1:
        raise LoadError("keys that belong to no dict")
    head = read_row, row_size, blobs, texts, steps
    if len(data) <= KEPT_BYTES:
        _keep(heads, data, head)
    return head


def _make_layout(data):
    """Return what is to be done for messages of this layout.

    The values of a message are numbered: a None; its row, which is all ints, floats, bools,
    and lengths of blobs; the blobs; the texts; the containers, the innermost first.

    Returns:
        A tuple of: ``read_row(data, position)``, which returns the row; bytes of it; codes of
        the blobs; how many texts; and for each container, innermost first, ``(make, take, how
        many keys)``: ``take`` returns a sequence of its values from the list of all.

    Raises:
        LoadError: the bytes are no layout.
    """
    if len(data) > LAYOUT + 1:
        raise LoadError("a layout of %d bytes" % len(data))
    ints, floats, bools = data.count(_INT), data.count(_FLOAT), data.count(_BOOL)
    blobs, texts = data.translate(None, NO_BLOBS), data.count(_TEXT)
    # The number of the next value of each kind.
    float_, bool_ = 1 + ints, 1 + ints + floats
    blob = bool_ + bools + len(blobs)
    text = blob + len(blobs)
    numbers = {INT: 1, FLOAT: float_, BOOL: bool_, TEXT: text}
    container = text + texts + len(data.translate(None, _NO_CONTAINERS)) - 1
    codes = bytearray(data)
    kinds, containers = codes[1:2], []
    position = 2
    for kind in kinds:  # which grows
        size = codes[position] if position < len(codes) else 255
        if size > ENTRIES or kind not in _MAKE:
            raise LoadError("a layout that doesn't add up")
        inside = codes[position + 1 : position + 1 + size]
        position += 1 + size
        code = inside[0] if inside else NONE
        if code in numbers and inside.count(BYTE[code]) == size:  # lists mostly, of any length
            number = numbers[code]
            numbers[code] = number + size
            take = itemgetter(slice(number, number + size))
        else:
            taken = []
            for code in inside:
                if code in numbers:
                    number = numbers[code]
                    numbers[code] = number + 1
                    taken.append(number)
                elif code == NONE:
                    taken.append(0)
                elif code in _MAKE:
                    container -= 1
                    taken.append(container)
                    kinds.append(code)
                elif code in _BLOBS:
                    taken.append(blob)
                    blob += 1
                else:
                    raise LoadError("unknown code %d" % code)
            take = _taker(taken)
        containers.append((_MAKE[kind], take, size if kind == DICT else 0))
    if position != len(codes):
        raise LoadError("a layout that doesn't add up")
    containers.reverse()
    counts = ints, floats, bools, len(blobs)
    _, read_row, row_size = rows.get(counts) or make_row(counts)
    layout = read_row, row_size, bytearray(blobs), texts, containers
    _keep(layouts, data, layout)
    return layout


def _taker(numbers):
    """Return a function that returns the tuple of the values with these numbers."""
    if len(numbers) > 1:
        return itemgetter(*numbers)
    if not numbers:
        return _take_nothing
    (number,) = numbers
    return lambda values: (values[number],)


def _take_nothing(values):
    return ()


def _keep(known, key, value):
    if len(known) >= KEPT:
        known.clear()
    known[key] = value
