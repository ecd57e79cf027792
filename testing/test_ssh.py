"""Gateways by ssh, to a real sshd on loopback: what a spec may say, and how they end."""

import contextlib
import os
import signal
import subprocess
import sys
import tempfile

import interpreters
import leaks
import pytest
from local_sides import local_side
from settling import BOUND, gone, promised

import gatewaylib

pytestmark = pytest.mark.slow

VERSIONS = interpreters.find()


# ---- what a spec may say -----------------------------------------------------------------


def test_a_gateway_by_ssh_runs_code_in_a_session_of_the_server(group, box):
    gateway = group.makegateway(box)
    channel = gateway.remote_exec("import os; channel.send(dict(os.environ))")

    assert channel.receive(BOUND)["SSH_CONNECTION"].startswith("127.0.0.1 ")
    assert gateway.remoteaddress == "box"
    assert "ssh=box" in repr(gateway)


def test_the_value_of_ssh_may_hold_options_and_a_user(group, sshd):
    config = sshd.write_config("other", Port=1, User="nobody")
    target = f"-p {sshd.port} {sshd.user}@box"

    gateway = group.makegateway(f"ssh={target}//ssh_config={config}")

    assert gateway.remoteaddress == target
    assert gateway.remote_exec("channel.send(1)").receive(BOUND) == 1


def test_options_of_the_spec_hold_over_ssh(group, box, tmp_path):
    gateway = group.makegateway(
        f"{box}//id=far//python={sys.executable}//chdir={tmp_path}/new//nice=3"
        "//env:LANG=C//env:EMPTY=//env:TEXT=a 'b' $c%2F%2Fd//env:PYTHONHASHSEED=7"
        "//dont_write_bytecode//execmodel=main_thread_only//window=1M//subclasses"
    )
    channel = gateway.remote_exec(
        "import os, sys\n"
        "names = 'LANG', 'EMPTY', 'TEXT', 'PYTHONHASHSEED'\n"
        "channel.send((os.getcwd(), os.nice(0), [os.environ.get(n) for n in names],\n"
        "              sys.dont_write_bytecode, sys.flags.hash_randomization, hash('x')))"
    )
    cwd, nice, texts, no_bytecode, _, number = channel.receive(BOUND)

    assert (gateway.id, gateway._rinfo().executable) == ("far", sys.executable)
    assert (cwd, nice, no_bytecode) == (f"{tmp_path}/new", os.nice(0) + 3, True)
    assert texts == ["C", "", "a 'b' $c//d", "7"]
    assert gateway.remote_status(BOUND).execmodel == "main_thread_only"
    told = subprocess.run(
        [sys.executable, "-c", "print(hash('x'))"],
        env={**os.environ, "PYTHONHASHSEED": "7"},
        capture_output=True,
        check=True,
    )
    assert number == int(told.stdout)  # it was set before the interpreter began


def test_the_environment_of_the_other_end_is_not_that_of_ssh(group, box):
    gateway = group.makegateway(f"{box}//env:PATH=/nowhere")

    channel = gateway.remote_exec("import os; channel.send(os.environ['PATH'])")

    assert channel.receive(BOUND) == "/nowhere"


def test_python_may_be_a_line_of_shell(group, box):
    line = f"cd /; export SET=by-shell; exec {sys.executable}"

    gateway = group.makegateway(f"{box}//python={line}")

    channel = gateway.remote_exec("import os; channel.send((os.getcwd(), os.environ['SET']))")
    assert channel.receive(BOUND) == ("/", "by-shell")


@pytest.mark.parametrize("name", VERSIONS)
def test_every_interpreter_starts_by_ssh(group, box, name):
    gateway = group.makegateway(f"{box}//python={VERSIONS[name]}//start_timeout=60")

    channel = gateway.remote_exec("while 1: channel.send(channel.receive())")

    for item in (None, "\u20ac", bytearray(b"\0\r\n~.\n" * 50000), {"key": [1.5, (True,)]}):
        channel.send(item)
        assert channel.receive(BOUND) == item


def test_many_gateways_start_at_once(group, box):
    gateways = group.makegateways([f"4*{box}"])

    answers = [gateway.remote_exec("channel.send(1)").receive(BOUND) for gateway in gateways]

    assert answers == [1] * 4


def test_what_is_printed_there_arrives_as_output_and_not_on_the_wire(group, box):
    lines = []
    gateway = group.makegateway(box, on_output=lambda *words: lines.append(words))

    channel = gateway.remote_exec(
        "import os, sys\n"
        "print('by print'); sys.stdout.flush()\n"
        "os.write(1, b'by os\\n'); os.system('echo by echo')\n"
        "channel.send(1)"
    )

    assert channel.receive(BOUND) == 1
    group.terminate(BOUND)
    assert {line for _, _, line in lines} == {"by print", "by os", "by echo"}


@pytest.fixture
def shared(sshd):
    """A configuration in which connections are shared, and its socket."""
    with tempfile.TemporaryDirectory() as folder:  # pytest's are too long for a socket's name
        path = f"{folder}/master"
        yield sshd.write_config("shared", ControlMaster="auto", ControlPath=path), path


def test_gateways_share_no_connection_that_one_of_them_made(group, shared):
    config, path = shared
    first, second = group.makegateways([f"2*ssh=box//ssh_config={config}"])
    assert not os.path.exists(path)

    assert first.terminate(BOUND)[0].how == "exited"

    assert second.remote_exec("channel.send(1)").receive(BOUND) == 1


