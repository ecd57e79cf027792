# pure
r"""Specs: how to get to an interpreter, and how it shall run there.

A spec's text is ``key[=value]`` joined by ``//``. One of the keys is the kind of
transport, the others are options::

    popen//python=python3.9//id=w1//chdir=/srv/data//nice=5//env:LANG=C

``parse`` makes a ``Spec`` of it, ``str(spec)`` gives the text back. What there is to write
stands in the two tables of ``spec_keys``.

**The escape.** Inside a value ``/`` may be written ``%2F``, and a ``//`` has to be:
``env:PROXY=http:%2F%2Fhost:80``. A ``%2F`` that shall stay one is written ``%252F`` (and
``%252F`` is ``%25252F``). Every other ``%`` and every backslash is itself, so ``C:\new``,
``100%`` and ``a%20b`` are written as they are: a backslash as the escape would have broken
the first, decoding every ``%xx`` the last. Of three slashes the last two separate, so that
a directory may end in one: ``chdir=/srv///nice=5``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Any, Callable

from .quoting import printable
from .shipped.errors import SpecError
from .spec_keys import (
    DEFAULT_START_TIMEOUT,
    DEFAULT_WINDOW,
    KEYS,
    KINDS,
    Key,
    did_you_mean,
    read_text,
)

# ---- the value -------------------------------------------------------------------


class Spec:
    """How to get to an interpreter; immutable, hashable, picklable.

    Whoever has one may rely on it: a value that could not be written as text is refused
    with SpecError. ``None`` is "not said".

    Attributes:
        kind: a key of ``KINDS``.
        target: the value of the kind's own key, as the host of ``ssh=host``.
        execmodel: None for the group's default.
        window: bytes; None for no limit.
        heartbeat: seconds; 0 is off.
        start_timeout: seconds.
        subclasses: whether instances of subclasses travel as their base class.
        imports: names of packages of this end that the other end may import; "*": all.
        others: see the help of the key of the same name in ``KEYS``.
    """

    kind: str
    target: str | None
    id: str | None
    python: str | None
    chdir: str | None
    nice: int
    env: Mapping[str, str]
    execmodel: str | None
    dont_write_bytecode: bool
    stdio: str
    window: int | None
    heartbeat: float
    start_timeout: float
    subclasses: bool
    imports: tuple[str, ...]
    ssh_config: str | None
    namespace: str | None
    container: str | None
    installvia: str | None
    token_file: str | None
    ca: str | None
    cert: str | None
    key: str | None
    via: str | None

    # By hand: importing dataclasses takes as long as half of the library.
    def __init__(
        self,
        kind: str = "popen",
        target: str | None = None,
        id: str | None = None,
        python: str | None = None,
        chdir: str | None = None,
        nice: int = 0,
        env: Mapping[str, str] = MappingProxyType({}),
        execmodel: str | None = None,
        dont_write_bytecode: bool = False,
        stdio: str = "inherit",
        window: int | None = DEFAULT_WINDOW,
        heartbeat: float = 0.0,
        start_timeout: float = DEFAULT_START_TIMEOUT,
        subclasses: bool = False,
        imports: tuple[str, ...] = (),
        ssh_config: str | None = None,
        namespace: str | None = None,
        container: str | None = None,
        installvia: str | None = None,
        token_file: str | None = None,
        ca: str | None = None,
        cert: str | None = None,
        key: str | None = None,
        via: str | None = None,
    ) -> None:
        values = {name: value for name, value in locals().items() if name != "self"}
        vars(self).update(values)
        if isinstance(env, Mapping):
            vars(self)["env"] = MappingProxyType(dict(env))
        _check(self)

    @property
    def shown(self) -> str:
        """The spec's text for messages: values of ``env:`` may be secrets, and are left out."""
        return shown(str(self))

    @property
    def needs(self) -> str | None:
        """The id of the gateway that has to be there before: of ``via`` or ``installvia``."""
        return self.via or self.installvia

    def with_(self, **changes: Any) -> Spec:
        """Return a spec with these fields changed, as in ``spec.with_(id="w1")``."""
        return Spec(**{**vars(self), **changes})

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"a Spec does not change; spec.with_({name}=...) gives another")

    def __delattr__(self, name: str) -> None:
        raise AttributeError(f"a Spec does not change, so {name} stays")

    def __eq__(self, other: object) -> bool:
        return vars(self) == vars(other) if isinstance(other, Spec) else NotImplemented

    def __str__(self) -> str:
        """Return the spec's text: the kind, then what differs from the defaults."""
        segments = [self.kind if self.target is None else f"{self.kind}={_escape(self.target)}"]
        for name, key in KEYS.items():
            value = getattr(self, name)
            if key.named:
                segments += [f"{name}:{n}={_escape(key.write(value[n]))}" for n in sorted(value)]
            elif value != _DEFAULTS[name]:
                segments.append(name if key.read is None else f"{name}={_escape(key.write(value))}")
        return "//".join(segments)

    def __repr__(self) -> str:
        return f"Spec({self.shown!r})"

    def __hash__(self) -> int:
        return hash(str(self))

    def __reduce__(self) -> tuple[Callable[[str], Spec], tuple[str]]:
        return parse, (str(self),)  # a mappingproxy can't be pickled


