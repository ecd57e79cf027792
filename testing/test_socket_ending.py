"""What becomes of a socket server's interpreters that can't end by themselves."""

import contextlib
import os
import signal
import subprocess
import sys

import interpreters
import pytest
from local_sides import local_side
from settling import BOUND, gone, settle
from socket_servers import serve

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("token")]

FOUND = interpreters.find()
PYTHONS = [name for name in ("python2.7", "python3.13") if name in FOUND]
# How a task sees to it that its interpreter neither reads nor ends.
STUCK = {
    "stopped": "os.kill(os.getpid(), 19)",
    # Other threads of it can't run, nor can it be interrupted.
    "in C with the GIL": """
import ctypes, signal
signal.signal(signal.SIGINT, signal.SIG_IGN)
while True:
    ctypes.PyDLL(None).sleep(1000)
""",
}
TASK = """
import os, subprocess
child = subprocess.Popen(["sleep", "999"])
channel.send((os.getpid(), child.pid))
"""
# Copies between a client and a server, both of which see a reset when it is killed.
WIRE = """
import socket, struct, sys, threading
listener = socket.create_server(("127.0.0.1", 0))
print(listener.getsockname()[1], flush=True)
one, other = listener.accept()[0], socket.create_connection(("127.0.0.1", int(sys.argv[1])))
for sock in (one, other):
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
def copy(source, target):
    for data in iter(lambda: source.recv(2**16), b""):
        target.sendall(data)
    target.shutdown(socket.SHUT_WR)
threading.Thread(target=copy, args=(one, other)).start()
copy(other, one)
"""


@contextlib.contextmanager
def wire(port):
    """Give a process that leads to the port, and its own."""
    command = [sys.executable, "-c", WIRE, str(port)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield process, int(process.stdout.readline())
        finally:
            process.kill()


def is_stuck(pid, how):
    """Say whether the task has come to its last line: it is stopped, or sleeps in C."""
    with open(f"/proc/{pid}/stat") as stat:
        state = stat.read().rpartition(")")[2].split()[0]
    if how == "stopped":
        return state == "T"
    with open(f"/proc/{pid}/wchan") as source:  # of its main thread
        place = source.read()
    return "nanosleep" in place or (place == "0" and state == "S")  # a kernel that does not tell


def starting(specs, how):
    """Return the code of a local side whose last gateway is stuck; its pids are told."""
    return (
        f"gateways = group.makegateways({specs!r})\n"
        "first = gateways[0]._rinfo().pid\n"
        f"pids = gateways[-1].remote_exec({TASK + STUCK[how]!r}).receive() + (first,)"
    )


@pytest.mark.parametrize("how", STUCK)
@pytest.mark.parametrize("lost", ["local side", "server", "connection"])
@pytest.mark.parametrize("name", PYTHONS)
def test_a_stuck_interpreter_and_its_children_end_with(name, lost, how, tmp_path):
    with serve(tmp_path, python=FOUND[name]) as server, wire(server.port) as (between, port):
        with local_side(starting([f"socket=127.0.0.1:{port}"], how)) as (local, pids):
            pid, child, _ = pids
            assert settle(lambda: is_stuck(pid, how))

            {"local side": local, "server": server.process, "connection": between}[lost].kill()

            assert gone(pid, child, within=3.0)


@pytest.mark.parametrize("how", STUCK)
@pytest.mark.parametrize("lost", ["local side", "gateway"])
@pytest.mark.parametrize("name", PYTHONS)
def test_one_that_a_gateway_has_installed_ends_with(name, lost, how):
    specs = [f"popen//id=first//python={FOUND[name]}", "socket//installvia=first"]
    with local_side(starting(specs, how)) as (local, pids):
        pid, child, first = pids
        assert settle(lambda: is_stuck(pid, how))

        os.kill({"local side": local.pid, "gateway": first}[lost], signal.SIGKILL)

        assert gone(pid, child, first, within=3.0)


@pytest.mark.parametrize("name", PYTHONS)
def test_what_a_gateway_starts_later_has_nothing_of_what_it_serves(name, group):
    inherited = """
import os, subprocess
child = subprocess.Popen(["ls", "-l", "/proc/self/fd"], close_fds=False, stdout=subprocess.PIPE)
lines = child.communicate()[0].decode("ascii").splitlines()
channel.send([line.split()[8:] for line in lines if "socket:" in line or "pipe:" in line])
"""
    first = group.makegateway(f"popen//id=first//python={FOUND[name]}")
    before = first.remote_exec(inherited).receive(timeout=BOUND)
    second = group.makegateway("socket//installvia=first")

    after = first.remote_exec(inherited).receive(timeout=BOUND)

    assert len(after) == len(before)
    assert second.remote_exec("channel.send(1)").receive(timeout=BOUND) == 1
