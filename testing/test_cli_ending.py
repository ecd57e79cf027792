"""How the command ends before its work is done: signals, time, readers that go away."""

import os
import signal
import subprocess
import sys

import pytest
from command_line import COMMAND, TIMEOUT, call, environment, start
from settling import SLACK

import gatewaylib

pytestmark = pytest.mark.slow

ENDING = 2.0 + SLACK  # seconds: what is promised, and more for a busy machine


def interrupt(process, number=signal.SIGINT):
    """Send a signal to the whole process group, as a terminal does; return what it said."""
    os.killpg(process.pid, number)
    out, err = process.communicate(timeout=ENDING)
    return out, err, process.returncode


def start_and_wait_for(count, *args, cwd):
    """Start the command and return it once ``count`` lines are on its stdout."""
    process = start(*args, cwd=cwd)
    lines = [process.stdout.readline() for _ in range(count)]
    assert all(line.endswith("ready\n") for line in lines), (lines, process.communicate())
    return process


def test_ctrl_c_ends_a_run_and_says_what_was_done(tmp_path):
    code = "import os, time\nprint('ready', flush=True)\nif os.environ.get('LONG'): time.sleep(999)"
    specs = ["--on", "popen", "--on", "2*popen//env:LONG=1"]
    process = start_and_wait_for(3, "run", *specs, "-c", code, cwd=tmp_path)

    out, err, status = interrupt(process)

    assert status == 130
    assert "interrupted; " in err and "of 3 gateways were done; every gateway is ended" in err
    assert "gw1 " in out and "interrupted" in out
    assert "Traceback" not in err.replace("[gw", "")


def test_ctrl_c_ends_a_map_and_what_was_done_is_kept(tmp_path):
    os.mkfifo(tmp_path / "gate")
    (tmp_path / "work.py").write_text(
        "def f(line):\n"
        "    if line == 'stuck':\n"
        "        open('gate').read()\n"
        "    return line + ' ready'\n"
    )
    (tmp_path / "in.txt").write_text("a\nb\nstuck\n")
    process = start_and_wait_for(2, "run", "--map", "in.txt", "work:f", cwd=tmp_path)

    _, err, status = interrupt(process)

    assert status == 130
    assert "interrupted; 2 of 3 items are done; every gateway is ended" in err


def test_ctrl_c_ends_what_does_not_want_to_end(tmp_path):
    code = (
        "import signal, time\n"
        "signal.signal(signal.SIGINT, signal.SIG_IGN)\n"
        "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        "print('ready', flush=True)\n"
        "while True: pass\n"
    )
    process = start_and_wait_for(2, "run", "--on", "2*popen", "-c", code, cwd=tmp_path)

    _, _, status = interrupt(process)

    assert status == 130


def test_ctrl_c_ends_a_gateway_that_is_still_starting(tmp_path):
    (tmp_path / "python").write_text("#!/bin/sh\ntrap '' INT TERM\nexec sleep 999\n")
    (tmp_path / "python").chmod(0o755)
    specs = ["--on", "popen", "--on", f"popen//python={tmp_path}/python"]
    process = start_and_wait_for(1, "run", *specs, "-c", "print('ready')", cwd=tmp_path)

    out, _, status = interrupt(process)

    assert status == 130
    assert "interrupted" in out


def test_ctrl_c_ends_the_command_while_it_reads_its_lines(tmp_path):
    (tmp_path / "work.py").write_text("print('ready', flush=True)\ndef f(results): pass\n")
    args = ["run", "--map", "-", "--reduce", "work:f", "platform:node"]
    process = start(*args, cwd=tmp_path, stdin=subprocess.PIPE)
    first = process.stdout.readline()  # the reducing function is loaded before they are read

    _, err, status = interrupt(process)

    assert first == "ready\n"
    assert (status, err.strip()) == (130, "gatewaylib: interrupted; no gateway is running")


def test_ctrl_c_while_the_command_is_imported_is_one_line_too(tmp_path):
    # In place of the real click: this one says when it is being imported.
    (tmp_path / "click.py").write_text("print('ready', flush=True)\nimport time\ntime.sleep(999)\n")
    process = start_and_wait_for(1, "info", cwd=tmp_path)

    _, err, status = interrupt(process)

    assert (status, err.strip()) == (130, "gatewaylib: interrupted; no gateway is running")


