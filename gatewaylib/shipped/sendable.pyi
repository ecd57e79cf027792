from collections.abc import Callable
from typing import Any, TypeVar

_T = TypeVar("_T")

MAX_NESTING: int
CONTAINERS: tuple[type[Any], ...]

class Reduced(tuple[str, Any]): ...

class Registry:
    def __init__(self) -> None: ...
    def register(
        self,
        type_: type[_T],
        to_builtin: Callable[[_T], Any],
        from_builtin: Callable[[Any], _T],
        name: str | None = ...,
    ) -> None: ...
    def reducer(self, type_: type[Any]) -> tuple[str, Callable[[Any], Any]] | None: ...
    def restorer(self, name: str) -> Callable[[Any], Any] | None: ...

class StandIns:
    def __init__(
        self,
        registry: Registry,
        subclasses: bool,
        channel_type: type[Any] | None = ...,
        save_channel: Callable[[Any], int] | None = ...,
    ) -> None: ...
    def stand_in(self, item: Any) -> Any: ...
