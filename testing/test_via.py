"""Gateways that are started from other gateways: any depth, mixed versions, and their end."""

import contextlib
import os
import sys
import threading
import time

import interpreters
import pytest

import gatewaylib

BOUND = 20.0  # seconds: a hang, and nothing else
# A machine that is busy with other tests gets this much more than is promised.
SLACK = 2.0
ECHO = "while True: channel.send(channel.receive())"


@contextlib.contextmanager
def promised(seconds):
    """Hold the library to a number of seconds that it promises."""
    begun = time.monotonic()
    yield
    taken = time.monotonic() - begun
    assert taken < seconds + SLACK, f"took {taken:.1f} s, {seconds} s are promised"


def python(name):
    return f"python={interpreters.find()[name]}"


def run(gateway, code):
    return gateway.remote_exec(code).receive(timeout=BOUND)


def gone(pids):
    """Wait until none of the processes is there; return whether that came within 3 s."""
    deadline = time.monotonic() + 3 + SLACK
    while any(alive(pid) for pid in pids):
        if time.monotonic() > deadline:
            return False
        threading.Event().wait(0.01)
    return True


def alive(pid):
    try:
        with open(f"/proc/{pid}/stat") as stat:
            return stat.read().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


@pytest.fixture
def chain(group):
    """Three gateways, each started from the one before."""
    return group.makegateways(["popen//id=a", "popen//via=a//id=b", "popen//via=b//id=c"])


def test_gateways_start_from_each_other_in_one_call(group):
    gateways = group.makegateways(["popen//via=b", "popen//id=a", "popen//via=a//id=b"])

    assert [gateway.id for gateway in gateways] == ["gw0", "a", "b"]
    assert [gateway.depth for gateway in gateways] == [2, 0, 1]
    parents = [run(gateway, "import os; channel.send(os.getppid())") for gateway in gateways]
    pids = [gateway._rinfo().pid for gateway in gateways]
    assert parents == [pids[2], os.getpid(), pids[1]]


def test_versions_may_be_mixed_along_the_way(group):
    gateways = group.makegateways(
        [
            f"popen//id=a//{python('python3.13')}",
            f"popen//id=b//via=a//{python('python2.7')}",
            f"popen//id=c//via=b//{python('python3.9')}",
        ]
    )

    versions = [run(g, "import sys; channel.send(sys.version_info[:2])") for g in gateways]
    channel = gateways[2].remote_exec(ECHO)
    item = {"text": "\u00e4", "bytes": b"\xff" * 10**6, "list": [1, 2.5, None]}
    channel.send(item)

    assert versions == [(3, 13), (2, 7), (3, 9)]
    assert channel.receive(timeout=BOUND) == item


@pytest.mark.parametrize("interpreter", interpreters.find())
def test_every_python_may_stand_in_between(group, interpreter):
    group.makegateway(f"popen//id=a//{python(interpreter)}")
    gateway = group.makegateway(f"popen//via=a//python={sys.executable}")
    channel = gateway.remote_exec(ECHO)

    channel.send(b"x" * 10**6)

    assert channel.receive(timeout=BOUND) == b"x" * 10**6
    report = group.terminate(timeout=BOUND)
    assert [(ending.how, ending.exit_status) for ending in report] == [("exited", 0)] * 2


def test_an_unknown_via_is_refused_before_anything_starts(group):
    with pytest.raises(gatewaylib.SpecError, match="via=aa .*did you mean 'a'"):
        group.makegateways(["popen//id=a", "popen//via=aa"])

    assert len(group) == 0


def test_popen_takes_the_interpreter_of_the_gateway_in_between(group):
    group.makegateway(f"popen//id=a//{python('python3.8')}")

    gateway = group.makegateway("popen//via=a")

    assert gateway._rinfo().version_info[:2] == (3, 8)


def test_options_of_the_inner_gateway_hold_there(group, tmp_path):
    group.makegateway("popen//id=a//env:OUTER=1")

    gateway = group.makegateway(
        f"popen//via=a//env:INNER=2//chdir={tmp_path}//nice=3//execmodel=main_thread_only"
    )
    told = run(
        gateway,
        "import os\n"
        "names = 'OUTER', 'INNER'\n"
        "channel.send(([os.environ[n] for n in names], os.getcwd(), os.nice(0)))",
    )

    assert told == (["1", "2"], str(tmp_path), os.nice(0) + 3)
    assert gateway.remote_status(timeout=BOUND).execmodel == "main_thread_only"


def test_any_command_may_be_behind_a_gateway(group):
    group.makegateway("popen//id=a")

    gateway = group.makegateway(f"command=env MARK=there {sys.executable}//via=a")

    assert run(gateway, "import os; channel.send(os.environ['MARK'])") == "there"


# ---- what it prints, and how it does not start ---------------------------------------------


def test_what_it_writes_arrives_as_its_own(group):
    lines = []
    told = threading.Semaphore(0)

    def take(*line):
        lines.append(line)
        told.release()

    group.makegateways(["popen//id=a", "popen//via=a//id=b"], on_output=take)
    run(group["b"], "import sys; sys.stderr.write('one\\ntwo\\n'); channel.send(1)")

    assert told.acquire(timeout=BOUND) and told.acquire(timeout=BOUND)
    assert lines == [("b", "stderr", "one"), ("b", "stderr", "two")]


def test_what_can_not_be_run_there_is_named(group):
    group.makegateway("popen//id=a")

    with pytest.raises(gatewaylib.StartError, match="cannot run pythonnn: No such file") as caught:
        group.makegateway("popen//via=a//python=pythonnn")

    assert caught.value.exit_status == 127
    assert run(group["a"], "channel.send(1)") == 1


def test_a_start_that_fails_tells_its_last_words_and_exit_status(group):
    group.makegateway("popen//id=a")

    with pytest.raises(gatewaylib.StartError, match="the reason") as caught:
        group.makegateway("command=sh -c 'echo the reason >&2; exit 3'//via=a")

    assert caught.value.exit_status == 3
    assert "exit status 3" in str(caught.value)


def test_a_start_that_hangs_ends_in_time_and_leaves_nothing(group):
    group.makegateway("popen//id=a")

    with promised(0.5), pytest.raises(gatewaylib.StartError, match="within 0.5 s"):
        group.makegateway("command=sh -c 'sleep 999; :'//via=a", timeout=0.5)
