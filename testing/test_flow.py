"""Memory stays bounded, nobody stops the others, and every wait has its time."""

import os
import signal
import threading

import pytest
from settling import BOUND, gone, interrupted_in, promised

from gatewaylib import GatewayLost, TimeoutError
from gatewaylib.shipped import sending

MIB = 2**20
ECHO = "for item in channel: channel.send(item)"
# What a process holds besides the window: buffers, the allocator's reserves.
SLACK = 16 * MIB

MEMORY = """
def memory():
    with open('/proc/self/statm') as numbers:
        return int(numbers.read().split()[1]) * 4096
"""
exec(MEMORY)  # memory(), as it is at the remote

needs_proc = pytest.mark.skipif(
    not os.path.exists("/proc/self/statm"), reason="this platform does not tell a process's memory"
)


def start(function, *args):
    thread = threading.Thread(target=function, args=args)
    thread.start()
    return thread


class Stopped:
    """The gateway's process, stopped for a while."""

    def __init__(self, gateway):
        self._pid = gateway._rinfo().pid

    def __enter__(self):
        os.kill(self._pid, signal.SIGSTOP)

    def __exit__(self, *error):
        os.kill(self._pid, signal.SIGCONT)


# ---- windows -------------------------------------------------------------------------------


@needs_proc
def test_a_remote_that_never_receives_costs_both_ends_at_most_the_window(group):
    gateway = group.makegateway(f"popen//window={8 * MIB}")
    channel = gateway.remote_exec(
        MEMORY + "ask = channel.receive()\n"
        "before = memory()\n"
        "for _ in ask: ask.send(memory() - before)\n"
    )
    ask = gateway.newchannel()
    channel.send(ask)
    ask.send(None)
    ask.receive(BOUND)
    before, sent = memory(), 0  # noqa: F821

    with pytest.raises(TimeoutError):
        while True:
            channel.send(os.urandom(50_000), timeout=BOUND if sent < 7 * MIB else 0.3)
            sent += 50_000

    assert sent <= 8 * MIB + 2**17
    assert memory() - before < 8 * MIB + SLACK  # noqa: F821
    ask.send(None)
    assert ask.receive(BOUND) < 8 * MIB + SLACK
    ask.close()


@needs_proc
def test_a_local_end_that_never_receives_costs_it_at_most_the_window(group):
    gateway = group.makegateway(f"popen//window={8 * MIB}")
    before = memory()  # noqa: F821
    channel = gateway.remote_exec(
        "import os\n"
        "done = channel.receive()\n"
        "try:\n"
        "    while True: channel.send(os.urandom(50000), timeout=0.3)\n"
        "except channel.TimeoutError: done.send(None)\n"
        "channel.receive()"
    )
    done = gateway.newchannel()
    channel.send(done)

    done.receive(BOUND)

    assert memory() - before < 8 * MIB + SLACK  # noqa: F821
    assert len(channel.receive(BOUND)) == 50000
    channel.close()


@pytest.mark.parametrize("window", ["1", "1000", "none"])
def test_items_of_all_sizes_pass_any_window(group, window):
    gateway = group.makegateway(f"popen//window={window}")
    with gateway.remote_exec(ECHO) as channel:
        for size in (0, 1, 999, 10**5, 3 * 10**6, 10):
            channel.send(b"x" * size, timeout=BOUND)
            assert len(channel.receive(BOUND)) == size


@pytest.mark.parametrize("how", ["receive", "callback"])
def test_many_items_larger_than_the_window_pass_for_each_way_to_take_them(group, how):
    gateway = group.makegateway("popen//window=5000")
    channel = gateway.remote_exec("for i in range(20): channel.send(b'x' * 200000)")
    if how == "receive":
        sizes = [len(item) for item in channel]
    else:
        sizes, over = [], threading.Event()
        channel.setcallback(
            lambda item: over.set() if item is None else sizes.append(len(item)), endmarker=None
        )
        assert over.wait(BOUND)

    assert sizes == [200000] * 20


def test_large_items_reach_each_of_many_receivers_of_one_channel(group):
    gateway = group.makegateway("popen//window=5000")
    channel = gateway.remote_exec("for i in range(40): channel.send(b'x' * 100000 * (i % 2))")
    taken = []

    def take(timeout):
        while True:
            try:
                taken.append(channel.receive(timeout))
            except TimeoutError:
                continue
            except EOFError:
                return

    threads = [start(take, timeout) for timeout in (None, BOUND, None, 0.01)]
    for thread in threads:
        thread.join(BOUND)

    assert sorted(map(len, taken)) == [0] * 20 + [100000] * 20


