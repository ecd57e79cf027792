# plain: runs on every interpreter
"""The serializer, on every interpreter: vectors, round trips, what is refused and where."""

from __future__ import absolute_import

import collections
import functools
import io
import sys

import serializer_vectors
from serializer_vectors import PY2, same

from gatewaylib.shipped import decoder, layouts, serializer
from gatewaylib.shipped.columns import BAD_DATA
from gatewaylib.shipped.compat import joined
from gatewaylib.shipped.errors import DumpError, LoadError
from gatewaylib.shipped.records import HEAD
from gatewaylib.shipped.serializer import Registry, Serializer

PLAIN = Serializer(py2str_as_py3str=False)


def error_of(kind, function, *args):
    """Return the exception of this kind that the call raises."""
    try:
        result = function(*args)
    except kind as error:
        return error
    raise AssertionError("no %s, but %r" % (kind, result))


def nested(depth):
    value = []
    for _ in range(depth - 1):
        value = [value]
    return value


def called_deep(function, depth):
    """Call the function with most of the interpreter's stack in use."""
    return function() if depth == 0 else called_deep(function, depth - 1)


# ---- vectors ---------------------------------------------------------------------


def test_every_interpreter_reads_the_payloads_of_python_3_and_of_python_2():
    for expression, value, _, theirs, older in serializer_vectors.read():
        assert same(PLAIN.loads(theirs), value), expression
        assert same(PLAIN.loads(older), value), expression


def test_every_interpreter_writes_the_payloads_of_its_language():
    for expression, value, ordered, theirs, older in serializer_vectors.read():
        if ordered:
            assert PLAIN.dumps(value) == (older if PY2 else theirs), expression


def test_a_lone_surrogate_is_a_load_error_where_text_can_not_hold_it():
    for payload in (b"s\xed\xa0\x80", b"u\xed\xa0\x80x"):
        if serializer_vectors.LONE_SURROGATES:
            assert PLAIN.loads(payload)[:1] == serializer_vectors.lone(0xD800)
        else:
            error_of(LoadError, PLAIN.loads, payload)


def test_there_is_a_vector_for_each_expression():
    vectors = [(vector[0], vector[2]) for vector in serializer_vectors.read()]

    expected = serializer_vectors.expressions()
    if not serializer_vectors.LONE_SURROGATES:
        expected = [pair for pair in expected if "lone(" not in pair[0]]
    assert vectors == expected


# ---- there and back --------------------------------------------------------------


def test_a_payload_may_be_bytes_a_bytearray_or_a_memoryview():
    for _, value, _, theirs, _ in serializer_vectors.read():
        assert same(PLAIN.loads(bytearray(theirs)), value)
        assert same(PLAIN.loads(memoryview(theirs)), value)
    long = [b"x" * 10000, u"y" * 10000, list(range(5000)), [1, None, u"z"] * 3000]
    payload = PLAIN.dumps(long)

    assert same(PLAIN.loads(bytearray(payload)), long)
    assert same(PLAIN.loads(memoryview(payload)), long)


def test_the_parts_of_a_payload_are_the_payload():
    for _, value, _, _, _ in serializer_vectors.read():
        parts = PLAIN.dump_parts(value)

        assert (joined(parts) if isinstance(parts, list) else parts) == PLAIN.dumps(value)


def test_long_bytes_are_a_part_uncopied():
    long = b"x" * 100000

    assert any(part is long for part in PLAIN.dump_parts(long))
    assert any(part is long for part in PLAIN.dump_parts({u"data": long}))


def test_ints_have_no_limit_in_digits():
    for value in (10**5000, -(10**5000), 2**40000 - 1):
        assert PLAIN.loads(PLAIN.dumps(value)) == value
        assert PLAIN.loads(PLAIN.dumps([value, 1])) == [value, 1]