_DEFAULTS: dict[str, Any] = dict(zip(Spec.__annotations__, Spec.__init__.__defaults__ or ()))


def _check(spec: Spec) -> None:
    """Raise SpecError unless every value of ``spec`` can be written and read again."""
    if spec.kind not in KINDS:
        raise SpecError(_unknown("kind", spec.kind, KINDS))
    kind = KINDS[spec.kind]
    if spec.target is not None:
        if not kind.target:
            raise SpecError(f"{spec.kind} takes no value, but has {spec.target!r}")
        _check_value(spec.kind, spec.target, read_text, str)
    elif kind.target and not kind.target_optional:
        raise SpecError(f"{spec.kind} needs a value: {spec.kind}={kind.target}")
    for name, key in KEYS.items():
        value = getattr(spec, name)
        if key.named:
            _check_named(name, value, key)
        if value == _DEFAULTS[name]:
            continue
        if key.kinds is not None and spec.kind not in key.kinds:
            raise SpecError(f"{name} is for {', '.join(key.kinds)}, not for {spec.kind}")
        if key.read is None:
            if value is not True:
                raise SpecError(f"{name} is {value!r}, must be True or False")
        elif not key.named:
            _check_value(name, value, key.read, key.write)


def _check_named(name: str, value: Any, key: Key) -> None:
    if not isinstance(value, Mapping):
        raise SpecError(f"{name} is {value!r}, must be a mapping of names to text")
    for sub_name, text in value.items():
        if not isinstance(sub_name, str) or not re.fullmatch(r"[^/=\0]+", sub_name):
            raise SpecError(f"{name}:{sub_name} is wrong: it is written {name}:NAME=value")
        _check_value(f"{name}:{sub_name}", text, key.read or read_text, key.write, empty=True)


def _check_value(
    name: str,
    value: Any,
    read: Callable[[str], Any],
    write: Callable[[Any], str],
    empty: bool = False,
) -> None:
    wanted = "not be empty" if value == "" and not empty else ""
    try:
        text = write(value)
        again = read(text)
        if again != value:
            wanted = f"be {type(again).__name__}, not {type(value).__name__}"
    except ValueError as error:
        wanted = f"be {error}"
    except TypeError:
        wanted = f"not be {type(value).__name__}"
    if wanted:
        raise SpecError(f"{name} is {value!r}, must {wanted}")


# ---- text -> Spec ----------------------------------------------------------------


def parse(text: str | Spec) -> Spec:
    """Return the spec that a text says; a Spec is returned as it is.

    Raises:
        SpecError: the text is not one; the message says which part, and what is near it.
    """
    _refuse_other_types(text)
    if isinstance(text, Spec):
        return text
    try:
        return Spec(**_fields(text))
    except SpecError as error:
        raise SpecError(f"spec {shown(text)!r}: {printable(str(error))}") from None


def expand(specs: str | Spec | Iterable[str | Spec]) -> list[Spec]:
    """Return the specs that a list of texts says, ``2*popen`` counted out.

    A single text or Spec is taken as a list of one.

    Raises:
        SpecError: a text is wrong, its count is not 1 or more, or it has an ``id`` and
            a count above 1: ids are unique in a group.
    """
    if isinstance(specs, (str, Spec)):
        specs = [specs]
    try:
        texts = list(specs)
    except TypeError:
        raise SpecError(f"specs are a list of texts, as in ['2*popen'], not {specs!r}") from None
    found: list[Spec] = []
    for text in texts:
        count, rest = _split_count(text) if isinstance(text, str) else (1, text)
        spec = parse(rest)
        if count > 1 and spec.id is not None:
            raise SpecError(
                f"spec {count}*{spec.shown}: {count} gateways can't all have id {spec.id!r}; leave "
                "out id= and they are named by the group, or write one spec for each"
            )
        found += [spec] * count
    return found


def _refuse_other_types(value: object) -> None:
    if not isinstance(value, (str, Spec)):
        hint = "; makegateways takes many specs" if isinstance(value, (list, tuple, set)) else ""
        raise SpecError(f"a spec is text, as in 'popen//id=w1', not {value!r}{hint}")


# A count, or what was meant as one: a "*" before anything that belongs to a value.
_COUNT = re.compile(r"\s*([^/=:*]*?)\s*\*\s*(.*)", re.DOTALL)


