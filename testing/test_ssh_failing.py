"""Gateways by ssh that do not start, or almost: one clear error in time, and no question."""

import os
import shutil
import socket

import pytest
import ssh_server
from settling import BOUND, promised

import gatewaylib

pytestmark = pytest.mark.slow



# ---- what stands in the way of the hello -------------------------------------------------


def log_in_with(server, command):
    """Have every login run a command first, as its rc file would."""
    server.allow(f'command="{command}; eval \\"$SSH_ORIGINAL_COMMAND\\""')


@pytest.fixture
def logging_in(sshd):
    yield lambda command: log_in_with(sshd, command)
    sshd.allow()


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
    what = r"within 1 s.*\n?.*ssh -F .* true"
    with promised(2), pytest.raises(gatewaylib.StartError, match=what):
        group.makegateway(f"{box}//start_timeout=1")


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
def test_what_keeps_ssh_from_its_host_is_said_at_once(group, sshd, tmp_path, name):
    make, what = UNREACHABLE[name]
    spec = make(sshd, tmp_path)

    with promised(5), pytest.raises(gatewaylib.HostNotFound, match=what) as caught:
        group.makegateway(spec)

    assert caught.value.exit_status == 255
    assert what in caught.value.stderr
    assert str(caught.value).startswith(spec.partition("//")[0])
    assert "ssh asks nothing here" in str(caught.value)
    assert len(group) == 0


def write_command(path, text):
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)


def test_nothing_is_ever_asked(group, sshd, tmp_path, monkeypatch):
    """Not even where something could: a passphrase, or the server's offer of a password."""
    asked = tmp_path / "asked"
    write_command(tmp_path / "askpass", f"touch {asked}; exec sleep 999")
    monkeypatch.setenv("SSH_ASKPASS", str(tmp_path / "askpass"))
    monkeypatch.setenv("SSH_ASKPASS_REQUIRE", "force")
    monkeypatch.setenv("DISPLAY", ":0")
    key = ssh_server.make_key(tmp_path / "locked", passphrase="secret")

    with pytest.raises(gatewaylib.HostNotFound, match="Permission denied .*password"):
        group.makegateway(f"ssh=box//ssh_config={sshd.write_config('c', IdentityFile=key)}")

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
        what = f"within 1 s.*\n?.*ssh -p {port}"
        with promised(2), pytest.raises(gatewaylib.StartError, match=what):
            group.makegateway(f"ssh=-p {port} 127.0.0.1//start_timeout=1")


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
