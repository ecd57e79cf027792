"""However the local process ends, nothing that it started stays."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import leaks
import pytest
from command_line import environment
from settling import BOUND, SLACK, settle

# The remotes are in states in which none of them can be asked anything.
pytestmark = pytest.mark.slow

SETUP = """
import contextlib, os, sys, threading, time
import gatewaylib

READY = "channel.send('ready')\\n"
TASKS = [
    "import os, signal\\n" + READY + "os.kill(os.getpid(), signal.SIGSTOP)",
    "import ctypes\\n" + READY + "ctypes.PyDLL(None).sleep(999)",
    "import os, subprocess, sys, time\\n"
    "subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(999)'])\\n"
    "os.fork() and " + READY + "time.sleep(999)",
    "from signal import *\\nfor n in SIGTERM, SIGINT: signal(n, SIG_IGN)\\n" + READY
    + "while True: channel.send(b'x' * 100000)",
]
gateways = gatewaylib.default_group.makegateways([f"{len(TASKS)}*popen//window=1000"])
channels = [gateway.remote_exec(task) for gateway, task in zip(gateways, TASKS)]
assert all(channel.receive(timeout=30) == "ready" for channel in channels)

def wait(function, *args):
    with contextlib.suppress(gatewaylib.RemoteError, OSError):
        function(*args)

for channel in channels:
    for args in (channel.receive,), (channel.waitclose,), (channel.send, b"x" * 10**6):
        threading.Thread(target=wait, args=args, daemon=True).start()
print("ready", flush=True)
"""

# Not in one wait: of a signal that comes right before a thread begins to wait for a lock,
# CPython tells it when the wait is over.
WAIT = """
while True:
    with contextlib.suppress(gatewaylib.TimeoutError):
        channels[0].receive(timeout=1)
"""
# what the local process does once its remotes are trouble -> its exit status
WAYS = {
    "sys.exit(3)": 3,
    "raise RuntimeError('unhandled')": 1,
    "threading.Thread(target=sys.exit).start()": 0,
    "os._exit(4)": 4,
    "import ctypes; ctypes.string_at(0)": -signal.SIGSEGV,
    "os.execv(sys.executable, [sys.executable, '-c', 'raise SystemExit(5)'])": 5,
}
SIGNALS = [signal.SIGINT, signal.SIGTERM, signal.SIGKILL]


def start(code):
    """Start a local process whose remotes will be trouble."""
    return subprocess.Popen(
        [sys.executable, "-c", SETUP + code],
        env=environment(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
        start_new_session=True,
    )


def wait_until_ready(process):
    if process.stdout.readline() != "ready\n":
        pytest.fail(process.communicate(timeout=BOUND)[1])


def wait_for_end(process):
    # The remotes hold none of its pipes open: if they did, this would wait for them.
    _, errors = process.communicate(timeout=2 + SLACK)
    return process.returncode, errors


def test_however_a_local_process_ends_it_leaves_nothing():
    watch = leaks.Watch()
    processes = [start(code) for code in WAYS]
    for process in processes:
        wait_until_ready(process)

    ends = [wait_for_end(process) for process in processes]

    assert {code: status for code, (status, _) in zip(WAYS, ends)} == WAYS, ends
    assert watch.left_behind(grace=2.0 + SLACK) == []


def test_by_whatever_signal_a_local_process_ends_it_leaves_nothing():
    watch = leaks.Watch()
    processes = [start(WAIT) for _ in SIGNALS]
    for number, process in zip(SIGNALS, processes):
        wait_until_ready(process)
        os.killpg(process.pid, number)

    ends = [wait_for_end(process) for process in processes]

    assert [status for status, _ in ends] == [-number for number in SIGNALS], ends
    assert ends[0][1].rstrip().endswith("KeyboardInterrupt")
    assert watch.left_behind(grace=2.0 + SLACK) == []


def test_a_second_ctrl_c_ends_the_ending():
    watch = leaks.Watch()
    process = start(
        "import atexit, signal\n"
        "atexit.register(lambda: os.killpg(os.getpid(), signal.SIGINT))\n"
        "atexit.register(lambda: threading.Timer(0.2, os.killpg, (os.getpid(), 2)).start())\n"
        + WAIT
    )
    wait_until_ready(process)

    os.killpg(process.pid, signal.SIGINT)

    process.communicate(timeout=2 + SLACK)
    assert watch.left_behind(grace=2.0 + SLACK) == []


def is_armed(pid, command):
    """Return whether the kernel will kill it; before that, only the end of its stdin tells it."""
    if "sleep 999" not in command:
        return False
    try:
        infos = [info.read_text() for info in Path(f"/proc/{pid}/fdinfo").iterdir()]
    except OSError:  # it ended while we looked
        return False
    flags = [int(line.split()[1], 8) for info in infos for line in info.split("\n")[1:2]]
    return any(flag & os.O_ASYNC for flag in flags)


def test_a_local_process_that_is_killed_while_it_starts_gateways_leaves_nothing(tmp_path):
    watch = leaks.Watch()
    slow = tmp_path / "python"
    slow.write_text("#!/bin/sh\necho started >&2\nexec sleep 999\n")
    slow.chmod(0o755)
    code = (
        "import gatewaylib\nprint('ready', flush=True)\n"
        f"gatewaylib.Group(['3*popen//python={slow}'])"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code],
        env=environment(),
        stdout=subprocess.PIPE,
        encoding="utf-8",
    )
    process.stdout.readline()
    assert settle(lambda: sum(is_armed(*found) for found in leaks.processes().items()) == 3)

    process.kill()

    process.communicate(timeout=BOUND)
    assert watch.left_behind(grace=2.0 + SLACK) == []
