"""Gateways over a socket: real servers on every interpreter, and how all of it ends."""

import os
import signal
import subprocess
import sys
import threading
import time

import interpreters
import pytest
from settling import BOUND, gone, nothing_kept, settle
from socket_servers import SCRIPT, TOKEN, pretend, serve

import gatewaylib
from gatewaylib import StartError
from gatewaylib.shipped.errors import SpecError

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("token")]

PYTHONS = {name: path for name, path in interpreters.find().items() if name != "jython"}
BUSY = """
import subprocess, sys, os
child = subprocess.Popen(["sleep", "999"])
channel.send((os.getpid(), child.pid))
while True:
    try:
        while True: pass
    except KeyboardInterrupt:
        pass
"""


# ---- what works ----------------------------------------------------------------------------


@pytest.mark.parametrize("name", PYTHONS)
def test_the_server_runs_by_itself_on_every_python(name, group, tmp_path):
    with serve(tmp_path, python=PYTHONS[name]) as server:
        gateway = group.makegateway(f"socket={server.address}")

        channel = gateway.remote_exec("for item in channel: channel.send(item)")
        channel.send({"a": [1, "x" * 200000]})

        assert channel.receive(timeout=BOUND) == {"a": [1, "x" * 200000]}
        assert gateway.remoteaddress == server.address
        assert [ending.how for ending in group.terminate(BOUND)] == ["exited"]
        assert server.errors() == ""


@pytest.mark.slow
def test_the_server_needs_nothing_that_is_installed(tmp_path):
    for python in PYTHONS.values():
        run = subprocess.run(
            [python, "-E", "-s", "-S", SCRIPT, "--help"],
            cwd=tmp_path, stdout=subprocess.PIPE, timeout=BOUND, check=True,
        )
        assert b"--insecure-no-token" in run.stdout


def test_each_gateway_has_a_fresh_interpreter_with_what_its_spec_says(server, group, tmp_path):
    options = f"chdir={tmp_path}//env:COLOUR=blue//nice=3//dont_write_bytecode"
    one, two = group.makegateways(
        [f"socket={server.address}//id=one//execmodel=main_thread_only//{options}",
         f"socket={server.address}"]
    )

    there = "import os, sys; channel.send((os.getcwd(), os.environ.get('COLOUR'), os.nice(0)," \
        " sys.dont_write_bytecode, channel.gateway.id, channel.gateway.execmodel.backend))"

    assert one._rinfo().pid != two._rinfo().pid
    assert one.remote_exec(there).receive(timeout=BOUND) == (
        str(tmp_path), "blue", os.nice(0) + 3, True, "one-worker", "main_thread_only"
    )
    assert two.remote_exec(there).receive(timeout=BOUND)[4:] == (f"{two.id}-worker", "thread")


