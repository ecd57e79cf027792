# shipped: stdlib only; Python 2.7-3.14, PyPy, Jython; pure
"""Sendable: what stands in for a value that is not of a builtin type, or why nothing can.

The serializer looks only at values' types, and fast. When it meets a type it does not
know, or too deep a nesting, it calls ``stand_in``: that goes through the whole item once
more, slowly, replaces what can be replaced, and else says where in the item it failed.
"""
from __future__ import absolute_import

from .columns import CODE_OF_TYPE, ChannelId
from .compat import int_types, text_type
from .errors import DumpError

MAX_NESTING = 1000  # containers in containers; no Python's own recursion limit plays a part
CONTAINERS = (dict, list, tuple, set, frozenset)
_BASES = CONTAINERS + int_types + (float, complex, bytes, bytearray, text_type)


class Reduced(tuple):
    """Stands for a value that travels by its reducer: ``(name of its type, builtin value)``.

    It may be a key with a value that can't be one, so each equals itself alone.
    """

    __slots__ = ()

    def __eq__(self, other):
        return self is other

    def __ne__(self, other):
        return self is not other

    def __hash__(self):
        return id(self)


class Registry(object):
    """Types that travel by agreement: both ends register them under the same name.

    Register before the first gateway starts: a registry has no lock.
    """

    def __init__(self):
        self._by_type = {}
        self._by_name = {}

    def register(self, type_, to_builtin, from_builtin, name=None):
        """Let values of exactly this type travel.

        Args:
            type_: the class. Its subclasses are classes of their own.
            to_builtin: ``to_builtin(value)`` returns what travels: builtin values, or
                others that are registered.
            from_builtin: ``from_builtin(that)`` returns the value, at the other end.
            name: text by which the other end knows the type; ``module.qualname`` of the
                class if None.

        Raises:
            ValueError: the type travels without it, or the name stands for another type.
        """
        if name is None:
            name = "%s.%s" % (type_.__module__, getattr(type_, "__qualname__", type_.__name__))
        if type_ in CODE_OF_TYPE or type_ in CONTAINERS:
            raise ValueError("%s travels as it is" % type_.__name__)
        other = self._by_name.get(name)
        if other is not None and other[0] is not type_:
            raise ValueError("%r stands for %r already" % (name, other[0]))
        self._by_type[type_] = (name, to_builtin)
        self._by_name[name] = (type_, from_builtin)

    def reducer(self, type_):
        """Return ``(name, to_builtin)``, or None for a type that is not registered."""
        return self._by_type.get(type_)

    def restorer(self, name):
        """Return ``from_builtin``, or None for a name that is not registered."""
        found = self._by_name.get(name)
        return found and found[1]


class _Frame(object):
    """A container on the way: where it came from, what is left of it, what became of the rest."""

    __slots__ = ("source", "steps", "make", "done")

    def __init__(self, source, steps, make):
        self.source, self.steps, self.make, self.done = source, steps, make, []


class StandIns(object):
    """The rules by which values are replaced; those of one Serializer."""

    def __init__(self, registry, subclasses, channel_type=None, save_channel=None):
        self._registry, self._subclasses = registry, subclasses
        self._channel_type, self._save_channel = channel_type, save_channel

    def stand_in(self, item):
        """Return the item with only builtin values, ChannelId and Reduced in it.

        Raises:
            DumpError: a value in it can't travel, holds itself, or nests too deep.
        """
        frames = []  # one for each container that the value is in: no recursion
        path = ["$"]
        value = item
        while True:
            try:
                value, frame = self._enter(value, frames)
            except DumpError as error:
                where = "".join(path)
                raise DumpError("%s: %s" % (where, error), where)
            if frame is not None:
                frames.append(frame)
            elif not frames:
                return value
            else:
                path.pop()
                frames[-1].done.append(value)
            step = next(frames[-1].steps, None)
            while step is None:  # the innermost container is done, so it is a value
                frame = frames.pop()
                value = frame.make(frame.done)
                if not frames:
                    return value
                path.pop()
                frames[-1].done.append(value)
                step = next(frames[-1].steps, None)
            label, value = step
            path.append(label)

    def _enter(self, value, frames):
        """Return ``(value, None)`` for what needs no more work, else ``(None, its frame)``."""
        for frame in frames:
            if frame.source is value:
                raise DumpError(
                    "this %s holds itself; send a tree, with names or numbers where it"
                    " points back" % type(value).__name__
                )
        kind = type(value)
        if kind in CODE_OF_TYPE:
            return value, None
        source = value
        if kind not in CONTAINERS:
            value = self._replace(value)
            kind = type(value)
        if kind is dict:
            frame = _Frame(source, _dict_steps(value), _dict_of)
        elif kind is Reduced:
            steps = iter([("", value[0]), ("<%s>" % value[0], value[1])])
            frame = _Frame(source, steps, Reduced)
        elif kind in CONTAINERS:
            frame = _Frame(source, _list_steps(value, getattr(source, "_fields", ())), kind)
        else:
            return value, None
        if len(frames) >= MAX_NESTING:
            raise DumpError("nested deeper than %d containers; send it in parts" % MAX_NESTING)
        return None, frame

    def _replace(self, value):
        """Return the builtin value, ChannelId or Reduced that travels in place of this one."""
        kind = type(value)
        reducer = self._registry.reducer(kind)
        if reducer is not None:
            name, to_builtin = reducer
            try:
                return Reduced((name, to_builtin(value)))
            except Exception as error:
                raise DumpError(
                    "the reducer of %s failed: %s: %s" % (name, type(error).__name__, error)
                )
        if self._channel_type is not None and isinstance(value, self._channel_type):
            if self._save_channel is None:
                raise DumpError("a channel travels only over a channel")
            return ChannelId(self._save_channel(value))
        base = _base_of(kind)
        if base is None:
            raise DumpError("%s can't travel; %s" % (_describe(kind), _advice(kind)))
        if not self._subclasses:
            raise DumpError(
                "%s can't travel, a subclass of %s; send %s(value), or all such values as"
                " their base with subclasses in the spec, as in popen//subclasses"
                % (_describe(kind), base.__name__, base.__name__)
            )
        return _as_base(base, value)


def _dict_steps(value):
    for key in value:
        yield " key %s" % _short(key), key
        yield "[%s]" % _short(key), value[key]


def _dict_of(done):
    return dict(zip(done[::2], done[1::2]))


def _list_steps(value, fields):
    for index, item in enumerate(value):
        yield ".%s" % fields[index] if index < len(fields) else "[%d]" % index, item


def _short(key):
    text = repr(key)
    return text if len(text) <= 60 else text[:57] + "..."


def _base_of(kind):
    for base in _BASES:
        if issubclass(kind, base):
            return base
    return None


def _as_base(base, value):
    """Return a value of a subclass as one of exactly its base, whatever it overrides."""
    if base in int_types or base in (float, complex):
        return base.__pos__(value)
    if base is dict:
        return dict(value.items())  # in the order that an OrderedDict says
    if base in (set, frozenset):
        return base(base.__iter__(value))
    return base.__getitem__(value, slice(None))


def _describe(kind):
    word = "enum" if any(base.__module__ == "enum" for base in kind.__mro__) else "type"
    module = kind.__module__
    hidden = module in ("builtins", "__builtin__", "__main__")
    return "%s '%s'" % (word, kind.__name__ if hidden else "%s.%s" % (module, kind.__name__))


def _advice(kind):
    if _describe(kind).startswith("enum"):
        return "send its .name or .value, or register() a reducer for it at both ends"
    return "send what it is made of, or register() a reducer for it at both ends"
