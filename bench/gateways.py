"""gatewaylib and execnet as peers: gateways with channels, used by the names both have."""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Sequence
from typing import Any

from bench import remote
from bench.channel_link import ChannelLink
from bench.peer import ENDS_WITHIN, SEQUENTIAL, THREADS, Peer, Team, several


class GatewayLink(ChannelLink):
    """A channel of a gateway to ``remote.serve``; the gateway may have others."""

    def __init__(self, gateway: Any, channel: Any | None = None) -> None:
        self.gateway = gateway
        channel = channel or gateway.remote_exec(remote.serve)
        super().__init__(channel.send, channel.receive)


class GatewayPeer(Peer):
    """What both have; ``name`` is the package's too."""

    has_channels = True

    def available(self) -> bool:
        return importlib.util.find_spec(self.name) is not None

    def library(self) -> Any:
        return importlib.import_module(self.name)

    def start_behind(self) -> Team:
        group = self.library().Group()
        front = GatewayLink(group.makegateway("popen//id=front"))
        behind = GatewayLink(group.makegateway("popen//via=front"))
        team = Team([behind], lambda: group.terminate(timeout=ENDS_WITHIN))
        team.pids.append(front.pid)
        return team


class Gatewaylib(GatewayPeer):
    """Ours: all gateways started together, one channel to each."""

    name = "gatewaylib"

    def start(self, count: int, way: str | None = None) -> Team:
        group = self.library().Group()
        group.makegateways([f"{count}*popen"])
        return _team(group)


class Copied(Gatewaylib):
    """Ours behind another gateway that copies, as it does where that is on another machine."""

    name = "gatewaylib, copied"

    def library(self) -> Any:
        return importlib.import_module(Gatewaylib.name)

    def start_behind(self) -> Team:
        relayed: Any = importlib.import_module("gatewaylib.transports.relayed")
        is_near = relayed.is_near
        relayed.is_near = lambda via: False
        try:
            return super().start_behind()
        finally:
            relayed.is_near = is_near


class Execnet(GatewayPeer):
    """execnet, which starts gateways one by one; threads round it are the user's own work."""

    name = "execnet"
    ways = (SEQUENTIAL, THREADS)

    def start(self, count: int, way: str | None = None) -> Team:
        group = self.library().Group()
        several(lambda: group.makegateway("popen"), count, way or SEQUENTIAL)
        return _team(group)


def _team(group: Any) -> Team:
    # each is at work before the first is waited for
    channels = [gateway.remote_exec(remote.serve) for gateway in group]
    links = [GatewayLink(gateway, channel) for gateway, channel in zip(group, channels)]
    return Team(links, lambda: group.terminate(timeout=ENDS_WITHIN))


def with_gateways(peers: Sequence[Peer]) -> list[GatewayPeer]:
    """Return those of the peers whose remotes are behind gateways."""
    return [peer for peer in peers if isinstance(peer, GatewayPeer)]


def gateways_of(team: Team) -> list[Any]:
    """Return the gateways of a team that was started by one of those, in its order."""
    return [link.gateway for link in team.links if isinstance(link, GatewayLink)]
