"""Interpreters that do not start: one clear error in time, and nothing left of them."""

import operator
import os
import signal
import sys
import time

import leaks
import pytest
from machine import needs
from settling import BOUND, SLACK, is_at_rest, nothing_kept, settle

import gatewaylib
from gatewaylib import StartError, bootstrap

# Reads the line, and takes from its options how a hello begins.
FIND_HELLO = (
    "import re, sys; options = bytes.fromhex(sys.argv[1]);"
    'print(re.search(b"gatewaylib-hello-[0-9a-f]*:", options).group().decode())'
)
HELLO = (
    "#!/bin/sh\nread unpack table wire options\n"
    f"hello=$({sys.executable} -c '{FIND_HELLO}' $options)\n"
)

# name -> (shell or Python script that is the interpreter, what the error says, exit status)
# It reads from descriptor 0, and writes to the one whose number it is told in the first line.
SCRIPTS = {
    "exits before it reads": ("#!/bin/sh\nexit 3\n", "(exit status 3)", 3),
    "exits after it has read": ("#!/bin/sh\nread line\necho why >&2\nexit 4\n", "why", 4),
    "is killed": ("#!/bin/sh\nkill -9 $$\n", "killed by SIGKILL", -9),
    "writes to stdout and exits": ("#!/bin/sh\necho no licence\nexit 5\n", "no licence", 5),
    "prints noise for ever": (
        "#!/bin/sh\nread unpack table wire options\nyes noise >/proc/self/fd/$wire\n",
        "that are no hello",
        None,
    ),
    "prints some noise and ends": (
        HELLO + "echo welcome >/proc/self/fd/$wire\nexit 6\n",
        "welcome",
        6,
    ),
    "closes the connection": (
        f"#!{sys.executable}\nimport os, sys, time\n"
        "os.close(int(sys.stdin.readline().split()[2]))\nos.close(0)\ntime.sleep(999)\n",
        "before it said",
        None,
    ),
    "says what is no hello": (
        HELLO + 'printf "$hello\\0\\0\\0\\4oops" >/proc/self/fd/$wire\nexec sleep 999\n',
        "makes no sense",
        None,
    ),
    "says a hello without end": (
        HELLO + 'printf "$hello\\377\\377\\377\\377" >/proc/self/fd/$wire\nexec sleep 999\n',
        "4294967295 bytes",
        None,
    ),
    "begins a hello and exits": (
        HELLO + 'printf "$hello\\0\\0\\4\\0abc" >/proc/self/fd/$wire\nexit 7\n',
        "before it said",
        7,
    ),
}
HANGING = {
    "does not read": "#!/bin/sh\nexec sleep 999\n",
    "ignores SIGTERM": "#!/bin/sh\ntrap '' TERM INT HUP\nwhile :; do sleep 999; done\n",
    "has a child": "#!/bin/sh\nsleep 999 &\nsleep 999\n",
    "is stopped": "#!/bin/sh\nkill -STOP $$\n",
    "says too little": HELLO
    + 'printf "$hello\\0\\0\\4\\0abc" >/proc/self/fd/$wire\nexec sleep 999\n',
}


def write(path, text):
    path.write_text(text)
    path.chmod(0o755)
    return path


def start_all(tmp_path, scripts, options=""):
    """Start each script as an interpreter, all at once; return their errors and the seconds."""
    specs = []
    for number, script in enumerate(scripts):
        path = write(tmp_path / f"python{number}", script)
        specs.append(f"popen//python={path}{options}")
    begun = time.monotonic()
    with pytest.raises(gatewaylib.StartErrors) as caught:
        gatewaylib.Group().makegateways(specs)
    return [error for _, error in caught.value.errors], time.monotonic() - begun


def test_an_interpreter_that_fails_at_any_stage_of_the_start_says_how(tmp_path):
    errors, seconds = start_all(tmp_path, [script for script, *_ in SCRIPTS.values()])

    assert seconds < 2 + SLACK
    for (name, (_, text, status)), error in zip(SCRIPTS.items(), errors):
        assert type(error) is StartError and text in str(error), (name, error)
        assert error.exit_status == status, (name, error)
        assert error.spec in str(error), name


def test_interpreters_that_hang_end_in_time_however_many(tmp_path):
    errors, seconds = start_all(tmp_path, [*HANGING.values()] * 4, "//start_timeout=1")

    assert 1 <= seconds < 2 + SLACK
    for error in errors:
        assert "did not say hello within 1 s" in str(error)
        assert "start_timeout=" in str(error)