def test_a_gateway_uses_a_shared_connection_that_is_there(group, sshd, shared):
    config, path = shared
    command = ["ssh", "-F", config, "box", "echo ready; cat > /dev/null"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as master:
        assert master.stdout.readline() == b"ready\n"
        logins = sshd.log.count("Accepted")

        gateway = group.makegateway(f"ssh=box//ssh_config={config}")

        assert gateway.remote_exec("channel.send(1)").receive(BOUND) == 1
        assert sshd.log.count("Accepted") == logins
        assert gateway.terminate(BOUND)[0].how == "exited"
        master.stdin.close()


# ---- how it ends -------------------------------------------------------------------------

# What a task does, and how its end is called where it has a second to end in.
ENDINGS = {
    "idle": ("channel.send(pids)", "exited"),
    "sleeps": ("channel.send(pids); import time; time.sleep(999)", "exited"),
    "spins": ("channel.send(pids)\nwhile True: pass", "exited"),
    "has a child": (
        "import subprocess\n"
        "pids.append(subprocess.Popen(['sleep', '999']).pid)\n"
        "channel.send(pids)",
        "exited",
    ),
    "floods": ("channel.send(pids)\nwhile True: channel.send(b'x' * 10**6)", "exited"),
}


def run_all(gateways):
    """Run each task of ENDINGS on its gateway; return the processes of all of them."""
    found = []
    for gateway, (code, _) in zip(gateways, ENDINGS.values()):
        channel = gateway.remote_exec("import os\npids = [os.getpid()]\n" + code)
        found += channel.receive(BOUND)
    return found


def test_terminate_leaves_no_process_at_the_other_end(group, box):
    pids = run_all(group.makegateways([f"{len(ENDINGS)}*{box}"]))

    with promised(1.5):
        report = group.terminate(timeout=10.0)

    assert [ending.how for ending in report] == [how for _, how in ENDINGS.values()], str(report)
    assert gone(*pids)


# Jython starts processes through Java, and has no fork to leave behind.
@pytest.mark.parametrize("name", [name for name in VERSIONS if name != "jython"])
def test_every_interpreter_ends_what_its_tasks_have_started_and_says_its_own_status(
    group, box, name
):
    channel = group.makegateway(f"{box}//python={VERSIONS[name]}").remote_exec(
        "import os, subprocess, sys\n"
        "child = subprocess.Popen(['sleep', '999'])\n"
        "deaf = subprocess.Popen(['sh', '-c', 'trap true TERM HUP; sleep 999; sleep 999'])\n"
        "channel.send((os.getpid(), child.pid, deaf.pid))"
    )
    pids = channel.receive(BOUND)

    (ending,) = group.terminate(BOUND)

    assert (ending.how, ending.exit_status) == ("exited", 0)
    assert gone(*pids)


def test_without_time_to_end_in_they_are_killed_and_gone_soon_after(group, box):
    pids = run_all(group.makegateways([f"{len(ENDINGS)}*{box}"]))

    group.terminate(timeout=0.0)

    assert gone(*pids)


def test_a_local_side_that_is_killed_leaves_no_process_at_the_other_end(box):
    spec = f"{len(ENDINGS)}*{box}"
    code = f"import test_ssh; pids = test_ssh.run_all(group.makegateways([{spec!r}]))"
    with local_side(code) as (local, pids):
        assert pids and set(pids) <= set(leaks.processes())
        local.kill()

        assert gone(*pids)


# How the interpreter there ends -> what is said of it, ssh's exit status, and the last words
DEATHS = {
    "os._exit(3)": ("ended with exit status 3", 3, "my words"),
    "os.kill(os.getpid(), 9)": ("a signal killed the interpreter there", 255, "my words"),
    "os.kill(os.getpid(), 15)": ("a signal killed the interpreter there", 255, "my words"),
    "os.kill(os.getppid(), 9)": ("ssh lost the connection", 255, "closed by remote host"),
}


@pytest.mark.parametrize("code", DEATHS)
def test_a_remote_that_dies_says_how_as_far_as_ssh_knows(group, box, code):
    what, status, words = DEATHS[code]
    channel = group.makegateway(box).remote_exec(
        f"import os, sys\nos.write(2, b'my words\\n')\n{code}\nimport time; time.sleep(999)"
    )

    with pytest.raises(gatewaylib.GatewayLost, match=what) as caught:
        channel.receive(BOUND)

    assert caught.value.exit_status == status
    assert words in caught.value.stderr
    assert group.terminate(BOUND)[0].how == "lost"


def test_a_session_that_stands_still_is_found_by_the_heartbeat(group, box):
    gateway = group.makegateway(f"{box}//heartbeat=1.5")
    channel = gateway.remote_exec("import os; channel.send((os.getppid(), os.getpid()))")
    session, remote = channel.receive(BOUND)
    waiting = gateway.remote_exec("channel.receive()")
    lost = pytest.raises(gatewaylib.GatewayLost, match=r"no sign of life.*heartbeat=1\.5")
    os.kill(session, signal.SIGSTOP)
    try:
        with promised(2 * 1.5 + 1), lost:
            waiting.receive(BOUND)
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.kill(session, signal.SIGCONT)
    assert gone(session, remote)
