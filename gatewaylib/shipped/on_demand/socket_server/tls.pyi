import ssl
from collections.abc import Callable
from typing import TypeVar

_T = TypeVar("_T")

def use_files(names: str, function: Callable[..., _T], *args: object, **options: object) -> _T: ...
def make_tls(cert: str, key: str | None, client_ca: str | None) -> ssl.SSLContext: ...
