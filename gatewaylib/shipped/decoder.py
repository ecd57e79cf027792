# shipped: stdlib only; Python 2.7-3.14, PyPy, Jython; pure
"""Decoder: bytes -> nested containers, with all that is in them; ``encoder`` has the plan.

Nothing here believes a number it reads before it has added up with the others. Values
are made by one chain of C iterators: each code asks the column of its type for the next.
"""
from __future__ import absolute_import

from itertools import islice, repeat
from operator import setitem

from .columns import BOOL, BOOLS, FLOAT, INT, NONE, TEXT, cut, read_column, split_texts, unpack_row
from .compat import SECRETLY_HASHED, as_bytes, imap, izip
from .errors import LoadError
from .records import (
    BYTE,
    COLUMN,
    CONTAINER,
    DICT,
    DICT_BALLAST,
    FROM_PYTHON_3,
    FROZENSET,
    GROUPS,
    HEAD,
    LIST,
    LONG,
    LONG_DICT,
    LONG_TUPLE,
    MAX_DEPTH,
    MORE,
    NO_BLOBS,
    NO_NUMBERS,
    REDUCED,
    ROWS,
    SET,
    SHAPED,
    SORTED,
    TUPLE,
    TUPLES,
)

_NONES = repeat(None)


def decode(data, choices, restore):
    """Return the container of a message.

    Args:
        data: bytes, or a memoryview of them.
        choices: ``columns.Choices`` of the reader.
        restore: ``restore(name, builtin)`` returns the value that a reducer took apart.

    Raises:
        LoadError, or one of BAD_DATA: the bytes make no sense.
    """
    if len(data) < HEAD.size:
        raise LoadError("cut off")
    head = data if type(data) is bytes else as_bytes(data[: HEAD.size])
    letter, shapes, records, ends, blobs, columns, row, text, between, ballast = HEAD.unpack_from(
        head
    )
    codes_at = HEAD.size + 2 * records
    letters_at = codes_at + ends
    row_at = letters_at + columns
    text_at = row_at + row
    blobs_at = text_at + text
    structure = data if type(data) is bytes else as_bytes(data[:row_at])
    kinds = structure[HEAD.size : codes_at : 2]
    sizes = structure[HEAD.size + 1 : codes_at : 2]
    codes = structure[codes_at:letters_at]
    longs = sizes.count(BYTE[MORE])
    lengths = shapes + longs + blobs + columns
    if blobs_at > len(data) or 4 * lengths > row:
        raise LoadError("cut off")
    # The row: how many keys each shape has; long sizes; bytes of blobs, and of columns; numbers.
    row = unpack_row(b"I" * lengths + codes.translate(None, NO_NUMBERS), data[row_at:text_at])
    undecoded = choices.undecoded and letter == FROM_PYTHON_3
    texts = ()
    expected = codes.count(BYTE[TEXT]) + sum(row[:shapes])
    if expected:
        texts = split_texts(data[text_at:blobs_at], between, undecoded)
        if len(texts) != expected:
            raise LoadError("texts that don't add up")
        texts = iter(texts)
    elif text:
        raise LoadError("text that nothing needs")
    numbers = islice(row, lengths, None)
    done = []
    sources = {
        NONE: _NONES,
        CONTAINER: _popping(done),
        TEXT: texts,
        INT: numbers,
        FLOAT: numbers,
    }
    if BYTE[BOOL] in codes:
        sources[BOOL] = imap(BOOLS.__getitem__, numbers)
    loading = _Loading(ballast, len(data), restore)
    keys = []
    for number, size in enumerate(row[:shapes]):
        keys.append(list(islice(texts, size)))
        loading.ballast -= kinds.count(BYTE[SHAPED + number]) * (size + DICT_BALLAST)
    position = blobs_at
    found = codes.translate(None, NO_BLOBS)
    if len(found) != blobs:
        raise LoadError("blobs that don't add up")
    if blobs:
        end = lengths - columns
        pieces = cut(data, position, row[end - blobs : end])
        position += sum(row[end - blobs : end])
        for code in set(bytearray(found)):
            sources[code] = imap(choices.make[code], pieces)
    if columns:
        for column, size in izip(
            bytearray(structure[letters_at:row_at]), row[lengths - columns : lengths]
        ):
            loading.lists.append(
                read_column(column, data[position : position + size], choices, undecoded)
            )
            position += size
        loading.lists.reverse()
    if position + ballast != len(data):
        raise LoadError("lengths that don't add up")
    long_sizes = row[shapes : shapes + longs]
    if records > MAX_DEPTH:
        _check_depth(_plan(kinds, sizes, long_sizes), keys, codes)
    values = imap(next, imap(sources.__getitem__, bytearray(codes)))
    push = done.append
    for kind, size in _plan(kinds, sizes, long_sizes):
        if kind >= SHAPED:
            push(dict(izip(keys[kind - SHAPED], values)))
        elif kind == LIST:
            push([next(values)] if size == 1 else list(islice(values, size)))
        elif kind == TUPLE:
            push(tuple(islice(values, size)))
        else:
            push(_BUILD[kind](values, size, loading))
    if len(done) != 1 or loading.ballast or loading.lists or next(values, done) is not done:
        raise LoadError("containers that don't add up")
    return done[0]


def _popping(done):
    while True:
        yield done.pop()


def _plan(kinds, sizes, long_sizes):
    """Return an iterator over the kind and the size of each record."""
    plan = izip(bytearray(kinds), bytearray(sizes))
    return _with_long_sizes(plan, iter(long_sizes)) if long_sizes else plan


