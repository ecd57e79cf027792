"""Module forwarding: what ``imports=`` lets a remote have of this end's modules, and no more.

The remote asks, this end answers, in a thread of the library's: importing there works
whatever this end's threads do. Nothing that is asked for is imported here. The remote may
be hostile: only files of what the spec names are read, and a piece at a time.

Answers, by what was asked for; sizes are bytes, a piece ``MAX_PIECE`` at most::

    module  ("source", piece, file name or None, {submodule: kind} or None, whether these are
             all, size of the source)     None: of a namespace package; of a plain module
            ("refused", why)              there is one, but it can't be forwarded
            ("missing",)
    data    ("file", piece, size)
            ("folder", [(name, whether it is a folder), ...], how many there are)
            ("missing",)

The remote half is shipped/on_demand/importer.py, which tells what it asks.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

from .bootstrap import Start
from .gateway import Gateway
from .imports_files import Place
from .imports_find import Module, find, is_standard, lies_loose, submodules
from .shipped.channel import Channel
from .shipped.compat import clock
from .shipped.errors import (
    GatewayError,
    ProtocolError,
    StartError,
    TimeoutError,  # noqa: A004
)
from .shipped.on_demand import importer, resources
from .source import prepare

EVERYTHING = "*"
MAX_PIECE = 2**18
MAX_NAMES = 2000  # of a folder, in one answer
MAX_DEPTH = 100  # steps of a name, and of a path: links may make longer ones of any package
MISSING = ("missing",)


def forward(
    starts: Sequence[Start | GatewayError], made: dict[str, Gateway | GatewayError]
) -> list[Gateway]:
    """Let the remotes import what their specs' ``imports`` say; return those that can't.

    Args:
        starts: with the time by which each has to be ready; errors are passed over.
        made: the gateway of each start, by its id; a StartError takes the place of those
            that are returned, which are of no use and still to be ended.

    All get ready at once.
    """
    failed: list[tuple[Gateway, GatewayError]] = []
    waiting: list[tuple[Gateway, float, Channel]] = []
    for start in starts:
        gateway = made[str(start.spec.id)] if isinstance(start, Start) else start
        if not isinstance(start, Start) or not isinstance(gateway, Gateway):
            continue
        if gateway.settings.imports:
            try:
                channel = Forwarder(gateway).begin(start.deadline)
                waiting.append((gateway, start.deadline, channel))
            except GatewayError as error:
                failed.append((gateway, error))
    for gateway, deadline, channel in waiting:
        try:
            # A task that came earlier would find no importer, or the main thread taken.
            channel.waitclose(max(0.0, deadline - clock()))
        except TimeoutError:
            failed.append((gateway, GatewayError("it did not get ready in the time for its start")))
        except GatewayError as error:
            failed.append((gateway, error))
    for gateway, why in failed:
        spec = gateway.settings
        made[gateway.id] = StartError(f"{spec.shown}: cannot forward imports: {why}", str(spec))
    return [gateway for gateway, _ in failed]


class Forwarder:
    """Answers what one gateway's remote asks."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway
        names = gateway.settings.imports
        self._named = [name for name in names if name != EVERYTHING]
        self._everything = EVERYTHING in names
        self._requests: Channel | None = None  # held: as long as it is, it stays open

    def begin(self, deadline: float) -> Channel:
        """Have the remote get ready; return the channel that closes once it is."""
        for name in self._named:
            if is_standard(name.partition(".")[0]):
                raise GatewayError(
                    f"{name} is the standard library's, which every Python has its own of; "
                    "leave it out of imports="
                )
        self._requests = self._gateway.newchannel()
        self._requests.reconfigure()  # to the defaults, whatever users make of the gateway's
        self._requests.setcallback(self.answer)
        channel = self._gateway.remote_exec(importer)
        options = {
            "requests": self._requests,
            "named": self._named,
            "everything": self._everything,
            "resources": (prepare(resources, {}).text, resources.__file__),
        }
        channel.send(options, timeout=max(0.0, deadline - clock()))
        return channel

    def answer(self, request: object) -> None:
        """Answer one request; ProtocolError, which closes the channel, if it is none."""
        answers, kind, name, parts, offset, size = _checked(request)
        size = min(size, MAX_PIECE)
        try:
            if kind == "module":
                answer = self._module(name, offset, size)
            else:
                answer = self._data(name, parts, offset, size)
        except Exception as error:  # a file can't be read, or somebody's finder has failed
            answer = ("refused", f"{name} can't be forwarded: {error}")
        try:
            answers.send(answer)
            answers.close()
        except OSError:
            pass  # who has asked is gone, or the gateway is

    def _root(self, name: str) -> str | None:
        """Return the package that allows this name: one of those named, or its own top."""
        roots = [root for root in self._named if f"{name}.".startswith(f"{root}.")]
        if roots:
            return max(roots, key=len)
        return name.partition(".")[0] if self._everything else None

    def _find(self, name: str) -> Module | None:
        root = self._root(name)
        parts = name.split(".")
        usable = all(part.isidentifier() for part in parts) and parts[0] != "__main__"
        return find(name, root) if root is not None and usable else None

    def _module(self, name: str, offset: int, size: int) -> tuple[object, ...]:
        module = self._find(name)
        if module is None:
            return MISSING
        if module.trouble:
            return ("refused", self._advice(name, module.trouble))
        total, piece = (0, b"") if module.source is None else module.source.read(offset, size)
        # The file names that a Python has elsewhere are taken apart there, at "/".
        file_name = module.source and module.source.path.replace(os.sep, "/")
        if not module.folders and not module.is_namespace:
            return ("source", piece, file_name, None, True, total)
        known = submodules(module)
        some = dict(sorted(known.items())[:MAX_NAMES])
        complete = module.complete and len(some) == len(known)
        return ("source", piece, file_name, some, complete, total)

    def _advice(self, name: str, trouble: str) -> str:
        top = name.partition(".")[0]
        named = "" if self._everything and not self._named else ", and leave it out of imports="
        return (
            f"{name} can't be forwarded to gateway {self._gateway.id}: {trouble}; "
            f"install {top} there{named}"
        )

    def _data(
        self, package: str, parts: Sequence[str], offset: int, size: int
    ) -> tuple[object, ...]:
        module = self._find(package)
        if module is None or self._root(package) not in self._named and lies_loose(package):
            # With "*" every folder beside a program is a namespace package: its modules
            # are wanted, and not whatever else lies there.
            return MISSING
        listing: dict[str, bool] = {}
        found = False
        for folder in module.folders:
            place: Place | None = folder
            for part in parts:
                place = place and place.enter(part)
            if place is None:
                continue
            if not place.is_folder:
                total, piece = place.read(offset, size)
                return ("file", piece, total)
            found = True
            listing = {**place.entries, **listing}
        names = sorted(listing.items())
        return ("folder", names[offset : offset + MAX_NAMES], len(names)) if found else MISSING


def _checked(request: Any) -> tuple[Channel, str, str, tuple[str, ...], int, int]:
    shape = (Channel, str, str, tuple, int, int)
    if (
        not isinstance(request, tuple)
        or tuple(map(type, request)) != shape
        or request[1] not in ("module", "data")
        or not all(isinstance(part, str) for part in request[3])
        or min(request[4:]) < 0
        or max(request[2].count("."), len(request[3])) > MAX_DEPTH
    ):
        raise ProtocolError("what came for the modules of this end is no request")
    return request