def test_a_dict_keeps_its_order():
    if sys.version_info < (3, 6):
        return  # it has none
    keys = [u"z", u"a", u"m"] + [u"k%d" % n for n in range(50)]
    for count in (3, 53):
        value = {key: n for n, key in enumerate(keys[:count])}

        for item in (value, [value] * 10):
            arrived = PLAIN.loads(PLAIN.dumps(item))
            assert list(arrived[0] if item is not value else arrived) == list(value)


def test_equal_keys_of_other_types_keep_their_types():
    for value in ([{1: u"a"}, {True: u"b"}, {1.0: u"c"}] * 9, [{1: 1}] * 9 + [{True: 1}]):
        arrived = PLAIN.loads(PLAIN.dumps(value))

        assert same(arrived, value)
    text_and_native = [{u"a": 1}, {"a": 1}]
    assert same(PLAIN.loads(PLAIN.dumps(text_and_native)), text_and_native)


def test_more_shapes_than_there_are_numbers_for_travel():
    value = [{u"key %d" % n: n, u"both": [{}]} for n in range(300)]

    assert same(PLAIN.loads(PLAIN.dumps(value)), value)


def test_what_is_shared_arrives_as_copies():
    inner = [1]
    arrived = PLAIN.loads(PLAIN.dumps([inner, inner]))

    assert arrived == [[1], [1]]
    assert arrived[0] is not arrived[1]


def test_texts_travel_whatever_they_hold():
    texts = [u"\0", u"a\0\0", u"\0001\0", u"\0002\0", u"", u"1", u"\0001"]
    for value in (texts, texts[:3], texts * 3, dict.fromkeys(texts, 1), [{t: t} for t in texts]):
        assert same(PLAIN.loads(PLAIN.dumps(value)), value)


# ---- Python 2 and 3 --------------------------------------------------------------


def vector(expression):
    """Return the payloads of an expression, of Python 3 and of Python 2."""
    (found,) = [row[3:] for row in serializer_vectors.read() if row[0] == expression]
    return found


def test_a_python_2_str_arrives_as_asked():
    _, small = vector('[b"ab"] * 8')
    _, payload = vector('b"abc\\x00\\xff"')
    _, column = vector('[b"a", b""] * 20')
    _, key = vector('{b"a": 1}')
    native = b"abc\x00\xff"
    text = native if PY2 else u"abc\x00\xff"

    assert same(Serializer(py2str_as_py3str=False).loads(payload), native)
    assert same(Serializer(py2str_as_py3str=True).loads(payload), text)
    assert same(Serializer(py2str_as_py3str=True).loads(column), ["a", ""] * 20)
    assert same(Serializer(py2str_as_py3str=True).loads(key), {"a": 1})
    assert same(Serializer(py2str_as_py3str=True).loads(small), ["ab"] * 8)
    assert same(Serializer(py2str_as_py3str=False).loads(small), [b"ab"] * 8)


def test_python_3_text_arrives_as_asked_and_python_2_unicode_stays_text():
    theirs, older = vector('[u"a", u"", u"\\xe9"] * 12')
    single, older_single = vector('u"abc"')
    small, older_small = vector('{u"": {}}')
    texts = [u"a", u"", u"\xe9"] * 12
    as_asked = [b"a", b"", b"\xc3\xa9"] * 12 if PY2 else texts

    undecoded = Serializer(py3str_as_py2str=True)

    assert same(undecoded.loads(theirs), as_asked)
    assert same(undecoded.loads(older), texts)
    assert same(undecoded.loads(single), b"abc" if PY2 else u"abc")
    assert same(undecoded.loads(older_single), u"abc")
    assert same(undecoded.loads(small), {b"" if PY2 else u"": {}})
    assert same(undecoded.loads(older_small), {u"": {}})
    assert same(Serializer(py3str_as_py2str=False).loads(theirs), texts)


def test_python_3_bytes_arrive_as_bytes():
    theirs, _ = vector('b"abc\\x00\\xff"')

    assert same(Serializer().loads(theirs), b"abc\x00\xff")


# ---- dumps and dump --------------------------------------------------------------