def test_a_channel_may_have_a_larger_and_a_smaller_window_than_its_gateway(group):
    gateway = group.makegateway("popen//window=100000")
    for window, fits in ((10**6, 9), (10**4, 0)):
        taker = gateway.remote_exec("inner = channel.receive(); channel.receive(); list(inner)")
        inner = gateway.newchannel(window=window)
        taker.send(inner)
        for _ in range(fits):
            inner.send(b"x" * 10**5, timeout=BOUND)
        with pytest.raises(TimeoutError):
            for _ in range(2):
                inner.send(b"x" * 10**5, timeout=0.1)
        taker.send("now")
        inner.close()
        taker.waitclose(BOUND)


def test_a_remote_cannot_make_this_end_hold_more_than_the_gateways_window(group):
    gateway = group.makegateway("popen//window=100000")
    channel = gateway.remote_exec(
        "inner = channel.gateway.newchannel(window=10**8)\n"
        "channel.send(inner)\n"
        "sent = 0\n"
        "try:\n"
        "    while sent < 10**7:\n"
        "        inner.send(b'x' * 1000, timeout=0.3); sent += 1000\n"
        "except channel.TimeoutError: pass\n"
        "channel.send(sent)\n"
    )
    inner = channel.receive(BOUND)

    assert channel.receive(BOUND) < 2 * 10**5
    assert len(inner.receive(BOUND)) == 1000


def test_both_ends_may_flood_each_other_before_they_receive(gateway):
    channel = gateway.remote_exec(
        "for i in range(500): channel.send(b'r' * 50000)\n"
        "channel.send(sum(len(channel.receive()) for i in range(500)))\n"
    )
    for _ in range(500):
        channel.send(b"l" * 50000, timeout=BOUND)

    assert sum(len(channel.receive(BOUND)) for _ in range(500)) == 25_000_000
    assert channel.receive(BOUND) == 25_000_000


def test_callbacks_that_answer_do_not_stop_two_ends_that_flood_each_other(group):
    gateway = group.makegateway("popen//window=10000")
    channel = gateway.remote_exec(
        "import threading\n"
        "over = threading.Event()\n"
        "got = []\n"
        "def take(item):\n"
        "    got.append(item)\n"
        "    if len(got) == 2000: over.set()\n"
        "channel.setcallback(take)\n"
        "for i in range(2000): channel.send(b'r' * 100)\n"
        "over.wait(20)\n"
        "channel.send(len(got))\n"
    )
    got, over = [], threading.Event()

    def take(item):
        got.append(item)
        if len(got) == 2001:
            over.set()

    channel.setcallback(take)
    for _ in range(2000):
        channel.send(b"l" * 100, timeout=BOUND)

    assert over.wait(BOUND), len(got)
    assert got[-1] == 2000


def test_a_large_item_does_not_stop_another_channel(gateway):
    large, small = gateway.remote_exec(ECHO), gateway.remote_exec(ECHO)
    item = bytes(64 * MIB)
    received = []
    sender = start(large.send, item)
    receiver = start(lambda: received.append(large.receive(BOUND)))

    trips = 0
    while receiver.is_alive():
        small.send(trips)
        assert small.receive(BOUND) == trips
        trips += 1
    sender.join(BOUND)
    receiver.join(BOUND)

    assert received == [item]
    assert trips > 5
    large.close()
    small.close()


@needs_proc
def test_ten_thousand_channels_fit_on_one_gateway(group):
    gateway = group.makegateway()
    channel = gateway.remote_exec(
        MEMORY + "before = memory()\n"
        "held = [channel.receive() for i in range(10000)]\n"
        "for inner in held: inner.send(inner.id)\n"
        "channel.send((memory() - before) // 10000)\n"
    )
    before = memory()  # noqa: F821
    held = [gateway.newchannel() for _ in range(10000)]
    for inner in held:
        channel.send(inner)

    assert [inner.receive(BOUND) for inner in held] == [inner.id for inner in held]
    assert channel.receive(BOUND) < 5000  # bytes each
    assert (memory() - before) / 10000 < 5000  # noqa: F821


# ---- waiting for credit -------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize("size", [1000, 10**6])
def test_a_long_wait_for_credit_is_explained_at_the_line_that_sends(group, monkeypatch, size):
    monkeypatch.setattr(sending, "PATIENCE", 0.1)
    gateway = group.makegateway("popen//window=5000//id=slow")
    channel = gateway.remote_exec("channel.gateway.newchannel().receive()")

    with pytest.warns(RuntimeWarning) as warned, pytest.raises(TimeoutError):
        for _ in range(100):
            channel.send(b"x" * size, timeout=1.0)

    text = str(warned[0].message)
    assert f"channel {channel.id} of gateway slow" in text
    assert "Receive there, set a callback, or give" in text
    assert warned[0].filename == __file__


