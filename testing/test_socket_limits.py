"""A socket server at its limits: nonsense, no more threads or descriptors, crowds of strangers."""

import contextlib
import os
import resource
import socket
import threading

import interpreters
import pytest
from settling import BOUND, promised, settle
from socket_servers import TOKEN, pretend, serve

import gatewaylib
from gatewaylib import StartError
from gatewaylib.shipped.on_demand.socket_server import handshake, listening
from gatewaylib.shipped.on_demand.socket_server.server import MAX_STRANGERS, Server
from gatewaylib.transports import tcp

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("token")]

FOUND = interpreters.find()
PYTHONS = {name: path for name, path in FOUND.items() if name in ("python2.7", "python3.13")}


def connect(port):
    sock = socket.create_connection(("127.0.0.1", port))
    sock.settimeout(BOUND)
    return sock


def prove(sock):
    """Do what a client does up to the welcome."""
    greeting = handshake.make_greeting()
    sock.sendall(greeting.encode())
    answer = handshake.read_line(sock)
    sock.sendall(f"{handshake.proof(TOKEN, 'client', greeting, answer)}\n".encode())
    assert handshake.read_line(sock).startswith("welcome")


def read_all(sock):
    data = b""
    with contextlib.suppress(ConnectionError):
        while chunk := sock.recv(2**16):
            data += chunk
    return data


def works(address):
    with gatewaylib.Group() as group:
        gateway = group.makegateway(f"socket={address}")
        return gateway.remote_exec("channel.send(6 * 7)").receive(timeout=BOUND) == 42


# ---- clients that know the token and say nonsense --------------------------------------------

NONSENSE = {
    b"3\na\0b": b"refused a program with a NUL in it\n",
    b"4\n\xff\xfe\xfd\xfc": b"refused a program that is not ASCII text\n",
    b"\n": b"refused '' is no size of a program\n",
    b"-5\nhello": b"refused '-5' is no size of a program\n",
    b"0\n": b"refused a program of 0 bytes\n",
    b"1e3\n": b"refused '1e3' is no size of a program\n",
    b"\x1b[2J\0\xff\n": b"refused '\\x1b[2J\\x00\\xfffd' is no size of a program\n",
    b"9" * 1000: b"refused a program of 9",
    b"10\nhello": b"refused the connection ended within the program\n",
}


@pytest.mark.parametrize("name", PYTHONS)
def test_nonsense_in_place_of_a_program_is_one_clear_refusal(name, tmp_path):
    with serve(tmp_path, python=PYTHONS[name]) as server:
        for said, expected in NONSENSE.items():
            with connect(server.port) as sock:
                prove(sock)
                sock.sendall(said)
                sock.shutdown(socket.SHUT_WR)

                assert read_all(sock).startswith(expected), said

        assert works(server.address)
        assert settle(lambda: server.errors().count(" refused: ") == len(NONSENSE))
        assert "Traceback" not in server.errors()


# ---- what the system has no more of -------------------------------------------------------------


def count_of(server, what):
    return len(os.listdir(f"/proc/{server.process.pid}/{what}"))


@contextlib.contextmanager
def limited(server, what, limit):
    soft, hard = resource.prlimit(server.process.pid, what)
    resource.prlimit(server.process.pid, what, (limit, hard))
    try:
        yield
    finally:
        resource.prlimit(server.process.pid, what, (soft, hard))


@pytest.mark.parametrize("name", PYTHONS)
def test_a_server_without_descriptors_takes_connections_once_it_has_some(name, tmp_path):
    with serve(tmp_path, python=PYTHONS[name]) as server:
        with limited(server, resource.RLIMIT_NOFILE, count_of(server, "fd")):
            with connect(server.port) as sock:
                sock.sendall(handshake.make_greeting().encode())

                assert settle(lambda: "cannot take more connections: " in server.errors())

        assert works(server.address)
        assert server.errors().count("cannot take more") == 1