def test_the_last_words_of_an_interpreter_are_in_its_error(tmp_path):
    lines = "#!/bin/sh\nseq 1 5000 >&2\nexit 1\n"

    (error,), _ = start_all(tmp_path, [lines])

    words = error.stderr.splitlines()
    assert words[-2:] == ["4999", "5000"] and words[0] != "1"
    assert str(error).endswith(error.stderr)


def test_what_can_not_be_run_is_named(tmp_path):
    (tmp_path / "plain").write_text("x")
    write(tmp_path / "elsewhere", "#!/no/such/interpreter\n")
    cases = {
        "/no/such/python": "No such file",
        "python3.99": "on the PATH are python",
        str(tmp_path / "plain"): "Permission denied",
        str(tmp_path): "Permission denied",
        str(tmp_path / "elsewhere"): "No such file",
    }
    for python, text in cases.items():
        with pytest.raises(StartError, match=text) as caught:
            gatewaylib.Group().makegateway(f"popen//python={python}")
        assert python in str(caught.value)


def test_a_command_that_is_no_python_says_so():
    for command in ("/bin/false", "/bin/cat", "/bin/echo"):
        with pytest.raises(StartError, match="before it said hello"):
            gatewaylib.Group().makegateway(f"popen//python={command}//start_timeout=5")


@pytest.mark.parametrize("version", ["(2, 6)", "(3, 5)"])
def test_a_python_that_is_too_old_says_so(tmp_path, version):
    """There is none on current machines: the version is a lie, told before all else."""
    path = write(
        tmp_path / "python",
        f"#!{sys.executable}\n"
        "import sys\n"
        f"sys.version_info = {version} + sys.version_info[2:]\n"
        "exec(sys.argv[sys.argv.index('-c') + 1])\n",
    )

    with pytest.raises(StartError, match="needs Python 2.7 or 3.6") as caught:
        gatewaylib.Group().makegateway(f"popen//python={path}")

    assert caught.value.exit_status == 1
    assert "Traceback" not in str(caught.value)


def test_a_spec_that_can_not_be_done_says_what(tmp_path):
    (tmp_path / "file").write_text("")
    for option in (f"chdir={tmp_path}/file", "chdir=/proc/none/such", "execmodel=gevent"):
        spec = f"popen//python={sys.executable} -S -I//{option}"
        with pytest.raises(StartError, match="could not do what the spec says"):
            gatewaylib.Group().makegateway(spec)


def test_what_a_login_prints_is_skipped(tmp_path):
    noise = write(
        tmp_path / "python",
        f'#!/bin/sh\nseq 1 10000 >&0\necho message of the day\nexec {sys.executable} "$@"\n',
    )
    with gatewaylib.Group() as group:
        channel = group.makegateway(f"popen//python={noise}").remote_exec("channel.send(1)")

        assert channel.receive(timeout=BOUND) == 1


def test_ctrl_c_while_starting_leaves_nothing(tmp_path, monkeypatch):
    path = write(tmp_path / "python", HANGING["ignores SIGTERM"])

    def interrupt(*args):
        raise KeyboardInterrupt

    monkeypatch.setattr(bootstrap.Start, "step", interrupt)

    with pytest.raises(KeyboardInterrupt):
        gatewaylib.Group().makegateways([f"3*popen//python={path}"])


def free_descriptors(count):
    """Return the lowest numbers that no file has here."""
    taken = leaks.descriptors()
    return [number for number in range(max(taken) + count) if number not in taken][:count]


def test_a_process_out_of_descriptors_gets_an_error_and_nothing_leaks():
    resource = pytest.importorskip("resource", reason="a limit that only Unix has")
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    group = gatewaylib.Group()
    with nothing_kept():
        resource.setrlimit(resource.RLIMIT_NOFILE, (free_descriptors(28)[-1], hard))
        try:
            with pytest.raises(StartError, match="Too many open files"):
                for _ in range(28):
                    group.makegateway()
            assert len(group) > 1
            assert group[-1].remote_exec("channel.send(1)").receive(timeout=BOUND) == 1
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        group.terminate(timeout=BOUND)


@pytest.mark.parametrize(
    "step",
    [
        "wire.os.pipe",
        "wire.PipeTransport",
        "wire.os.memfd_create",
        "wire.os.ftruncate",
        "process.os.pipe",
        "process.subprocess.Popen",
        "process.arm",
        "process._open_pidfd",
        "process.OUTPUT_POLLER.watch",
    ],
)
def test_whichever_step_of_a_start_fails_leaves_no_descriptor(step, monkeypatch):
    def fail(*args, **kwargs):
        raise MemoryError(step)

    gatewaylib.Group(["popen"]).terminate(timeout=BOUND)  # what is imported, is imported now
    with nothing_kept(), monkeypatch.context() as patch:
        patch.setattr(f"gatewaylib.transports.{step}", fail)
        with pytest.raises(MemoryError):
            gatewaylib.Group().makegateway()


