# plain: runs on every interpreter
"""Test vectors of the serializer: values, and the payloads they are on the wire.

``serializer_vectors.txt`` has a line for each: an expression that is the value, and in
hexadecimal its payload as Python 3 writes it, and as Python 2 does (``=``: alike). Each
interpreter reads both, and writes its own. A ``~`` before the expression: not every
interpreter has its keys in the same order, or gives a NaN the same sign, so only reading
is compared.

After a change of the format, say the values anew: run this file with a Python 3, and then
with a Python 2.
"""

import io
import os
import sys

PATH = os.path.join(os.path.dirname(os.path.abspath(__file__)), "serializer_vectors.txt")
PY2 = sys.version_info[0] == 2

EXPRESSIONS = r"""
None
True
False
0
-1
2**31 - 1
2**31
-2**31
-2**31 - 1
2**63 - 1
2**63
-2**63
-2**63 - 1
-2**64
10**100
0.0
-0.0
0.1
1e300
float("inf")
float("-inf")
~float("nan")
1j
~complex(-0.0, float("nan"))
b""
b"abc\x00\xff"
b"x" * 300
bytearray(b"")
bytearray(b"abc\xff")
u""
u"abc"
u"\xe9\u20ac\U0001f600"
u"\0"
lone(0xD800)
u"a" + lone(0xDFFF) + u"b"
[]
[None]
[None, True, False, 1, -2, 2.5, 1j, b"b", bytearray(b"ba"), u"text"]
[2**63, 1, -2**63 - 1, 2**64]
[[], (), {}]
[[[[[]]]]]
(1, (2, (3,)))
[u"a", [u"b", (u"c", {u"d": u"e"}), u"f"], u"g"]
~[float("nan"), -0.0]
[u"\0", u"a\0b", u"\0001\0"]
[lone(0xD800), u"x"]
{u"a": 1}
[{u"a": 1}, {u"a": 2}, {u"b": None}]
{1: 2}
{b"a": 1}
{(1, 2): [3]}
set()
frozenset()
{1}
frozenset([u"a"])
[1] * 300
[1, None] * 150
[None] * 40
list(range(40))
[2**40] * 40
[2**70] * 40
[1, 2**70] * 20
[True, False] * 20
[0.5] * 40
~[-0.0, float("nan")] * 20
[1j] * 40
[u"a", u"", u"\xe9"] * 12
[u"a\0"] * 40
[b"a", b""] * 20
[bytearray(b"a")] * 40
tuple(range(40))
(None,) * 40
[(1, u"a")] * 40
[(1, u"a")] * 39 + [()]
[[1], [], [2, 3]] * 12
[[[1]]] * 40
[{u"a": 1}] * 40
[{}] * 40
[{u"a": 1}, {u"b": u"x"}] * 20
[{u"a": 1}, {}] * 20
[{b"a": 1}, {b"b": 2}, {b"a": None}] * 8
[{u"a": 1}] * 40 + [{u"b": 2}, {u"c": [3]}] * 4
[{u"k%d" % (n % 16): n} for n in range(128)]
[{u"k%d" % (n % 17): n} for n in range(136)]
[{u"a": 1}, {b"a": 1}] * 20
[[{u"a": 1}]] * 40
[[1, 2], [3, 4]] * 20
~{u"a": 1, u"b": [2], 3: None}
~[{u"name": u"n", u"id": 1, u"tags": [u"x"]}] * 40
~dict((n, u"") for n in range(32))
~dict((n, [n]) for n in range(40))
~set(range(10))
~frozenset([(1, 2), u"a", None])
[set(), None, True, False, 1, -2, 2.5, 1j, b"b", bytearray(b"ba"), u"text"]
[set(), 2**63, 1, -2**63 - 1, 2**64]
[set(), [], (), {}]
[set(), [[[[]]]]]
[set(), (1, (2, (3,)))]
[set(), u"a", [u"b", (u"c", {u"d": u"e"}), u"f"], u"g"]
[set(), u"\0", u"a\0b", u"\0001\0"]
[set(), lone(0xD800), u"x"]
[set(), {u"a": 1}, {u"a": 2}, {u"b": None}, {u"a\0b": 3}]
[set(), {b"a": 1}, {1: 2}]
[u"x" * 255, b"x" * 255]
[u"x" * 256]
[b"x" * 256]
[b"ab"] * 8
[None] * 31
[None] * 32
[[[[[[]]]]]]
[[[[[[[]]]]]]]
{u"a\0b": 1}
{u"": {}}
[(None,) * 20] * 12
"""


