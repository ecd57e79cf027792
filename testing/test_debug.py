"""What is written down of a program's gateways, where the environment says so."""

import os
import stat
import subprocess
import sys
import threading

import interpreters
import pytest

import gatewaylib
from gatewaylib.shipped import debug

WAIT = 60.0  # seconds: a hang, and nothing else
FOLDER = os.path.dirname(os.path.dirname(gatewaylib.__file__))
PROGRAM = """
import gatewaylib
with gatewaylib.Group() as group:
    gateway = group.makegateway("popen//id=w1")
    channel = gateway.remote_exec("channel.send(channel.receive())")
    channel.send("secret")
    assert channel.receive(10) == "secret"
    channel.waitclose(10)
"""


def run(folder, **environ):
    """Run the program; return its stderr and the files that came of it."""
    for name in debug.VARIABLES:
        environ.setdefault(name, "")
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        env={**os.environ, "PYTHONPATH": FOLDER, "TMPDIR": str(folder), **environ},
        stderr=subprocess.PIPE,
        universal_newlines=True,
        timeout=120,
        check=True,
    )
    return done.stderr, sorted(folder.iterdir())


def events(text):
    """Return (process, event, gateway, channel) of each line; "" where there is none."""
    found = []
    for line in text.splitlines():
        process, _, event, *fields = line.split()
        named = dict(field.partition("=")[::2] for field in fields)
        found.append((process, event, named.get("gateway", ""), named.get("channel", "")))
    return found


@pytest.mark.parametrize("variable", debug.VARIABLES)
def test_at_2_both_ends_say_on_stderr_what_happens(variable, tmp_path):
    said, files = run(tmp_path, **{variable: "2"})

    happened = events(said)
    here = happened[0][0]
    there = {process for process, *_ in happened} - {here}
    assert (here, "started", "w1", "") in happened
    assert (here, "sent", "w1", "1") in happened
    assert (here, "received", "w1", "1") in happened
    assert len(there) == 1
    assert (*there, "task", "", "1") in happened
    assert "secret" not in said
    assert files == []


def test_at_1_each_end_writes_a_file_that_only_its_user_may_read(tmp_path):
    said, files = run(tmp_path, EXECNET_DEBUG="1")

    assert said == ""
    assert len(files) == 2
    for path in files:
        process, *_ = events(path.read_text())[0]
        assert path.name.startswith(f"gatewaylib-debug-{process[1:-1]}-")
        assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_of_two_files_of_one_process_none_has_the_name_of_another(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    one, other = debug.DebugFile(), debug.DebugFile()

    assert one.path != other.path
    for file in (one, other):
        os.close(file._fd)


def test_nothing_is_written_where_the_environment_says_nothing_or_0(tmp_path):
    assert run(tmp_path) == ("", [])
    assert run(tmp_path, GATEWAYLIB_DEBUG="0", EXECNET_DEBUG="2") == ("", [])


def test_a_field_of_many_lines_is_one_line():
    assert debug.as_line("ended", {"reason": "a\nb"}).endswith(" ended reason=a\\nb\n")


def test_another_process_is_told_what_is_set():
    assert debug.told({"EXECNET_DEBUG": "2", "GATEWAYLIB_DEBUG": "", "PATH": "/bin"}) == {
        "EXECNET_DEBUG": "2"
    }


@pytest.mark.parametrize("interpreter", interpreters.find())
def test_one_gateway_of_any_interpreter_can_be_asked_to_by_its_spec(group, interpreter):
    python = interpreters.find()[interpreter]
    said, ended = [], threading.Event()

    def on_output(gateway, stream, line):
        said.append(line)
        if "task-ended" in line:
            ended.set()

    gateway = group.makegateway(
        f"popen//python={python}//env:GATEWAYLIB_DEBUG=2", on_output=on_output
    )
    gateway.remote_exec("channel.send(1)").waitclose(WAIT)

    assert ended.wait(WAIT)
    assert [event for _, event, *_ in events("\n".join(said))][:3] == ["task", "sent", "task-ended"]
