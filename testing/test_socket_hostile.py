"""What is no socket server, and what is no client: one clear error in time, and no harm done."""

import contextlib
import os
import socket
import threading

import pytest
from settling import BOUND, promised
from socket_servers import TOKEN, nobody, pretend

import gatewaylib
from gatewaylib import HostNotFound, StartError
from gatewaylib.shipped.on_demand.socket_server import handshake, listening
from gatewaylib.shipped.on_demand.socket_server import server as accepting

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("token")]



# ---- servers that are none ---------------------------------------------------------------------


def say(data):
    def talk(connection):
        connection.recv(1000)
        connection.sendall(data)
        connection.shutdown(socket.SHUT_WR)
        while connection.recv(2**16):
            pass

    return talk


def say_nothing(connection):
    while connection.recv(2**16):
        pass


def flood(connection):
    while True:
        connection.sendall(b"x" * 2**16)


def answer(*, welcome, then):
    """Answer as a server does up to the welcome; ``welcome`` makes it of greeting and answer."""

    def talk(connection):
        greeting = handshake.read_line(connection)
        answer = handshake.make_greeting("token")
        connection.sendall(answer.encode())
        handshake.read_line(connection)
        connection.sendall(welcome(greeting, answer).encode())
        then(connection)

    return talk


def know_it(greeting, answer):
    return "welcome %s\n" % handshake.proof(TOKEN, "server", greeting, answer)


def repeat_ours(greeting, answer):
    return "welcome %s\n" % handshake.proof(TOKEN, "client", greeting, answer)


ENDING = {
    "says garbage": (say(b"HTTP/1.1 400 Bad Request\r\n\r\n"), "HTTP/1.1 400"),
    "says bytes": (say(bytes(range(128, 256)) * 2), "no gatewaylib speaks so"),
    "closes at once": (lambda connection: connection.close(), "is no server for us"),
    "closes after a line": (say(b""), "nothing came"),
    "floods": (flood, "no gatewaylib speaks so"),
    "speaks another version": (say(b"gatewaylib-socket 7 token %s\n" % (b"0" * 64)), "version"),
    "has no nonce": (say(b"gatewaylib-socket 1 token 00\n"), "makes no sense"),
    "does not know the token": (
        answer(welcome=lambda *lines: "welcome %s\n" % ("0" * 64), then=say_nothing),
        "does not know the token itself",
    ),
    "repeats our proof": (answer(welcome=repeat_ours, then=say_nothing), "not the one we mean"),
    "welcomes and floods": (answer(welcome=know_it, then=flood), "that are no hello"),
    "welcomes and leaves": (
        answer(welcome=know_it, then=lambda connection: connection.close()), "before it said hello"
    ),
}


@pytest.mark.parametrize("name", ENDING)
def test_a_server_that_is_none_gives_one_clear_error(name):
    talk, text = ENDING[name]
    with pretend(talk) as address:
        with pytest.raises(StartError) as caught:
            gatewaylib.Group().makegateway(f"socket={address}")

    assert address in str(caught.value) and text in str(caught.value)
    assert TOKEN not in str(caught.value)


def test_a_server_that_says_nothing_or_too_little_ends_with_start_timeout():
    slow = [say_nothing, answer(welcome=know_it, then=say_nothing)]
    with pretend(slow[0]) as silent, pretend(slow[1]) as dull:
        with promised(4.0), pytest.raises(gatewaylib.StartErrors) as caught:
            gatewaylib.Group().makegateways(
                [f"socket={silent}", f"socket={dull}"] * 3, timeout=3.0
            )

    (_, first), (_, second) = caught.value.errors[:2]
    assert f"{silent} (connected, and no answer yet) did not say hello within 3 s" in str(first)
    assert f"{dull} did not say hello within 3 s" in str(second)


def test_a_slow_server_keeps_no_other_gateway_from_starting(server):
    with pretend(say_nothing) as silent, gatewaylib.Group() as group:
        specs = [f"socket={silent}//start_timeout=1", f"socket={server.address}", "popen"]
        with pytest.raises(gatewaylib.StartErrors) as caught:
            group.makegateways(specs, keep_started=True)

        assert len(caught.value.errors) == 1
        assert len(group) == 2


def test_a_port_where_nobody_listens_is_named():
    with nobody() as address:
        with pytest.raises(StartError, match=f"cannot connect to {address}: .*refused.*run"):
            gatewaylib.Group().makegateway(f"socket={address}")


def test_a_host_that_is_not_found_is_named():
    for host in ("no-such-host.invalid", "x" * 300, "."):
        with pytest.raises(HostNotFound, match=f"cannot find {host[:20]}"):
            gatewaylib.Group().makegateway(f"socket={host}:1")


# ---- clients that are none -----------------------------------------------------------------------


