"""Gateways that are started, used and ended again and again leave nothing in this process."""

import operator
import os
import signal
import sys
import threading

import leaks
import pytest
from settling import BOUND, nothing_kept, settle

import gatewaylib

pytestmark = pytest.mark.slow



@pytest.fixture
def same_as_before():
    """Fail if a thread, a descriptor or a child stays."""
    gatewaylib.Group(["popen"]).terminate(timeout=BOUND)  # what is imported, is imported now
    with nothing_kept():
        yield
    with pytest.raises(ChildProcessError):
        os.waitpid(-1, os.WNOHANG)


def use(gateway):
    """Use all that takes a thread or a descriptor."""
    told = threading.Event()
    channel = gateway.remote_exec("channel.send(channel.receive())")
    channel.send(b"x" * 100_000)
    channel.setcallback(lambda item: told.set())
    assert told.wait(BOUND)
    gateway.remote_exec("print('x')").waitclose(timeout=BOUND)
    gateway.remote_status(timeout=BOUND)


def test_two_hundred_cycles_leave_nothing(same_as_before):
    group = gatewaylib.Group()
    for _ in range(25):
        for gateway in group.makegateways("8*popen//stdio=drop//heartbeat=10"):
            use(gateway)
        report = group.terminate(timeout=BOUND)
        assert [ending.how for ending in report] == ["exited"] * 8, str(report)
        assert len(group) == 0


def test_fifty_starts_that_fail_leave_nothing(same_as_before):
    commands = ["/bin/false", "/no/such/python", "/bin/cat", f"{sys.executable} --no-such-option"]
    commands.append(f"{sys.executable} -c pass")
    for _ in range(5):
        with pytest.raises(gatewaylib.StartErrors) as caught:
            gatewaylib.Group().makegateways(
                [f"popen//python={command}//start_timeout=5" for command in commands * 2]
            )
        assert len(caught.value.errors) == 10


def test_fifty_remotes_that_die_leave_nothing(same_as_before):
    ways = [
        "import os; os._exit(1)",
        "import os; os.kill(os.getpid(), 9)",
        "import os, time; os.fork() and os._exit(1); time.sleep(999)",
        "import os, time; os.closerange(3, 50); time.sleep(999)",
        "channel.gateway._give_up('a test'); import time; time.sleep(999)",
    ]
    for _ in range(5):
        group = gatewaylib.Group()
        for gateway, way in zip(group.makegateways("10*popen//stdio=drop"), ways * 2):
            with pytest.raises(gatewaylib.GatewayLost):
                gateway.remote_exec(way).receive(timeout=BOUND)
        # Nobody terminates this group: what is lost gives everything back by itself.
        del group, gateway


def test_gateways_that_are_only_exited_leave_nothing(same_as_before):
    group = gatewaylib.Group()
    for gateway in group.makegateways("4*popen"):
        gateway.exit()
        gateway.join(timeout=BOUND)

    assert len(group) == 0
    group.terminate(timeout=BOUND)


def test_two_hundred_gateways_that_are_exited_one_by_one_leave_nothing(same_as_before):
    resource = pytest.importorskip("resource", reason="a limit that only Unix has")
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    group = gatewaylib.Group()
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(leaks.descriptors()) + 60, hard))
    try:
        for _ in range(200):
            gateway = group.makegateway("popen//id=w")
            gateway.exit()
            gateway.join(timeout=BOUND)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    # Nobody terminates this group: what has ended gives everything back by itself.
    assert settle(lambda: gateway.is_buried)
    # The last few may have been buried in another order, and be told of still.
    assert all(ending.how == "exited" for ending in group.terminate(timeout=BOUND))


@pytest.mark.parametrize(
    "moment",
    [
        "termination.end_processes",
        "termination._wait",
        "gateway.Gateway.exit",
        "gateway.Gateway.bury",
        "gateway.Gateway.join",
        "transports.process.LocalProcess.reap",
    ],
)
def test_a_terminate_that_is_interrupted_leaves_nothing(moment, same_as_before, monkeypatch):
    step = operator.attrgetter(moment)(gatewaylib)
    before = []

    def interrupted(*args, **kwargs):
        if not before and threading.current_thread() is threading.main_thread():
            before.append(1)
            raise KeyboardInterrupt
        return step(*args, **kwargs)

    group = gatewaylib.Group(["3*popen"])
    os.kill(group[1].process.pid, signal.SIGSTOP)
    with monkeypatch.context() as patch:
        patch.setattr(f"gatewaylib.{moment}", interrupted)
        with pytest.raises(KeyboardInterrupt):
            group.terminate(timeout=0.5)  # the stopped one takes all of it

    assert len(group) == 0
    assert group.terminate(timeout=BOUND) == ()
