"""Connect Python interpreters: start them anywhere, run code there, talk over channels.

``makegateway`` starts an interpreter and returns a ``Gateway``; its ``remote_exec`` runs
code there and returns a ``Channel``. The public names are those of ``__all__``; each is
imported when it is first used.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0.dev0"

_HOMES = {
    "Gateway": "gateway",
    "Channel": "shipped.channel",
    "Group": "multi",
    "MultiChannel": "multichannel",
    "StartErrors": "multi",
    "Spec": "spec",
    "XSpec": "xspec",
    "RSync": "rsync",
    "default_group": "multi",
    "makegateway": "multi",
    "set_execmodel": "multi",
    "dump": "shipped.serializer",
    "dumps": "shipped.serializer",
    "load": "shipped.serializer",
    "loads": "shipped.serializer",
    "register": "shipped.serializer",
    "ChannelClosed": "shipped.errors",
    "ChannelEnded": "shipped.errors",
    "DataFormatError": "shipped.errors",
    "DumpError": "shipped.errors",
    "GatewayError": "shipped.errors",
    "GatewayLost": "shipped.errors",
    "HostNotFound": "shipped.errors",
    "LoadError": "shipped.errors",
    "ProtocolError": "shipped.errors",
    "RemoteError": "shipped.errors",
    "SourceError": "shipped.errors",
    "SpecError": "shipped.errors",
    "StartError": "shipped.errors",
    "TimeoutError": "shipped.errors",
}
# After `import execnet` these are there without an import of their own.
_MODULES = (
    "gateway",
    "gateway_base",
    "gateway_bootstrap",
    "gateway_io",
    "gateway_socket",
    "multi",
    "rsync",
    "xspec",
)
__all__ = ["__version__", *_HOMES]  # noqa: PLE0604

if TYPE_CHECKING:
    from .gateway import Gateway as Gateway
    from .multi import Group as Group
    from .multi import StartErrors as StartErrors
    from .multi import default_group as default_group
    from .multi import makegateway as makegateway
    from .multi import set_execmodel as set_execmodel
    from .multichannel import MultiChannel as MultiChannel
    from .rsync import RSync as RSync
    from .shipped.channel import Channel as Channel
    from .shipped.errors import ChannelClosed as ChannelClosed
    from .shipped.errors import ChannelEnded as ChannelEnded
    from .shipped.errors import DataFormatError as DataFormatError
    from .shipped.errors import DumpError as DumpError
    from .shipped.errors import GatewayError as GatewayError
    from .shipped.errors import GatewayLost as GatewayLost
    from .shipped.errors import HostNotFound as HostNotFound
    from .shipped.errors import LoadError as LoadError
    from .shipped.errors import ProtocolError as ProtocolError
    from .shipped.errors import RemoteError as RemoteError
    from .shipped.errors import SourceError as SourceError
    from .shipped.errors import SpecError as SpecError
    from .shipped.errors import StartError as StartError
    from .shipped.errors import TimeoutError as TimeoutError  # noqa: A004
    from .shipped.serializer import dump as dump
    from .shipped.serializer import dumps as dumps
    from .shipped.serializer import load as load
    from .shipped.serializer import loads as loads
    from .shipped.serializer import register as register
    from .spec import Spec as Spec
    from .xspec import XSpec as XSpec


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        return importlib.import_module(f".{name}", __name__)
    try:
        home = _HOMES[name]
    except KeyError:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}") from None
    value = getattr(importlib.import_module(f".{home}", __name__), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
