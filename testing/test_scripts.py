"""execnet's scripts, under their names."""

import os
import re
import subprocess
import sys
from contextlib import contextmanager

import pytest

import gatewaylib
from gatewaylib.script import quitserver, shell

pytestmark = pytest.mark.slow

WAIT = 60.0  # seconds: a hang, and nothing else
FOLDER = os.path.dirname(os.path.dirname(gatewaylib.__file__))
SCRIPTS = os.path.join(FOLDER, "gatewaylib", "script")


@contextmanager
def served(script, monkeypatch):
    """Run a script of a server; give its process and address, with its token set."""
    process = subprocess.Popen(
        [sys.executable, os.path.join(SCRIPTS, script), "127.0.0.1:0"],
        stdout=subprocess.PIPE,
        universal_newlines=True,
    )
    with process:
        try:
            address = re.fullmatch("listening on (.*)\n", process.stdout.readline())[1]
            token = re.fullmatch("token: (.*)\n", process.stdout.readline())[1]
            monkeypatch.setenv("GATEWAYLIB_TOKEN", token)
            yield process, address
        finally:
            process.kill()


@pytest.mark.parametrize("script", ["socketserver.py", "loop_socketserver.py"])
def test_a_server_serves_until_quitserver_ends_it(script, monkeypatch, group):
    with served(script, monkeypatch) as (process, address):
        gateway = group.makegateway(f"socket={address}")
        assert gateway.remote_exec("channel.send(6 * 7)").receive(WAIT) == 42
        group.terminate(WAIT)

        assert quitserver.main([address]) == 0
        assert process.wait(WAIT) == 128 + 15


def test_a_shell_runs_what_it_reads_and_writes_what_that_prints(gateway):
    lines = ["x = 6", "print(x * 7)", "for i in range(2):", "    print(i)", "", "1 / 0"]
    written = []

    def read(prompt):
        written.append(prompt)
        if not lines:
            raise EOFError
        return lines.pop(0)

    shell.run_shell(gateway, read, written.append)

    text = "".join(written)
    assert text.startswith("Python ")
    assert ">>> 42\n>>> ... ... 0\n1\n>>> " in text
    assert "ZeroDivisionError" in text


@pytest.mark.parametrize("script", [quitserver, shell])
def test_a_script_without_an_address_says_how_it_is_used(script, capsys):
    assert script.main([]) == 2
    assert "usage: " in capsys.readouterr().err


def test_a_socket_server_that_is_sent_to_a_gateway_says_how_that_is_done(gateway):
    from gatewaylib.script import socketserver

    with pytest.raises(gatewaylib.RemoteError, match="installvia=ID"):
        gateway.remote_exec(socketserver).waitclose(WAIT)
