# pure
"""execnet's spec: takes any key, and may be changed until a gateway is made of it.

``XSpec`` reads the same text as ``Spec`` and checks next to nothing, so that programs may
keep keys of their own in it. What can be started is checked by ``to_spec``, when a gateway
is made: it names what it does not know.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Union

from .quoting import printable
from .shipped.errors import SpecError
from .spec import Spec, cut, expand, parse, read_value, shown, unescape, unknown_key
from .spec_keys import KEYS, KINDS


class XSpec:
    """What a spec's text says, as attributes that may be changed.

    ``XSpec("ssh=host//nice=5")`` has ``ssh`` "host" and ``nice`` "5", all values being text;
    a key without a value is True, a key that is not there None. ``env`` is a dict, of what
    stands there as ``env:NAME=value``. It equals another of the same text, whatever was
    changed since.

    Raises ValueError for a key that is there twice or is empty, AttributeError for one that
    begins with ``_``.
    """

    id: Any = None
    execmodel: Any = None
    env: dict[str, Any]

    def __init__(self, string: str) -> None:
        self._spec = string
        self.env = {}
        for segment in cut(string):
            key, equals, text = segment.partition("=")
            value = unescape(text) if equals else True
            if not key:
                raise SpecError(f"spec {shown(string)!r}: {segment!r} has no key")
            if key.startswith("_"):
                raise AttributeError(f"spec {shown(string)!r}: key {key!r} begins with _")
            name = key[len("env:") :] if key.startswith("env:") else None
            if name in self.env or (name is None and key in vars(self)):
                raise SpecError(f"spec {shown(string)!r}: {key} is there twice")
            if name is not None:
                self.env[name] = value
            else:
                setattr(self, key, value)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(f"an XSpec has no {name!r}")
        return None

    def __repr__(self) -> str:
        return f"<XSpec {shown(self._spec)!r}>"

    def __str__(self) -> str:
        return self._spec

    def __eq__(self, other: object) -> bool:
        return self._spec == getattr(other, "_spec", None)

    def __hash__(self) -> int:
        return hash(self._spec)

    def _samefilesystem(self) -> bool:
        """Return whether paths mean there what they mean here."""
        return self.popen is not None and self.chdir is None


SpecLike = Union[str, Spec, XSpec]


def to_spec(xspec: XSpec) -> Spec:
    """Return what the attributes of an XSpec say, now.

    Raises SpecError for a key that no gateway knows, and for a value that is wrong.
    """
    try:
        return Spec(**_fields(vars(xspec)))
    except SpecError as error:
        raise SpecError(f"spec {shown(str(xspec))!r}: {printable(str(error))}") from None


def _fields(attributes: dict[str, Any]) -> dict[str, Any]:
    fields: dict[str, Any] = {}
    has_kind = any(name in KINDS for name in attributes)
    for name, value in attributes.items():
        # None and False are what a program may set to unsay a key.
        if name.startswith("_") or value is None or value is False:
            continue
        if name in KINDS:
            if "kind" in fields:
                raise SpecError(f"two kinds, {fields['kind']} and {name}: a spec has one")
            fields.update(kind=name, target=None if value is True else value)
        elif name == "env":
            fields["env"] = {key: _read(f"env:{key}", text) for key, text in value.items()}
        elif name in KEYS:
            fields[name] = _read(name, value)
        else:
            raise SpecError(unknown_key(name, has_kind))
    if "kind" not in fields:
        raise SpecError(f"it has no kind; the kinds are {', '.join(KINDS)}")
    return fields


def _read(name: str, value: object) -> Any:
    """Return the value of a key: text is read, True is none, and a number is itself."""
    if value is True or isinstance(value, str):
        key = KEYS[name.partition(":")[0]]
        return read_value(name, None if value is True else value, key)
    return value


def as_xspec(spec: SpecLike) -> XSpec:
    """Return a spec as an XSpec; one that is given as such is itself.

    Raises SpecError for a text that is none.
    """
    if isinstance(spec, XSpec):
        return spec
    parse(spec)  # it says best what is wrong with a text
    return XSpec(str(spec))


def as_xspecs(specs: SpecLike | Iterable[SpecLike]) -> list[XSpec]:
    """Return a list of specs as XSpecs, ``2*popen`` counted out; see ``expand``."""
    one_or_many: Any = specs  # mypy takes what has a __getattr__ for an Iterable
    if isinstance(specs, (str, Spec, XSpec)) or not isinstance(specs, Iterable):
        return _each(one_or_many)
    return [xspec for spec in one_or_many for xspec in _each(spec)]


def _each(spec: SpecLike) -> list[XSpec]:
    return [spec] if isinstance(spec, XSpec) else [XSpec(str(one)) for one in expand([spec])]
