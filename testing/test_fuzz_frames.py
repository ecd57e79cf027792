"""A short run of fuzz_frames.py, and that it finds what it looks for."""

import random
import sys

import fuzz_frames
import pytest
from fuzz_frames import ACTS, Verdict, Victim

from gatewaylib.shipped import frames, protocol

pytestmark = pytest.mark.slow

NO_LIMIT = float("inf")  # ms: how long things take here says little


@pytest.mark.parametrize("act", ACTS, ids=lambda act: act.__name__)
def test_a_hostile_peer_is_given_up_or_does_no_harm(act):
    verdict = Verdict(NO_LIMIT)

    fuzz_frames.perform_and_judge(verdict, act)

    assert verdict.breaches == []


def test_random_frames_are_dealt_with_or_refused():
    verdict = Verdict(NO_LIMIT)

    fuzz_frames.fuzz(verdict, 5000, random.Random(20))

    assert verdict.breaches == []
    assert 0 < verdict.refused < verdict.frames / 4  # most of them are not refused at once


def test_the_command_says_what_came_of_it(monkeypatch, capsys):
    monkeypatch.setattr(fuzz_frames, "ACTS", [fuzz_frames.sends_a_task])
    monkeypatch.setattr(sys, "argv", ["fuzz_frames.py", "--frames", "50", "--seed", "1"])

    assert fuzz_frames.main() == 0
    assert "sends a task: given up\nseed 1\n" in capsys.readouterr().out


def test_an_error_of_another_class_is_a_breach(monkeypatch, capsys):
    def broken(self, id, payload, events):
        raise KeyError(id)

    monkeypatch.setitem(protocol.Protocol._HANDLERS, frames.PING, broken)
    monkeypatch.setattr(fuzz_frames, "ACTS", [fuzz_frames.pings_without_reading])
    monkeypatch.setattr(sys, "argv", ["fuzz_frames.py", "--frames", "0"])

    assert fuzz_frames.main() == 1
    assert "pings_without_reading: KeyError: 0" in capsys.readouterr().out


def test_memory_and_time_above_the_limits_are_breaches(monkeypatch):
    monkeypatch.setattr(fuzz_frames, "GROWTH", 2**16)
    verdict = Verdict(limit_ms=-1.0)

    verdict.feed(Victim(False), b"", "nothing")
    fuzz_frames.perform_and_judge(verdict, fuzz_frames.sends_large_items_past_its_window)

    assert "nothing: 0 ms" in verdict.breaches[0]
    assert "bytes kept" in verdict.breaches[-1]
