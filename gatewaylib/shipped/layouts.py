# shipped: stdlib only; Python 2.7-3.14, PyPy, Jython; pure
"""Layouts: where each value of a small message is, worked out once for all that are alike.

Messages repeat: a thousand reports differ in their values and hardly in what they are
made of. What ``small`` sends begins with just that, so the bytes that say it are a key,
and what has to be done for them is kept: a ``struct.Struct`` for all numbers, and for
each container an ``itemgetter`` that takes its values from among those of the message.
The keys of dicts repeat even more, so they are kept too.

A layout is the code of the message's one value, and for each container, the outermost
first, its size ``u8`` and a code for each of its values. The containers of a container
come in their order, after those that are no deeper.
"""
from __future__ import absolute_import

from operator import itemgetter

from .columns import BLOBS, BOOL, CODE_OF_TYPE, NONE, NUMBERS, TEXT
from .compat import decode_text, encode_text, imap, row_functions
from .errors import LoadError
from .records import BYTE, NO_BLOBS, NO_NUMBERS

(LIST, TUPLE, DICT) = bytearray(b"LTD")

LONGEST = 65535  # bytes of a blob, and of all text

# Layouts, and rows of keys of at most so many bytes: a peer who repeats none of them costs
# up to 12 MiB, and the time that all took if nothing were kept.
KEPT, KEPT_BYTES = 256, 256

_MAKE = {LIST: list, TUPLE: tuple, DICT: dict}
_NO_CONTAINERS = bytes(bytearray(code for code in range(256) if code not in _MAKE))
_TEXT, _BOOL = BYTE[TEXT], BYTE[BOOL]
_NUMBERS, _BLOBS = frozenset(bytearray(NUMBERS)), frozenset(bytearray(BLOBS))


class Layout(object):
    """What is to be done for the small messages that begin with these bytes.

    The values of a message are numbered: its row, which is all numbers and then the lengths
    of all blobs; a None; the blobs, of which the first are the keys of dicts; the texts; the
    containers, the innermost first.

    Attributes:
        read_row: ``read_row(data, position)`` returns the row.
        row_size: bytes of it.
        numbers: how many numbers.
        dicts: sizes of the dicts that are not empty.
        blobs: bytearray, codes of the blobs that are not keys.
        texts: how many.
        containers: ``(make, take, number of the keys or None)`` for each, innermost first;
            ``take`` returns a tuple of its values from the list of all.
    """

    __slots__ = (
        "read_row",
        "row_size",
        "numbers",
        "dicts",
        "blobs",
        "texts",
        "containers",
    )

    def __init__(self, data):
        """Raises: LoadError: the bytes are no layout."""
        data = bytearray(data)
        kinds, blocks, dicts = data[:1], [], []
        position = 1
        for kind in kinds:  # which grows
            if position >= len(data):
                raise LoadError("a layout that doesn't add up")
            size = data[position]
            end = position + 1 + size
            block = data[position + 1 : end]
            position = end
            blocks.append((kind, block))
            kinds += block.translate(None, _NO_CONTAINERS)
            if kind == DICT and size:
                dicts.append(size)
        if position != len(data) or data[0] not in _MAKE:
            raise LoadError("a layout that doesn't add up")
        codes = bytearray().join([block for _, block in blocks])
        numbers = codes.translate(None, NO_NUMBERS)
        self.numbers, self.texts = len(numbers), codes.count(_TEXT)
        self.blobs, self.dicts = codes.translate(None, NO_BLOBS), dicts
        lengths = len(dicts) + len(self.blobs)
        _, self.read_row, self.row_size = row_functions(row_format(numbers, lengths))
        self.containers = self._number(blocks, self.numbers + lengths)

    def _number(self, blocks, none):
        number, keys = 0, none + 1
        blob = keys + len(self.dicts)
        text = blob + len(self.blobs)
        container = text + self.texts + len(blocks) - 1
        containers = []
        for kind, block in blocks:
            taken = []
            for code in block:
                if code == TEXT:
                    taken.append(text)
                    text += 1
                elif code in _NUMBERS:
                    taken.append(number)
                    number += 1
                elif code == NONE:
                    taken.append(none)
                elif code in _MAKE:
                    container -= 1
                    taken.append(container)
                elif code in _BLOBS:
                    taken.append(blob)
                    blob += 1
                else:
                    raise LoadError("unknown code %d" % code)
            if kind == DICT and block:
                containers.append((dict, _taker(taken), keys))
                keys += 1
            else:
                containers.append((_MAKE[kind], _taker(taken), None))
        return containers[::-1]


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


# Only caches: a thread that finds one emptied by another makes its entry again.
layouts = {}  # bytes -> Layout
packs = {}  # bytes of a layout -> what make_pack returns
keys_of_bytes = {}  # how they travel -> keys
bytes_of_keys = {}


def row_format(numbers, lengths):
    """Return the struct format of a row: numbers of these codes, and so many lengths."""
    return b"<" + bytes(numbers).replace(_BOOL, b"?") + b"H" * lengths


def make_pack(data, containers, numbers, lengths):
    """Return a function that packs a row, and keep it for the messages of this layout.

    Raises:
        LoadError: the sizes of so many containers don't add up; another thread changed one.
    """
    sizes = bytearray(data)
    position = 1
    for _ in range(containers):
        position += 1 + sum(sizes[position : position + 1])
    if position != len(data):
        raise LoadError("a layout that doesn't add up")
    codes = bytearray(imap(CODE_OF_TYPE.__getitem__, imap(type, numbers)))
    pack = row_functions(row_format(codes, lengths))[0]
    _keep(packs, data, pack)
    return pack


def make_layout(data):
    """Return the Layout of these bytes, and keep it; LoadError if they are none."""
    layout = Layout(data)
    _keep(layouts, data, layout)
    return layout


def split_keys(data):
    """Return the keys that travelled so, a list of text."""
    keys = decode_text(data).split(u"\0")
    if len(data) <= KEPT_BYTES:
        _keep(keys_of_bytes, data, keys)
    return keys


def join_keys(keys):
    """Return a tuple of text as it travels; None if it can't: for a NUL in it, or its length."""
    text = u"\0".join(keys)
    if text.count(u"\0") != len(keys) - 1:
        return None
    data = encode_text(text)
    if len(data) <= KEPT_BYTES:
        _keep(bytes_of_keys, keys, data)
    return data if len(data) <= LONGEST else None


def _keep(known, key, value):
    if len(known) >= KEPT:
        known.clear()
    known[key] = value
