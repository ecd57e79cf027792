"""Socket servers that only another gateway can reach: ``socket=HOST:PORT//via=ID``."""

import contextlib
import os
import signal
import socket
import threading

import interpreters
import pytest
from local_sides import local_side
from settling import BOUND, gone, is_running
from socket_servers import TOKEN, nobody, pretend, serve

import gatewaylib
from gatewaylib import SpecError, StartError
from gatewaylib.shipped.errors import HostNotFound

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("token")]

FOUND = interpreters.find()
SERVERS = {name: path for name, path in FOUND.items() if name != "jython"}
ECHO = "while True: channel.send(channel.receive())"
BUSY = "import os; channel.send(os.getpid())\nwhile True: pass"


def echoes(gateway, size=3 * 2**20):
    channel = gateway.remote_exec(ECHO)
    channel.send("x" * size)
    return channel.receive(timeout=BOUND) == "x" * size


# ---- what works ----------------------------------------------------------------------------


def test_versions_may_be_mixed_on_the_way_to_a_server(group, tmp_path):
    with serve(tmp_path, python=FOUND["python3.9"]) as server:
        a, b, c = group.makegateways(
            [
                f"popen//id=a//python={FOUND['python3.11']}",
                f"popen//id=b//via=a//python={FOUND['python2.7']}",
                f"socket={server.address}//id=c//via=b",
            ]
        )

        assert [g._rinfo().version_info[:2] for g in (a, b, c)] == [(3, 11), (2, 7), (3, 9)]
        assert [g.depth for g in (a, b, c)] == [0, 1, 2]
        assert echoes(c) and c.remoteaddress == server.address
        assert [ending.how for ending in group.terminate(BOUND)] == ["exited"] * 3
        assert "Traceback" not in server.errors()


def test_versions_may_be_mixed_on_the_way_to_a_server_that_speaks_tls(group, certs):
    options = [f"--cert={certs}/server.pem", f"--key={certs}/server.key"]
    with serve(certs, *options, python=FOUND["python3.9"]) as server:
        _, _, gateway = group.makegateways(
            [
                f"popen//id=a//python={FOUND['python3.11']}",
                f"popen//id=b//via=a//python={FOUND['python2.7']}",
                f"socket={server.address}//ca={certs}/ca.pem//via=b",
            ]
        )

        assert gateway._rinfo().version_info[:2] == (3, 9)
        assert echoes(gateway)
        assert [ending.how for ending in group.terminate(BOUND)] == ["exited"] * 3
        assert "Traceback" not in server.errors()


@pytest.mark.parametrize("name", FOUND)
def test_every_python_may_stand_in_between(name, group, server):
    group.makegateway(f"popen//id=a//python={FOUND[name]}")

    gateway = group.makegateway(f"socket={server.address}//via=a")

    assert echoes(gateway)
    assert [ending.how for ending in group.terminate(BOUND)] == ["exited"] * 2


@pytest.mark.parametrize("name", SERVERS)
def test_a_server_of_every_python_may_be_behind_a_gateway(name, group, tmp_path):
    with serve(tmp_path, python=SERVERS[name]) as server:
        group.makegateway("popen//id=a")

        assert echoes(group.makegateway(f"socket={server.address}//via=a"))


@pytest.mark.parametrize("model", ["gevent", "main_thread_only"])
def test_a_gateway_in_between_may_have_any_execmodel(model, group, server):
    group.makegateway(f"popen//id=a//execmodel={model}")

    assert echoes(group.makegateway(f"socket={server.address}//via=a"))


def test_any_gateway_may_be_behind_one_of_a_server(group, server, tls_server, certs):
    gateways = group.makegateways(
        [
            f"socket={server.address}//id=one",
            f"socket={tls_server.address}//ca={certs}/ca.pem//id=two//via=one",
            "popen//id=three//via=two",
            f"socket={server.address}//id=four//via=three",
        ]
    )

    assert [gateway.depth for gateway in gateways] == [0, 1, 2, 3]
    assert echoes(gateways[3])