def test_a_dump_says_its_version_and_length():
    data = serializer.dumps([1, u"a"])

    assert data[:4] == b"GWL\x01"
    assert serializer.loads(data) == [1, u"a"]
    assert "version 2" in str(error_of(LoadError, serializer.loads, b"GWL\x02" + data[4:]))
    assert "not a dump" in str(error_of(LoadError, serializer.loads, b"\x80\x05" + data[2:]))
    for end in range(len(data)):
        error_of(LoadError, serializer.loads, data[:end])
    error_of(LoadError, serializer.loads, data + b"x")


def test_load_reads_exactly_one_object():
    file = io.BytesIO()
    for item in (1, [2], {u"three": u"3" * 5000}):
        serializer.dump(file, item)
    file.seek(0)

    assert [serializer.load(file) for _ in range(3)] == [1, [2], {u"three": u"3" * 5000}]
    error_of(LoadError, serializer.load, file)


def test_load_does_not_believe_a_length():
    header = b"GWL\x01" + b"\xff" * 8

    assert "cut off" in str(error_of(LoadError, serializer.load, io.BytesIO(header + b"x")))


def test_dumps_and_loads_take_strings_as_asked():
    _, payload = vector('b"abc\\x00\\xff"')
    dump = b"GWL\x01" + bytes(bytearray([len(payload)] + [0] * 7)) + payload

    assert same(serializer.loads(dump), b"abc\x00\xff")
    assert same(serializer.loads(dump, py2str_as_py3str=True), "abc\x00\xff")


# ---- what can't travel -----------------------------------------------------------


class Thing(object):
    def __init__(self, value=None):
        self.value = value

    def __repr__(self):
        return "Thing"


class Name(type(u"")):
    pass


class Number(int):
    def __pos__(self):
        return "not a number"


Point = collections.namedtuple("Point", "x outcome")


def test_a_dump_error_says_what_where_and_what_to_do():
    item = {"results": [0, 1, 2, Thing()]}

    error = error_of(DumpError, PLAIN.dumps, item)

    assert error.path == "$['results'][3]"
    assert str(error).startswith("$['results'][3]: type '")
    assert "Thing' can't travel" in str(error)
    assert "register()" in str(error)


def test_a_dump_error_finds_a_key_a_field_and_the_item_itself():
    assert error_of(DumpError, PLAIN.dumps, Thing()).path == "$"
    assert error_of(DumpError, PLAIN.dumps, [{Thing(): 1}]).path == "$[0] key Thing"
    error = error_of(DumpError, Serializer(subclasses=True).dumps, [Point(1, Thing())])
    assert error.path == "$[0].outcome"
    assert error_of(DumpError, PLAIN.dumps, ((1, 2), {Thing()})).path == "$[1][0]"


def test_subclasses_are_refused_and_the_switch_is_named():
    values = [
        collections.OrderedDict(),
        collections.defaultdict(list),
        Point(1, 2),
        Name(u"a"),
        Number(1),
    ]
    for value in values:
        for item in (value, [value], [1, {u"a": value}], [value] * 10):
            error = error_of(DumpError, PLAIN.dumps, item)

            assert type(value).__name__ in str(error)
            assert "popen//subclasses" in str(error)


def test_subclasses_travel_as_their_base_where_that_is_asked():
    ordered = collections.OrderedDict([(u"b", 1), (u"a", 2)])
    default = collections.defaultdict(list, {u"a": [Number(2)]})
    item = [ordered, default, Point(1, Name(u"x")), Number(5), Name(u"n"), {Name(u"k"): 1}]
    number = int(5)

    arrived = PLAIN.loads(Serializer(subclasses=True).dumps(item))

    assert same(
        arrived,
        [{u"b": 1, u"a": 2}, {u"a": [2]}, (1, u"x"), number, u"n", {u"k": 1}],
    )
    assert same(PLAIN.loads(Serializer(subclasses=True).dumps(Number(7))), 7)