@pytest.mark.parametrize("size", [100, 2**16, 2**20])
def test_what_many_threads_send_at_once_all_arrives(server, group, size):
    gateway = group.makegateway(f"socket={server.address}")
    channel = gateway.remote_exec(
        "for item in channel: channel.send((item[0], item[1], len(item[2])))"
    )

    def send(thread):
        for number in range(30):
            channel.send((thread, number, b"x" * size))

    threads = [threading.Thread(target=send, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    got = [channel.receive(timeout=BOUND) for _ in range(120)]
    for thread in threads:
        thread.join()

    assert sorted(got) == [(thread, number, size) for thread in range(4) for number in range(30)]


def test_many_gateways_start_at_once(server, group):
    gateways = group.makegateways([f"socket={server.address}"] * 12)

    assert len({gateway._rinfo().pid for gateway in gateways}) == 12
    assert {ending.how for ending in group.terminate(BOUND)} == {"exited"}


def test_an_ipv6_address_stands_in_brackets(group, tmp_path):
    with serve(tmp_path, address="[::1]:0") as server:
        gateway = group.makegateway(f"socket={server.address}")

        assert server.address.startswith("[::1]:")
        assert gateway.remoteaddress == server.address


def test_what_it_prints_arrives_at_the_server(group, tmp_path):
    with serve(tmp_path) as server:
        gateway = group.makegateway(f"socket={server.address}")
        gateway.remote_exec("print('printed')").waitclose(BOUND)
        group.terminate(BOUND)

        assert server.errors() == "printed\n"


# ---- who is let in ---------------------------------------------------------------------------


def test_a_token_may_be_in_a_file_at_both_ends(group, tmp_path, monkeypatch):
    monkeypatch.delenv("GATEWAYLIB_TOKEN")
    (tmp_path / "token").write_text("  some token in a file\n")
    with serve(tmp_path, "--token-file", str(tmp_path / "token"), token=None) as server:
        gateway = group.makegateway(f"socket={server.address}//token_file={tmp_path}/token")

        assert gateway.remote_exec("channel.send(1)").receive(timeout=BOUND) == 1


def test_without_a_token_of_the_users_the_server_prints_one_of_its_own(
    group, tmp_path, monkeypatch
):
    with serve(tmp_path, token=None) as server:
        monkeypatch.setenv("GATEWAYLIB_TOKEN", server.read_token())
        gateway = group.makegateway(f"socket={server.address}")

        assert len(server.token) == 64
        assert gateway.remote_exec("channel.send(1)").receive(timeout=BOUND) == 1


def test_the_token_is_in_no_command_line_environment_or_repr_of_what_is_started(server, group):
    gateway, here = group.makegateways([f"socket={server.address}", "popen"])
    told = [repr(gateway), str(gateway.spec), repr(gateway.process)]
    channel = gateway.remote_exec("import os; channel.send(dict(os.environ))")
    for pid in (gateway._rinfo().pid, here._rinfo().pid, server.process.pid):
        with open(f"/proc/{pid}/cmdline", "rb") as source:
            told.append(source.read().decode())
    for pid in (gateway._rinfo().pid, here._rinfo().pid):
        with open(f"/proc/{pid}/environ", "rb") as source:
            told.append(source.read().decode())

    assert "GATEWAYLIB_TOKEN" not in channel.receive(timeout=BOUND)
    assert [text for text in told if TOKEN in text] == []


def test_a_wrong_token_is_told_so_and_others_do_not_wait_for_it(server, tmp_path):
    (tmp_path / "wrong").write_text("another token, quite long")
    spec = f"socket={server.address}//token_file={tmp_path}/wrong"
    with gatewaylib.Group() as group:
        begun = time.monotonic()
        with pytest.raises(gatewaylib.StartErrors) as caught:
            group.makegateways([spec] * 3 + [f"socket={server.address}"], keep_started=True)
        seconds = time.monotonic() - begun

        assert len(group) == 1  # the one that knows the token
    for _, error in caught.value.errors:
        assert "refused its token is wrong" in str(error)
        assert server.address in str(error) and "another token" not in str(error)
    assert seconds >= 1.0  # each attempt costs whoever makes it a second
    assert "its token is wrong" in server.errors()


def test_a_client_without_a_token_is_told_that_it_needs_one(server, monkeypatch):
    monkeypatch.delenv("GATEWAYLIB_TOKEN")
    with pytest.raises(StartError, match="asks for a token: give token_file=, or GATEWAYLIB_TOKEN"):
        gatewaylib.Group().makegateway(f"socket={server.address}")


def test_an_open_server_says_so_and_is_trusted_by_those_without_a_token_only(
    group, tmp_path, monkeypatch
):
    with serve(tmp_path, "--insecure-no-token", token=None) as server:
        with pytest.raises(StartError, match="knows no token"):
            group.makegateway(f"socket={server.address}")
        monkeypatch.delenv("GATEWAYLIB_TOKEN")
        gateway = group.makegateway(f"socket={server.address}")

        assert gateway.remote_exec("channel.send(1)").receive(timeout=BOUND) == 1
        assert "WARNING: no token is asked for" in server.errors()


@pytest.mark.parametrize(
    ("options", "token", "text"),
    [
        (["0.0.0.0:0"], None, "can be reached from other machines"),
        (["[::]:0"], None, "can be reached from other machines"),
        (["127.0.0.1:0"], "short", "has 5 characters, must have 16 at least"),
        (["127.0.0.1"], None, "written HOST:PORT"),
        (["::1:0"], None, "write [::1]:0"),
        (["127.0.0.1:0", "--token-file", "/no/such/file"], None, "No such file"),
        (["127.0.0.1:0", "--key", "x"], None, "needs --cert"),
        (["127.0.0.1:0", "--cert", "/no/such/file"], None, "No such file"),
        (["127.0.0.1:0", "--insecure-no-token", "--token-file", "x"], None, "contradict"),
    ],
)
def test_a_server_that_may_not_or_cannot_start_says_why(options, token, text):
    env = {name: value for name, value in os.environ.items() if name != "GATEWAYLIB_TOKEN"}
    if token:
        env["GATEWAYLIB_TOKEN"] = token
    for python in {sys.executable, PYTHONS.get("python2.7", sys.executable)}:
        run = subprocess.run(
            [python, SCRIPT, *options],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=env, timeout=BOUND, text=True,
            check=False,
        )
        assert run.returncode == 2 and text in run.stderr
        assert "Traceback" not in run.stderr and run.stdout == ""


def test_with_a_token_the_server_may_listen_on_every_address(group, tmp_path):
    with serve(tmp_path, address="0.0.0.0:0") as server:
        gateway = group.makegateway(f"socket=127.0.0.1:{server.port}")

        assert gateway.remote_exec("channel.send(1)").receive(timeout=BOUND) == 1


@pytest.mark.parametrize(
    ("spec", "text"),
    [
        ("socket", "Write socket=HOST:PORT"),
        ("socket=host", "written HOST:PORT"),
        ("socket=host:99999", "written HOST:PORT"),
        ("socket=host:1//python=python3", "python is for"),
        ("socket=host:1//cert=x", "cert= is for TLS: add ca="),
        ("socket//installvia=gw9", "installvia=gw9 is no gateway"),
        ("popen//token_file=x", "token_file is for socket"),
    ],
)
def test_a_spec_that_makes_no_sense_says_why(spec, text):
    with pytest.raises(SpecError, match=text):
        gatewaylib.Group().makegateway(spec)


# ---- how it ends -------------------------------------------------------------------------------


def test_a_busy_interpreter_and_its_children_end_with_their_gateway(server):
    group = gatewaylib.Group()
    gateway = group.makegateway(f"socket={server.address}")
    pid, child = gateway.remote_exec(BUSY).receive(timeout=BOUND)

    group.terminate(0)

    assert gone(pid, child)


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in ("python2.7", "python3.6") if name in PYTHONS])
def test_a_stopped_interpreter_is_ended_when_its_connection_is(name, tmp_path):
    with serve(tmp_path, python=PYTHONS[name]) as server:
        group = gatewaylib.Group()
        gateway = group.makegateway(f"socket={server.address}")
        pid = gateway._rinfo().pid
        os.kill(pid, signal.SIGSTOP)

        group.terminate(0)

        assert gone(pid)


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in ("python2.7", "python3.6") if name in PYTHONS])
def test_one_that_has_stopped_reading_is_ended_though_it_was_sent_much(name, tmp_path):
    with serve(tmp_path, python=PYTHONS[name]) as server:
        group = gatewaylib.Group()
        gateway = group.makegateway(f"socket={server.address}//window=none")
        channel = gateway.remote_exec("channel.receive()")
        pid = gateway._rinfo().pid
        os.kill(pid, signal.SIGSTOP)
        with pytest.raises(gatewaylib.TimeoutError, match="reads nothing"):
            for _ in range(20):
                channel.send(b"x" * 2**24, timeout=0.2)

        group.terminate(0)

        assert gone(pid)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
