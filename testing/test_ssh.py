"""Gateways by ssh, to a real sshd on loopback: what works, and how it ends."""

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import time

import interpreters
import leaks
import pytest
import ssh_server
from command_line import environment

import gatewaylib

BOUND = 30.0  # seconds: a hang, and nothing else
SLACK = 2.0  # seconds for a machine that is busy with other tests
GONE = 3.0  # seconds within which nothing of a remote is left
VERSIONS = interpreters.find()

pytestmark = pytest.mark.skipif(
    ssh_server.find_sshd() is None, reason="no sshd: install openssh-server"
)


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with ssh_server.running(tmp_path_factory.mktemp("sshd")) as server:
        yield server


@pytest.fixture
def box(server):
    """The beginning of a spec that leads to the server."""
    return f"ssh=box//ssh_config={server.config}"


def gone(pids, within=GONE + SLACK):
    """Return whether the processes have ended, or end in time."""
    deadline = time.monotonic() + within
    while set(pids) & set(leaks.processes()):
        if time.monotonic() > deadline:
            return False
    return True


# ---- what a spec may say -----------------------------------------------------------------


def test_a_gateway_by_ssh_runs_code_in_a_session_of_the_server(group, box):
    gateway = group.makegateway(box)
    channel = gateway.remote_exec("import os; channel.send(dict(os.environ))")

    assert channel.receive(BOUND)["SSH_CONNECTION"].startswith("127.0.0.1 ")
    assert gateway.remoteaddress == "box"
    assert "ssh=box" in repr(gateway)


def test_the_value_of_ssh_may_hold_options_and_a_user(group, server):
    config = server.write_config("other", Port=1, User="nobody")
    target = f"-p {server.port} {server.user}@box"

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


def test_gateways_share_no_connection_that_one_of_them_made(group, server, tmp_path):
    config = server.write_config("master", ControlMaster="auto", ControlPath=f"{tmp_path}/%C")
    first, second = group.makegateways([f"2*ssh=box//ssh_config={config}"])

    assert first.terminate(BOUND)[0].how == "exited"

    assert second.remote_exec("channel.send(1)").receive(BOUND) == 1


# ---- what stands in the way of the hello -------------------------------------------------


def log_in_with(server, command):
    """Have every login run a command first, as its rc file would."""
    server.allow(f'command="{command}; eval \\"$SSH_ORIGINAL_COMMAND\\""')


@pytest.fixture
def logging_in(server):
    yield lambda command: log_in_with(server, command)
    server.allow()


def test_what_a_login_prints_is_skipped_up_to_64_kib(group, box, logging_in):
    logging_in("head -c 65536 /dev/urandom; echo welcome >&2")

    gateway = group.makegateway(f"{box}//stdio=drop")

    assert gateway.remote_exec("channel.send(1)").receive(BOUND) == 1


def test_a_login_that_prints_more_than_that_is_an_error_that_quotes_it(group, box, logging_in):
    logging_in("yes motd | head -c 200000")

    with pytest.raises(gatewaylib.StartError, match="that are no hello") as caught:
        group.makegateway(box)

    assert "motd" in str(caught.value)


def test_a_banner_is_no_trouble(group, tmp_path):
    (tmp_path / "banner").write_text("authorized use only\n")
    lines = []
    with ssh_server.running(tmp_path, Banner=tmp_path / "banner") as server:
        group.makegateway(
            f"ssh=box//ssh_config={server.config}", on_output=lambda *words: lines.append(words)
        )
        group.terminate(BOUND)

    assert ("gw0", "stderr", "authorized use only") in lines


def test_a_login_that_says_nothing_and_hangs_is_an_error_in_time(group, box, logging_in):
    logging_in("cat > /dev/null")  # until its stdin ends
    begun = time.monotonic()

    with pytest.raises(gatewaylib.StartError, match=r"within 1 s.*\n?.*ssh -F .* true"):
        group.makegateway(f"{box}//start_timeout=1")

    assert time.monotonic() - begun < 2 + SLACK


# ---- hosts that are not reached ----------------------------------------------------------


def unknown_key(server, folder):
    (folder / "empty").touch()
    return f"ssh=box//ssh_config={server.write_config('c', UserKnownHostsFile=folder / 'empty')}"


def changed_key(server, folder):
    other = ssh_server.make_key(folder / "other").with_suffix(".pub")
    (folder / "changed").write_text(server.known_hosts(other))
    return f"ssh=box//ssh_config={server.write_config('c', UserKnownHostsFile=folder / 'changed')}"


def wrong_key(server, folder):
    key = ssh_server.make_key(folder / "not_let_in")
    return f"ssh=box//ssh_config={server.write_config('c', IdentityFile=key)}"


