# shipped: stdlib only; Python 2.7-3.14, PyPy, Jython; pure
"""Which Python this is: the only file that asks.

Everything else imports a name from here and looks the same on every version.
"""

from __future__ import absolute_import

import struct
import sys
import time

try:
    # The parts in C; what collections and functools have besides takes a start 2 ms.
    from _collections import deque
    from _functools import partial
except ImportError:  # PyPy
    from collections import deque  # noqa: F401
    from functools import partial  # noqa: F401

PY2 = sys.version_info[0] == 2
JYTHON = sys.platform.startswith("java")
PYPY = "__pypy__" in sys.builtin_module_names
# Not from the platform module: its import alone costs milliseconds of every start.
IMPLEMENTATION = "Jython" if JYTHON else "PyPy" if PYPY else "CPython"
# Where False, an object nobody holds stays until the collector happens to run.
HAS_REFERENCE_COUNTS = IMPLEMENTATION == "CPython"

if PY2:
    text_type = unicode  # noqa: F821
    int_types = (int, long)  # noqa: F821
    # Python 2 has no monotonic clock; a step of the wall clock moves deadlines with it.
    clock = time.time
    from itertools import imap, izip

    QUEUE = "Queue"  # the module's name: not all that starts needs it
else:
    text_type = str
    int_types = (int,)
    clock = time.monotonic
    QUEUE = "queue"
    imap, izip = map, zip

# Seconds above which a wait has no end: what waits in C takes not many more.
MAX_WAIT = 2**20


def native(text):
    """Return text as this Python's ``str``: UTF-8 bytes on 2.7, unchanged on 3."""
    if PY2 and isinstance(text, text_type):
        return text.encode("utf-8")
    return text


def as_text(value):
    """Return a native ``str`` or bytes as text, undecodable bytes replaced."""
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    return value


# ---- bytes -----------------------------------------------------------------------

# The values of these types hash differently in each process, so that nobody who sends
# them can choose many that hash alike.
SECRETLY_HASHED = () if PY2 or IMPLEMENTATION != "CPython" else (bytes, text_type)

# The errors handler by which lone surrogates pass in UTF-8: on Python 2 they do by any.
SURROGATES = "strict" if PY2 else "surrogatepass"

unpack = struct.unpack

if JYTHON:

    def unpack(formats, data):
        """``struct.unpack``, with an int where Jython's own has a long for each."""
        values = struct.unpack(formats, data)
        return tuple([int(x) if isinstance(x, long) else x for x in values])  # noqa: F821

    def row_functions(formats):
        """Return the functions of a row as below, though Jython's struct knows no bools."""
        row = struct.Struct(formats.replace(b"?", b"B"))
        bools = [index - 1 for index, letter in enumerate(formats) if letter == b"?"]

        def read(data, position):
            values = row.unpack_from(data, position)
            values = [int(x) if isinstance(x, long) else x for x in values]  # noqa: F821
            for index in bools:
                values[index] = values[index] != 0
            return values

        return row.pack, read, row.size

else:

    def row_functions(formats):
        """Return ``(pack, read, size)`` of a struct format without counts.

        ``pack(*values)`` returns bytes, ``read(data, position)`` the values that are
        there, in ``size`` bytes.
        """
        row = struct.Struct(formats)
        return row.pack, row.unpack_from, row.size


if PY2:
    import binascii

    def as_bytes(data):
        """Return bytes, a bytearray or a memoryview as bytes, copied only if it must be."""
        return data.tobytes() if isinstance(data, memoryview) else bytes(data)

    def bytes_of(numbers):
        """Return the bytes with these numbers; ValueError if one is more than 255."""
        return bytes(bytearray(numbers))

    def joined(buffers):
        """Return bytes and memoryviews as one string of bytes."""
        return b"".join([b.tobytes() if isinstance(b, memoryview) else b for b in buffers])

    def int_to_bytes(value, length):
        """Return an int in two's complement, little-endian."""
        digits = "%0*x" % (2 * length, value % (1 << 8 * length))
        return binascii.unhexlify(digits)[::-1]

    def int_from_bytes(data):
        """Return the int of which these bytes are the two's complement, little-endian."""
        value = _int_from_hex(binascii.hexlify(as_bytes(data)[::-1]))
        return value - (1 << 8 * len(data)) if bytearray(data[-1:])[0] & 0x80 else value

    def _int_from_hex(digits):
        # By halves: for all digits at once, Jython takes time that grows with their square.
        if len(digits) <= 1024:
            return int(digits, 16)
        half = len(digits) // 2
        return _int_from_hex(digits[:-half]) << (4 * half) | _int_from_hex(digits[-half:])

    # Python 2's array knows no 64-bit integers where C's long has 32 bits.
    def pack_numbers(kind, numbers):
        """Return numbers of a struct format ("i", "q" or "d") as little-endian bytes."""
        return struct.pack("<%d%s" % (len(numbers), kind), *numbers)

    def unpack_numbers(kind, data):
        """Return the list of numbers that ``pack_numbers`` made these bytes of."""
        size = struct.calcsize("<" + kind)
        if len(data) % size:
            raise ValueError("%d bytes are no row of %d-byte numbers" % (len(data), size))
        return list(unpack("<%d%s" % (len(data) // size, kind), as_bytes(data)))

else:
    as_bytes = bytes_of = bytes
    joined = b"".join

    def int_to_bytes(value, length):
        """Return an int in two's complement, little-endian."""
        return value.to_bytes(length, "little", signed=True)

    def int_from_bytes(data):
        """Return the int of which these bytes are the two's complement, little-endian."""
        return int.from_bytes(data, "little", signed=True)

    def pack_numbers(kind, numbers):
        """Return numbers of a struct format ("i", "q" or "d") as little-endian bytes."""
        import array  # with it come the abstract classes: 2 ms that no start should wait

        row = array.array(kind, numbers)
        if sys.byteorder != "little":
            row.byteswap()
        return row.tobytes()

    def unpack_numbers(kind, data):
        """Return the list of numbers that ``pack_numbers`` made these bytes of."""
        import array

        row = array.array(kind)
        row.frombytes(data)
        if sys.byteorder != "little":
            row.byteswap()
        return row.tolist()


def encode_text(value):
    """Return text as UTF-8, in which lone surrogates pass; Jython's text has none."""
    return value.encode("utf-8", SURROGATES)


def decode_text(data):
    """Return bytes as text; ValueError if they are not UTF-8."""
    return as_bytes(data).decode("utf-8", SURROGATES)