def test_a_send_that_ran_out_of_time_sent_nothing(group):
    gateway = group.makegateway("popen//window=100000")
    channel = gateway.remote_exec("channel.gateway.hold = channel.receive(); list(channel)")
    go = gateway.newchannel()
    taker = gateway.remote_exec(
        "channel.receive()\nfor item in channel.receive(): channel.send(len(item))"
    )
    inner = gateway.newchannel()
    inner_sizes = (1000, 30000)
    with pytest.raises(TimeoutError):
        for _ in range(1000):
            inner.send(b"x" * 1000, timeout=0.05)
    for _ in range(3):
        with pytest.raises(TimeoutError):
            inner.send(b"y" * 10**6, timeout=0.05)
    taker.send("go")
    taker.send(inner)
    channel.send(go)
    inner.send(b"z" * inner_sizes[1], timeout=BOUND)
    inner.close()

    sizes = list(taker)
    assert set(sizes) == set(inner_sizes)
    assert sizes[-1] == inner_sizes[1]
    channel.close()


# ---- timeouts against a remote that does not move --------------------------------------


@pytest.mark.slow
def test_timeouts_hold_though_the_remote_is_stopped_and_all_buffers_are_full(group):
    gateway = group.makegateway()
    channel = gateway.remote_exec("channel.send(len(list(iter(channel.receive, None))))")
    with Stopped(gateway):
        sent = 0
        with pytest.raises(TimeoutError):
            while True:
                channel.send("x" * 1000, timeout=0.01)
                sent += 1
        for call in (
            lambda: channel.send(1, timeout=0.3),
            lambda: channel.send(b"x" * 10**6, timeout=0.3),
            lambda: channel.receive(timeout=0.3),
            lambda: channel.waitclose(timeout=0.3),
            lambda: gateway.remote_status(timeout=0.3),
        ):
            with promised(0.3), pytest.raises(TimeoutError):
                call()
        with promised(0.3):
            gateway.join(0.3)
            gateway.newchannel().close()
            gateway.reconfigure()

    channel.send(None, timeout=BOUND)
    assert channel.receive(BOUND) == sent


@pytest.mark.slow
def test_a_remote_without_a_sign_of_life_is_found_by_the_heartbeat(group):
    gateway = group.makegateway("popen//heartbeat=1.5")
    channel = gateway.remote_exec("channel.receive()")
    with pytest.raises(TimeoutError):
        channel.receive(3.5)  # a quiet one is alive
    os.kill(gateway._rinfo().pid, signal.SIGSTOP)

    with promised(2 * 1.5 + 1), pytest.raises(GatewayLost, match="no sign of life"):
        channel.receive(BOUND)


@pytest.mark.slow
def test_a_remote_finds_by_the_heartbeat_that_this_end_is_gone(group):
    # Stopping this process would stop the test: the remote's peer is another remote's.
    gateway = group.makegateway()
    channel = gateway.remote_exec(
        "import subprocess, sys\n"
        f"sys.path.insert(0, {os.path.dirname(os.path.dirname(sending.__file__))!r} + '/..')\n"
        "program = '''\n"
        "import sys\n"
        "sys.path.insert(0, sys.argv[1])\n"
        "import gatewaylib, os, signal\n"
        "gateway = gatewaylib.makegateway(\"popen//heartbeat=1.5\")\n"
        "print(gateway._rinfo().pid, flush=True)\n"
        "os.kill(os.getpid(), signal.SIGSTOP)\n"
        "'''\n"
        "child = subprocess.Popen([sys.executable, '-c', program, sys.path[0]],\n"
        "                         stdout=subprocess.PIPE)\n"
        "channel.send((child.pid, int(child.stdout.readline())))\n"
        "channel.receive()\n"
        "child.kill(); child.wait()\n"
    )
    _, remote = channel.receive(BOUND)

    assert gone(remote, within=2 * 1.5 + 1 + 2)
    channel.send(None)
    channel.waitclose(BOUND)


# ---- Ctrl-C ----------------------------------------------------------------------------


def test_ctrl_c_while_waiting_in_receive_loses_nothing_and_the_gateway_lives_on(gateway):
    with gateway.remote_exec(ECHO) as channel:
        for number in range(20):
            with interrupted_in("receive"):
                channel.receive(BOUND if number % 2 else None)
            channel.send(number)
            assert channel.receive(BOUND) == number


def test_ctrl_c_in_a_send_that_waits_for_credit_leaves_the_gateway_alive(group):
    gateway = group.makegateway("popen//window=100000")
    channel = gateway.remote_exec("channel.gateway.newchannel().receive()")
    with pytest.raises(TimeoutError):
        while True:
            channel.send(b"x" * 1000, timeout=0.1)
    with interrupted_in("send"):
        channel.send(b"x" * 1000)

    assert gateway.remote_status(BOUND).numexecuting == 1