@pytest.mark.parametrize("name", [name for name in ("python2.7", "python3.13") if name in PYTHONS])
def test_the_interpreters_of_a_server_end_with_it(name, number, group, tmp_path):
    with serve(tmp_path, python=PYTHONS[name]) as server:
        gateway = group.makegateway(f"socket={server.address}")
        channel = gateway.remote_exec(BUSY)
        pid, child = channel.receive(timeout=BOUND)

        server.process.send_signal(number)

        with pytest.raises(gatewaylib.GatewayLost, match="closed the connection"):
            channel.receive(timeout=BOUND)
        assert gone(pid, child)


def test_an_interpreter_that_dies_is_told_at_once_and_after_what_it_sent(server, group):
    gateway = group.makegateway(f"socket={server.address}")
    channel = gateway.remote_exec(
        "import os\nfor i in range(1000): channel.send(i)\nos.kill(os.getpid(), 9)"
    )

    assert [channel.receive(timeout=BOUND) for _ in range(1000)] == list(range(1000))
    text = f"{server.address} closed the connection; what it wrote to stderr is at its server"
    with pytest.raises(gatewaylib.GatewayLost, match=text):
        channel.receive(timeout=BOUND)


def test_a_process_that_dies_leaves_no_interpreter_at_the_server(server, tmp_path):
    code = (
        "import gatewaylib, sys, os\n"
        f"g = gatewaylib.makegateway('socket={server.address}')\n"
        f"print(*g.remote_exec({BUSY!r}).receive(), flush=True)\n"
        "os.kill(os.getpid(), 9)\n"
    )
    path = os.pathsep.join(filter(None, sys.path))
    run = subprocess.run(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, timeout=BOUND, check=False,
        env={**os.environ, "PYTHONPATH": path},
    )

    pid, child = map(int, run.stdout.split())
    assert gone(pid, child)


