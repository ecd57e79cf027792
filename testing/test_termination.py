"""Ending many gateways within a time, with a fake clock and fake processes.

What real processes do is in test_ending.py.
"""

import signal

import pytest

from gatewaylib.shipped.errors import GatewayLost
from gatewaylib.termination import (
    KILL_TIME,
    LAST_ITEMS,
    TERM_TIME,
    Ending,
    Report,
    describe_status,
    end_members,
    end_processes,
)

NEVER = 10.0**9


class FakeClock:
    """A time that moves only where somebody waits; keeps a log of what was done when."""

    def __init__(self):
        self.now = 0.0
        self.log = []

    def __call__(self):
        return self.now

    def wait_any(self, processes, seconds):
        """Return when one of the processes ends or the time is over."""
        assert seconds > 0 and not any(process.has_exited() for process in processes)
        ends = [process.ends_at for process in processes]
        self.now = min([self.now + seconds, *ends])


class FakeProcess:
    """Ends at a time, or so many seconds after a signal that it minds."""

    def __init__(self, clock, name="", ends_at=NEVER, minds=(), after=0.0):
        self.clock, self.name, self.ends_at = clock, name, ends_at
        self.minds, self.after = minds, after
        self.signals = []

    def has_exited(self):
        return self.clock.now >= self.ends_at

    def signal(self, number):
        self.signals.append((self.clock.now, number))
        if number in self.minds:
            self.ends_at = min(self.ends_at, self.clock.now + self.after)


class FakeMember:
    def __init__(self, id, log, process, exit_error=None, bury_error=None, ended_by=None, status=0):
        self.id, self.log, self.process, self.ended_by = id, log, process, ended_by
        self.exit_error, self.bury_error, self.status = exit_error, bury_error, status

    def exit(self):
        self.log.append(("exit", self.id))
        if self.exit_error:
            raise self.exit_error

    def bury(self, patience):
        assert 0 <= patience <= LAST_ITEMS
        self.log.append(("bury", self.id))
        if self.bury_error:
            raise self.bury_error
        return self.status


@pytest.fixture
def clock():
    return FakeClock()


def end(clock, processes, timeout):
    return end_processes(processes, timeout, clock.wait_any, clock)


def test_fake_processes_that_end_when_asked_get_no_signal(clock):
    processes = [FakeProcess(clock, ends_at=at) for at in (0.0, 1.0, 0.5)]

    assert end(clock, processes, 5.0) == ["exited"] * 3
    assert clock.now == 1.0
    assert [process.signals for process in processes] == [[], [], []]


def test_fake_processes_share_one_deadline(clock):
    stubborn = [FakeProcess(clock, minds=[signal.SIGTERM]) for _ in range(50)]

    assert end(clock, stubborn, 2.0) == ["terminated"] * 50
    assert {tuple(process.signals) for process in stubborn} == {((2.0, signal.SIGTERM),)}
    assert clock.now == 2.0


def test_a_fake_process_is_asked_then_terminated_then_killed_then_given_up(clock):
    processes = [
        FakeProcess(clock, ends_at=0.5),
        FakeProcess(clock, minds=[signal.SIGTERM], after=TERM_TIME / 2),
        FakeProcess(clock, minds=[signal.SIGKILL], after=KILL_TIME / 2),
        FakeProcess(clock),
    ]

    assert end(clock, processes, 1.0) == ["exited", "terminated", "killed", "stuck"]
    both = [(1.0, signal.SIGTERM), (1.0 + TERM_TIME, signal.SIGKILL)]
    assert [process.signals for process in processes] == [[], both[:1], both, both]
    assert clock.now == 1.0 + TERM_TIME + KILL_TIME


def test_a_fake_process_too_slow_for_sigterm_counts_as_killed(clock):
    slow = FakeProcess(clock, minds=[signal.SIGTERM], after=TERM_TIME + KILL_TIME / 2)

    assert end(clock, [slow], 0.0) == ["killed"]


def test_without_time_fake_processes_are_terminated_at_once(clock):
    gone, alive = FakeProcess(clock, ends_at=0.0), FakeProcess(clock, minds=[signal.SIGTERM])

    assert end(clock, [gone, alive], 0.0) == ["exited", "terminated"]
    assert alive.signals == [(0.0, signal.SIGTERM)]


def test_none_waits_as_long_as_the_fake_process_takes(clock):
    slow = FakeProcess(clock, ends_at=10.0**6)

    assert end(clock, [slow], None) == ["exited"]
    assert clock.now == 10.0**6 and slow.signals == []


def test_nothing_is_ended_in_no_time(clock):
    assert end(clock, [], None) == []
    assert clock.now == 0.0