# name -> (what makes a spec that does not lead there, what the error says)
UNREACHABLE = {
    "an unknown host key": (unknown_key, "Host key verification failed"),
    "a changed host key": (changed_key, "HOST IDENTIFICATION HAS CHANGED"),
    "a wrong user": (lambda s, _: f"ssh=nobody@box//ssh_config={s.config}", "Permission denied"),
    "a wrong key": (wrong_key, "Permission denied"),
    "a port without a server": (lambda s, _: "ssh=-p 1 127.0.0.1", "Connection refused"),
    "a name that means nothing": (lambda s, _: "ssh=no.such.invalid", "resolve"),
    "a configuration that is not there": (
        lambda s, folder: f"ssh=box//ssh_config={folder}/none", "No such file"
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", UNREACHABLE)
def test_what_keeps_ssh_from_its_host_is_said_at_once(group, server, tmp_path, name):
    make, what = UNREACHABLE[name]
    spec = make(server, tmp_path)
    begun = time.monotonic()

    with pytest.raises(gatewaylib.HostNotFound, match=what) as caught:
        group.makegateway(spec)

    assert time.monotonic() - begun < 5 + SLACK
    assert caught.value.exit_status == 255
    assert what in caught.value.stderr
    assert str(caught.value).startswith(spec.partition("//")[0])
    assert "ssh asks nothing here" in str(caught.value)
    assert len(group) == 0


def write_command(path, text):
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)


def test_nothing_is_ever_asked(group, server, tmp_path, monkeypatch):
    """Not even where something could: a passphrase, or the server's offer of a password."""
    asked = tmp_path / "asked"
    write_command(tmp_path / "askpass", f"touch {asked}; exec sleep 999")
    monkeypatch.setenv("SSH_ASKPASS", str(tmp_path / "askpass"))
    monkeypatch.setenv("SSH_ASKPASS_REQUIRE", "force")
    monkeypatch.setenv("DISPLAY", ":0")
    key = ssh_server.make_key(tmp_path / "locked", passphrase="secret")

    with pytest.raises(gatewaylib.HostNotFound, match="Permission denied .*password"):
        group.makegateway(f"ssh=box//ssh_config={server.write_config('c', IdentityFile=key)}")

    assert not asked.exists()


def test_a_network_without_a_route_is_said(group, tmp_path, monkeypatch):
    write_command(
        tmp_path / "ssh", f'exec unshare --map-root-user --net {shutil.which("ssh")} "$@"'
    )
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)

    with pytest.raises(gatewaylib.HostNotFound, match="Network is unreachable"):
        group.makegateway("ssh=192.0.2.1")


def test_a_host_that_never_answers_is_an_error_in_time(group):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        begun = time.monotonic()

        with pytest.raises(gatewaylib.StartError, match=f"within 1 s.*\n?.*ssh -p {port}"):
            group.makegateway(f"ssh=-p {port} 127.0.0.1//start_timeout=1")

    assert time.monotonic() - begun < 2 + SLACK


def test_a_host_that_has_no_python_says_so(group, box, logging_in, tmp_path):
    (tmp_path / "sh").symlink_to("/bin/sh")
    logging_in(f"PATH={tmp_path}")
    for option in ("", "//python=python3.99", "//python=/no/such/python"):
        with pytest.raises(gatewaylib.StartError, match="Name one by python=") as caught:
            group.makegateway(box + option)

        assert type(caught.value) is gatewaylib.StartError
        assert caught.value.exit_status == 127
        assert "python3" in caught.value.stderr or "/no/such/python" in caught.value.stderr


def test_a_machine_without_ssh_says_so(group, tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))

    with pytest.raises(gatewaylib.StartError, match="cannot run ssh: No such file.*on the PATH"):
        group.makegateway("ssh=host")


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
    begun = time.monotonic()

    report = group.terminate(timeout=10.0)

    assert time.monotonic() - begun < 1.5 + SLACK
    assert [ending.how for ending in report] == [how for _, how in ENDINGS.values()], str(report)
    assert gone(pids)


def test_without_time_to_end_in_they_are_killed_and_gone_soon_after(group, box):
    pids = run_all(group.makegateways([f"{len(ENDINGS)}*{box}"]))

    group.terminate(timeout=0.0)

    assert gone(pids)


LOCAL = """
import sys
sys.path.insert(0, {testing!r})
import gatewaylib, test_ssh
group = gatewaylib.Group()
print(test_ssh.run_all(group.makegateways([{spec!r}])), flush=True)
sys.stdin.read()
"""


def test_a_local_side_that_is_killed_leaves_no_process_at_the_other_end(box):
    code = LOCAL.format(testing=os.path.dirname(__file__), spec=f"{len(ENDINGS)}*{box}")
    with subprocess.Popen(
        [sys.executable, "-c", code],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=environment(),
        encoding="utf-8",
    ) as local:
        pids = [int(word) for word in local.stdout.readline().strip("[]\n").split(",")]
        assert set(pids) <= set(leaks.processes())
        local.kill()

    assert gone(pids)


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
    gateway = group.makegateway(f"{box}//heartbeat=0.5")
    channel = gateway.remote_exec("import os; channel.send((os.getppid(), os.getpid()))")
    session, remote = channel.receive(BOUND)
    waiting = gateway.remote_exec("channel.receive()")
    begun = time.monotonic()
    os.kill(session, signal.SIGSTOP)
    try:
        with pytest.raises(gatewaylib.GatewayLost, match=r"no sign of life.*heartbeat=0\.5"):
            waiting.receive(BOUND)
        assert time.monotonic() - begun < 2 * 0.5 + 1 + SLACK
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.kill(session, signal.SIGCONT)
    assert gone([session, remote])
