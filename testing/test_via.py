"""Gateways that are started from other gateways: any depth, mixed versions, and their end."""

import os
import signal
import sys
import threading

import interpreters
import pytest
from local_sides import local_side
from settling import BOUND, gone, is_running, promised, settle

import gatewaylib
from gatewaylib.transports import relayed

pytestmark = pytest.mark.slow

ECHO = "while True: channel.send(channel.receive())"


@pytest.fixture(autouse=True)
def copied(monkeypatch):
    """All that passes is copied by those in between, as if they were on other machines.

    What is different where it needs no copying is in test_via_direct.py.
    """
    monkeypatch.setattr(relayed, "is_near", lambda via: False)


def python(name):
    return f"python={interpreters.find()[name]}"


def run(gateway, code):
    return gateway.remote_exec(code).receive(timeout=BOUND)


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


@pytest.mark.parametrize("model", ["gevent", "main_thread_only"])
def test_a_gateway_in_between_may_have_any_execmodel(group, model):
    group.makegateway(f"popen//id=a//execmodel={model}")
    channel = group.makegateway("popen//via=a").remote_exec(ECHO)

    channel.send(b"x" * 10**7)

    assert channel.receive(timeout=BOUND) == b"x" * 10**7
    assert run(group["a"], "channel.send(1)") == 1


def test_an_execmodel_of_this_end_that_has_no_threads_is_refused():
    with gatewaylib.Group(execmodel="gevent") as group:
        group.makegateway("popen//id=a")

        with pytest.raises(gatewaylib.StartError, match="via= needs threads at this end"):
            group.makegateway("popen//via=a")


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


# ---- flow ----------------------------------------------------------------------------------


def memory(gateway):
    """Return the bytes of memory that a gateway's process has."""
    pages = run(gateway, "channel.send(open('/proc/self/statm').read())").split()[1]
    return int(pages) * os.sysconf("SC_PAGESIZE")


def test_a_process_that_reads_nothing_costs_little_at_every_hop_and_stops_no_other(group):
    a, b, c = group.makegateways(["popen//id=a", "popen//id=b//via=a", "popen//id=c//via=b"])
    other = b.remote_exec(ECHO)
    channel = c.remote_exec("channel.receive(); channel.receive()")
    before = [memory(a), memory(b)]
    os.kill(c._rinfo().pid, signal.SIGSTOP)

    with promised(BOUND), pytest.raises(gatewaylib.TimeoutError):
        while True:  # its own window would be 64 MiB
            channel.send(b"x" * 10**6, timeout=0.1)
    other.send("still here")

    assert other.receive(timeout=BOUND) == "still here"
    grown = [memory(gateway) - size for gateway, size in zip((a, b), before)]
    assert all(size < 24 * 2**20 for size in grown), grown
    os.kill(c._rinfo().pid, signal.SIGCONT)
    assert run(c, "channel.send(1)") == 1


def test_a_channel_nobody_receives_on_stops_no_other_behind_the_same_gateways(chain):
    _, _, c = chain
    silent = c.newchannel(window=10**5)
    task = c.remote_exec(
        "import threading\n"
        "silent = channel.receive()\n"
        "def flood():\n"
        "    while True: silent.send(b'x' * 1000)\n"
        "thread = threading.Thread(target=flood)\n"
        "thread.daemon = True\n"
        "thread.start()\n" + ECHO
    )
    task.send(silent)

    for number in range(100):
        task.send(number)
        assert task.receive(timeout=BOUND) == number


def test_both_ends_may_flood_each_other(chain):
    size, count = 10**6, 40
    channel = chain[2].remote_exec(
        f"for i in range({count}): channel.send(b'y' * {size})\n"
        f"for i in range({count}): channel.receive()\n"
        "channel.send('all')"
    )

    for _ in range(count):
        channel.send(b"x" * size, timeout=BOUND)

    received = [channel.receive(timeout=BOUND) for _ in range(count + 1)]
    assert received == [b"y" * size] * count + ["all"]


def test_many_threads_may_use_all_gateways_of_a_chain_at_once(chain):
    results, failures = [], []

    def talk(gateway):
        try:
            channel = gateway.remote_exec(ECHO)
            for number in range(100):
                channel.send((number, b"z" * (number * 1000)))
                assert channel.receive(timeout=BOUND)[0] == number
            results.append(gateway.id)
        except Exception as error:
            failures.append(error)

    threads = [threading.Thread(target=talk, args=(gateway,)) for gateway in chain * 2]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(BOUND)

    assert failures == []
    assert sorted(results) == sorted("abcabc")


def test_a_callback_is_called_for_what_comes_from_behind_a_gateway(chain):
    told = threading.Semaphore(0)
    items = []
    channel = chain[2].remote_exec("for i in range(100): channel.send(i)")

    channel.setcallback(
        lambda item: (items.append(item), item == "end" and told.release()), endmarker="end"
    )

    assert told.acquire(timeout=BOUND)
    assert items == [*range(100), "end"]


# ---- the end -------------------------------------------------------------------------------

HOLD_GIL = "import ctypes\nchannel.send('ready')\nctypes.PyDLL(None).sleep(999)"


