"""What a gateway of this machine has started talks to this process by itself, copied by nobody."""

import os
import signal
import socket
import sys
import threading

import interpreters
import pytest
from settling import BOUND, gone, promised, settle

import gatewaylib
from gatewaylib.transports import relayed
from gatewaylib.transports.meeting import Meeting

pytestmark = pytest.mark.slow

FOUND = interpreters.find()
ECHO = "while True: channel.send(channel.receive())"
HOLD_GIL = "import ctypes\nchannel.send('ready')\nctypes.PyDLL(None).sleep(999)"


@pytest.fixture
def chain(group):
    """Three gateways, each started from the one before."""
    return group.makegateways(["popen//id=a", "popen//id=b//via=a", "popen//id=c//via=b"])


def pids_of(gateways):
    return [gateway._rinfo().pid for gateway in gateways]


def is_direct(gateway):
    return gateway._transport.pollable


def test_items_pass_though_those_in_between_do_nothing(chain):
    channel = chain[2].remote_exec(ECHO)
    for pid in pids_of(chain[:2]):
        os.kill(pid, signal.SIGSTOP)

    channel.send(b"x" * 10**7)

    assert channel.receive(timeout=BOUND) == b"x" * 10**7
    for pid in pids_of(chain[:2]):
        os.kill(pid, signal.SIGCONT)


@pytest.mark.parametrize("name", sorted(set(FOUND) - {"jython"}))
def test_any_python_hands_on_the_connection(group, name):
    group.makegateway(f"popen//id=a//python={FOUND[name]}")
    gateway = group.makegateway(f"popen//via=a//python={sys.executable}")
    channel = gateway.remote_exec(ECHO)

    channel.send(b"x" * 10**6)

    assert channel.receive(timeout=BOUND) == b"x" * 10**6
    assert is_direct(gateway)
    report = group.terminate(timeout=BOUND)
    assert [(ending.how, ending.exit_status) for ending in report] == [("exited", 0)] * 2


@pytest.mark.parametrize("model", ["gevent", "main_thread_only"])
def test_a_gateway_in_between_of_any_execmodel_hands_it_on(group, model):
    group.makegateway(f"popen//id=a//execmodel={model}")
    gateway = group.makegateway("popen//via=a")

    assert is_direct(gateway)
    assert gateway.remote_exec("channel.send(1)").receive(BOUND) == 1


class Elsewhere(Meeting):
    """A meeting where the other one does not find it, as if it were on another machine."""

    def __init__(self):
        super().__init__()
        self.words = ("nowhere", b"")


def test_one_that_can_not_connect_copies(group, monkeypatch):
    monkeypatch.setattr(relayed, "Meeting", Elsewhere)
    group.makegateway("popen//id=a")
    gateway = group.makegateway("popen//via=a")

    assert not is_direct(gateway)
    assert gateway.remote_exec("channel.send(1)").receive(BOUND) == 1


def test_who_connects_and_does_not_know_the_secret_is_turned_away():
    meeting = Meeting()
    name, secret = meeting.words
    strangers = []
    for words in (b"", b"x" * len(secret), secret[:-1], None):
        stranger = socket.socket(socket.AF_UNIX)
        stranger.connect("\0" + name)
        if words is None:
            stranger.close()
        else:
            stranger.sendall(words)
            strangers.append(stranger)

    assert meeting.found() is None
    with socket.socket(socket.AF_UNIX) as friend:
        friend.connect("\0" + name)
        friend.sendall(secret)
        found = meeting.found()
        friend.sendall(b"more")
        assert found is not None and found.receive(10) == b"more"
        found.close()
    for stranger in strangers:
        assert stranger.recv(1) == b""
        stranger.close()
    meeting.close()


def test_what_can_not_be_run_is_told_as_ever(group):
    group.makegateway("popen//id=a")

    with pytest.raises(gatewaylib.StartError, match="gateway a cannot run pythonnn") as caught:
        group.makegateway("popen//via=a//python=pythonnn")

    assert caught.value.exit_status == 127


def test_a_start_that_hangs_ends_in_time_and_leaves_nothing(group):
    group.makegateway("popen//id=a")

    with promised(0.5), pytest.raises(gatewaylib.StartError, match="within 0.5 s"):
        group.makegateway("command=sh -c 'sleep 999; :'//via=a", timeout=0.5)


# ---- the end -------------------------------------------------------------------------------


def test_how_a_process_died_is_told(chain):
    code = "import os, sys\nsys.stderr.write('last words')\nsys.stderr.flush()\n"
    channel = chain[2].remote_exec(code + "os._exit(3)")

    with pytest.raises(gatewaylib.GatewayLost, match="exit status 3") as caught:
        channel.receive(timeout=BOUND)

    assert (caught.value.exit_status, caught.value.stderr) == (3, "last words")
    assert chain[1].remote_exec("channel.send(1)").receive(BOUND) == 1


def test_who_is_behind_a_gateway_that_is_killed_is_lost_with_it(chain):
    channels = [gateway.remote_exec(HOLD_GIL) for gateway in chain[1:]]
    assert [channel.receive(BOUND) for channel in channels] == ["ready", "ready"]
    pids = pids_of(chain)

    os.kill(pids[0], signal.SIGKILL)
    errors = [pytest.raises(gatewaylib.GatewayLost, ch.receive, BOUND) for ch in channels]

    for error in errors:
        assert "gateway a (popen//id=a) is lost: its process was killed" in str(error.value)
    assert gone(*pids)


def test_who_is_behind_a_gateway_that_is_exited_is_lost_with_it(chain):
    channel = chain[2].remote_exec(ECHO)
    pids = pids_of(chain)

    chain[1].exit()

    with pytest.raises(gatewaylib.GatewayLost, match="gateway b was exited"):
        channel.receive(timeout=BOUND)
    assert gone(*pids[1:])


def test_what_ignores_every_milder_way_is_killed(group, chain):
    ignore = "from signal import *\nfor n in SIGTERM, SIGINT: signal(n, SIG_IGN)\n"
    assert chain[2].remote_exec(ignore + HOLD_GIL).receive(BOUND) == "ready"

    with promised(0.3 + 1):
        report = group.terminate(timeout=0.3)

    assert [ending.how for ending in report] == ["exited", "exited", "killed"]


def test_both_ends_may_flood_each_other(chain):
    channel = chain[2].remote_exec(
        "for i in range(40): channel.send(b'y' * 10**6)\n"
        "for i in range(40): channel.receive()\n"
        "channel.send('all')"
    )

    for _ in range(40):
        channel.send(b"x" * 10**6, timeout=BOUND)

    received = [channel.receive(timeout=BOUND) for _ in range(41)]
    assert received == [b"y" * 10**6] * 40 + ["all"]


def test_nothing_is_left_in_either_process_of_those_that_were(group):
    count = "import os\nchannel.send(len(os.listdir('/proc/self/fd')))"
    front = group.makegateway("popen//id=a")
    group.makegateway("popen//via=a").terminate(timeout=BOUND)
    there, here = front.remote_exec(count).receive(BOUND), len(os.listdir("/proc/self/fd"))

    for _ in range(5):
        group.makegateway("popen//via=a").terminate(timeout=BOUND)

    assert settle(lambda: front.remote_exec(count).receive(BOUND) <= there)
    assert settle(lambda: len(os.listdir("/proc/self/fd")) <= here)
    assert settle(lambda: not [t for t in threading.enumerate() if t.name == "gatewaylib-start"])
