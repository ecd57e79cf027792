# shipped: stdlib only; Python 2.7-3.14, PyPy, Jython; pure
"""Records: the words that ``encoder`` and ``decoder`` share; the encoder has the plan.

In a file of its own since most remotes read large messages and write none.
"""
from __future__ import absolute_import

import struct

from .columns import BLOBS, NUMBERS
from .sendable import MAX_NESTING

# Kinds of records; SHAPED and above: a dict, of the shape with the number that is above it.
(LIST, TUPLE, DICT, SET, FROZENSET, REDUCED) = bytearray(b"LTDEFX")
(COLUMN, ROWS, SORTED, TUPLES, GROUPS, LONG_TUPLE, LONG_DICT) = bytearray(b"CRSPGVM")
SHAPED = 128
# The code of a container, whatever its kind.
CONTAINER = ord("c")
# A message begins with one of these: its text is from Python 3, or Python 2's unicode.
FROM_PYTHON_3, FROM_PYTHON_2 = b"{", b"("

LONG = 32  # entries: a longer dict is sent as its keys and its values
# What an honest payload must have more of, so that no payload takes over 32 times its bytes of
# memory: a dict of n entries takes n bytes and these, and so on for the others, in _form.
DICT_BALLAST = 6
MORE = 255  # as a record's size: the real one is among the long sizes

ALL_BYTES = bytes(bytearray(range(256)))
BYTE = [ALL_BYTES[number : number + 1] for number in range(256)]
NO_NUMBERS, NO_BLOBS = ALL_BYTES.translate(None, NUMBERS), ALL_BYTES.translate(None, BLOBS)

# FROM_PYTHON_...; how many shapes, records, codes, blobs and columns; the bytes of the row and
# of text; the number of what is between texts; the bytes of ballast.
HEAD = struct.Struct("<cBIIIIIIII")
# Containers nest up to twice as deep on the wire: a set is sent as the list of its values.
MAX_DEPTH = 2 * MAX_NESTING
