"""``gatewaylib info``: what is at the other end of each spec."""

from __future__ import annotations

from collections.abc import Sequence

from ..spec import Spec
from . import FAILED, NO_GATEWAY, OK
from .conduct import conduct, how_stopped, lost_reason, show_output, waiting_for
from .fleet import ENDED, LOST, STARTED, Event, Fleet, Member
from .screen import Screen

HEADER = ("gateway", "spec", "interpreter", "executable", "host", "platform", "pid", "directory")


def show_info(specs: Sequence[Spec], screen: Screen, as_json: bool, timeout: float | None) -> int:
    """Start the gateways, show a row for each, and return the exit status."""
    fleet = Fleet(specs, None)
    errors: dict[str, str] = {}
    ended: set[str] = set()

    def show_progress() -> None:
        waiting = [member.id for member in fleet.members if member.id not in ended]
        screen.progress(waiting_for(waiting), len(ended), len(fleet.members))

    def answer(event: Event) -> None:
        name = event.member.id
        if not show_output(screen, event):
            if event.kind == LOST:
                errors.setdefault(name, lost_reason(event.data[0]))
            if event.kind in (STARTED, LOST, ENDED):
                ended.add(name)
        show_progress()

    def stop_all(reason: str) -> None:
        for member in fleet.members:
            if member.id not in ended:
                errors[member.id] = reason

    show_progress()
    stop = conduct(fleet, screen, answer, lambda: False, timeout, stop_all)
    if as_json:
        screen.json([document_of(member, errors.get(member.id)) for member in fleet.members])
    else:
        rows = [row_of(member, errors.get(member.id)) for member in fleet.members]
        screen.table(HEADER, rows, failed=[member.id in errors for member in fleet.members])
    if stop is not None:
        screen.note(how_stopped(stop, fleet, f"{len(ended)} of {len(fleet.members)} had answered"))
        return stop.status
    if not errors:
        return OK
    return NO_GATEWAY if len(errors) == len(fleet.members) else FAILED


def row_of(member: Member, error: str | None) -> Sequence[object]:
    """Return a member's row: what is there, or in place of the executable why nothing is."""
    spec = member.asked
    if error is not None:
        return (member.id, spec, "", error, "", "", "", "")
    info = member.info
    return (
        member.id, spec, member.interpreter, info.executable, member.host, info.platform,
        info.pid, info.cwd,
    )  # fmt: skip


def document_of(member: Member, error: str | None) -> dict[str, object]:
    """Return what JSON says of a member."""
    document: dict[str, object] = {"gateway": member.id, "spec": member.asked, "error": error}
    if error is None:
        document.update(
            interpreter=member.interpreter,
            implementation=member.info.implementation,
            version=list(member.info.version_info),
            executable=member.info.executable,
            host=member.host,
            platform=member.info.platform,
            pid=member.info.pid,
            directory=member.info.cwd,
        )
    return document
