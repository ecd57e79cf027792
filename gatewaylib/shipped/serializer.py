# shipped: stdlib only; Python 2.7-3.14, PyPy, Jython; pure
"""Serializer: builtin values <-> payload bytes; doc/reference/serializer.rst has the format.

A simple value by itself is a letter and its bytes; a container is what ``small`` makes of
it, or else ``encoder``. A gateway's payloads have no header: its ends have agreed on a version
before. What ``dumps`` and ``dump`` make is on its own, so it says its version and length.
"""
from __future__ import absolute_import

import struct

from .columns import BAD_DATA, ChannelId, Choices, encode_big, latin1_text
from .compat import (
    PY2,
    as_bytes,
    decode_text,
    encode_text,
    int_from_bytes,
    int_types,
    joined,
    text_type,
)
from .decoder import decode
from .errors import DumpError, LoadError
from .records import MAX_DEPTH
from .sendable import CONTAINERS, MAX_NESTING, Registry, StandIns
from .small import SMALL, SMALL_PYTHON_2, decode_small, encode_small

VERSION = 1  # of the format: a reader refuses any other
_HEADER = struct.Struct("<4sQ")  # b"GWL" and the version; the payload's length
_MAGIC = b"GWL" + bytes(bytearray([VERSION]))
# What is longer than this is cut by memoryviews, each piece copied once; what is shorter
# is faster as bytes.
_LONG = 4096
MANY = 32  # parts: more are joined before they are sent
_READ_SIZE = 2**20  # what load reads at once, and so believes of a length

_INT32, _INT64 = struct.Struct("<ci"), struct.Struct("<cq")
_FLOAT, _COMPLEX = struct.Struct("<cd"), struct.Struct("<cdd")

_default_registry = Registry()
register = _default_registry.register


