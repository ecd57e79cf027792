"""Growth: what one costs when there are many: channels, gateways, bytes of an item.

A figure by channels or gateways is that of one of them, so that it is level where nothing
grows faster than its work. A figure by bytes is that of one item, which is work for each byte.
Round trips are on one core, and those on each channel or gateway in turn are of an int.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable, Mapping, Sequence

from bench import machine
from bench.crowd import with_callbacks
from bench.data import INT, blob
from bench.effort import Effort, MiB
from bench.gateways import gateways_of, with_gateways
from bench.many import LEAST, among_gateways, trip
from bench.measure import LESS, Contender, Figure, Row, how_often, paired, say
from bench.peer import Peer, Team, clock, running
from bench.raw import RawSocketpair
from bench.roundtrip import ONE_CORE, held

PART = "growth"
CHANNELS, GATEWAYS, BYTES = "channels", "gateways", "bytes"
TAKES = {GATEWAYS: 40 * MiB, BYTES: 8}  # bytes of memory for each, generously
PATIENCE = 60.0  # seconds a round may take and is still repeated
Make = Callable[[Team, int, Effort], Contender]
# an item comes on each of the channels in turn, and goes back; as often as is asked
FAN = """
channels = [channel.gateway.newchannel() for _ in range(channel.receive())]
channel.send(channels)
for count in channel:
    for _ in range(count):
        for each in channels:
            each.send(each.receive())
"""


def measure(peers: Sequence[Peer], effort: Effort) -> list[Row]:
    """Return rows whose figures have ``at``: points of the curves."""
    gateways = with_gateways(peers)
    rows: list[Row] = []
    for count in effort.channels:
        with running(gateways) as teams:
            rows += _rows(CHANNELS, count, teams, _among_channels, effort)
    for count in effort.many:
        if _fits(GATEWAYS, count):
            say(f"{PART}: {GATEWAYS}, {count:,}")
            many = {peer.name: among_gateways(peer, count, effort) for peer in gateways}
            rows += paired(PART, many, effort.growth_rounds, once=PATIENCE)
    with running([*raw_links(peers), *gateways]) as teams:
        for size in effort.sizes:
            if _fits(BYTES, size):
                rows += _rows(BYTES, size, teams, _of_bytes, effort)
    return rows


def raw_links(peers: Sequence[Peer]) -> list[Peer]:
    """Return the limit among the peers: large items take fresh pages, which is nobody's code."""
    return [peer for peer in peers if type(peer) is RawSocketpair]


def _fits(what: str, count: int) -> bool:
    return count * TAKES[what] < machine.free_memory()


def _rows(
    what: str, count: int, teams: Mapping[str, Team], make: Make, effort: Effort
) -> list[Row]:
    say(f"{PART}: {what}, {count:,}")
    contenders = {name: make(team, count, effort) for name, team in teams.items()}
    return paired(PART, contenders, effort.growth_rounds)


def _among_channels(team: Team, count: int, effort: Effort) -> Contender:
    """Return round trips while others have callbacks, on all in turn, and on all at once."""
    beside = Figure("round trip, by channels with callbacks", "µs", LESS, count)
    in_turn = Figure("round trip on each in turn, by channels", "µs", LESS, count)
    at_once = Figure("round trip on all at once, each, by channels", "µs", LESS, count)
    (gateway,) = gateways_of(team)
    with_callbacks(gateway, count)
    fan = gateway.remote_exec(FAN)
    fan.send(count)
    channels = fan.receive()

    def trips_in_turn(often: int) -> float:
        fan.send(often)
        took = []
        for _ in range(often):
            for channel in channels:
                start = clock()
                channel.send(INT)
                channel.receive()
                took.append(clock() - start)
        return statistics.median(took)

    def trips_at_once(often: int) -> float:
        fan.send(often)
        start = clock()
        for _ in range(often):
            for channel in channels:
                channel.send(INT)
            for channel in channels:
                channel.receive()
        return (clock() - start) / often / count

    def round_() -> Mapping[Figure, float]:
        with held(team.pids, ONE_CORE):
            often = how_often(effort.seconds, trips_in_turn(1) * count, 1, 2_000) + LEAST // count
            return {
                beside: trip(team.links[0], effort.seconds) * 1e6,
                in_turn: trips_in_turn(often) * 1e6,
                at_once: trips_at_once(often) * 1e6,
            }

    return round_


def _of_bytes(team: Team, size: int, effort: Effort) -> Contender:
    item, link = blob(size), team.links[0]
    ways = (
        (link.push, Figure("an item to the remote, by bytes", "µs", LESS, size)),
        (link.pull, Figure("an item from the remote, by bytes", "µs", LESS, size)),
    )

    def round_() -> Mapping[Figure, float]:
        figures = {}
        for move, figure in ways:
            count = how_often(effort.seconds, move(item, 1), 1, 20_000)
            figures[figure] = move(item, count) / count * 1e6
        return figures

    return round_