def _with_long_sizes(plan, long_sizes):
    for kind, size in plan:
        yield kind, next(long_sizes) if size == MORE else size


def _check_depth(plan, keys, codes):
    """Raise LoadError if containers nest too deep: hashing tuples, C recurses unguarded."""
    depths = []
    position = 0
    for kind, size in plan:
        if kind >= SHAPED:
            size = len(keys[kind - SHAPED])
        elif kind == DICT:
            size *= 2
        inner = codes.count(b"c", position, position + size)
        position += size
        depth = 1
        if inner:
            depth += max(depths[-inner:])
            del depths[-inner:]
            if depth > MAX_DEPTH:
                raise LoadError("nested too deep")
        depths.append(depth)


class _Loading(object):
    """What may still be spent on one message, and the columns that are left."""

    def __init__(self, ballast, size, restore):
        self.ballast, self.restore = ballast, restore
        self.collisions = 200000 + size // 2  # comparisons: about 10 ms, and what they cost a byte
        self.lists = []

    def pay(self, count):
        """Take so many bytes of ballast, for what takes more memory than its bytes would pay."""
        self.ballast -= count
        if self.ballast < 0:
            raise LoadError("too few bytes for the memory that the value would take")

    def check_hashes(self, keys, times=1):
        """Raise LoadError if so many of these hash alike that dicts of them take for ever.

        ``times``: how many dicts.
        """
        if len(keys) <= 16 or not set(imap(type, keys)).difference(SECRETLY_HASHED):
            return
        hashes = list(imap(hash, keys))
        if len(hashes) - len(set(hashes)) <= 16:
            return
        alike = {}
        for number in hashes:
            alike[number] = alike.get(number, 0) + 1
        self.collisions -= times * sum(count * (count - 1) // 2 for count in alike.values())
        if self.collisions < 0:
            raise LoadError("too many keys that hash alike")


def _dict(values, size, loading):
    if size > LONG:
        raise LoadError("a dict of %d entries in the form of a short one" % size)
    loading.pay(size + DICT_BALLAST)
    items = islice(values, 2 * size)
    return dict(izip(items, items))


def _column(values, size, loading):
    return loading.lists.pop()


def _set(values, size, loading):
    items = _only_list(values, size)
    loading.pay(8 * len(items) + 8)
    loading.check_hashes(items)
    return set(items)


def _frozenset(values, size, loading):
    return frozenset(_set(values, size, loading))


def _reduced(values, size, loading):
    name, value = islice(values, size)
    return loading.restore(name, value)


def _only_list(values, size):
    (items,) = islice(values, size)
    if type(items) is not list:  # a text could be taken apart too, and its characters take more
        raise LoadError("no list where one must be")
    return items


def _rows(values, size, loading):
    lists = list(islice(values, size))
    keys = lists.pop(0)
    if type(keys) is not list:
        raise LoadError("rows without keys")
    size = _common_length(lists)
    loading.pay((8 + len(keys)) * size)
    loading.check_hashes(keys, size)
    # Copies of one dict with all keys, whose values are then replaced key by key: as C does
    # both, this takes half the time of dict(izip(keys, row)) for each.
    rows = list(imap(dict.copy, repeat(dict.fromkeys(keys), size)))
    for key, items in izip(keys, lists):
        any(imap(setitem, rows, repeat(key), items))  # which are all None
    return rows


def _sorted(values, size, loading):
    lists = list(islice(values, size))
    if any(type(items) is not list for items in lists):
        raise LoadError("no list where one must be")
    order = lists.pop(0)
    sources = list(imap(iter, lists))
    items = list(imap(next, imap(sources.__getitem__, order)))
    if len(items) != len(order) or len(items) != sum(imap(len, lists)):
        raise LoadError("sorted values that don't add up")
    return items


def _tuples(values, size, loading):
    lists = list(islice(values, size))
    loading.pay(2 * _common_length(lists))
    return list(izip(*lists))


def _common_length(lists):
    size = len(lists[0])
    if any(type(column) is not list or len(column) != size for column in lists):
        raise LoadError("rows of different lengths")
    return size


def _groups(values, size, loading):
    sizes, items = islice(values, size)
    if type(items) is not list:
        raise LoadError("no list where one must be")
    if type(sizes) is not list:
        return _equal_groups(sizes, items, loading)
    if sum(sizes) != len(items) or min(sizes) < 0:
        raise LoadError("groups that don't add up")
    rest = iter(items)
    return [list(islice(rest, size)) for size in sizes]


def _equal_groups(size, items, loading):
    if size < 1 or len(items) % size:
        raise LoadError("groups that don't add up")
    loading.pay(4 * (len(items) // size))
    if size < LONG:
        return list(imap(list, izip(*[iter(items)] * size)))
    return [items[start : start + size] for start in range(0, len(items), size)]


def _long_tuple(values, size, loading):
    return tuple(_only_list(values, size))


def _long_dict(values, size, loading):
    keys, items = islice(values, size)
    loading.pay(2 * _common_length([keys, items]))
    loading.check_hashes(keys)
    return dict(izip(keys, items))


_BUILD = {
    DICT: _dict,
    COLUMN: _column,
    SET: _set,
    FROZENSET: _frozenset,
    REDUCED: _reduced,
    ROWS: _rows,
    SORTED: _sorted,
    TUPLES: _tuples,
    GROUPS: _groups,
    LONG_TUPLE: _long_tuple,
    LONG_DICT: _long_dict,
}