class Serializer(object):
    """Turns items into payloads and back, for one gateway or channel; any thread may use it.

    Args:
        py2str_as_py3str: a Python 2 ``str`` arrives at Python 3 as text, each byte one
            character (latin-1); else as bytes.
        py3str_as_py2str: text from Python 3 arrives at Python 2 as ``str``, in UTF-8;
            else as ``unicode``.
        subclasses: send values of a subclass of a builtin type as that type.
        registry: Registry, which other types travel; None: those of ``register``.
        channel_type: the class of channels, or None.
        save_channel: ``save_channel(channel)`` returns the int that travels, or raises
            DumpError; None: channels can't travel.
        load_channel: ``load_channel(number)`` returns the channel, or raises LoadError.
    """

    def __init__(
        self,
        py2str_as_py3str=True,
        py3str_as_py2str=False,
        subclasses=False,
        registry=None,
        save_channel=None,
        load_channel=None,
        channel_type=None,
    ):
        self._registry = _default_registry if registry is None else registry
        self._stand_ins = StandIns(self._registry, subclasses, channel_type, save_channel)
        self._choices = Choices(py2str_as_py3str, py3str_as_py2str, load_channel)
        self._single = dict(_LOAD)
        if not PY2 and py2str_as_py3str:
            self._single[b"p"] = _after_letter(latin1_text)
        if PY2 and py3str_as_py2str:
            self._single[b"s"] = _after_letter(as_bytes)
        self._single[b"h"] = _after_letter(self._choices.make_channel)
        self._single[b"{"] = self._single[b"("] = self._load_container

    def dumps(self, item):
        """Return the item as payload bytes.

        Raises:
            DumpError: a value in it can't travel; ``path`` says which.
        """
        dump = _DUMP.get(type(item))
        if dump is not None:
            return dump(item)
        return encode_small(item) or joined(self._large_parts(item))

    def dump_parts(self, item):
        """Return the payload as bytes or, if it is long, as a list of buffers.

        Long bytes are among these as they are, uncopied. Raises DumpError as ``dumps`` does.
        """
        dump = _DUMP_PARTS.get(type(item))
        if dump is not None:
            return dump(item)
        small = encode_small(item)
        if small:
            return small
        parts = self._large_parts(item)
        return parts if len(parts) <= MANY else joined(parts)

    def _large_parts(self, item):
        from .encoder import TooDeep, encode  # most remotes send nothing large

        try:
            if type(item) in CONTAINERS:
                return encode(item, MAX_NESTING)
        except (KeyError, TooDeep):
            pass  # stand_in finds out which value it was
        except struct.error:
            raise DumpError("$: more than 4 GiB of values of one type; send them in parts")
        item = self._stand_ins.stand_in(item)
        if type(item) in _DUMP:
            return [_DUMP[type(item)](item)]
        try:
            # Sets and long tuples are two containers on the wire, and were counted as one.
            return encode(item, MAX_DEPTH)
        except struct.error:
            raise DumpError("$: more than 4 GiB of values of one type; send them in parts")

    def loads(self, payload):
        """Return the item of a payload: bytes, a bytearray, a memoryview, or a list of buffers.

        Buffers in a list are joined by the copy that makes a long bytes of them.

        Raises:
            LoadError: the payload is not an item, whatever else it is.
        """
        try:
            if type(payload) is bytes and len(payload) <= _LONG:  # most are
                return self._single[payload[:1]](payload, self._choices)
            if type(payload) is list:
                if as_bytes(payload[0][:1]) == b"b":
                    rest = [part for part in [payload[0][1:]] + payload[1:] if part]
                    return rest[0] if len(rest) == 1 and type(rest[0]) is bytes else joined(rest)
                payload = joined(payload)
            payload = as_bytes(payload) if len(payload) <= _LONG else memoryview(payload)
            return self._single[as_bytes(payload[:1])](payload, self._choices)
        except BAD_DATA as error:
            raise LoadError("no item: %s: %s" % (type(error).__name__, error))
        except RuntimeError as error:  # RecursionError, by comparing keys nested deep
            raise LoadError("no item: %s" % error)

    def _load_container(self, payload, choices):
        return decode(payload, choices, self._restore)

    def _restore(self, name, value):
        restore = self._registry.restorer(name)
        if restore is None:
            raise LoadError("a value of type %r, which is not registered here" % (name,))
        try:
            return restore(value)
        except Exception as error:
            raise LoadError(
                "restoring a value of type %r failed: %s: %s" % (name, type(error).__name__, error)
            )


# ---- a simple value by itself ----------------------------------------------------


def _dump_int(value):
    if -0x80000000 <= value <= 0x7FFFFFFF:
        return _INT32.pack(b"i", value)
    if -0x8000000000000000 <= value <= 0x7FFFFFFFFFFFFFFF:
        return _INT64.pack(b"q", value)
    return b"N" + encode_big(value)


def _dump_bytes_parts(value):
    return [_BYTES_LETTER, value] if len(value) > _LONG else _BYTES_LETTER + value


_BYTES_LETTER, _TEXT_LETTER = (b"p", b"u") if PY2 else (b"b", b"s")
_DUMP = {
    type(None): lambda value: b"n",
    bool: lambda value: b"B\x01" if value else b"B\x00",
    float: lambda value: _FLOAT.pack(b"d", value),
    complex: lambda value: _COMPLEX.pack(b"j", value.real, value.imag),
    bytes: lambda value: _BYTES_LETTER + value,
    bytearray: lambda value: b"a" + bytes(value),
    text_type: lambda value: _TEXT_LETTER + encode_text(value),
    ChannelId: lambda value: _INT64.pack(b"h", value.number),
}
_DUMP.update((kind, _dump_int) for kind in int_types)
_DUMP_PARTS = dict(_DUMP)
_DUMP_PARTS[bytes] = _dump_bytes_parts


def _after_letter(read):
    return lambda payload, choices: read(payload[1:])


