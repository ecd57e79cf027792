# shipped: stdlib only; Python 2.7-3.14, PyPy, Jython; pure
"""Containers: nested containers, with all that is in them <-> bytes.

Each container is a record: its kind, and how many codes it has. A code stands for one
value: the value's type, or that it is a container. The values themselves are in columns,
one for each type. So most of the work is a few calls that C does, however many values
there are, and nothing recurses, however deep they nest.

Records come innermost first, and who reads them keeps a stack: a container's record
pushes it, and its code, in the record of the one that holds it, pops it.

Alike values need no codes. A long list of one simple type is a column of its own; a list
of dicts with the same keys, or of tuples of one length, is sent as one list for each key
or position; a list of lists as one list of everything, and the lengths.
"""

from __future__ import absolute_import

import struct
from itertools import chain, compress, islice, repeat
from operator import itemgetter

from .columns import BIG, CODE_OF_TYPE, INT, NONE, IntTooBig, pack
from .compat import SECRETLY_HASHED, as_bytes, imap, izip, text_type
from .errors import LoadError
from .sendable import CONTAINERS, MAX_NESTING, Reduced

# Kinds of records.
(LIST, TUPLE, DICT, SET, FROZENSET, REDUCED) = bytearray(b"LTDEFX")
(COLUMN, ROWS, TUPLES, GROUPS, LONG_TUPLE, LONG_DICT) = bytearray(b"CRPGVM")
# The code of a container, whatever its kind.
CONTAINER = ord("c")

FEW = 8  # values: fewer are not worth looking at for what they have in common
LONG = 32  # entries: a longer dict is sent as its keys and its values

_TYPES = frozenset(CONTAINERS + (Reduced,))
_CODES = dict(CODE_OF_TYPE)
_CODES.update((kind, CONTAINER) for kind in _TYPES)
_INTS = frozenset(kind for kind in CODE_OF_TYPE if CODE_OF_TYPE[kind] == INT)
_KEYS = (bytes, text_type)  # what the keys of rows may be: 1, 1.0 and True are one key
_BYTE = [bytes(bytearray([number])) for number in range(256)]
_MASKS = {
    code: _BYTE[0] * code + _BYTE[1] + _BYTE[0] * (255 - code)
    for code in set(_CODES.values()).union((BIG,))
}
_HEAD = struct.Struct("<cIIIII")  # "{", records, codes, columns of values, of lists, ballast
# Containers nest up to twice as deep on the wire: a set is sent as the list of its values.
_MAX_DEPTH = 2 * MAX_NESTING


class TooDeep(Exception):
    """Containers nest deeper than was allowed, or for ever."""


class _Layout(object):
    """What ``encode`` finds out on its way through an item."""

    __slots__ = ("kinds", "counts", "blocks", "columns", "ballast")

    def __init__(self):
        self.kinds, self.counts, self.blocks = bytearray(), [], []
        self.columns, self.ballast = [], 0


def encode(item, max_depth):
    """Return a container as a list of buffers.

    Raises:
        KeyError: a value's type is not one of ours; TooDeep. ``sendable`` finds out where.
        struct.error: more than 4 GiB of one type.
    """
    layout = _lay_out(item, max_depth)
    kinds, counts, columns = layout.kinds, layout.counts, layout.columns
    kinds.reverse()
    counts.reverse()
    layout.blocks.reverse()
    values = list(chain.from_iterable(layout.blocks))
    codes = bytearray(imap(_CODES.__getitem__, imap(type, values)))
    if len(codes) != sum(counts) or codes.count(b"c") != len(kinds) - 1:
        raise RuntimeError("the item was changed by another thread while it was being sent")
    pools = _pools(values, codes)
    columns.reverse()
    letters = bytearray()
    buffers = [b"", bytes(codes)]
    for letter, column in chain(pools, columns):
        letters.append(letter)
        counts.append(sum(imap(len, column)))
        buffers += column
    buffers[0] = b"".join(
        (
            _HEAD.pack(b"{", len(kinds), len(codes), len(pools), len(columns), layout.ballast),
            struct.pack("<%dI" % len(counts), *counts),
            bytes(kinds),
            bytes(letters),
        )
    )
    if layout.ballast:
        buffers.append(b"\0" * layout.ballast)
    return buffers


def _pools(values, codes):
    """Return a column for each type among the values; may change codes, from INT to BIG."""
    pools = []
    for code in sorted(set(codes)):
        if code == NONE or code == CONTAINER:
            continue
        try:
            pools.append(pack(code, list(compress(values, codes.translate(_MASKS[code])))))
        except IntTooBig:
            for index, value in enumerate(values):
                if codes[index] == INT and not -(2**63) <= value < 2**63:
                    codes[index] = BIG
            return _pools(values, codes)
    return pools


