"""Remotes that no process of ours holds, and that run no Python any more: a guardian ends them."""

import os
import shutil
import signal
import sys

import interpreters
import pytest
from local_sides import local_side
from machine import needs
from settling import BOUND, gone, settle

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not sys.platform.startswith("linux"), reason="looks into /proc"),
]

VERSIONS = interpreters.find()
FORKING = [name for name in VERSIONS if name != "jython"]
PYTHON = shutil.which("python3", path="/usr/bin:/usr/local/bin")  # anybody may run it


def only_root_with(spec):
    command = spec.replace("command=", "").partition("=")[0].split()[0]
    only_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root may become others")
    return pytest.param(f"{spec}//chdir=/", marks=[needs(command), only_root])


# The first process of a namespace none of its own can kill: unshare's.
COMMANDS = [
    only_root_with(spec)
    for spec in ("sudo=nobody", "su=nobody", "command=setsid -w", "command=unshare --pid --fork")
]

# In a namespace of processes it has another number than for us; /proc is ours.
BEGIN = "import os, subprocess\nchild = subprocess.Popen(['sleep', '999'])\n"
TELL = "channel.send([int(os.readlink('/proc/self'))])\n"
DEAF = {
    "holds the GIL": BEGIN + TELL + "import re; re.match('(a+)+$', 'a' * 60 + 'b')",
    "is stopped": BEGIN + TELL + "channel.receive()",
}


# ---- what is there ----------------------------------------------------------------------


def stat_of(pid):
    """Return state, parent, group and session of a process; None if it has ended."""
    try:
        with open(f"/proc/{pid}/stat") as file:
            state, *numbers = file.read().rpartition(")")[2].split()[:4]
    except OSError:
        return None
    return None if state == "Z" else (state, *map(int, numbers))


def session_of(pid):
    """Return the ids of all processes of that one's session."""
    session = stat_of(pid)[3]
    everybody = {int(name): stat_of(name) for name in os.listdir("/proc") if name.isdigit()}
    return {number for number, stat in everybody.items() if stat and stat[3] == session}


def guardians_of(pid):
    """Return the processes of its session that are alone in their groups and run no shell."""
    with open(f"/proc/{pid}/cmdline", "rb") as file:
        words = file.read()
    found = set()
    for number in session_of(pid) - {pid}:
        try:
            with open(f"/proc/{number}/cmdline", "rb") as file:
                if file.read() == words and stat_of(number)[2] == number:
                    found.add(number)
        except OSError:
            pass
    return found


def make_deaf(gateways):
    """Run a deaf task on each gateway; return all processes of their sessions."""
    channels = [gateway.remote_exec(code) for gateway, code in zip(gateways, DEAF.values())]
    pids = [pid for channel in channels for pid in channel.receive(BOUND)]
    # Not by itself: the first of a namespace would not heed itself.
    os.kill(pids[-1], signal.SIGSTOP)
    assert settle(lambda: stat_of(pids[-1])[0] == "T")
    return set().union(*(session_of(pid) for pid in pids))


def kill_local_side(spec):
    """Have a process make gateways deaf, kill it, and return the processes of their sessions."""
    code = f"import test_guardian as t; pids = t.make_deaf(group.makegateways(['2*{spec}']))"
    with local_side(code) as (local, pids):
        local.kill()
    assert len(pids) >= 4, pids
    return pids


# ---- by ssh -------------------------------------------------------------------------------


@pytest.mark.parametrize("name", FORKING)
def test_deaf_remotes_by_ssh_end_with_the_local_side(box, name):
    pids = kill_local_side(f"{box}//python={VERSIONS[name]}")

    assert gone(*pids)


def test_the_ssh_client_ends_with_the_local_side_though_the_remote_is_stopped(box):
    code = (
        f"import os; gateway = group.makegateway({box!r})\n"
        "os.kill(gateway._rinfo().pid, 19); pids = [gateway.process.pid, gateway._rinfo().pid]"
    )
    with local_side(code) as (local, pids):
        assert all(map(stat_of, pids))
        local.kill()

        assert gone(*pids)


@pytest.mark.parametrize("timeout", [0.0, 3.0])
def test_terminate_leaves_no_deaf_remotes_by_ssh(group, box, timeout):
    pids = make_deaf(group.makegateways([f"2*{box}"]))

    group.terminate(timeout)

    assert gone(*pids)


# ---- by other commands -------------------------------------------------------------------


@pytest.mark.parametrize("spec", COMMANDS)
def test_deaf_remotes_by_a_command_end_with_the_local_side(spec):
    pids = kill_local_side(f"{spec}//python={PYTHON}")

    assert gone(*pids)


@pytest.mark.parametrize("spec", COMMANDS)
def test_terminate_leaves_no_deaf_remotes_by_a_command(group, spec):
    pids = make_deaf(group.makegateways([f"2*{spec}//python={PYTHON}"]))

    group.terminate(0.2)

    assert gone(*pids)


# ---- otherwise nobody notices it ---------------------------------------------------------


@pytest.mark.parametrize("name", FORKING)
def test_a_guardian_goes_with_an_interpreter_that_ends_as_asked(group, box, name):
    gateway = group.makegateway(f"{box}//python={VERSIONS[name]}")
    interpreter = gateway._rinfo().pid
    assert settle(lambda: len(guardians_of(interpreter)) == 1)
    guardians = guardians_of(interpreter)

    (ending,) = group.terminate(BOUND)

    assert (ending.how, ending.exit_status) == ("exited", 0)
    assert gone(interpreter, *guardians)


@pytest.mark.parametrize("name", FORKING)
def test_a_task_that_waits_for_all_its_children_does_not_meet_the_guardian(group, box, name):
    gateway = group.makegateway(f"{box}//python={VERSIONS[name]}")
    channel = gateway.remote_exec(
        "import os\n"
        "pid = os.fork()\n"
        "if not pid: os._exit(7)\n"
        "channel.send(os.wait() == (pid, 7 << 8))\n"
        "try: os.wait()\n"
        "except OSError: channel.send('no more')"
    )

    assert [channel.receive(BOUND), channel.receive(BOUND)] == [True, "no more"]


def test_what_a_killed_interpreter_had_started_is_ended_by_its_guardian(group, box):
    channel = group.makegateway(box).remote_exec(BEGIN + TELL + "os.write(2, b'my words')\n")
    (interpreter,) = channel.receive(BOUND)
    channel.waitclose(BOUND)
    pids = session_of(interpreter)
    assert len(pids) == 3  # the interpreter, its child, the guardian

    os.kill(interpreter, signal.SIGKILL)

    assert gone(*pids)
    (ending,) = group.terminate(BOUND)
    assert ending.how == "lost" and ending.exit_status == 255


def test_an_interpreter_that_parts_with_its_connection_shows_that_at_once(group, box):
    gateway = group.makegateway(box)
    interpreter = gateway._rinfo().pid
    pids = session_of(interpreter)
    channel = gateway.remote_exec(
        "channel.gateway._transport.abort()\nimport time; time.sleep(999)"
    )

    with pytest.raises(EOFError):
        channel.receive(BOUND)

    assert gone(*pids)