def test_many_gateways_share_the_one_in_between(group, server, tls_server, certs):
    group.makegateway("popen//id=a")

    gateways = group.makegateways(
        [f"socket={server.address}//via=a"] * 3
        + [f"socket={tls_server.address}//ca={certs}/ca.pem//via=a"] * 3
    )

    channels = [gateway.remote_exec(ECHO) for gateway in gateways]
    for channel in channels:
        channel.send(b"x" * 10**6)
    assert [len(channel.receive(timeout=BOUND)) for channel in channels] == [10**6] * 6


def test_a_client_certificate_is_shown_through_the_gateway_in_between(group, certs, monkeypatch):
    monkeypatch.delenv("GATEWAYLIB_TOKEN")
    options = [f"--cert={certs}/server.pem", f"--key={certs}/server.key"]
    ours = f"ca={certs}/ca.pem//cert={certs}/client.pem//key={certs}/client.key"
    with serve(certs, *options, f"--client-ca={certs}/ca.pem", token=None) as server:
        group.makegateway("popen//id=a")

        assert echoes(group.makegateway(f"socket={server.address}//{ours}//via=a"))


def test_nobody_in_between_sees_the_token_nor_what_travels_by_tls(group, tls_server, certs):
    """The one in between is another server's client: what passes there is what it sees."""
    seen = bytearray()

    def listen(connection):
        host, _, port = tls_server.address.partition(":")
        with socket.create_connection((host, int(port))) as there:
            back = threading.Thread(target=copy, args=(there, connection))
            back.start()
            copy(connection, there)
            back.join()

    def copy(source, target):
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                seen.extend(data)
                target.sendall(data)
        with contextlib.suppress(OSError):
            target.shutdown(socket.SHUT_WR)

    with pretend(listen) as address:
        group.makegateway("popen//id=a")
        gateway = group.makegateway(f"socket={address}//ca={certs}/ca.pem//via=a")
        channel = gateway.remote_exec("channel.send(channel.receive())")
        channel.send("a secret word")
        assert channel.receive(timeout=BOUND) == "a secret word"
        environ = (
            group["a"]
            .remote_exec(
                "import os, subprocess\n"
                "channel.send((str(dict(os.environ)), subprocess.check_output(['ps', 'axww'])))"
            )
            .receive(timeout=BOUND)
        )
        group.terminate(BOUND)

    assert len(seen) > 10**4
    for secret in (TOKEN, "a secret word", "gatewaylib"):
        assert secret.encode() not in seen
    assert TOKEN not in environ[0] and TOKEN.encode() not in environ[1]


# ---- installvia ------------------------------------------------------------------------------


def test_installvia_with_via_needs_no_port_that_this_end_can_reach(group):
    group.makegateways(["popen//id=front", "popen//id=a//via=front"])

    gateway = group.makegateway("socket//installvia=a//via=a")

    assert gateway.depth == 2 and echoes(gateway)
    assert gateway.remoteaddress.startswith("127.0.0.1:")
    assert [ending.how for ending in group.terminate(BOUND)] == ["exited"] * 3


def test_installvia_works_on_a_gateway_that_is_itself_behind_others(group, server):
    group.makegateways(["popen//id=a", f"socket={server.address}//id=b//via=a"])

    assert echoes(group.makegateway("socket//installvia=b"))


def test_installvia_and_via_must_name_the_same_gateway(group):
    group.makegateways(["popen//id=a", "popen//id=b"])

    with pytest.raises(SpecError, match="via= must name the same gateway, a"):
        group.makegateway("socket//installvia=a//via=b")


# ---- how it does not start ---------------------------------------------------------------------


@pytest.mark.parametrize("name", FOUND)
def test_a_refused_port_says_from_where_it_was_tried(name, group):
    group.makegateway(f"popen//id=front//python={FOUND[name]}")

    with nobody() as address:
        text = f"{address} from gateway front: .*does the server run"
        with pytest.raises(StartError, match=text):
            group.makegateway(f"socket={address}//via=front")

    assert group["front"].remote_exec("channel.send(1)").receive(timeout=BOUND) == 1


