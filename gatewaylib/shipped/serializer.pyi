from collections.abc import Callable
from typing import Any, Protocol, TypeVar

from .sendable import Registry as Registry

_T = TypeVar("_T")
_Buffer = bytes | bytearray | memoryview

class _Readable(Protocol):
    def read(self, n: int, /) -> bytes: ...

class _Writable(Protocol):
    def write(self, data: bytes, /) -> object: ...

VERSION: int
MANY: int

def register(
    type_: type[_T],
    to_builtin: Callable[[_T], Any],
    from_builtin: Callable[[Any], _T],
    name: str | None = ...,
) -> None: ...

class Serializer:
    def __init__(
        self,
        py2str_as_py3str: bool = ...,
        py3str_as_py2str: bool = ...,
        subclasses: bool = ...,
        registry: Registry | None = ...,
        save_channel: Callable[[Any], int] | None = ...,
        load_channel: Callable[[int], Any] | None = ...,
        channel_type: type[Any] | None = ...,
    ) -> None: ...
    def dumps(self, item: Any) -> bytes: ...
    def dump_parts(self, item: Any) -> bytes | list[bytes]: ...
    def loads(self, payload: _Buffer | list[bytes | memoryview]) -> Any: ...

def dumps(obj: Any, subclasses: bool = ..., registry: Registry | None = ...) -> bytes: ...
def dump(
    file: _Writable, obj: Any, subclasses: bool = ..., registry: Registry | None = ...
) -> None: ...
def loads(
    data: _Buffer,
    py2str_as_py3str: bool = ...,
    py3str_as_py2str: bool = ...,
    registry: Registry | None = ...,
) -> Any: ...
def load(
    file: _Readable,
    py2str_as_py3str: bool = ...,
    py3str_as_py2str: bool = ...,
    registry: Registry | None = ...,
) -> Any: ...