def _lay_out(item, max_depth):
    layout = _Layout()
    add_kind, add_count = layout.kinds.append, layout.counts.append
    add_block = layout.blocks.append
    holds_none_of = _TYPES.isdisjoint
    depth = 1
    pending = [item]  # containers yet to be seen; None: one level is done
    while pending:
        value = pending.pop()
        if value is None:
            depth -= 1
            continue
        kind = type(value)
        count = len(value)
        inner = None
        if kind is dict and count < LONG:
            add_kind(DICT)
            add_count(2 * count)
            add_block(chain.from_iterable(value.items()))
            if not holds_none_of(imap(type, chain(value, value.values()))):
                inner = [x for pair in value.items() for x in pair if type(x) in _TYPES]
        elif count < FEW and (kind is list or kind is tuple):
            add_kind(LIST if kind is list else TUPLE)
            add_count(count)
            add_block(value)
            if not holds_none_of(imap(type, value)):
                inner = [x for x in value if type(x) in _TYPES]
        else:
            kind, block, inner = _form(value, kind, count, layout)
            add_kind(kind)
            add_count(len(block))
            add_block(block)
        if inner:
            depth += 1
            if depth > max_depth:
                raise TooDeep()
            pending.append(None)
            inner.reverse()
            pending += inner
    return layout


def _form(value, kind, count, layout):
    """Return ``(kind, values, containers among them)`` for what may take several forms."""
    if kind is dict:
        layout.ballast += 2 * count
        return LONG_DICT, (list(value), list(value.values())), [list(value), list(value.values())]
    if kind is set or kind is frozenset:
        layout.ballast += 8 * count + 8
        values = [list(value)]
        return (SET if kind is set else FROZENSET), values, values[:]
    types = set(imap(type, value))
    alike = (len(types) == 1 and kind is not Reduced) or types == _INTS
    if alike and kind is tuple and type(value[0]) is not type(None):
        return LONG_TUPLE, [list(value)], [list(value)]
    if alike and kind is list:
        form = _alike(value, type(value[0]), layout)
        if form is not None:
            return form
    inner = None if _TYPES.isdisjoint(types) else [x for x in value if type(x) in _TYPES]
    return {list: LIST, tuple: TUPLE, Reduced: REDUCED}[kind], value, inner


def _alike(values, kind, layout):
    """Return the form of a list of values of one type, or None if they have no more in common."""
    if kind is dict:
        keys = tuple(values[0])
        types = set(imap(type, chain.from_iterable(values)))
        if len(types) != 1 or types.pop() not in _KEYS or set(imap(tuple, values)) != {keys}:
            return None
        layout.ballast += (8 + len(keys)) * len(values)
        block = [list(keys)] + [list(imap(itemgetter(key), values)) for key in keys]
        return ROWS, block, block[:]
    if kind is tuple:
        size = len(values[0])
        if size == 0 or set(imap(len, values)) != {size}:
            return None
        layout.ballast += 2 * len(values)
        block = [list(imap(itemgetter(index), values)) for index in range(size)]
        return TUPLES, block, block[:]
    if kind is list:
        block = [list(imap(len, values)), list(chain.from_iterable(values))]
        # Not if they hold containers: a list that holds itself would grow for ever.
        if _TYPES.isdisjoint(imap(type, block[1])):
            return GROUPS, block, block[:]
        return None
    code = _CODES[kind]
    if code == NONE or code == CONTAINER:
        return None
    try:
        layout.columns.append(pack(code, values))
    except IntTooBig:
        return None
    return COLUMN, (), None


# ---- bytes -> containers ---------------------------------------------------------


