"""The course of a command: events are answered until all is done, or something stops it.

Ctrl-C, SIGTERM and the end of the time are not errors here but ways to stop: what was
done until then is still shown, so they are returned and not raised.
"""

from __future__ import annotations

import dataclasses
import signal
import time
from types import FrameType
from typing import Callable

from ..shipped.errors import GatewayLost
from . import OUT_OF_TIME, SIGNALLED
from .fleet import LOST, Event, Fleet, OutOfTime
from .screen import STDERR, Screen


@dataclasses.dataclass(frozen=True)
class Stop:
    """Why a command ended before its work was done."""

    reason: str
    status: int


class Signalled(KeyboardInterrupt):
    """A signal other than SIGINT that asks this process to end."""


def conduct(
    fleet: Fleet,
    screen: Screen,
    answer: Callable[[Event], None],
    is_done: Callable[[], bool],
    timeout: float | None,
    on_stop: Callable[[str], None],
) -> Stop | None:
    """Open fleet and screen, answer events until the work is done, and end the fleet.

    Args:
        is_done: asked before all and after each event; the gateways are ended then.
        timeout: seconds, from now on.
        on_stop: called with the reason if something stops the work, before the gateways
            are ended: their ends are its consequence then, not news.

    Returns:
        What stopped the work; None if it was done.
    """
    deadline = None if timeout is None else time.monotonic() + timeout
    stop = None
    signal.signal(signal.SIGTERM, raise_signalled)
    with fleet, screen:
        try:
            if not is_done():
                fleet.start()
            for event in fleet.events(deadline):
                answer(event)
                if fleet.is_quiet:
                    screen.flush()
                if is_done():
                    break
        except OutOfTime:
            stop = Stop(f"not done within {timeout:g} s", OUT_OF_TIME)
        except Signalled:
            stop = Stop("stopped by SIGTERM", SIGNALLED + signal.SIGTERM)
        except KeyboardInterrupt:
            stop = Stop("interrupted", SIGNALLED + signal.SIGINT)
        if stop is not None:
            # What follows takes a second or two at most; it is not to be interrupted again.
            signal.signal(signal.SIGINT, signal.SIG_IGN)
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
            on_stop(stop.reason)
        for event in fleet.end():
            answer(event)
    return stop


def raise_signalled(number: int, _frame: FrameType | None) -> None:
    """Let SIGTERM take the way of Ctrl-C."""
    raise Signalled(number)


def lost_reason(error: BaseException) -> str:
    """Return one line that says why a gateway did not start or is gone.

    What it wrote to its stderr is left out: that was shown when it came.
    """
    if isinstance(error, GatewayLost) and error.signal is not None:
        return f"its process was killed by signal {error.signal}"
    if isinstance(error, GatewayLost) and error.exit_status is not None:
        return f"its process ended with exit status {error.exit_status}"
    text = str(error).strip() or type(error).__name__
    return text.splitlines()[0].removesuffix("; its last words:")


def show_output(screen: Screen, event: Event) -> bool:
    """Write what a gateway printed or how it was lost; return whether the event was that."""
    member = event.member
    if event.kind in ("out", "err"):
        screen.tagged(member.number, member.id, event.kind, event.data[0])
        return True
    if event.kind == LOST:
        screen.tagged(member.number, member.id, STDERR, lost_reason(event.data[0]))
    return False


def how_stopped(stop: Stop, fleet: Fleet, done: str) -> str:
    """Return the line that tells why the command ended early, and what was done."""
    killed = ", ".join(ending.id for ending in fleet.report.killed)
    ended = f"every gateway is ended, {killed} by force" if killed else "every gateway is ended"
    return f"gatewaylib: {stop.reason}; {done}; {ended}"


def waiting_for(names: list[str]) -> str:
    """Return text for the progress bar."""
    return "waiting for " + ", ".join(names) if names else "ending"
