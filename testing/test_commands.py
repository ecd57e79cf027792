"""What is run for each kind of spec: words, and nothing started."""

import shlex
import sys

import pytest

from gatewaylib import SpecError
from gatewaylib.spec import parse
from gatewaylib.spec_keys import KINDS
from gatewaylib.transports.commands import (
    ANY_PYTHON,
    COMMANDS,
    is_unreachable,
    likely_end,
    what_to_do,
)

BOOT = "run('it')"
ASKS_NOTHING = ["-T", "-o", "BatchMode=yes", "-o", "ControlMaster=no"]
# What a shell makes of it is the interpreter's options and program, whatever the shell.
ANY = f"exec sh -c 'exec {ANY_PYTHON} \"$@\"' sh -u -c 'run('\"'\"'it'\"'\"')'"
PY = ["python3", "-u", "-c", BOOT]
NINE = f"exec python3.9 -u -c {shlex.quote(BOOT)}"
SESSION = "exec 3<&0; trap 'kill -9 0' TERM; { %s; } <&3 3<&- & wait $!"

# spec -> the command
EXPECTED = {
    "popen": [sys.executable, "-u", "-c", BOOT],
    "popen//python=nice -n 5 python2.7": ["nice", "-n", "5", "python2.7", "-u", "-c", BOOT],
    "popen//dont_write_bytecode": [sys.executable, "-u", "-B", "-c", BOOT],
    "ssh=host": ["ssh", "host", *ASKS_NOTHING, ANY],
    "ssh=me@host": ["ssh", "me@host", *ASKS_NOTHING, ANY],
    "ssh=-p 2222 host": ["ssh", "-p", "2222", "host", *ASKS_NOTHING, ANY],
    "ssh=-o 'ProxyCommand=nc %h %p' host": [
        "ssh", "-o", "ProxyCommand=nc %h %p", "host", *ASKS_NOTHING, ANY
    ],
    "ssh=host//ssh_config=a b": ["ssh", "-F", "a b", "host", *ASKS_NOTHING, ANY],
    "ssh=host//python=python3.9": ["ssh", "host", *ASKS_NOTHING, NINE],
    "ssh=host//python=. venv/bin/activate; exec python": [
        "ssh", "host", *ASKS_NOTHING,
        f". venv/bin/activate; exec python -u -c {shlex.quote(BOOT)}",
    ],
    "ssh=host//python=LANG=C python3.9": [
        "ssh", "host", *ASKS_NOTHING, f"LANG=C python3.9 -u -c {shlex.quote(BOOT)}"
    ],
    "ssh=host//python=nice -n 5 env A=1 python3.9": [
        "ssh", "host", *ASKS_NOTHING, f"exec nice -n 5 env A=1 {NINE[5:]}"
    ],
    "ssh=host//dont_write_bytecode": [
        "ssh", "host", *ASKS_NOTHING, ANY.replace(" -u -c", " -u -B -c")
    ],
    "ssh=host//env:PYTHONHASHSEED=0//env:TOKEN=secret": [
        "ssh", "host", *ASKS_NOTHING, ANY.replace("exec sh", "exec env PYTHONHASHSEED=0 sh")
    ],
    "ssh=host//python=python3.9//env:PYTHONPATH=a b//env:TOKEN=secret": [
        "ssh", "host", *ASKS_NOTHING, f"export 'PYTHONPATH=a b'; {NINE}"
    ],
    "vagrant_ssh=box": ["vagrant", "ssh", "box", "--", *ASKS_NOTHING, ANY],
    "vagrant_ssh=box//ssh_config=f//python=python3.9": [
        "vagrant", "ssh", "box", "--", "-F", "f", *ASKS_NOTHING, NINE
    ],
    "docker=web": ["docker", "exec", "-i", "web", *PY],
    "docker=-u app -w /srv web": ["docker", "exec", "-i", "-u", "app", "-w", "/srv", "web", *PY],
    "docker=web//env:PYTHONUTF8=1//env:TOKEN=secret": [
        "docker", "exec", "-i", "-e", "PYTHONUTF8=1", "web", *PY
    ],
    "podman=web//python=python3.9 -I": [
        "podman", "exec", "-i", "web", "python3.9", "-I", "-u", "-c", BOOT
    ],
    "kubectl=pod": ["kubectl", "exec", "-i", "pod", "--", *PY],
    "kubectl=deploy/web//namespace=prod//container=app": [
        "kubectl", "exec", "-i", "-n", "prod", "-c", "app", "deploy/web", "--", *PY
    ],
    "kubectl=--context=far pod": ["kubectl", "exec", "-i", "--context=far", "pod", "--", *PY],
    "kubectl=pod//env:PYTHONUTF8=1": [
        "kubectl", "exec", "-i", "pod", "--", "env", "PYTHONUTF8=1", *PY
    ],
    "lxc=box": ["lxc", "exec", "-T", "box", "--", *PY],
    "lxc=far:box --user 1000": ["lxc", "exec", "-T", "far:box", "--user", "1000", "--", *PY],
    "sudo=bob": ["sudo", "-n", "-H", "-u", "bob", "--", *PY],
    "sudo=#1000//env:PYTHONUTF8=1//env:TOKEN=secret": [
        "sudo", "-n", "-H", "-u", "#1000", "--", "env", "PYTHONUTF8=1", *PY
    ],
    "su=bob": ["su", "bob", "-s", "/bin/sh", "-c", SESSION % ANY],
    "su=bob//python=python3.9": ["su", "bob", "-s", "/bin/sh", "-c", SESSION % NINE],
    "srun": ["srun", "--ntasks=1", "--unbuffered", *PY],
    "srun=-p gpu --mem=4G": [
        "srun", "--ntasks=1", "--unbuffered", "-p", "gpu", "--mem=4G", *PY
    ],
    "command=ip netns exec blue python3": ["ip", "netns", "exec", "blue", *PY],
    "command=chroot '/srv/a b'//python=/usr/bin/python3 -I": [
        "chroot", "/srv/a b", "/usr/bin/python3", "-I", "-u", "-c", BOOT
    ],
}  # fmt: skip