def test_an_enum_is_called_an_enum():
    if sys.version_info < (3, 4):
        return  # Python 2 has none
    import enum

    outcome = enum.Enum("Outcome", "passed failed")
    level = enum.IntEnum("Level", "low high")

    assert "enum '" in str(error_of(DumpError, PLAIN.dumps, [outcome.passed]))
    assert ".value" in str(error_of(DumpError, PLAIN.dumps, [outcome.passed]))
    assert "Level' can't travel, a subclass of int" in str(
        error_of(DumpError, PLAIN.dumps, level(1))
    )
    assert same(PLAIN.loads(Serializer(subclasses=True).dumps([level(1)])), [1])


def test_what_holds_itself_is_an_error_that_says_where():
    one = []
    one.append(one)
    many = []
    many.extend([many] * 10)
    table = {u"rows": []}
    table[u"rows"].extend([table] * 10)
    turn = {}
    turn[u"list"] = [(1, turn)]
    for item, path in ((one, u"$[0]"), (many, u"$[0]"), (turn, u"['list'][0][1]")):
        error = error_of(DumpError, PLAIN.dumps, item)

        assert "holds itself" in str(error)
        assert error.path.replace("u'", "'").endswith(path)
    error_of(DumpError, PLAIN.dumps, table)


def test_nesting_has_one_limit_whatever_is_nested_and_however_deep_the_caller():
    makers = [
        lambda inner: [inner],
        lambda inner: (inner,),
        lambda inner: {u"a": inner},
        lambda inner: {1: inner},
        lambda inner: [inner] + [None] * 10,
        lambda inner: [inner, 1, inner] if inner == [] else [1, inner],
        lambda inner: frozenset([inner]) if not isinstance(inner, list) else (inner,),
        lambda inner: dict([(n, n) for n in range(40)] + [(u"a", inner)]),
    ]
    for make in makers:
        value = ()
        for _ in range(999):
            value = make(value)
        payload = called_deep(functools.partial(PLAIN.dumps, value), 700)

        arrived = called_deep(functools.partial(PLAIN.loads, payload), 700)

        assert len(PLAIN.dumps(arrived)) == len(payload)
        error = error_of(DumpError, PLAIN.dumps, make(value))
        assert "nested deeper than 1000" in str(error)


def with_more(payload, records, codes, ballast=0):
    """Return a message with records and codes put behind its own, and ballast at its end."""
    head = list(HEAD.unpack(payload[: HEAD.size]))
    codes_at = HEAD.size + 2 * head[2]
    row_at = codes_at + head[3]
    head[2] += len(records) // 2
    head[3] += len(codes)
    head[9] += ballast
    return b"".join(
        [
            HEAD.pack(*head),
            payload[HEAD.size : codes_at],
            records,
            payload[codes_at:row_at],
            codes,
            payload[row_at:],
            b"\0" * ballast,
        ]
    )


def test_a_payload_that_nests_too_deep_is_a_load_error():
    payload = PLAIN.dumps(nested(1000))

    assert same(PLAIN.loads(with_more(PLAIN.dumps(nested(200)), b"L\1", b"c")), nested(201))
    error = error_of(LoadError, PLAIN.loads, with_more(payload, b"T\1" * 2000, b"c" * 2000))
    assert "nested too deep" in str(error)


def test_layouts_that_make_no_sense_are_load_errors():
    broken = (b"", b"L", b"q", b"L\2n", b"L\1nn", b"L\1L", b"L\1z", b"L\xff", b"D\1n", b"L\41")
    for layout in broken:
        payload = b"[" + layout + b"\xff"

        error_of(LoadError, PLAIN.loads, payload)
        error_of(LoadError, PLAIN.loads, payload)  # nor is it kept as one that does
    assert PLAIN.loads(b"[L\1n\xff") == [None]
    error_of(LoadError, PLAIN.loads, b"[L\1n")


def test_a_layout_of_more_than_255_bytes_is_a_load_error():
    assert PLAIN.loads(b"[L\1T\2LL\0\0\xff") == [([], [])]
    assert len(PLAIN.loads(b"[L" + b"\1L" * 126 + b"\0\xff")) == 1

    error_of(LoadError, PLAIN.loads, b"[L" + b"\1L" * 127 + b"\0\xff")