class _Loading(object):
    """What may still be spent on one payload, and what its columns and names stand for."""

    __slots__ = ("ballast", "collisions", "columns", "restore")

    def __init__(self, ballast, collisions, columns, restore):
        self.ballast, self.collisions = ballast, collisions
        self.columns, self.restore = columns, restore

    def pay(self, count):
        """Take so many bytes of ballast: a container that takes more memory than its bytes."""
        self.ballast -= count
        if self.ballast < 0:
            raise LoadError("too few bytes for the memory that the value would take")

    def check_hashes(self, keys):
        """Raise LoadError if so many of these hash alike that a dict of them takes for ever."""
        if len(keys) <= 16 or not set(imap(type, keys)).difference(SECRETLY_HASHED):
            return
        hashes = list(imap(hash, keys))
        if len(hashes) - len(set(hashes)) <= 16:
            return
        alike = {}
        for number in hashes:
            alike[number] = alike.get(number, 0) + 1
        self.collisions -= sum(count * (count - 1) // 2 for count in alike.values())
        if self.collisions < 0:
            raise LoadError("too many keys that hash alike")


def decode(data, readers, restore):
    """Return the container of these bytes, of which ``data[:1]`` is not looked at.

    Args:
        data: bytes, or a memoryview of them.
        readers: what ``columns.readers`` returned.
        restore: ``restore(name, builtin)`` returns the value that a reducer took apart.

    Raises:
        LoadError, or one of BAD_DATA: the bytes make no sense.
    """
    _, records, ends, pools, lists, ballast = _HEAD.unpack(as_bytes(data[: _HEAD.size]))
    middle = _HEAD.size + 4 * (records + pools + lists)
    letters_at = middle + records
    codes_at = letters_at + pools + lists
    position = codes_at + ends
    if position > len(data):
        raise LoadError("cut off")
    numbers = struct.unpack("<%dI" % (records + pools + lists), as_bytes(data[_HEAD.size : middle]))
    counts, sizes = numbers[:records], numbers[records:]
    codes = as_bytes(data[codes_at:position])
    if position + sum(sizes) + ballast != len(data) or sum(counts) != len(codes):
        raise LoadError("lengths that don't add up")
    if codes.count(b"c") != records - 1:
        raise LoadError("containers that don't add up")
    if records > _MAX_DEPTH:
        _check_depth(counts, codes)
    done = []
    sources = {NONE: repeat(None), CONTAINER: iter(done.pop, _Loading)}
    columns = []
    for letter, size in izip(bytearray(data[letters_at:codes_at]), sizes):
        code, read = readers[letter]
        column = read(data[position : position + size])
        position += size
        if len(columns) or len(sources) == pools + 2:
            columns.append(column)
        elif code in sources or len(column) != codes.count(_BYTE[code]):
            raise LoadError("columns that don't add up")
        else:
            sources[code] = iter(column)
    loading = _Loading(ballast, 200000 + len(data) // 2, columns, restore)
    columns.reverse()
    values = imap(next, imap(sources.__getitem__, bytearray(codes)))
    push = done.append
    for kind, count in izip(bytearray(data[middle:letters_at]), counts):
        if kind == LIST:
            push(list(islice(values, count)))
        elif kind == DICT:
            if count > 2 * LONG:
                raise LoadError("a dict of %d entries in the form of a short one" % (count // 2))
            pairs = islice(values, count)
            push(dict(izip(pairs, pairs)))
        elif kind == TUPLE:
            push(tuple(islice(values, count)))
        else:
            push(_BUILD[kind](list(islice(values, count)), loading))
    if loading.ballast or columns:
        raise LoadError("bytes left over")
    return done.pop()


def _check_depth(counts, codes):
    depths = []
    position = 0
    for count in counts:
        inner = codes.count(b"c", position, position + count)
        position += count
        depth = 1
        if inner:
            depth += max(depths[-inner:])
            del depths[-inner:]
            if depth > _MAX_DEPTH:
                raise LoadError("nested too deep")
        depths.append(depth)


def _build_column(values, loading):
    if values:
        raise LoadError("a column with codes")
    return loading.columns.pop()


def _build_set(values, loading):
    (items,) = values
    loading.pay(8 * len(items) + 8)
    loading.check_hashes(items)
    return set(items)


def _build_frozenset(values, loading):
    return frozenset(_build_set(values, loading))


def _build_reduced(values, loading):
    name, value = values
    return loading.restore(name, value)


def _build_rows(values, loading):
    keys = values[0]
    count = _common_length(values[1:])
    loading.pay((8 + len(keys)) * count)
    return [dict(izip(keys, row)) for row in izip(*values[1:])]


def _build_tuples(values, loading):
    loading.pay(2 * _common_length(values))
    return list(izip(*values))


def _common_length(lists):
    count = len(lists[0])
    if any(type(column) is not list or len(column) != count for column in lists):
        raise LoadError("rows of different lengths")
    return count


def _build_groups(values, loading):
    counts, items = values
    if sum(counts) != len(items) or min(counts) < 0:
        raise LoadError("groups that don't add up")
    rest = iter(items)
    return [list(islice(rest, count)) for count in counts]


def _build_long_tuple(values, loading):
    (items,) = values
    return tuple(items)


def _build_long_dict(values, loading):
    keys, items = values
    loading.pay(2 * _common_length(values))
    loading.check_hashes(keys)
    return dict(izip(keys, items))


_BUILD = {
    COLUMN: _build_column,
    SET: _build_set,
    FROZENSET: _build_frozenset,
    REDUCED: _build_reduced,
    ROWS: _build_rows,
    TUPLES: _build_tuples,
    GROUPS: _build_groups,
    LONG_TUPLE: _build_long_tuple,
    LONG_DICT: _build_long_dict,
}