def _load_fixed(values):
    return lambda payload, choices: values[as_bytes(payload)]


def _load_complex(payload, choices):
    _, real, imag = _COMPLEX.unpack(payload)
    return complex(real, imag)


_LOAD = {
    b"n": _load_fixed({b"n": None}),
    b"B": _load_fixed({b"B\x00": False, b"B\x01": True}),
    b"i": lambda payload, choices: _INT32.unpack(payload)[1],
    b"q": lambda payload, choices: _INT64.unpack(payload)[1],
    b"N": _after_letter(int_from_bytes),
    b"d": lambda payload, choices: _FLOAT.unpack(payload)[1],
    b"j": _load_complex,
    b"b": _after_letter(as_bytes),
    b"p": _after_letter(as_bytes),
    b"a": _after_letter(bytearray),
    b"s": _after_letter(decode_text),
    b"u": _after_letter(decode_text),
    SMALL: decode_small,
    SMALL_PYTHON_2: decode_small,
}


# ---- payloads on their own -------------------------------------------------------

_SERIALIZERS = {
    (as_text, as_str): Serializer(as_text, as_str)
    for as_text in (False, True)
    for as_str in (False, True)
}
_PLAIN = _SERIALIZERS[False, False]


def _serializer(py2str_as_py3str=False, py3str_as_py2str=False, subclasses=False, registry=None):
    if registry is None and not subclasses:
        return _SERIALIZERS[bool(py2str_as_py3str), bool(py3str_as_py2str)]
    return Serializer(py2str_as_py3str, py3str_as_py2str, subclasses, registry)


def dumps(obj, subclasses=False, registry=None):
    """Return the object as bytes that say their version and length; see ``Serializer``."""
    if registry is None and not subclasses:
        payload = _PLAIN.dumps(obj)
    else:
        payload = _serializer(subclasses=subclasses, registry=registry).dumps(obj)
    return _HEADER.pack(_MAGIC, len(payload)) + payload


def dump(file, obj, subclasses=False, registry=None):
    """Write what ``dumps`` returns to ``file.write``."""
    file.write(dumps(obj, subclasses, registry))


def loads(data, py2str_as_py3str=False, py3str_as_py2str=False, registry=None):
    """Return the object of what ``dumps`` returned; LoadError for any other bytes."""
    length = _payload_length(as_bytes(data[: _HEADER.size]))
    payload = data if len(data) <= _LONG else memoryview(data)
    payload = payload[_HEADER.size :]
    if len(payload) != length:
        raise LoadError("%d bytes, of which the header says %d" % (len(payload), length))
    serializer = _PLAIN
    if py2str_as_py3str or py3str_as_py2str or registry is not None:
        serializer = _serializer(py2str_as_py3str, py3str_as_py2str, registry=registry)
    return serializer.loads(payload)


def load(file, py2str_as_py3str=False, py3str_as_py2str=False, registry=None):
    """Read exactly one object by ``file.read(size)``, and return it; LoadError if there is none."""
    payload = _read(file, _payload_length(_read(file, _HEADER.size)))
    return _serializer(py2str_as_py3str, py3str_as_py2str, registry=registry).loads(payload)


def _payload_length(header):
    if header[:4] == _MAGIC and len(header) == _HEADER.size:
        return _HEADER.unpack(header)[1]
    if header[:3] != _MAGIC[:3] or len(header) != _HEADER.size:
        raise LoadError("not a dump: it starts with %r" % (header[:8],))
    raise LoadError(
        "a dump of version %d; this gatewaylib reads version %d" % (bytearray(header)[3], VERSION)
    )


def _read(file, size):
    pieces = []
    left = size
    while left:
        piece = file.read(min(left, _READ_SIZE))
        if not piece:
            raise LoadError("cut off: %d of %d bytes" % (size - left, size))
        pieces.append(piece)
        left -= len(piece)
    return b"".join(pieces)
