"""``gatewaylib serve``: the same server as the script that it prints."""

import signal
import subprocess
import sys

import pytest
from command_line import COMMAND, call, environment
from settling import BOUND
from socket_servers import TOKEN

import gatewaylib

pytestmark = pytest.mark.slow
MODULE = [sys.executable, "-m", "gatewaylib.script.socketserver"]


@pytest.mark.parametrize("command", [[*COMMAND, "serve"], MODULE], ids=["serve", "module"])
def test_it_serves_until_it_is_told_to_end(command, group, tmp_path):
    (tmp_path / "token").write_text(TOKEN)
    process = subprocess.Popen(
        [*command, "127.0.0.1:0", "--token-file", "token"],
        cwd=tmp_path,
        env=environment(),
        stdout=subprocess.PIPE,
        text=True,
    )
    with process:
        try:
            address = process.stdout.readline().partition("listening on ")[2].strip()
            gateway = group.makegateway(f"socket={address}//token_file={tmp_path}/token")
            assert gateway.remote_exec("channel.send(6 * 7)").receive(timeout=BOUND) == 42
            group.terminate(BOUND)

            process.send_signal(signal.SIGINT)

            assert process.wait(BOUND) == 130
        finally:
            process.kill()


def test_its_help_and_its_errors_are_those_of_the_server(tmp_path):
    asked = call("serve", "--help", cwd=tmp_path)
    wrong = call("serve", "0.0.0.0:0", cwd=tmp_path)

    assert asked.returncode == 0 and "usage: gatewaylib serve [-h]" in asked.stdout
    assert "--insecure-no-token" in asked.stdout and "--print-script" in asked.stdout
    assert wrong.returncode == 2 and "can be reached from other machines" in wrong.stderr


def test_the_script_is_the_same_however_it_is_printed_and_says_whose_it_is(tmp_path):
    printed = call("serve", "--print-script", cwd=tmp_path).stdout
    run = subprocess.run(
        [*MODULE, "--print-script"], env=environment(), stdout=subprocess.PIPE, text=True,
        timeout=BOUND, check=True,
    )  # fmt: skip

    assert printed == run.stdout
    assert printed.startswith("#!/usr/bin/env python\n# The socket server of gatewaylib ")
    assert gatewaylib.__version__ in printed
    assert "from ." not in printed