def lone(number):
    """Return the text of one surrogate; ValueError on Jython, whose text can't hold one."""
    return unichr(number) if PY2 else chr(number)  # noqa: F821


try:
    LONE_SURROGATES = bool(lone(0xD800))
except ValueError:
    LONE_SURROGATES = False


def expressions():
    """Return ``(expression, ordered)`` for each vector."""
    lines = EXPRESSIONS.strip().splitlines()
    return [(line.lstrip("~"), not line.startswith("~")) for line in lines]


def read():
    """Return ``(expression, value, ordered, payload of Python 3, of Python 2)`` for each.

    Those with a lone surrogate are left out where there can be none.
    """
    with io.open(PATH, encoding="ascii") as lines:
        rows = [line.rstrip("\n").split("\t") for line in lines if not line.startswith("#")]
    vectors = []
    for expression, theirs, older in rows:
        payloads = [bytes(bytearray.fromhex(theirs))]
        payloads.append(payloads[0] if older == "=" else bytes(bytearray.fromhex(older)))
        text = str(expression).lstrip("~")
        if LONE_SURROGATES or "lone(" not in text:
            vectors.append((text, eval(text), not expression.startswith("~")) + tuple(payloads))
    return vectors


def _typed(key):
    # Two equal sets may tell their values in different orders.
    shown = sorted(map(_typed, key)) if isinstance(key, (set, frozenset)) else key
    return "%s %r" % (type(key).__name__, shown)


def same(one, other):
    """Return whether two values are alike, types, signs of zero and NaN too."""
    if isinstance(one, (list, tuple)):
        if type(one) is not type(other) or len(one) != len(other):
            return False
        return all(same(a, b) for a, b in zip(one, other))
    if isinstance(one, dict):
        return (
            type(other) is dict
            and len(one) == len(other)
            and all(key in other and same(one[key], other[key]) for key in one)
            and sorted(map(_typed, one)) == sorted(map(_typed, other))
        )
    if isinstance(one, complex):
        return type(other) is complex and same([one.real, one.imag], [other.real, other.imag])
    if isinstance(one, float):
        return type(other) is float and repr(one) == repr(other)
    if PY2 and isinstance(one, (int, long)) and not isinstance(one, bool):  # noqa: F821
        return isinstance(other, (int, long)) and one == other  # noqa: F821
    return type(one) is type(other) and one == other


def write(dumps):
    """Write the payloads of this Python; those of Python 3 must be there for Python 2's."""
    lines = [u"# expression\tpayload of Python 3\tof Python 2; serializer_vectors.py made it"]
    others = [] if not PY2 else [row[3] for row in read()]
    for number, (expression, ordered) in enumerate(expressions()):
        payload = dumps(eval(expression))
        columns = [payload, payload] if not PY2 else [others[number], payload]
        texts = [u"".join([u"%02x" % byte for byte in bytearray(column)]) for column in columns]
        if not ordered and PY2:
            texts[1] = texts[0]
        if texts[1] == texts[0]:
            texts[1] = u"="
        lines.append(u"\t".join([(u"" if ordered else u"~") + expression] + texts))
    with io.open(PATH, "w", encoding="ascii", newline="\n") as file:
        file.write(u"\n".join(lines) + u"\n")


if __name__ == "__main__":
    import types

    package = types.ModuleType("gatewaylib")
    package.__path__ = [os.path.join(os.path.dirname(os.path.dirname(PATH)), "gatewaylib")]
    sys.modules["gatewaylib"] = package
    sys.dont_write_bytecode = True
    from gatewaylib.shipped.serializer import Serializer

    write(Serializer().dumps)
