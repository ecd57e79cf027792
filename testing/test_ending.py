"""How gateways end, by will and by accident: real processes in every state that hurts."""

import os
import signal
import subprocess
import sys
import threading

import pytest
from command_line import environment
from settling import BOUND, promised

import gatewaylib
from gatewaylib import termination

# What a task does: it says "ready", and then it is trouble.
IGNORE = "from signal import *\nfor n in SIGTERM, SIGINT: signal(n, SIG_IGN)\n"
READY = "channel.send('ready')\n"
HOLD_GIL = "import ctypes\n" + READY + "ctypes.PyDLL(None).sleep(999)"
GRANDCHILD = "import time; time.sleep(999)"
FORK = "import os, time\npid = os.fork()\nif not pid: time.sleep(999)\n"

STUBBORN = {
    "ignores SIGTERM": IGNORE + READY + "import time\nwhile True: time.sleep(999)",
    "spins": READY + "while True: pass",
    "swallows": READY + "while True:\n try:\n  while True: pass\n except BaseException: pass",
    "sleeps in C": "import time\n" + READY + "time.sleep(999)",
    "has a thread": (
        "import threading, time\nthreading.Thread(target=time.sleep, args=(999,)).start()\n" + READY
    ),
    "exits slowly": "import atexit, time\natexit.register(time.sleep, 999)\n" + READY,
    "has a grandchild": (
        "import subprocess, sys\n"
        f"subprocess.Popen([sys.executable, '-c', {GRANDCHILD!r}], close_fds=False)\n" + READY
    ),
    "has forked": FORK + READY,
    "closed its stdio": "import os, time\n" + READY + "os.closerange(0, 3)\ntime.sleep(999)",
    "floods": READY + "while True: channel.send(b'x' * 10**6)",
}
# Nothing that runs Python sees these ask or be asked.
DEAF = {
    "spins in C": (READY + "sum(range(10**12))", "terminated"),
    "holds the GIL": (HOLD_GIL, "terminated"),
    "holds the GIL, ignores SIGTERM": (IGNORE + HOLD_GIL, "killed"),
    "is stopped": (
        "import os, signal\n" + READY + "os.kill(os.getpid(), signal.SIGSTOP)",
        "killed",
    ),
}


def start(group, codes, options=""):
    """Start a gateway for each task, run it there, and wait until all are trouble."""
    gateways = group.makegateways([f"popen{options}//stdio=drop" for _ in codes])
    channels = [gateway.remote_exec(code) for gateway, code in zip(gateways, codes)]
    for channel in channels:
        assert channel.receive(timeout=BOUND) == "ready"
    return channels


def test_stubborn_remotes_end_by_themselves_when_asked():
    group = gatewaylib.Group()
    start(group, STUBBORN.values())

    with promised(1.5):
        report = group.terminate(timeout=BOUND)

    assert {name: ending.how for name, ending in zip(STUBBORN, report)} == dict.fromkeys(
        STUBBORN, "exited"
    )


@pytest.mark.parametrize("how", ["terminated", "killed"])
def test_deaf_remotes_are_made_to_end_in_time(how, monkeypatch):
    group = gatewaylib.Group()
    codes = [code for code, way in DEAF.values() if way == how]
    start(group, codes)
    # How long is waited for a signal to work is no matter here, and a busy machine takes long.
    monkeypatch.setattr(termination, "KILL_TIME", BOUND)
    if how == "terminated":
        monkeypatch.setattr(termination, "TERM_TIME", BOUND)

    with promised(0.5 + 1):
        report = group.terminate(timeout=0.5)

    assert [ending.how for ending in report] == [how] * len(codes)
    assert report.killed == list(report)
    for ending in report:
        assert {"terminated": "SIGTERM", "killed": "SIGKILL"}[ending.how] in str(ending)


@pytest.mark.slow
def test_deaf_remotes_end_with_a_group_that_is_a_context():
    with promised(2 + BOUND / 4), gatewaylib.Group() as group:
        start(group, [code for code, _ in DEAF.values()])


WAIT = READY + "channel.receive()\n"  # until all of them are ready
CLOSE_WIRE = "import os, time\n" + WAIT + "os.closerange(3, 50)\ntime.sleep(999)"
# name -> task, what its GatewayLost says, its exit status and signal
ACCIDENTS = {
    "exits": ("import os\n" + WAIT + "os._exit(3)", "exit status 3", 3, None),
    "exits, a fork stays": (FORK + WAIT + "os._exit(4)", "exit status 4", 4, None),
    "segfault": ("import ctypes\n" + WAIT + "ctypes.string_at(0)", "SIGSEGV", None, 11),
    "killed": ("import os\n" + WAIT + "os.kill(os.getpid(), 9)", "SIGKILL", None, 9),
    "closes the wire": (CLOSE_WIRE, "closed its connection and went on", None, None),
}


def test_a_gateway_that_dies_says_how():
    words = "import sys\nsys.stderr.write('one\\nlast words\\n')\nsys.stderr.flush()\n"
    group = gatewaylib.Group()
    channels = start(group, [words + code for code, *_ in ACCIDENTS.values()])

    for channel in channels:
        channel.send(None)
    with promised(1):
        errors = [pytest.raises(gatewaylib.GatewayLost, ch.receive, BOUND) for ch in channels]

    for channel, caught, (_, text, status, number) in zip(channels, errors, ACCIDENTS.values()):
        error = caught.value
        assert text in str(error)
        assert (error.exit_status, error.signal) == (status, number), text
        assert error.gateway_id == channel.gateway.id
        # What closes its descriptors has more to say.
        assert error.stderr.startswith("one\nlast words") and error.stderr in str(error)
    report = group.terminate(timeout=BOUND)
    assert [ending.how for ending in report] == ["lost"] * len(ACCIDENTS)
    assert report.killed == []