@pytest.mark.parametrize("name", PYTHONS)
def test_a_server_without_descriptors_for_an_interpreter_tells_so(name, tmp_path):
    with serve(tmp_path, python=PYTHONS[name]) as server:
        # One for the connection, and one for 2.7's random numbers; an interpreter takes more.
        with limited(server, resource.RLIMIT_NOFILE, count_of(server, "fd") + 2):
            with pytest.raises(StartError, match="cannot start an interpreter: .*Too many open"):
                gatewaylib.Group().makegateway(f"socket={server.address}")

        assert works(server.address)
        assert "Traceback" not in server.errors()


def test_a_server_without_descriptors_for_a_handshake_tells_so(tmp_path):
    with serve(tmp_path, python=FOUND["python2.7"]) as server:
        with limited(server, resource.RLIMIT_NOFILE, count_of(server, "fd") + 1):
            with pytest.raises(StartError, match="is no server for us: it refused ."):
                gatewaylib.Group().makegateway(f"socket={server.address}")

        assert works(server.address)


@pytest.mark.parametrize("name", PYTHONS)
def test_a_server_that_gets_no_thread_goes_on_serving(name, tmp_path):
    with serve(tmp_path, python=PYTHONS[name]) as server:
        with open(f"/proc/{server.process.pid}/statm") as source:
            size = int(source.read().split()[0]) * resource.getpagesize()
        with limited(server, resource.RLIMIT_AS, size + 2**20):  # a stack takes more
            with connect(server.port) as sock:
                assert read_all(sock) == b""

        assert works(server.address)
        assert "no thread for 127.0.0.1:" in server.errors()
        assert "Traceback" not in server.errors()


# ---- crowds of strangers -------------------------------------------------------------------------


def test_strangers_do_not_keep_the_client_of_an_installed_server_out(group, monkeypatch):
    group.makegateway("popen//id=first")
    with contextlib.ExitStack() as strangers:
        dial = tcp.Dial._dial

        def be_last(self):
            for _ in range(MAX_STRANGERS + 10):
                strangers.enter_context(connect(self._address[1]))
            return dial(self)

        monkeypatch.setattr(tcp.Dial, "_dial", be_last)
        with promised(6.0):  # where there is no room, each stranger has three
            gateway = group.makegateway("socket//installvia=first")

        assert gateway.remote_exec("channel.send(1)").receive(timeout=BOUND) == 1


def test_of_two_clients_at_once_an_installed_server_serves_one():
    listener, _ = listening.listen("127.0.0.1", 0)
    port = listener.getsockname()[1]
    server = Server(listener, TOKEN)
    thread = threading.Thread(target=server.serve_one, args=(BOUND,))
    thread.start()
    with connect(port) as one, connect(port) as two, connect(port) as stranger:
        for sock in (one, two):
            prove(sock)
        program = b"import os; os.write(1, b'served')"
        for sock in (one, two):
            with contextlib.suppress(OSError):  # the other one was first
                sock.sendall(b"%d\n%s" % (len(program), program))
                sock.shutdown(socket.SHUT_WR)
        answers = [read_all(sock) for sock in (one, two, stranger)]
        thread.join(BOUND)

    assert sorted(answers) == [b"", b"", b"served"]
    assert not thread.is_alive()


# ---- servers that say nonsense ---------------------------------------------------------------


def test_what_a_server_says_reaches_no_terminal_as_it_is():
    def refuse(connection):
        handshake.read_line(connection)
        connection.sendall(handshake.make_greeting("token").encode())
        handshake.read_line(connection)
        connection.sendall(b"refused \x1b]0;owned\x07\x1b[2J\r\x9b" + b"x" * 10**6)

    with pretend(refuse) as address, pytest.raises(StartError) as caught:
        gatewaylib.Group().makegateway(f"socket={address}")

    text = str(caught.value)
    assert "it refused \\x1b]0;owned\\x07\\x1b[2J\\x0d" in text
    assert text.isprintable() and len(text) < 1000