def _split_count(text: str) -> tuple[int, str]:
    match = _COUNT.fullmatch(text)
    if match is None:
        return 1, text
    if not re.fullmatch("[0-9]{1,9}", match[1]) or int(match[1]) == 0:
        raise SpecError(f"spec {shown(text)!r}: the count is {match[1]!r}, must be a number from 1")
    return int(match[1]), match[2]


def _fields(text: str) -> dict[str, Any]:
    """Return the fields of Spec that ``text`` sets."""
    if _COUNT.fullmatch(text):
        raise SpecError("a count is for lists of specs: makegateways, expand")
    segments = cut(text)
    has_kind = any(segment.partition("=")[0] in KINDS for segment in segments)
    fields: dict[str, Any] = {}
    seen: set[str] = set()
    previous = ""
    for segment in segments:
        written, equals, value_text = segment.partition("=")
        name, colon, sub_name = written.partition(":")
        value = unescape(value_text) if equals else None
        if not segment or "//" in segment:
            raise SpecError(_where_empty(text, segment.partition("//")[0] or previous))
        if written in seen:
            raise SpecError(f"{written} is there twice")
        if written.startswith("_"):
            raise SpecError(f"key {written!r} begins with _")
        if not written:
            raise SpecError(f"{segment!r} has no key before the =")
        seen.add(written)
        if written in KINDS:
            if "kind" in fields:
                raise SpecError(f"two kinds, {fields['kind']} and {written}: a spec has one")
            if value == "":
                raise SpecError(f"{written} has nothing behind its =")
            fields.update(kind=written, target=value)
        elif name not in KEYS or bool(colon) != KEYS[name].named:
            raise SpecError(
                _wrong_key(written, name) or unknown_key(name, has_kind) + _escape_hint(previous)
            )
        elif KEYS[name].named:
            fields.setdefault(name, {})[sub_name] = read_value(written, value, KEYS[name])
        else:
            fields[name] = read_value(written, value, KEYS[name])
        previous = segment
    if "kind" not in fields:
        raise SpecError(f"it has no kind; the kinds are {', '.join(KINDS)}")
    return fields


def read_value(name: str, value: str | None, key: Key) -> Any:
    """Return the value of a key; ``value`` is its text, unescaped, None where it has none."""
    if key.read is None:
        if value is not None:
            raise SpecError(f"{name} is a flag and takes no value, but has {value!r}")
        return True
    if value is None or value == "" and not key.named:
        raise SpecError(f"{name} needs a value: {name}=...")
    try:
        return key.read(value)
    except ValueError as error:
        raise SpecError(f"{name} is {value!r}, must be {error}") from None


def _where_empty(text: str, previous: str) -> str:
    where = f"after {shown(previous)!r}" if previous else "at the start"
    return f"empty segment {where}" + _escape_hint(previous) if text else "it is empty"


def _wrong_key(written: str, name: str) -> str:
    if name in KEYS and KEYS[name].named:
        return f"{name} is written {name}:NAME=value"
    if name in KEYS:
        return f"unknown key {written!r} (did you mean {name + '='!r}?)"
    return ""


def unknown_key(name: str, has_kind: bool) -> str:
    """Say that there is no such key, and what is near it; ``has_kind``: it can't be the kind."""
    what, words = "key", [*KEYS]
    if not has_kind:  # then it may be the kind
        import difflib  # only those who mistype wait for it

        near = difflib.get_close_matches(name.lower(), [*KINDS, *KEYS], n=1)
        if not near or near[0] in KINDS:
            what, words = "kind", [*KINDS]
    return _unknown(what, name, words)


def _unknown(what: str, word: str, words: Iterable[str]) -> str:
    known = did_you_mean(word, words) or f"; known are {', '.join(words)}"
    return f"unknown {what} {word!r}{known}"


def _escape_hint(previous: str) -> str:
    """Return what to tell where a value before the error may have had a ``//`` in it."""
    if "=" not in previous:
        return ""
    return f"; if its // belongs to the value before ({shown(previous)}), write it %2F%2F"


def cut(text: str) -> list[str]:
    """Return the segments of a spec's text."""
    return re.split("//(?!/)", text)


def shown(text: str) -> str:
    """Return a spec's text for messages: no values of ``env:``, nothing that steers a terminal."""
    parts = [re.sub("^(env:[^=]*=).+", r"\1...", part, flags=re.S) for part in cut(text)]
    return printable("//".join(parts))


def unescape(text: str) -> str:
    """Return the value that the text behind a ``=`` stands for."""
    return re.sub("%((?:25)*)2([Ff])", lambda m: "%" + m[1][2:] + "2" + m[2] if m[1] else "/", text)


def _escape(value: str) -> str:
    value = re.sub("%((?:25)*2[Ff])", r"%25\1", value)
    return re.sub("/{2,}", lambda m: "%2F" * len(m[0]), value)