def test_an_unknown_host_says_from_where_it_was_looked_for(group):
    group.makegateway("popen//id=front")

    with pytest.raises(HostNotFound, match=r"host\.invalid:1 from gateway front: "):
        group.makegateway("socket=host.invalid:1//via=front")


def test_a_wrong_token_is_told_as_ever(group, server, tmp_path):
    (tmp_path / "token").write_text("another token, quite long")
    group.makegateway("popen//id=front")

    with pytest.raises(StartError, match="from gateway front is no server for us: .*token"):
        group.makegateway(f"socket={server.address}//token_file={tmp_path}/token//via=front")


def test_a_server_without_tls_is_told_from_one_that_has_it(group, server, tls_server, certs):
    group.makegateway("popen//id=front")

    with pytest.raises(StartError, match="from gateway front is no server for us: TLS failed"):
        group.makegateway(f"socket={server.address}//ca={certs}/ca.pem//via=front")
    with pytest.raises(StartError, match="if it speaks TLS, give ca="):
        group.makegateway(f"socket={tls_server.address}//via=front//start_timeout=15")


def test_a_certificate_of_another_is_refused_whatever_is_in_between(group, certs, tls_server):
    group.makegateway("popen//id=front")

    with pytest.raises(StartError, match="from gateway front .*TLS failed"):
        group.makegateway(f"socket={tls_server.address}//ca={certs}/other.pem//via=front")


def test_a_server_that_says_nothing_is_given_up_in_time(group):
    silent = threading.Event()
    with pretend(lambda connection: silent.wait(BOUND)) as address:
        group.makegateway("popen//id=front")
        try:
            with pytest.raises(
                StartError, match=r"from gateway front \(connected, and no answer yet\)"
            ):
                group.makegateway(f"socket={address}//via=front", timeout=3.0)
        finally:
            silent.set()


def test_a_connection_that_does_not_come_is_given_up_in_time(group):
    with socket.socket() as listener, contextlib.ExitStack() as stack:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        for _ in range(2):  # they fill its queue, and nobody accepts
            waiting = stack.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(listener.getsockname())
        group.makegateway("popen//id=front")

        with pytest.raises(StartError, match=r"from gateway front \(no connection yet\)"):
            group.makegateway(
                f"socket=127.0.0.1:{listener.getsockname()[1]}//via=front", timeout=0.7
            )


def test_a_server_that_speaks_first_is_quoted(group):
    with pretend(lambda connection: connection.sendall(b"SSH-2.0-other\r\n")) as address:
        group.makegateway("popen//id=front")

        with pytest.raises(StartError, match="SSH-2.0-other"):
            group.makegateway(f"socket={address}//via=front")


def test_a_gateway_in_between_that_is_lost_is_said(group, server):
    front = group.makegateway("popen//id=front")
    with pytest.raises(gatewaylib.GatewayLost):
        front.remote_exec("import os; os._exit(1)").receive(timeout=BOUND)

    with pytest.raises(StartError, match="front"):
        group.makegateway(f"socket={server.address}//via=front")


@pytest.mark.parametrize(
    "lie",
    ["5", "b'x' * 10**6", "{'a': channel}", "b''", "b'+' + b'y' * 10**6"],
)
def test_a_gateway_in_between_that_lies_costs_one_clear_error(lie, group, server, monkeypatch):
    front = group.makegateway("popen//id=front")
    real, task = front._exec, f"job = channel.receive(); job['up'].send({lie}); channel.receive()"
    monkeypatch.setattr(front, "_exec", lambda source, kwargs, timeout: real(task, {}, timeout))

    with pytest.raises(StartError, match="from gateway front"):
        group.makegateway(f"socket={server.address}//via=front//start_timeout=10")


def test_an_execmodel_of_this_end_that_has_no_threads_is_refused(server):
    with gatewaylib.Group(execmodel="gevent") as group:
        group.makegateway("popen//id=a")

        with pytest.raises(StartError, match="via= needs threads at this end"):
            group.makegateway(f"socket={server.address}//via=a")


