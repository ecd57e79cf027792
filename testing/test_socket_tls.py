"""Gateways over TLS, and who may not have one."""

import os
import signal
import threading

import interpreters
import pytest
from settling import BOUND
from socket_servers import pretend, serve

import gatewaylib
from gatewaylib import StartError

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("token")]

FOUND = interpreters.find()
PYTHONS = {name: path for name, path in FOUND.items() if name != "jython"}


@pytest.fixture(scope="module")
def strict(certs):
    """A server that asks for certs and no token."""
    options = [f"--cert={certs}/server.pem", f"--key={certs}/server.key"]
    with serve(certs, *options, f"--client-ca={certs}/ca.pem", token=None) as server:
        yield server


@pytest.mark.parametrize("name", PYTHONS)
def test_a_gateway_by_tls_works_on_every_python(name, certs, group):
    options = [f"--cert={certs}/server.pem", f"--key={certs}/server.key"]
    with serve(certs, *options, python=PYTHONS[name]) as server:
        gateway = group.makegateway(f"socket=localhost:{server.port}//ca={certs}/ca.pem")

        channel = gateway.remote_exec("for item in channel: channel.send(item)")
        channel.send("x" * 3 * 2**20)

        assert channel.receive(timeout=BOUND) == "x" * 3 * 2**20
        assert gateway.remoteaddress == f"localhost:{server.port}"
        assert [ending.how for ending in group.terminate(BOUND)] == ["exited"]
        assert "Traceback" not in server.errors()


def test_what_many_threads_send_both_ways_at_once_all_arrives(tls_server, certs, group):
    gateway = group.makegateway(f"socket={tls_server.address}//ca={certs}/ca.pem")
    channel = gateway.remote_exec("for item in channel: channel.send(item)")

    def send(thread):
        for number in range(20):
            channel.send((thread, number, b"x" * 2**18))

    threads = [threading.Thread(target=send, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    got = [channel.receive(timeout=BOUND) for _ in range(80)]
    for thread in threads:
        thread.join()

    assert {len(item[2]) for item in got} == {2**18}
    assert sorted(item[:2] for item in got) == [(t, n) for t in range(4) for n in range(20)]


def test_a_send_that_nobody_reads_keeps_its_timeout(tls_server, certs, group):
    gateway = group.makegateway(f"socket={tls_server.address}//ca={certs}/ca.pem//window=none")
    channel = gateway.remote_exec("channel.receive()")
    os.kill(gateway._rinfo().pid, signal.SIGSTOP)
    with pytest.raises(gatewaylib.TimeoutError, match="reads nothing"):
        for _ in range(20):
            channel.send(b"x" * 2**24, timeout=0.2)

    report = group.terminate(0.2)

    assert report[0].how in ("terminated", "killed")


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ("//ca={certs}/other.pem", "certificate verify failed"),
        ("//ca=system", "certificate verify failed"),
        ("", "if it speaks TLS, give ca="),
        ("//ca=/no/such/file", "No such file"),
        ("//ca={certs}/server.key", "socket="),
        ("//ca={certs}/ca.pem//cert=/no/such/file", "No such file"),
        ("//ca={certs}/ca.pem//cert={certs}/client.pem//key={certs}/server.key", "MISMATCH"),
    ],
)
def test_a_server_that_is_not_trusted_or_files_that_do_not_fit_are_one_clear_error(
    options, text, tls_server, certs
):
    with pytest.raises(StartError, match=text):
        gatewaylib.Group().makegateway(
            f"socket={tls_server.address}{options.format(certs=certs)}//start_timeout=10"
        )


def test_the_name_in_the_certificate_counts(certs):
    options = [f"--cert={certs}/server.pem", f"--key={certs}/server.key"]
    with serve(certs, *options, address="127.0.0.2:0") as server:
        with pytest.raises(StartError, match="TLS failed: .*127.0.0.2"):
            gatewaylib.Group().makegateway(f"socket={server.address}//ca={certs}/ca.pem")


def test_tls_does_not_take_the_place_of_the_token(tls_server, certs, tmp_path):
    (tmp_path / "token").write_text("another token, quite long")
    with pytest.raises(StartError, match="its token is wrong"):
        gatewaylib.Group().makegateway(
            f"socket={tls_server.address}//ca={certs}/ca.pem//token_file={tmp_path}/token"
        )


def test_a_certificate_of_the_clients_takes_the_place_of_a_token(
    strict, certs, group, monkeypatch
):
    monkeypatch.delenv("GATEWAYLIB_TOKEN")
    ours = f"cert={certs}/client.pem//key={certs}/client.key"

    gateway = group.makegateway(f"socket={strict.address}//ca={certs}/ca.pem//{ours}")

    assert gateway.remote_exec("channel.send(1)").receive(timeout=BOUND) == 1
    assert "WARNING" not in strict.errors()


@pytest.mark.parametrize("ours", ["", "//cert={certs}/other.pem//key={certs}/other.key"])
def test_a_client_without_the_right_certificate_does_not_get_in(ours, strict, certs, monkeypatch):
    monkeypatch.delenv("GATEWAYLIB_TOKEN")
    with pytest.raises(StartError, match=r"certificate required|unknown ca|no server for us"):
        gatewaylib.Group().makegateway(
            f"socket={strict.address}//ca={certs}/ca.pem{ours.format(certs=certs)}"
        )


def test_client_certificates_let_a_server_listen_on_every_address(certs, group, monkeypatch):
    monkeypatch.delenv("GATEWAYLIB_TOKEN")
    options = [f"--cert={certs}/server.pem", f"--key={certs}/server.key"]
    ours = f"ca={certs}/ca.pem//cert={certs}/client.pem//key={certs}/client.key"
    with serve(
        certs, *options, f"--client-ca={certs}/ca.pem", address="0.0.0.0:0", token=None
    ) as server:
        gateway = group.makegateway(f"socket=127.0.0.1:{server.port}//{ours}")

        assert gateway.remote_exec("channel.send(1)").receive(timeout=BOUND) == 1


def test_a_server_that_speaks_no_tls_is_told_from_one_that_does(certs):
    def talk(connection):
        connection.recv(1000)
        connection.sendall(b"hello, who are you?\n" * 10)

    with pretend(talk) as address, pytest.raises(StartError, match="TLS failed"):
        gatewaylib.Group().makegateway(f"socket={address}//ca={certs}/ca.pem")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_a_server_that_is_killed_ends_its_interpreters(number, certs, group):
    options = [f"--cert={certs}/server.pem", f"--key={certs}/server.key"]
    with serve(certs, *options) as server:
        gateway = group.makegateway(f"socket={server.address}//ca={certs}/ca.pem")
        channel = gateway.remote_exec("while True: pass")

        server.process.send_signal(number)

        with pytest.raises(gatewaylib.GatewayLost):
            channel.receive(timeout=BOUND)
    # Its process is looked for by conftest.py at the end of this test.


def test_a_lost_tls_gateway_leaves_no_thread(tls_server, certs, group):
    gateway = group.makegateway(f"socket={tls_server.address}//ca={certs}/ca.pem")
    channel = gateway.remote_exec("import os; os._exit(3)")

    with pytest.raises(gatewaylib.GatewayLost, match="closed the connection"):
        channel.receive(timeout=BOUND)
    group.terminate(BOUND)

    assert "gatewaylib-tls" not in [thread.name for thread in threading.enumerate()]
