# plain: runs on every interpreter
"""What compat hides is alike on every Python."""

from __future__ import absolute_import

import struct
import sys

from gatewaylib.shipped import compat
from gatewaylib.shipped.compat import as_bytes, as_text, clock, native, text_type

OMEGA = b"\xce\xa9".decode("utf-8")


def test_this_python_is_recognized():
    assert compat.PY2 == (sys.version_info[0] == 2)
    assert compat.IMPLEMENTATION in ("CPython", "PyPy", "Jython")
    assert compat.HAS_REFERENCE_COUNTS == (compat.IMPLEMENTATION == "CPython")
    assert compat.JYTHON == (compat.IMPLEMENTATION == "Jython")
    assert compat.PYPY == (compat.IMPLEMENTATION == "PyPy")


def test_texts_and_ints_are_told_by_type():
    assert isinstance(b"".decode("ascii"), text_type)
    assert not isinstance(b"", text_type)
    assert isinstance(2**70, compat.int_types) and isinstance(1, compat.int_types)


def test_the_clock_does_not_run_back():
    times = [clock() for _ in range(100)]

    assert times == sorted(times) and isinstance(times[0], float)


def test_a_native_text_is_a_str():
    assert isinstance(native(OMEGA), str)
    assert native(OMEGA) == (b"\xce\xa9" if compat.PY2 else OMEGA)
    assert native("abc") == "abc" and native(None) is None and native(3) == 3


def test_whatever_is_decoded_is_text():
    assert as_text(b"\xce\xa9") == OMEGA
    assert as_text(b"\xff!") == b"\xef\xbf\xbd!".decode("utf-8")
    assert as_text(OMEGA) is OMEGA
    assert isinstance(as_text("native"), text_type)


def test_bytes_of_every_kind_become_bytes():
    for data in (b"abc", bytearray(b"abc"), memoryview(b"abc"), memoryview(b"xabcx")[1:4]):
        assert as_bytes(data) == b"abc" and isinstance(as_bytes(data), bytes)


def test_ints_become_little_endian_bytes_and_back():
    for value, length, data in (
        (0, 1, b"\x00"),
        (-1, 1, b"\xff"),
        (255, 2, b"\xff\x00"),
        (-256, 2, b"\x00\xff"),
        (2**71, 10, b"\0" * 8 + b"\x80\x00"),
        (-(2**71), 9, b"\0" * 8 + b"\x80"),
    ):
        assert compat.int_to_bytes(value, length) == data
        assert compat.int_from_bytes(data) == value
        assert compat.int_from_bytes(memoryview(data)) == value


def test_rows_of_numbers_become_little_endian_bytes_and_back():
    for kind, numbers in (
        ("i", [0, 1, -1, 2**31 - 1, -(2**31)]),
        ("q", [0, 1, -1, 2**63 - 1, -(2**63)]),
        ("d", [0.0, 0.1, -1e300, float("inf")]),
        ("q", []),
    ):
        data = compat.pack_numbers(kind, numbers)

        assert data == struct.pack("<%d%s" % (len(numbers), kind), *numbers)
        assert compat.unpack_numbers(kind, data) == numbers
        assert compat.unpack_numbers(kind, memoryview(data)) == numbers


def test_bytes_that_are_no_row_of_numbers_are_a_value_error():
    for kind, data in (("i", b"123"), ("q", b"1234"), ("d", b"123456789")):
        try:
            compat.unpack_numbers(kind, data)
        except ValueError:
            continue
        raise AssertionError((kind, data))


def test_texts_become_utf_8_and_back():
    for text in (OMEGA, OMEGA * 3 + as_text(b"abc\0"), as_text(b"\xf0\x9f\x98\x80")):
        assert compat.decode_text(compat.encode_text(text)) == text
        assert compat.decode_text(memoryview(compat.encode_text(text))) == text


def test_bytes_that_are_no_text_are_a_value_error():
    for data in (b"\xff", b"\xce", b"\xc0\x80"):
        try:
            compat.decode_text(data)
        except ValueError:
            continue
        raise AssertionError(data)


def test_lazy_maps_and_zips_take_nothing_before_they_are_asked():
    def broken(_):
        raise AssertionError("asked")

    assert iter(compat.imap(broken, [1])) is not None
    assert list(compat.izip([1, 2], "ab")) == [(1, "a"), (2, "b")]


def test_a_queue_is_a_queue():
    waiting = __import__(compat.QUEUE).Queue()
    waiting.put(1)

    assert waiting.get() == 1
