"""``gatewaylib sync``, the real command on real gateways."""

import json
import os
import signal
import socket

import interpreters
import pytest
from command_line import call, start
from settling import settle
from test_cli_run import rows
from test_cli_terminal import BAR, draw, final

pytestmark = pytest.mark.slow


@pytest.fixture
def source(tmp_path):
    root = tmp_path / "source"
    (root / "folder").mkdir(parents=True)
    (root / "folder" / "file").write_text("content")
    (root / "other").write_text("more")
    return root


def test_a_directory_is_the_same_on_every_gateway(tmp_path, source):
    specs = ["--on", "popen//chdir=one", "--on", "popen//chdir=two"]
    (tmp_path / "two" / "dest").mkdir(parents=True)
    (tmp_path / "two" / "dest" / "old").write_text("old")

    done = call("sync", *specs, "--delete", "source/", "dest", cwd=tmp_path)

    for name in ("one", "two"):
        assert (tmp_path / name / "dest" / "folder" / "file").read_text() == "content"
        assert sorted(os.listdir(tmp_path / name / "dest")) == ["folder", "other"]
    assert rows(done.stdout)["gw0"].split()[1:5] == ["2", "11", "11", "ok"]
    assert (done.returncode, done.stderr) == (0, "")


def test_the_second_time_nothing_travels_and_what_is_not_in_the_source_stays(tmp_path, source):
    call("sync", "source", "dest", cwd=tmp_path)
    (tmp_path / "dest" / "mine").write_text("mine")

    done = call("sync", "source", "dest", cwd=tmp_path)

    assert rows(done.stdout)["gw0"].split()[1:5] == ["0", "0", "0", "ok"]
    assert (tmp_path / "dest" / "mine").exists()


def test_json_is_all_of_stdout(tmp_path, source):
    done = call("sync", "--json", "source", "dest", cwd=tmp_path)

    told = json.loads(done.stdout)
    assert (told["command"], told["exit_status"], done.returncode) == ("sync", 0, 0)
    (gateway,) = told["gateways"]
    seconds, host = gateway.pop("seconds"), gateway.pop("host")
    assert isinstance(seconds, float) and host
    assert gateway == {
        "gateway": "gw0",
        "spec": "popen",
        "ok": True,
        "error": None,
        "files": 2,
        "bytes": 11,
        "sent": 11,
        "left_out": [],
        "failed": [],
    }


def test_what_is_no_file_is_left_out_and_the_rest_is_sent(tmp_path, source):
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(source / "socket"))

        done = call("sync", "source", "dest", cwd=tmp_path)

    assert sorted(os.listdir(tmp_path / "dest")) == ["folder", "other"]
    assert "1 left out" in rows(done.stdout)["gw0"]
    assert done.stderr == "left out: socket: it is no file, directory or symbolic link\n"
    assert done.returncode == 1


def test_one_gateway_that_fails_is_a_row_and_the_others_are_done(tmp_path, source):
    (tmp_path / "file").write_text("in the way")
    specs = ["--on", "popen//chdir=/proc", "--on", "popen//python=/bin/false"]
    specs += ["--on", f"popen//chdir={tmp_path}"]

    done = call("sync", *specs, "source", "dest", cwd=tmp_path)

    assert "'/proc/dest'" in rows(done.stdout)["gw0"]
    assert "/bin/false" in rows(done.stdout)["gw1"]
    assert " ok " in rows(done.stdout)["gw2"]
    assert (tmp_path / "dest" / "other").read_text() == "more"
    assert done.returncode == 1


def test_without_any_gateway_the_status_says_so(tmp_path, source):
    done = call("sync", "--on", "popen//python=/bin/false", "source", "dest", cwd=tmp_path)

    assert done.returncode == 3


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["nowhere", "dest"], "cannot read 'nowhere': No such file or directory"),
        (["source"], "Missing argument 'DEST'"),
        (["--on", "poepn", "source", "dest"], "popen"),
    ],
)
def test_a_wrong_argument_is_named_and_nothing_is_started(tmp_path, source, args, message):
    done = call("sync", *args, cwd=tmp_path)

    assert message in done.stderr
    assert (done.returncode, done.stdout) == (2, "")


def test_the_time_for_all_can_be_limited(tmp_path, source):
    os.mkfifo(tmp_path / "never")
    stuck = f"command=/bin/sh -c 'cat {tmp_path}/never'"

    done = call("sync", "--timeout", "0.3", "--on", stuck, "source", "dest", cwd=tmp_path)

    assert "not done within 0.3 s" in done.stderr
    assert done.returncode == 124


def test_a_terminal_gets_a_progress_bar_in_bytes_and_a_table(tmp_path, source):
    status, drawn = draw("sync", "source", "dest", cwd=tmp_path, width=120)

    assert status == 0
    assert BAR in drawn and "waiting for gw0" in drawn and "11/11" in drawn
    table = final(drawn)[final(drawn).rindex("gateway ") :]
    assert "gw0 " in table and " ok " in table


@pytest.mark.slow
def test_one_sync_spans_every_interpreter_of_this_machine(tmp_path, source):
    found = interpreters.find()
    options = []
    for name, path in found.items():
        options += ["--on", f"popen//id={name}//python={path}//chdir={name}"]

    done = call("sync", *options, "source", "dest", cwd=tmp_path)

    for name in found:
        assert (tmp_path / name / "dest" / "folder" / "file").read_text() == "content"
    assert done.returncode == 0


def test_ctrl_c_ends_a_sync_and_leaves_no_file_half_there(tmp_path, source):
    with open(source / "huge", "wb") as file:
        file.truncate(2**32)  # more than is copied in a moment
    process = start("sync", "source", "dest", cwd=tmp_path)
    with process:
        assert settle(lambda: [*tmp_path.glob("dest/*.gatewaylib-rsync-*")] or process.poll())
        assert process.poll() is None

        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=120)

    assert "interrupted; 0 of 1 gateways were done" in err
    assert process.returncode == 130
    assert "huge" not in os.listdir(tmp_path / "dest")