def hold(gateway):
    channel = gateway.remote_exec(HOLD_GIL)
    assert channel.receive(timeout=BOUND) == "ready"
    return channel


def test_a_chain_ends_when_asked_and_tells_the_exit_statuses(group, chain):
    with promised(1):
        report = group.terminate(timeout=BOUND)

    endings = [(ending.id, ending.how, ending.exit_status) for ending in report]
    assert endings == [("a", "exited", 0), ("b", "exited", 0), ("c", "exited", 0)]


def test_how_a_process_behind_a_gateway_died_is_told(chain):
    code = "import os, sys\nsys.stderr.write('last words')\nsys.stderr.flush()\n"
    channel = chain[2].remote_exec(code + "os._exit(3)")

    with promised(1), pytest.raises(gatewaylib.GatewayLost, match="exit status 3") as caught:
        channel.receive(timeout=BOUND)

    assert caught.value.exit_status == 3 and caught.value.gateway_id == "c"
    assert caught.value.stderr == "last words"
    assert run(chain[1], "channel.send(1)") == 1


@pytest.mark.parametrize("name", ["python2.7", "pypy3", "jython"])
def test_how_a_process_died_is_told_by_any_python_in_between(group, name):
    group.makegateway(f"popen//id=a//{python(name)}")
    gateway = group.makegateway(f"popen//via=a//python={sys.executable}")
    channel = gateway.remote_exec("import os; os.kill(os.getpid(), 9)")

    with promised(1), pytest.raises(gatewaylib.GatewayLost, match="SIGKILL") as caught:
        channel.receive(timeout=BOUND)

    assert caught.value.signal == signal.SIGKILL


def test_a_process_that_ignores_every_milder_way_is_killed(group, chain):
    ignore = "from signal import *\nfor n in SIGTERM, SIGINT: signal(n, SIG_IGN)\n"
    channel = chain[2].remote_exec(ignore + HOLD_GIL)
    channel.receive(timeout=BOUND)

    with promised(0.3 + 1):
        report = group.terminate(timeout=0.3)

    # The others have little time left, and a busy machine may need more.
    assert {ending.how for ending in report[:2]} <= {"exited", "terminated"}, str(report)
    assert (report[2].how, report[2].exit_status) == ("killed", -signal.SIGKILL)


def test_a_gateway_in_between_that_is_stopped_keeps_no_group_from_ending(group, chain):
    pids = [gateway._rinfo().pid for gateway in chain]
    os.kill(pids[1], signal.SIGSTOP)

    with promised(0.3 + 2 * 0.8):
        report = group.terminate(timeout=0.3)

    assert report[0].how in ("exited", "terminated"), str(report)  # its time is short
    assert [ending.how for ending in report[1:]] == ["killed", "killed"]
    assert gone(*pids)


def test_who_kills_a_gateway_in_between_loses_all_behind_it_and_nothing_stays(chain):
    channels = [hold(gateway) for gateway in reversed(chain[1:])]  # who holds passes nothing on
    pids = [gateway._rinfo().pid for gateway in chain]

    os.kill(pids[0], signal.SIGKILL)
    with promised(1):
        errors = [pytest.raises(gatewaylib.GatewayLost, ch.receive, BOUND) for ch in channels]

    for error, name in zip(errors, "cb"):
        assert error.value.gateway_id == name
        reason = "gateway a (popen//id=a) is lost: its process was killed by SIGKILL"
        assert reason in str(error.value)
    assert gone(*pids)


def test_who_exits_a_gateway_in_between_loses_those_behind_it(group, chain):
    channel = chain[2].remote_exec(ECHO)
    pids = [gateway._rinfo().pid for gateway in chain]

    chain[1].exit()
    with promised(1), pytest.raises(gatewaylib.GatewayLost, match="gateway b was exited") as caught:
        channel.receive(timeout=BOUND)

    assert caught.value.gateway_id == "c"
    assert gone(*pids[1:]) and is_running(pids[0])
    with pytest.raises(gatewaylib.GatewayError, match="via=b"):
        group.makegateway("popen//via=b")


def test_nothing_stays_at_any_hop_when_the_local_process_is_killed():
    code = (
        "specs = ['popen//id=a', 'popen//id=b//via=a', 'popen//id=c//via=b']\n"
        "gateways = group.makegateways(specs)\n"
        f"for g in gateways[::-1]: g.remote_exec({HOLD_GIL!r}).receive({BOUND})\n"
        "pids = [g._rinfo().pid for g in gateways]\n"
    )
    with local_side(code) as (process, pids):
        assert len(pids) == 3 and all(map(is_running, pids))

        process.kill()

        assert gone(*pids)


def test_nothing_is_left_in_a_gateway_of_those_that_were_behind_it(group):
    count = "import os, threading\nchannel.send((len(os.listdir('/proc/self/fd'))))"
    group.makegateway("popen//id=a")
    group.makegateway("popen//id=b//via=a").terminate(timeout=BOUND)
    before = run(group["a"], count)

    for _ in range(5):
        group.makegateway("popen//via=a").terminate(timeout=BOUND)

    assert settle(lambda: run(group["a"], count) <= before)
    assert group["a"].remote_status(timeout=BOUND).numchannels <= 1
