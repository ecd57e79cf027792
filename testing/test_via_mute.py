"""A gateway in between that takes and tells nothing: what is behind it is given up in time."""

import os
import signal
import threading

import pytest
from settling import BOUND, gone, interrupted_in, promised

import gatewaylib

pytestmark = pytest.mark.slow

# As many starts one after another would show if one of them took longer than it may.
SEVERAL = 8
TIMEOUT = 0.3


@pytest.fixture
def mute(group):
    """A gateway whose process is stopped, and its group; nothing is left of it at the end."""
    front = group.makegateway("popen//id=front")
    pid = front._rinfo().pid
    os.kill(pid, signal.SIGSTOP)
    yield group
    group.terminate(timeout=0.1)
    assert gone(pid)


def refused(group, spec="popen//via=front"):
    with pytest.raises(gatewaylib.StartError) as caught:
        group.makegateway(spec, timeout=TIMEOUT)
    return str(caught.value)


def test_each_start_behind_it_takes_its_timeout_and_says_who_is_mute(mute):
    with promised(SEVERAL * (TIMEOUT + 0.4)):
        texts = [refused(mute, "popen//via=front//python=python3") for _ in range(SEVERAL)]

    for text in texts:
        assert "python3, which gateway front does not run yet, did not say hello" in text
        assert "within 0.3 s" in text


def test_starts_behind_it_wait_side_by_side(mute):
    texts = []
    threads = [
        threading.Thread(target=lambda: texts.append(refused(mute))) for _ in range(SEVERAL)
    ]

    with promised(TIMEOUT + 0.4):
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(BOUND)

    assert len(texts) == SEVERAL


def test_one_call_for_many_behind_it_takes_one_timeout(mute):
    specs = [f"{SEVERAL}*popen//via=front", "popen//via=front//id=x", "popen//via=x"]

    with promised(TIMEOUT + 0.4), pytest.raises(gatewaylib.StartErrors) as caught:
        mute.makegateways(specs, timeout=TIMEOUT)

    assert len(caught.value.errors) == SEVERAL + 2
    assert "x did not start" in str(caught.value.errors[-1][1])


def test_a_socket_behind_it_takes_its_timeout(mute):
    with promised(SEVERAL * (TIMEOUT + 0.4)):
        texts = [refused(mute, "socket=127.0.0.1:1//via=front") for _ in range(SEVERAL)]

    assert all("127.0.0.1:1 from gateway front (no connection yet) did not say" in t for t in texts)


def test_ctrl_c_ends_a_start_behind_it_and_nothing_is_kept(mute):
    with promised(BOUND / 2), interrupted_in("makegateways"):
        mute.makegateways(["2*popen//via=front"], timeout=10 * BOUND)

    assert [gateway.id for gateway in mute] == ["front"]


def test_what_was_given_up_does_not_keep_its_group_from_ending(mute):
    for _ in range(3):
        refused(mute)

    with promised(0.2 + 0.8):
        report = mute.terminate(timeout=0.2)

    assert [(ending.id, ending.how) for ending in report] == [("front", "killed")]


def test_once_it_goes_on_nothing_runs_of_what_was_given_up_and_others_start(mute):
    front = mute["front"]
    refused(mute, "command=sh -c 'sleep 999; :'//via=front")

    os.kill(front._rinfo().pid, signal.SIGCONT)
    gateway = mute.makegateway("popen//via=front", timeout=BOUND)

    assert gateway.remote_exec("channel.send(1)").receive(BOUND) == 1
    gateway.terminate(timeout=BOUND)
    code = (
        "import os, subprocess\n"
        "mine = subprocess.Popen(['ps', '-o', 'args=', '--ppid', str(os.getpid())],\n"
        "                        stdout=subprocess.PIPE)\n"
        "channel.send(mine.communicate()[0].decode())"
    )
    while "sleep 999" in front.remote_exec(code).receive(BOUND):
        pass  # pytest-timeout bounds this