def test_keys_and_dicts_that_do_not_add_up_are_load_errors():
    assert same(PLAIN.loads(b"[D\2nn\xfea\0b\xff"), {u"a": None, u"b": None})
    for keys in (b"", b"\xfea", b"\xfea\0b\0c", b"\xfea\0b\xfec", b"\xfea\0\x80"):
        error_of(LoadError, PLAIN.loads, b"[D\2nn" + keys + b"\xff")
        error_of(LoadError, PLAIN.loads, b"[D\2nn" + keys + b"\xff")
    error_of(LoadError, PLAIN.loads, b"[L\0\xfea\xff")


def test_a_small_message_whose_bytes_end_too_early_is_a_load_error():
    payload = PLAIN.dumps([b"blob", u""])
    assert same(PLAIN.loads(payload), [b"blob", u""])

    error_of(LoadError, PLAIN.loads, payload[:-1])
    error_of(LoadError, PLAIN.loads, payload.replace(b"\4\0blob", b"\5\0blob"))
    error_of(LoadError, PLAIN.loads, PLAIN.dumps([b"blob"]) + b"x")


def test_small_messages_travel_however_many_layouts_and_keys_there_are():
    for n in list(range(900)) * 2:
        value = [n if n >> bit & 1 else None for bit in range(10)] + [{u"key%d" % n: n}]
        payload = PLAIN.dumps(value)
        assert payload[:1] in (b"[", b"<")
        assert same(PLAIN.loads(payload), value)
    for kept in (layouts.layouts, layouts.heads, layouts.rows, layouts.bytes_of_keys):
        assert len(kept) <= layouts.KEPT


def test_keys_that_are_kept_are_taken_for_no_others():
    class Text(type(u"")):
        pass

    value = {u"a": 1, u"b": 2}
    assert same(PLAIN.loads(PLAIN.dumps(value)), value)

    error_of(DumpError, PLAIN.dumps, {Text(u"a"): 1, u"b": 2})
    for other in ({b"a": 1, b"b": 2}, {u"b": 1, u"a": 2}, {u"a\0b": 1}, {u"": 1}):
        assert same(PLAIN.loads(PLAIN.dumps(other)), other)


# ---- channels --------------------------------------------------------------------


class Channel(object):
    def __init__(self, number, gateway):
        self.number, self.gateway = number, gateway


def save_channel(channel):
    if channel.gateway != "ours":
        raise DumpError("a channel of another gateway")
    return channel.number


def test_a_channel_travels_as_its_number_wherever_it_is():
    ours = Serializer(
        channel_type=Channel,
        save_channel=save_channel,
        load_channel=lambda number: ("channel", number),
    )
    channel = Channel(7, u"ours")

    assert ours.loads(ours.dumps(channel)) == ("channel", 7)
    assert ours.loads(ours.dumps([1, {"c": channel}])) == [1, {"c": ("channel", 7)}]
    assert ours.loads(ours.dumps([channel] * 10)) == [("channel", 7)] * 10
    assert ours.loads(ours.dumps({channel: 7, 7: 1})) == {("channel", 7): 7, 7: 1}


def test_a_foreign_channel_is_an_error_with_its_path():
    ours = Serializer(channel_type=Channel, save_channel=save_channel)

    error = error_of(DumpError, ours.dumps, [1, Channel(1, "other")])

    assert error.path == "$[1]"
    assert str(error) == "$[1]: a channel of another gateway"


def test_a_channel_travels_only_over_a_channel():
    ours = Serializer(channel_type=Channel, save_channel=save_channel)
    alone = Serializer(channel_type=Channel)
    channel = Channel(1, "ours")

    assert "only over a channel" in str(error_of(DumpError, alone.dumps, channel))
    error_of(DumpError, PLAIN.dumps, channel)
    for item in (channel, [channel], [channel] * 10):
        assert "only over a channel" in str(error_of(LoadError, alone.loads, ours.dumps(item)))