@pytest.mark.parametrize(
    "moment",
    [
        "gatewaylib.transports.process.subprocess.Popen",
        "gatewaylib.bootstrap.start_process",
        "gatewaylib.launch.wait_for_hellos",
        "gatewaylib.multi.Gateway",
        "gatewaylib.multi.Gateway.begin",
    ],
)
def test_ctrl_c_right_behind_any_step_of_a_start_leaves_nothing(moment, monkeypatch):
    step = operator.attrgetter(moment.partition(".")[2])(gatewaylib)

    def interrupted(*args, **kwargs):
        result = step(*args, **kwargs)
        os.kill(os.getpid(), signal.SIGINT)
        return result

    group = gatewaylib.Group(["popen"])
    group.terminate(timeout=BOUND)  # what is imported, is imported now
    with nothing_kept():
        with monkeypatch.context() as patch:
            patch.setattr(moment, interrupted)
            with pytest.raises(KeyboardInterrupt):
                group.makegateways(["popen//id=a", "popen//id=b"])
        assert len(group) == 0
        assert len(group.makegateways(["popen//id=a", "popen//id=b"])) == 2
        group.terminate(timeout=BOUND)


@pytest.mark.slow
def test_however_few_descriptors_there_are_the_error_says_what_to_do():
    resource = pytest.importorskip("resource", reason="a limit that only Unix has")
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    group = gatewaylib.Group(["popen"])
    group.terminate(timeout=BOUND)  # what is imported, is imported now
    assert settle(is_at_rest)
    free = free_descriptors(30)
    errors = []
    for spare in range(20):
        with nothing_kept():
            bootstrap._packed.cache_clear()
            resource.setrlimit(resource.RLIMIT_NOFILE, (free[spare], hard))
            try:
                group.makegateway("popen//id=w")
            except StartError as error:
                errors.append(str(error))
            finally:
                resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
            group.terminate(timeout=BOUND)
    assert 5 < len(errors) < 20
    assert all("popen//id=w" in text and "ulimit -n" in text for text in errors), errors


def test_an_empty_command_is_refused(tmp_path):
    with pytest.raises(gatewaylib.SpecError, match="python=.*is empty"):
        gatewaylib.Group().makegateway("popen//python= ")


def test_a_start_that_takes_too_long_names_its_limit(tmp_path):
    path = write(tmp_path / "python", HANGING["does not read"])
    with pytest.raises(StartError, match=r"within 0\.5 s; .* with timeout="):
        gatewaylib.Group().makegateway(f"popen//python={path}", timeout=0.5)
    with pytest.raises(ValueError, match="must not be negative"):
        gatewaylib.Group().makegateway(timeout=-1)


def test_an_error_does_not_quote_the_hello(tmp_path):
    with pytest.raises(StartError, match="could not do what the spec says") as caught:
        gatewaylib.makegateway("popen//chdir=/proc/nope")
    assert "gatewaylib-hello" not in str(caught.value)


def test_a_script_without_its_interpreter_says_so(tmp_path):
    script = tmp_path / "python"
    script.write_text("#!/nowhere/python\n")
    script.chmod(0o755)
    with pytest.raises(StartError, match="first line"):
        gatewaylib.makegateway(f"popen//python={script}")


def test_a_start_may_take_as_long_as_anybody_likes():
    with gatewaylib.Group(["popen//start_timeout=3000000"]) as group:
        assert len(group) == 1


def test_what_an_interpreter_prints_is_quoted_without_what_steers_a_terminal(tmp_path):
    script = "#!/bin/sh\nprintf 'one\\033[31mtwo\\r\\007\\n' >&2\nexit 1\n"

    (error,), _ = start_all(tmp_path, [script])

    assert "two" in str(error) and "\033" not in str(error) and "\r" not in str(error)


def test_a_start_that_fails_does_not_tell_the_values_of_env(tmp_path):
    (error,), _ = start_all(tmp_path, ["#!/bin/sh\nexit 1\n"], "//env:TOKEN=s3cret")

    assert "s3cret" not in str(error) and "env:TOKEN=..." in str(error)
    assert "env:TOKEN=s3cret" in error.spec


@needs("sudo")
def test_a_command_that_closes_descriptors_is_told_what_to_do():
    with pytest.raises(StartError, match=r"descriptors open.*sudo="):
        gatewaylib.Group().makegateway("popen//python=sudo -n /usr/bin/python3//chdir=/")