def test_members_with_fake_processes_are_all_asked_before_one_is_waited_for(clock):
    log = []
    members = [FakeMember(f"w{n}", log, FakeProcess(clock, ends_at=0.0)) for n in range(3)]

    report = end_members(members, 1.0, clock.wait_any, clock)

    assert log == [("exit", f"w{n}") for n in range(3)] + [("bury", f"w{n}") for n in range(3)]
    assert list(report) == [Ending(f"w{n}", "exited", 0) for n in range(3)]
    assert report.killed == []


@pytest.mark.parametrize("where", ["exit_error", "bury_error"])
def test_an_error_of_one_fake_member_does_not_keep_the_others(clock, where):
    log, error = [], OSError("no")
    members = [
        FakeMember("bad", log, FakeProcess(clock, ends_at=0.0), **{where: error}),
        FakeMember("good", log, FakeProcess(clock, ends_at=0.0)),
    ]

    report = end_members(members, 1.0, clock.wait_any, clock)

    assert [ending.error for ending in report] == [error, None]
    assert ("exit", "good") in log and ("bury", "good") in log
    assert report[0].exit_status == (0 if where == "exit_error" else None)
    assert report[1] == Ending("good", "exited", 0)
    assert "no" in str(report)


def test_a_fake_member_that_was_lost_before_it_was_asked_is_told_from_one_that_exited(clock):
    lost = FakeMember("w", [], FakeProcess(clock, ends_at=0.0), ended_by=GatewayLost("gone"))

    assert end_members([lost], 1.0, clock.wait_any, clock)[0].how == "lost"


@pytest.mark.parametrize(
    ("status", "how"), [(0, "exited"), (3, "exited"), (-9, "lost"), (137, "lost"), (255, "lost")]
)
def test_a_fake_member_that_a_signal_of_others_ended_was_lost(clock, status, how):
    member = FakeMember("w", [], FakeProcess(clock, ends_at=0.0), status=status)

    assert list(end_members([member], 1.0, clock.wait_any, clock)) == [Ending("w", how, status)]


def test_a_fake_member_that_was_killed_from_here_is_not_lost(clock):
    stubborn = FakeProcess(clock, minds=[signal.SIGTERM])
    member = FakeMember("w", [], stubborn, status=-15)

    assert end_members([member], 1.0, clock.wait_any, clock)[0].how == "terminated"


def test_a_stuck_fake_process_is_not_buried(clock):
    log = []
    stuck = FakeMember("w", log, FakeProcess(clock))

    assert list(end_members([stuck], 1.0, clock.wait_any, clock)) == [Ending("w", "stuck", None)]
    assert log == [("exit", "w")]


def test_fake_members_share_the_time_for_their_last_items(clock):
    class SlowMember(FakeMember):
        def bury(self, patience):
            patiences.append(patience)
            clock.now += min(patience, LAST_ITEMS / 2)
            return 0

    patiences = []
    end_members(
        [SlowMember(f"w{n}", [], FakeProcess(clock, ends_at=0.0)) for n in range(4)],
        1.0,
        clock.wait_any,
        clock,
    )

    assert patiences == [LAST_ITEMS, LAST_ITEMS / 2, 0.0, 0.0]


def test_the_first_error_of_a_fake_member_is_the_one_told(clock):
    first = OSError("asking")
    member = FakeMember("bad", [], FakeProcess(clock, ends_at=0.0), first, OSError("burying"))

    assert end_members([member], 1.0, clock.wait_any, clock)[0].error is first


def test_errors_of_fake_members_of_the_same_id_are_not_mixed_up(clock):
    error = OSError("no")
    members = [
        FakeMember("w", [], FakeProcess(clock, ends_at=0.0), exit_error=error),
        FakeMember("w", [], FakeProcess(clock, ends_at=0.0)),
    ]

    assert [ending.error for ending in end_members(members, 1.0, clock.wait_any, clock)] == [
        error,
        None,
    ]


def test_a_negative_time_ends_no_fake_member(clock):
    log = []
    member = FakeMember("w", log, FakeProcess(clock))

    with pytest.raises(ValueError, match="-0.1 s"):
        end_members([member], -0.1, clock.wait_any, clock)
    assert log == [] and member.process.signals == []


def test_a_report_tells_who_had_to_be_made_to_end():
    report = Report(
        [
            Ending("a", "exited", 0),
            Ending("b", "terminated", -15),
            Ending("c", "stuck", None, OSError("no")),
            Ending("d", "lost", None),
        ]
    )

    assert [ending.id for ending in report.killed] == ["b", "c"]
    assert str(report).splitlines() == [
        f"a: exited, {describe_status(0)}",
        f"b: terminated, {describe_status(-15)}",
        "c: stuck; no",
        "d: lost, exit status unknown",
    ]
    assert str(Report()) == "nothing to end"