def connect(server):
    sock = socket.create_connection(("127.0.0.1", server.port))
    sock.settimeout(BOUND)
    return sock


def read_all(sock):
    data = b""
    with contextlib.suppress(ConnectionError):
        while chunk := sock.recv(2**16):
            data += chunk
    return data


def test_nothing_of_a_client_without_the_token_is_run(server, tmp_path):
    path = tmp_path / "proof"
    code = f"open({str(path)!r}, 'w')"
    greeting = handshake.make_greeting()
    attempts = [
        # As execnet's client speaks: the server of execnet evaluates this.
        f"{f'exec({code!r})'!r}\n",
        f"{greeting}{'0' * 64}\n{len(code)}\n{code}",
        f"{greeting}{len(code)}\n{code}",
        f"gatewaylib-socket 1\n{len(code)}\n{code}",
        "gatewaylib-socket 2 x\n",
        "x" * 100000,
        "\0" * 1000,
        "\n" * 1000,
    ]
    with contextlib.ExitStack() as stack:
        socks = [stack.enter_context(connect(server)) for _ in attempts]
        for sock, text in zip(socks, attempts):
            with contextlib.suppress(ConnectionError):
                sock.sendall(text.encode())
        answers = [read_all(sock) for sock in socks]

    assert not path.exists()
    assert not any(b"welcome" in answer for answer in answers)
    assert b"refused" in answers[0]


def test_a_proof_is_good_for_one_connection_only(server):
    greeting = handshake.make_greeting()
    with connect(server) as first, connect(server) as second:
        first.sendall(greeting.encode())
        answer = handshake.read_line(first)
        proof = handshake.proof(TOKEN, "client", greeting, answer)
        second.sendall(f"{greeting}{proof}\n".encode())

        assert b"refused its token is wrong" in read_all(second)


def test_a_program_without_end_is_refused(server):
    greeting = handshake.make_greeting()
    with connect(server) as sock:
        sock.sendall(greeting.encode())
        answer = handshake.read_line(sock)
        proof = handshake.proof(TOKEN, "client", greeting, answer)
        sock.sendall(f"{proof}\n999999999999\n".encode())

        assert b"refused a program of 999999999999 bytes" in read_all(sock)


@pytest.fixture
def impatient(monkeypatch):
    """A server in this process, with little room and time for strangers."""
    monkeypatch.setattr(accepting, "HANDSHAKE_TIME", 2.0)
    monkeypatch.setattr(accepting, "MAX_STRANGERS", 4)
    listener, is_loopback = listening.listen("127.0.0.1", 0)
    assert is_loopback
    server = accepting.Server(listener, TOKEN)
    server.port = listener.getsockname()[1]
    thread = threading.Thread(target=server.serve)
    thread.start()
    yield server
    server.stop()
    thread.join()
    server.close()


def test_who_takes_long_over_the_handshake_is_cut_off_and_others_get_in(impatient):
    stopped = threading.Event()

    def drip(sock):
        with contextlib.suppress(OSError):
            for byte in handshake.make_greeting().encode():
                sock.sendall(bytes([byte]))
                if stopped.wait(0.1):
                    return

    with contextlib.ExitStack() as stack:
        socks = [stack.enter_context(connect(impatient)) for _ in range(6)]
        threads = [threading.Thread(target=drip, args=(sock,)) for sock in socks[:4]]
        for thread in threads:
            thread.start()
        with gatewaylib.Group() as group:
            gateway = group.makegateway(f"socket=127.0.0.1:{impatient.port}")
            strangers = len(impatient._strangers)

            assert gateway.remote_exec("channel.send(1)").receive(timeout=BOUND) == 1
        assert strangers <= 4
        assert [read_all(sock) for sock in socks if sock not in socks[:4]] == [b""] * 2
        stopped.set()
        for thread in threads:
            thread.join()


def test_texts_are_the_same_or_not_with_and_without_the_help_of_hmac(monkeypatch):
    pairs = [("", ""), ("a", "a"), ("a", "b"), ("a", "ab"), ("ab", "a"), ("", "a"), ("ä", "ä")]
    expected = [one == other for one, other in pairs]

    assert [handshake.is_same(*pair) for pair in pairs] == expected
    monkeypatch.delattr(handshake.hmac, "compare_digest")
    assert [handshake.is_same(*pair) for pair in pairs] == expected


def test_a_client_that_resets_its_connection_harms_nobody(server):
    for data in (b"", handshake.make_greeting().encode(), os.urandom(50)):
        sock = connect(server)
        sock.sendall(data)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        sock.close()

    with gatewaylib.Group() as group:
        gateway = group.makegateway(f"socket={server.address}")

        assert gateway.remote_exec("channel.send(1)").receive(timeout=BOUND) == 1
    assert "Traceback" not in server.errors()