def test_sigterm_to_the_command_alone_ends_it_as_ctrl_c_does(tmp_path):
    code = "import time\nprint('ready', flush=True)\ntime.sleep(999)"
    process = start_and_wait_for(1, "run", "-c", code, cwd=tmp_path)

    process.terminate()
    _, err = process.communicate(timeout=ENDING)

    assert process.returncode == 143
    assert "stopped by SIGTERM; 0 of 1 gateways were done" in err


def test_a_run_that_is_not_done_in_time_is_ended_and_says_which_gateway_was_not(tmp_path):
    code = "import os, time\nif os.environ.get('LONG'): time.sleep(999)"
    specs = ["--on", "popen", "--on", "popen//env:LONG=1"]

    done = call("run", "--timeout", "6", *specs, "-c", code, cwd=tmp_path)

    assert done.returncode == 124
    assert "not done within 6 s; 1 of 2 gateways were done" in done.stderr
    assert " ok " in done.stdout


def test_a_map_that_is_not_done_in_time_keeps_what_was_done(tmp_path):
    (tmp_path / "work.py").write_text(
        "import time\ndef f(line):\n    time.sleep(999 if line == 'b' else 0)\n    return line\n"
    )

    done = call("run", "--timeout", "6", "--map", "-", "work:f", cwd=tmp_path, text="a\nb\nc\n")

    assert done.returncode == 124
    assert done.stdout == "a\n"
    assert "1 of 3 items are done" in done.stderr


def test_a_reader_that_goes_away_ends_the_command_without_a_word(tmp_path):
    code = "while True: print('ready', flush=True)"
    process = start_and_wait_for(1, "run", "-c", code, cwd=tmp_path)

    process.stdout.close()
    status = process.wait(timeout=ENDING)

    assert (status, process.stderr.read()) == (141, "")
    process.stderr.close()


def call_in_shell(redirection, *args, cwd):
    """Run the command with a redirection as a shell has it."""
    return subprocess.run(
        ["sh", "-c", f'exec "$@" {redirection}', "sh", *COMMAND, *args],
        cwd=cwd,
        env=environment(),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        encoding="utf-8",
        timeout=TIMEOUT,
        check=False,
    )


@pytest.mark.parametrize("args", [["run", "-c", "print(1)"], ["info"], ["info", "--json"], ["-h"]])
def test_without_stdout_nothing_is_shown_and_the_work_is_done(tmp_path, args):
    done = call_in_shell(">&-", *args, cwd=tmp_path)

    assert (done.returncode, done.stderr) == (0, "")


def test_without_stderr_the_work_is_done(tmp_path):
    code = "import sys; sys.stderr.write('unseen'); print('seen')"

    done = call_in_shell("2>&-", "run", "-c", code, cwd=tmp_path)

    assert done.stdout.startswith("[gw0] seen\ngateway ")
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no file here is always full")
@pytest.mark.parametrize("args", [["run", "-c", "print(1)"], ["info", "--json"], ["-h"]])
def test_output_that_cannot_be_written_is_said_in_one_line(tmp_path, args):
    done = call_in_shell(">/dev/full", *args, cwd=tmp_path)

    assert done.stderr == "gatewaylib: cannot write to stdout: No space left on device\n"
    assert done.returncode == 1


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no file here is always full")
def test_a_stderr_that_cannot_be_written_is_told_by_the_status(tmp_path):
    code = "import sys; sys.stderr.write('unseen')"

    assert call_in_shell("2>/dev/full", "run", "-c", code, cwd=tmp_path).returncode == 1


def test_nothing_is_left_of_a_command_that_was_killed(tmp_path):
    code = "import time\nprint('ready', flush=True)\ntime.sleep(999)"
    process = start_and_wait_for(2, "run", "--on", "2*popen", "-c", code, cwd=tmp_path)

    process.kill()

    # The remotes hold the other ends of these: they are read to the end when they are gone.
    process.communicate(timeout=ENDING)
    assert process.returncode == -signal.SIGKILL


def test_python_m_and_the_module_are_the_same_command(tmp_path):
    version = f"gatewaylib, version {gatewaylib.__version__}\n"
    assert call("--version", cwd=tmp_path).stdout == version
    assert sys.executable in call("info", cwd=tmp_path).stdout