def test_a_remote_that_was_killed_right_before_it_was_asked_to_end_was_lost():
    group = gatewaylib.Group()
    gateways = group.makegateways(["4*popen"])

    for gateway in gateways:
        os.kill(gateway.process.pid, signal.SIGKILL)
    report = group.terminate(timeout=BOUND)

    assert [(ending.how, ending.exit_status) for ending in report] == [("lost", -9)] * 4


def test_everybody_who_waits_is_told_how_the_gateway_died():
    group = gatewaylib.Group()
    (task,) = start(group, [HOLD_GIL], "//window=1000")
    gateway = task.gateway
    told, errors = threading.Semaphore(0), {}

    def flood(channel):
        while True:
            channel.send(b"x" * 500)

    def wait_in(name, function, *args):
        def run():
            try:
                function(*args)
            except Exception as error:
                errors[name] = error
            told.release()

        threading.Thread(target=run, daemon=True).start()

    marks = []
    gateway.newchannel().setcallback(
        lambda item: (marks.append(item), told.release()), endmarker="end"
    )
    wait_in("receive", task.receive)
    wait_in("receive with a timeout", gateway.newchannel().receive, BOUND)
    wait_in("iterate", list, gateway.newchannel())
    wait_in("waitclose", gateway.newchannel().waitclose, BOUND)
    wait_in("send", flood, gateway.newchannel())
    wait_in("send a large item", gateway.newchannel().send, b"x" * 10**7)
    wait_in("remote_status", gateway.remote_status)
    wait_in("read", gateway.newchannel().makefile("rb").read)
    names = 8

    os.kill(gateway.process.pid, signal.SIGKILL)
    with promised(1):
        for _ in range(names + 1):
            assert told.acquire(timeout=BOUND), (marks, errors)

    assert marks == ["end"]
    assert len(errors) == names, errors
    for name, error in errors.items():
        assert isinstance(error, gatewaylib.GatewayLost), (name, error)
        assert "SIGKILL" in str(error) and error.signal == signal.SIGKILL, name
    for late in (gateway.newchannel, gateway.remote_status, lambda: gateway.remote_exec("1")):
        with pytest.raises(gatewaylib.GatewayLost, match="SIGKILL"):
            late()
    group.terminate(timeout=BOUND)


def test_a_task_that_exits_ends_itself_only():
    with gatewaylib.Group() as group:
        gateway = group.makegateway()
        for how in ("import sys; sys.exit(3)", "raise SystemExit", "raise KeyboardInterrupt"):
            with pytest.raises(gatewaylib.RemoteError):
                gateway.remote_exec(how).receive(timeout=BOUND)

        assert gateway.remote_exec("channel.send(1)").receive(timeout=BOUND) == 1


def test_a_task_out_of_memory_is_an_error_of_its_own():
    code = (
        "import resource\n"
        "resource.setrlimit(resource.RLIMIT_AS, (2**29, 2**29))\n" + READY + "b'x' * 2**30\n"
    )
    with gatewaylib.Group() as group:
        (channel,) = start(group, [code])

        with pytest.raises(gatewaylib.RemoteError, match="MemoryError"):
            channel.receive(timeout=BOUND)
        assert channel.gateway.remote_exec("channel.send(1)").receive(timeout=BOUND) == 1


def test_an_item_that_does_not_fit_into_memory_loses_the_gateway_and_nothing_hangs():
    code = "import resource\nresource.setrlimit(resource.RLIMIT_AS, (2**27, 2**27))\n" + READY
    group = gatewaylib.Group()
    (channel,) = start(group, [code + "channel.receive()"], "//window=None")

    # The task may find it out, or who reads for it.
    with pytest.raises(gatewaylib.GatewayError, match="MemoryError"):
        channel.send(b"x" * 2**28, timeout=BOUND)
        channel.receive(timeout=BOUND)
    with promised(1.5):
        group.terminate(timeout=BOUND)


def test_ending_waits_for_no_reader_of_output():
    """A callback that hangs keeps the output, not the end."""
    go = threading.Event()
    group = gatewaylib.Group()
    gateway = group.makegateway(on_output=lambda *line: go.wait(BOUND))
    gateway.remote_exec("print('x')").waitclose(timeout=BOUND)

    with promised(1):
        (ending,) = group.terminate(timeout=BOUND)

    go.set()
    assert ending.how == "exited"


def test_ending_waits_for_no_process_that_left_the_group_and_floods():
    flood = "import os\nwhile True: os.write(1, b'x' * 1000)"
    code = (
        "import subprocess, sys\n"
        f"subprocess.Popen([sys.executable, '-c', {flood!r}], start_new_session=True)\n" + READY
    )
    group = gatewaylib.Group()
    start(group, [code] * 3)

    with promised(1):
        report = group.terminate(timeout=BOUND)

    assert [ending.how for ending in report] == ["exited"] * 3
    # Nobody reads what they write any more: that ends them, and the next check says so.


def test_the_exit_status_of_a_process_that_others_reap_is_unknown():
    code = (
        "import os, signal, gatewaylib\n"
        "signal.signal(signal.SIGCHLD, signal.SIG_IGN)\n"
        "group = gatewaylib.Group(['popen'])\n"
        "channel = group[0].remote_exec('import os; os.kill(os.getpid(), 9)')\n"
        "try: channel.receive(timeout=20)\n"
        "except gatewaylib.GatewayLost as error: print(error, error.exit_status, error.signal)\n"
        "print(group.terminate(timeout=20)[0].exit_status)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        timeout=BOUND * 2,
    )
    assert "its process ended with exit status unknown" in done.stdout
    assert done.stdout.split()[-3:] == ["None", "None", "None"], done.stdout
