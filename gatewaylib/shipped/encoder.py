# shipped: stdlib only; Python 2.7-3.14, PyPy, Jython; pure
"""Encoder: nested containers, with all that is in them -> bytes; ``decoder`` reads them.

Each container is a record of two bytes, its kind and its size. A code stands for each
value in it: for the value's type, or that it is a container. The values themselves are
in columns. So most of the work is a few calls that C does, however many values there
are, and nothing recurses, however deep they nest.

Records come innermost first, and who reads them keeps a stack: a container's record
pushes it, and its code, in the record of the one that holds it, pops it.

What is alike is said once. The keys of a dict are its shape, sent apart from all dicts
that have it. A long list of one simple type is a column of its own, without codes; a
list of dicts of one shape, or of tuples of one length, is sent as a list for each key or
position, after they were sorted by shape if there are a few; a list of lists as one list of
everything, and the lengths.
"""
from __future__ import absolute_import

import struct
from itertools import chain, compress
from operator import countOf, itemgetter

from .columns import (
    BIG,
    BLOBS,
    CODE_OF_TYPE,
    INT,
    NONE,
    NUMBERS,
    TEXT,
    TEXT_WITH_NUL,
    IntTooBig,
    as_blob,
    join_texts,
    pack_column,
    pack_row,
)
from .compat import PY2, imap, izip, text_type
from .records import (
    BYTE,
    COLUMN,
    CONTAINER,
    DICT,
    DICT_BALLAST,
    FROM_PYTHON_2,
    FROM_PYTHON_3,
    FROZENSET,
    GROUPS,
    HEAD,
    LIST,
    LONG,
    LONG_DICT,
    LONG_TUPLE,
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
from .sendable import CONTAINERS, Reduced

FEW = 8  # values: fewer are not worth looking at for what they have in common
KINDS = 16  # of rows of keys: dicts that have more are not worth sorting by them

_TYPES = frozenset(CONTAINERS + (Reduced,))
_CODES = dict(CODE_OF_TYPE)
_CODES.update((kind, CONTAINER) for kind in _TYPES)
_INTS = frozenset(kind for kind in CODE_OF_TYPE if CODE_OF_TYPE[kind] == INT)
_TEXT_ONLY = frozenset([text_type])
_KEYS = (bytes, text_type)  # what the keys of rows may be: 1, 1.0 and True are one key


def _mask(codes):
    mask = bytearray(256)
    for code in bytearray(codes):
        mask[code] = 1
    return bytes(mask)


_NUMBER_MASK, _BLOB_MASK, _TEXT_MASK = _mask(NUMBERS), _mask(BLOBS), _mask(BYTE[TEXT])


class TooDeep(Exception):
    """Containers nest deeper than was allowed, or for ever."""


def encode(item, max_depth):
    """Return a container as a list of buffers.

    Raises:
        KeyError: a value's type is not one of ours; TooDeep. ``sendable`` finds out where.
        struct.error: a value, or all text together, is longer than 4 GiB.
    """
    layout = _lay_out(item, max_depth, True) or _lay_out(item, max_depth, False)
    records, blocks, codes, shapes, long_sizes, columns, ballast = layout
    for part in (records, blocks, codes, long_sizes, columns):
        part.reverse()  # they were found outermost first
    values = list(chain.from_iterable(blocks))
    codes = bytearray().join(codes)
    if len(values) != len(codes):
        raise RuntimeError("the item was changed by another thread while it was being sent")
    row = list(imap(len, shapes)) if shapes else []
    row += long_sizes
    lengths = (records, shapes, row, columns, ballast)
    try:
        return _write(values, codes, *lengths)
    except struct.error:
        return _write(values, _mark_big(values, codes), *lengths)


def _mark_big(values, codes):
    """Give ints of more than 64 bits their own code."""
    for index, value in enumerate(values):
        if codes[index] == INT and not -(2**63) <= value < 2**63:
            codes[index] = BIG
    return codes


def _write(values, codes, records, shapes, row, columns, ballast):
    """Return the buffers of a message; ``row`` begins with the sizes known so far."""
    row = row[:]
    for number, shape in enumerate(shapes):
        count = records.count(_record(SHAPED + number, len(shape)))
        ballast += count * (len(shape) + DICT_BALLAST)
    texts = list(chain.from_iterable(shapes)) if shapes else []
    if TEXT in codes:
        texts += compress(values, codes.translate(_TEXT_MASK))
    between, text = join_texts(texts) if texts else (0, b"")
    found = codes.translate(None, NO_BLOBS)
    blobs = ()
    if found:
        blobs = _blobs(found, compress(values, codes.translate(_BLOB_MASK)))
        row += imap(len, blobs)
    letters = b""
    if columns:
        letters = bytes(bytearray([letter for letter, _ in columns]))
        row += [sum(imap(len, buffers)) for _, buffers in columns]
    numbers = codes.translate(None, NO_NUMBERS)
    formats = b"I" * len(row) + bytes(numbers)
    if numbers:
        row += compress(values, codes.translate(_NUMBER_MASK))
    packed = pack_row(formats, row) if row else b""
    writer = FROM_PYTHON_3
    if PY2 and (texts or BYTE[TEXT] in letters or BYTE[TEXT_WITH_NUL] in letters):
        writer = FROM_PYTHON_2
    head = HEAD.pack(
        writer,
        len(shapes),
        len(records),
        len(codes),
        len(blobs),
        len(columns),
        len(packed),
        len(text),
        between,
        ballast,
    )
    buffers = [head, b"".join(records), bytes(codes), letters, packed, text]
    buffers += blobs
    for _, column in columns:
        buffers += column
    if ballast:
        buffers.append(b"\0" * ballast)
    return buffers


def _blobs(codes, values):
    return [as_blob(code, value) for code, value in izip(codes, values)]


def _lay_out(item, max_depth, share):
    """Return what is in an item, outermost container first; None if it can't be shared.

    Args:
        share: send the keys of dicts as shapes.
    """
    records, blocks, block_codes = [], [], []
    shapes, record_of, shaped = [], {}, []
    long_sizes, columns, ballast = [], [], 0
    codes_of = {}  # types of the values of a block -> what _codes_of says of them
    depth = 1
    pending = [item]  # containers yet to be seen; an int: the depth of those below it
    while pending:
        value = pending.pop()
        kind = type(value)
        if kind is list and len(value) == 1:  # so common, and so deep at times
            record, block = _LISTS[1], value
            codes, inner = _CODES_OF_ONE[type(value[0])]
        elif kind is int:
            depth = value
            continue
        else:
            if kind is dict and len(value) < LONG:
                keys = tuple(value)
                record = record_of.get(keys)
                if record is None and share and len(shapes) < 128:
                    if _TEXT_ONLY.issuperset(imap(type, keys)):
                        record = _record(SHAPED + len(shapes), len(keys))
                        record_of[keys] = record
                        shapes.append(keys)
                if record is not None:
                    shaped.append(value)
                    block = value.values()
                else:
                    record = _record(DICT, len(keys))
                    ballast += len(keys) + DICT_BALLAST
                    block = [x for pair in value.items() for x in pair]
            elif kind is list and len(value) < FEW:
                record, block = _LISTS[len(value)], value
            elif kind is tuple and len(value) < FEW:
                record, block = _TUPLES[len(value)], value
            else:
                kind, block, weight = _form(value, kind, columns)
                ballast += weight
                size = len(block)
                if size >= MORE:
                    long_sizes.append(size)
                    size = MORE
                record = _record(kind, size)
            types = tuple(imap(type, block))
            found = codes_of.get(types)
            if found is None:
                found = codes_of[types] = _codes_of(types)
            codes, inner = found
        records.append(record)
        blocks.append(block)
        block_codes.append(codes)
        if inner:
            if pending:
                pending.append(depth)
            depth += 1
            if depth > max_depth:
                raise TooDeep()
            if kind is dict:
                block = list(block)  # Python 3's values() has no index
            for index in inner:
                pending.append(block[index])
    if len(shaped) > len(shapes):
        # A shape was found by keys that are equal to its own, and may be of other types.
        if not _TEXT_ONLY.issuperset(imap(type, chain.from_iterable(shaped))):
            return None
    return records, blocks, block_codes, shapes, long_sizes, columns, ballast


def _record(kind, size):
    return bytes(bytearray([kind, size]))


_LISTS = [_record(LIST, size) for size in range(FEW)]
_TUPLES = [_record(TUPLE, size) for size in range(FEW)]


def _codes_of(types):
    """Return ``(codes, places of the containers, last first)`` of values of these types."""
    codes = bytearray(imap(_CODES.__getitem__, types))
    if CONTAINER not in codes:
        return codes, None
    return codes, [index for index, code in enumerate(codes) if code == CONTAINER][::-1]


_CODES_OF_ONE = {kind: _codes_of([kind]) for kind in _CODES}


def _form(value, kind, columns):
    """Return ``(kind, values, ballast)`` for what may take several forms; may add a column."""
    if kind is dict:
        return LONG_DICT, [list(value), list(value.values())], 2 * len(value)
    if kind is set:
        return SET, [list(value)], 8 * len(value) + 8
    if kind is frozenset:
        return FROZENSET, [list(value)], 8 * len(value) + 8
    if kind is Reduced:
        return REDUCED, value, 0
    alike = _type_of_all(value)
    if alike is not None:
        if kind is tuple:
            return LONG_TUPLE, [list(value)], 0
        form = _alike(value, alike, columns)
        if form is not None:
            return form
    return (LIST if kind is list else TUPLE), value, 0


def _type_of_all(values):
    """Return the type of all these values, or None if they have several; long counts as int."""
    kind = type(values[0])
    if countOf(imap(type, values), kind) == len(values):
        return kind
    return kind if kind in _INTS and _INTS.issuperset(imap(type, values)) else None


def _alike(values, kind, columns):
    """Return the form of a list of values of one type, or None if they have no more in common."""
    if kind is dict:
        all_keys = list(chain.from_iterable(values))
        if not all_keys or _type_of_all(all_keys) not in _KEYS:
            return None
        keys = list(values[0])
        if all_keys != keys * len(values):  # No dict has a key twice, so none is shorter either.
            return _sorted_by_keys(values)
        block = [keys] + [list(imap(itemgetter(key), values)) for key in keys]
        return ROWS, block, (8 + len(keys)) * len(values)
    if kind is tuple:
        size = len(values[0])
        if size == 0 or set(imap(len, values)) != {size}:
            return None
        block = [list(imap(itemgetter(index), values)) for index in range(size)]
        return TUPLES, block, 2 * len(values)
    if kind is list:
        sizes, items = list(imap(len, values)), list(chain.from_iterable(values))
        simple = items and _type_of_all(items) in CODE_OF_TYPE
        # Not if they hold containers: a list that holds itself would grow for ever.
        if not simple and not _TYPES.isdisjoint(imap(type, items)):
            return None
        if items and sizes.count(sizes[0]) == len(sizes):
            return GROUPS, [sizes[0], items], 4 * len(sizes)
        return GROUPS, [sizes, items], 0
    code = _CODES[kind]
    if code == NONE or code == CONTAINER:
        return None
    try:
        columns.append(pack_column(code, values))
    except IntTooBig:
        return None
    return COLUMN, (), 0


def _sorted_by_keys(values):
    """Return the form of a list of dicts with a few different rows of keys, or None."""
    rows = list(imap(tuple, values))
    numbers = {}
    for row in rows:
        if row not in numbers:
            numbers[row] = len(numbers)
            if len(numbers) > KINDS or len(numbers) * FEW > len(values):
                return None
    order = [numbers[row] for row in rows]
    lists = [[] for _ in numbers]
    for number, value in izip(order, values):
        lists[number].append(value)
    return SORTED, [order] + lists, 0
