"""Gateways that are started from others: in which order they start, and end."""

from __future__ import annotations

import itertools
import time
from collections.abc import Collection, Sequence
from typing import Protocol

from .shipped.errors import SpecError
from .spec import Spec
from .spec_keys import did_you_mean
from .termination import Ending, Member, Report, end_members, kill_members, wait_any

POLITE = 0.2  # seconds


class Hop(Member, Protocol):
    """A gateway; ``depth`` is the number of gateways between it and here."""

    depth: int


def in_waves(specs: Sequence[Spec], there: Collection[str]) -> list[list[Spec]]:
    """Return the specs in the order of starting: those whose ``via`` is there, then the next.

    ``installvia`` counts as ``via`` does.

    ``there``: ids of gateways that are there already. Raises SpecError for a ``via`` that
    names none, or that goes round in a circle.
    """
    waves: list[list[Spec]] = []
    left, known = list(specs), set(there)
    while left:
        wave = [spec for spec in left if spec.needs is None or spec.needs in known]
        if not wave:
            wrong, ids = left[0], sorted(known | {str(spec.id) for spec in specs})
            key = "via" if wrong.via is not None else "installvia"
            raise SpecError(
                f"{wrong.shown}: {key}={wrong.needs} is no gateway that it could be started from"
                f"{did_you_mean(str(wrong.needs), ids)}; give the id of one of this group"
            )
        waves.append(wave)
        known.update(str(spec.id) for spec in wave)
        left = [spec for spec in left if spec not in wave]
    return waves


def end_layers(gateways: Sequence[Hop], timeout: float | None) -> Report:
    """End gateways, those first that were started from others; see ``Group.terminate``.

    All of them have ``timeout`` seconds together to end by themselves, and those in between
    ``POLITE`` at least, since it is not their fault if those behind them took it all.
    """
    deadline = None if timeout is None else time.monotonic() + timeout
    endings: dict[Hop, Ending] = {}
    by_depth = sorted(gateways, key=lambda gateway: -gateway.depth)
    layers = [list(layer) for _, layer in itertools.groupby(by_depth, lambda g: g.depth)]
    for number, layer in enumerate(layers):
        left = None if deadline is None else max(0.0, deadline - time.monotonic())
        if left is not None and number:
            left = max(left, POLITE)
        try:
            endings.update(zip(layer, end_members(layer, left, wait_any)))
        except BaseException:
            for rest in layers[number + 1 :]:
                kill_members(rest, wait_any)
            raise
    for gateway, ending in endings.items():
        if ending.how == "stuck" and gateway.process.has_exited():
            # Its signals had to pass a gateway that passed none, whose end was its end.
            endings[gateway] = ending._replace(how="killed", exit_status=gateway.bury(0.0))
    return Report(endings[gateway] for gateway in gateways)