def test_an_interpreter_that_says_nothing_any_more_is_found_by_its_heartbeat(server, group):
    gateway = group.makegateway(f"socket={server.address}//heartbeat=1.5")
    channel = gateway.remote_exec("channel.receive()")

    os.kill(gateway._rinfo().pid, signal.SIGSTOP)

    with pytest.raises(gatewaylib.GatewayLost):
        channel.receive(timeout=BOUND)


def test_nothing_is_left_of_many_gateways_that_come_and_go(group, tmp_path):
    with serve(tmp_path) as server:
        there = f"/proc/{server.process.pid}/fd"
        before = os.listdir(there)
        group.makegateway(f"socket={server.address}")  # what is imported, is imported now
        group.terminate(BOUND)
        with nothing_kept():
            for _ in range(5):
                group.makegateways([f"socket={server.address}"] * 2)
                group.terminate(BOUND)

        assert settle(lambda: os.listdir(there) == before), (before, os.listdir(there))


def test_a_fork_of_this_process_leaves_the_connection_to_its_parent(server, group):
    gateway = group.makegateway(f"socket={server.address}")
    channel = gateway.remote_exec("for item in channel: channel.send(item)")

    pid = os.fork()
    if pid == 0:
        try:
            gateway.remote_exec("1")
        except gatewaylib.GatewayLost:
            os._exit(7)
        os._exit(1)

    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 7
    channel.send(1)
    assert channel.receive(timeout=BOUND) == 1


def test_ctrl_c_ends_a_start_that_waits_for_a_server():
    connected = threading.Event()

    def say_nothing(connection):
        connected.set()
        while connection.recv(2**16):
            pass

    with pretend(say_nothing) as address:
        code = f"import gatewaylib; gatewaylib.makegateway('socket={address}')"
        process = subprocess.Popen(
            [sys.executable, "-c", code], stderr=subprocess.PIPE, text=True,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        )
        assert connected.wait(BOUND)

        process.send_signal(signal.SIGINT)
        _, words = process.communicate(timeout=BOUND)

    assert words.rstrip().endswith("KeyboardInterrupt")