def command(text, boot=BOOT):
    spec = parse(text)
    return COMMANDS[spec.kind](spec, boot)


@pytest.mark.parametrize("text", EXPECTED)
def test_a_spec_is_this_command(text):
    assert command(text) == EXPECTED[text]


def test_every_kind_with_a_command_is_one_that_a_spec_may_name():
    assert set(COMMANDS) <= set(KINDS)
    assert set(COMMANDS) == {parse(text).kind for text in EXPECTED}


def test_what_a_spec_sets_is_not_for_everybody_to_read():
    for text in EXPECTED:
        assert "secret" not in " ".join(command(text))


@pytest.mark.parametrize(
    "text",
    [
        "ssh= ",
        "docker= ",
        "kubectl= ",
        "lxc= ",
        "command= ",
        "srun= ",
        "sudo=x//python= ",
        "ssh=x//python= ",
    ],
)
def test_an_empty_value_is_refused(text):
    with pytest.raises(SpecError, match="is empty"):
        command(text)


def test_an_open_quote_is_refused():
    with pytest.raises(SpecError, match="ssh=-o 'a host: No closing quotation"):
        command("ssh=-o 'a host")


def test_only_ssh_says_with_a_status_of_its_own_that_it_got_nowhere():
    assert is_unreachable(parse("ssh=host"), 255)
    assert is_unreachable(parse("vagrant_ssh=box"), 255)
    for text, status in [("ssh=host", 1), ("ssh=host", None), ("popen", 255), ("docker=x", 255)]:
        assert not is_unreachable(parse(text), status)


def test_what_can_be_done_about_a_failure_is_said():
    far = parse("ssh=-p 22 me@host//ssh_config=a b")
    for status in (255, None):
        assert "ssh -F 'a b' -p 22 me@host true" in what_to_do(far, status)
    for text in ("ssh=host", "docker=x", "su=x", "command=x"):
        assert "python=" in what_to_do(parse(text), 127)
    assert what_to_do(parse("popen"), 127) == ""
    assert what_to_do(parse("docker=x"), None) == ""
    assert what_to_do(parse("docker=x"), 1) == ""


def test_an_end_that_the_command_tells_of_is_explained():
    assert "lost the connection" in likely_end(parse("ssh=host"), 255)
    assert "signal 9" in likely_end(parse("docker=x"), 137)
    for text, status in [("popen", 137), ("popen", 255), ("ssh=host", 1), ("ssh=host", None)]:
        assert likely_end(parse(text), status) == ""


def test_a_name_that_would_be_an_option_is_refused():
    for spec in ("su=-", "su=--help", "vagrant_ssh=-c"):
        with pytest.raises(SpecError, match="not an option"):
            COMMANDS[parse(spec).kind](parse(spec), "boot")