# ---- flow, and how it ends ---------------------------------------------------------------------


@pytest.fixture(params=["token", "tls"])
def spec(request, server, tls_server, certs):
    """A spec of a server, to which ``//via=`` is added."""
    plain = f"socket={server.address}"
    return (
        plain if request.param == "token" else (f"socket={tls_server.address}//ca={certs}/ca.pem")
    )


def memory(gateway):
    pages = gateway.remote_exec("channel.send(open('/proc/self/statm').read())")
    return int(pages.receive(timeout=BOUND).split()[1]) * os.sysconf("SC_PAGESIZE")


def test_an_interpreter_that_reads_nothing_costs_little_in_between(group, spec):
    front, inner = group.makegateways(["popen//id=front", f"{spec}//via=front"])
    pid = inner._rinfo().pid
    channel = inner.remote_exec("channel.receive()")
    before = memory(front)
    os.kill(pid, signal.SIGSTOP)

    with pytest.raises(gatewaylib.TimeoutError):
        for _ in range(200):  # its own window would be 64 MiB
            channel.send(b"x" * 10**6, timeout=0.3)

    assert memory(front) - before < 24 * 2**20
    os.kill(pid, signal.SIGKILL)  # what is under way does not keep its end from being seen
    with pytest.raises(gatewaylib.GatewayLost):
        channel.receive(timeout=BOUND)


def test_a_stopped_interpreter_with_full_pipes_ends_with_its_gateway(group, spec):
    _, inner = group.makegateways(["popen//id=front", f"{spec}//via=front"])
    pid = inner._rinfo().pid
    channel = inner.remote_exec("channel.receive()")
    os.kill(pid, signal.SIGSTOP)
    with pytest.raises(gatewaylib.TimeoutError):
        for _ in range(200):
            channel.send(b"x" * 10**6, timeout=0.3)

    group.terminate(0)

    assert gone(pid)


def test_a_busy_interpreter_ends_with_its_gateway(group, spec):
    _, inner = group.makegateways(["popen//id=front", f"{spec}//via=front"])
    pid = inner.remote_exec(BUSY).receive(timeout=BOUND)

    group.terminate(0)

    assert gone(pid)


def test_nothing_stays_at_the_server_when_the_gateway_in_between_is_killed(group, spec):
    _, _, inner = group.makegateways(
        ["popen//id=front", "popen//id=next//via=front", f"{spec}//via=next"]
    )
    channel = inner.remote_exec(BUSY)
    pid = channel.receive(timeout=BOUND)

    os.kill(group["next"]._rinfo().pid, signal.SIGKILL)

    with pytest.raises(gatewaylib.GatewayLost, match="next .*SIGKILL"):
        channel.receive(timeout=BOUND)
    assert gone(pid)
    group.terminate(BOUND)
    assert not [t.name for t in threading.enumerate() if "tunnel" in t.name or "tls" in t.name]


def test_nothing_stays_at_the_server_when_this_end_is_killed(spec):
    code = (
        f"specs = ['popen//id=a', 'popen//id=b//via=a', {spec + '//via=b'!r}]\n"
        "gateways = group.makegateways(specs)\n"
        f"gateways[2].remote_exec({BUSY!r}).receive({BOUND})\n"
        "pids = [g._rinfo().pid for g in gateways]\n"
    )
    with local_side(code) as (process, pids):
        assert len(pids) == 3 and all(map(is_running, pids))

        process.kill()

        assert gone(*pids)


def test_an_interpreter_that_dies_is_told_and_leaves_the_one_in_between_alone(group, spec):
    front, inner = group.makegateways(["popen//id=front", f"{spec}//via=front"])
    channel = inner.remote_exec("import os; os._exit(3)")

    with pytest.raises(gatewaylib.GatewayLost, match="closed the connection"):
        channel.receive(timeout=BOUND)

    assert front.remote_exec("channel.send(1)").receive(timeout=BOUND) == 1
    group.terminate(BOUND)
    assert not [t.name for t in threading.enumerate() if "tunnel" in t.name or "tls" in t.name]