# ---- reducers --------------------------------------------------------------------


def thing_registry():
    registry = Registry()
    registry.register(Thing, lambda thing: thing.value, Thing, name=u"thing")
    return registry


def test_a_registered_type_travels_with_what_is_in_it():
    ours = Serializer(registry=thing_registry())
    item = [Thing(Thing([1, {u"a": Thing()}])), {Thing((1, 2)): 1}]

    first, second = ours.loads(ours.dumps(item))

    assert first.value.value[0] == 1
    assert first.value.value[1][u"a"].value is None
    assert [key.value for key in second] == [(1, 2)]
    assert ours.loads(ours.dumps(Thing(5))).value == 5
    assert [thing.value for thing in ours.loads(ours.dumps([Thing(2)] * 10))] == [2] * 10


def test_a_type_that_only_one_end_registered_is_named():
    payload = Serializer(registry=thing_registry()).dumps([Thing(1)])

    assert "thing" in str(error_of(LoadError, PLAIN.loads, payload))


def test_a_reducer_that_fails_is_an_error_at_its_end():
    registry = Registry()
    registry.register(Thing, lambda thing: 1 // thing.value, lambda value: 1 // 0, name=u"thing")
    ours = Serializer(registry=registry)

    error = error_of(DumpError, ours.dumps, [Thing(0)])
    assert error.path == "$[0]"
    assert "ZeroDivisionError" in str(error)
    assert "ZeroDivisionError" in str(error_of(LoadError, ours.loads, ours.dumps(Thing(1))))


def test_what_a_reducer_makes_must_travel_too():
    registry = Registry()
    registry.register(Thing, lambda thing: [object()], Thing, name=u"thing")

    error = error_of(DumpError, Serializer(registry=registry).dumps, [Thing()])

    assert error.path == "$[0]<thing>[0]"


def test_a_registry_refuses_what_would_be_ambiguous():
    registry = thing_registry()

    registry.register(Thing, lambda thing: 1, Thing, name=u"thing")
    error_of(ValueError, registry.register, Point, tuple, Point, u"thing")
    error_of(ValueError, registry.register, dict, list, dict)


def test_the_default_registry_serves_dumps_and_loads():
    class Local(object):
        pass

    serializer.register(Local, lambda local: 5, lambda value: u"restored", name=u"test local")

    assert serializer.loads(serializer.dumps([Local()])) == [u"restored"]


# ---- bad input -------------------------------------------------------------------


def test_a_payload_cut_short_or_with_more_behind_it_is_a_load_error():
    for _, _, _, payload, _ in serializer_vectors.read():
        if payload[:1] in (b"{", b"("):
            for end in range(len(payload)):
                error_of(LoadError, PLAIN.loads, payload[:end])
            error_of(LoadError, PLAIN.loads, payload + b"\0")
    for payload in (b"", b"n\0", b"B", b"B\2", b"i123", b"i12345", b"d", b"!", b"s\xff", b"u\x80"):
        error_of(LoadError, PLAIN.loads, payload)


def test_a_payload_with_any_byte_changed_is_a_value_or_a_load_error():
    for _, _, _, payload, _ in serializer_vectors.read():
        if len(payload) > 200:
            continue
        for position in range(len(payload)):
            for change in (1, 2, 64, 128, 255):
                changed = bytearray(payload)
                changed[position] ^= change
                try:
                    PLAIN.loads(bytes(changed))
                except LoadError:
                    pass


def test_a_list_as_a_key_is_a_load_error():
    payload = PLAIN.dumps({(1, 2): 3}).replace(b"T", b"L")

    assert "unhashable" in str(error_of(LoadError, PLAIN.loads, payload))


def test_keys_that_all_hash_alike_are_a_load_error():
    # 8-byte ints of which Python 3 makes one hash; 2.7's tuples and Java's are as easy to find.
    prime = 2**61 - 1
    few = {prime * number for number in range(1, 200)}
    many = dict.fromkeys(range(50000))
    list_of_many = PLAIN.dumps([prime * number for number in range(1, 20001)])

    assert PLAIN.loads(PLAIN.dumps(few)) == few
    assert PLAIN.loads(PLAIN.dumps(many)) == many
    hostile = with_more(list_of_many, b"E\1", b"c", 8 * 20000 + 8)
    if hash(prime) == 0:
        assert "hash alike" in str(error_of(LoadError, PLAIN.loads, hostile))
    else:
        assert len(PLAIN.loads(hostile)) == 20000


def test_rows_whose_keys_all_hash_alike_are_a_load_error():
    prime = 2**61 - 1
    keys = [prime * number for number in range(1, 101)]
    lists = [keys] + [[None] * 1000 for _ in keys]
    loading = decoder._Loading(10**9, 1000, None)

    if hash(prime) == 0:
        error = error_of(LoadError, decoder._rows, iter(lists), len(lists), loading)
        assert "hash alike" in str(error)
    else:
        assert len(decoder._rows(iter(lists), len(lists), loading)) == 1000


def test_lists_of_dicts_with_some_rows_of_keys_come_back_in_their_order():
    for count in (1, 2, 3, 16, 17):
        things = [{u"id": n, u"key%d" % (n * n % count): [n]} for n in range(40 * count)]
        assert same(PLAIN.loads(PLAIN.dumps(things)), things)
    things = [{u"id": 1, u"a": things[:40]} if n % 3 else {u"id": n} for n in range(50)]
    assert same(PLAIN.loads(PLAIN.dumps(things)), things)


def test_sorted_values_that_do_not_add_up_are_a_load_error():
    loading = decoder._Loading(0, 1000, None)
    good = [[0, 1, 0], [u"a", u"b"], [u"c"]]
    bad = [[[0, 1]] + good[1:], [[0, 0, 0]] + good[1:], [[0, 1, 2]] + good[1:], [[0], u"a"], []]

    assert decoder._sorted(iter(good), 3, loading) == [u"a", u"c", u"b"]
    for lists in bad:
        error_of(BAD_DATA + (LoadError,), decoder._sorted, iter(lists), len(lists), loading)


def test_lists_of_one_length_come_back_whatever_it_is():
    for size in (1, 2, 31, 32, 300):
        value = [list(range(n, n + size)) for n in range(40)]
        assert same(PLAIN.loads(PLAIN.dumps(value)), value)


def test_groups_that_do_not_add_up_are_a_load_error():
    items = [1, 2, 3, 4]
    loading = decoder._Loading(12, 1000, None)
    assert decoder._groups(iter([2, items]), 2, loading) == [[1, 2], [3, 4]]
    assert decoder._groups(iter([4, items]), 2, loading) == [items]

    bad = (0, -1, 3, 8, 2**62, None, 2.0, u"2", [1, 2], [5, -1], [2])
    for sizes in bad + (2,):  # at the end 2 too: nothing is left to pay with
        error_of(BAD_DATA + (LoadError,), decoder._groups, iter([sizes, items]), 2, loading)
    error_of(LoadError, decoder._groups, iter([2, u"abcd"]), 2, loading)


def test_lengths_are_checked_before_anything_is_made_of_them():
    payload = PLAIN.dumps([1, u"a", None, b"b", {u"k": [2.5] * 10}, {1}])
    for position in range(1, HEAD.size):
        for byte in (0x7F, 0xFF):
            changed = bytearray(payload)
            changed[position] = byte
            if bytes(changed) != payload:
                error_of(LoadError, PLAIN.loads, bytes(changed))


def test_a_payload_in_parts_is_the_item_of_them_joined():
    plain = serializer.Serializer()
    for item in [b"x" * 100, u"\xe4" * 100, list(range(100)), None]:
        payload = plain.dumps(item)
        for cut in range(1, min(len(payload), 20)):
            parts = [payload[:cut], payload[cut : cut + 5], payload[cut + 5 :]]

            assert plain.loads(parts) == item
