"""Workers of pytest-xdist that run elsewhere: other interpreters, ssh, sockets, and what they get.

The interpreter of most of them has pytest and pytest-xdist, whose options it is given, and
nothing else: neither execnet nor gatewaylib is installed there.
"""

import importlib.metadata
import importlib.util
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import socket_servers
import ssh_server
import xdist_runs
from machine import needs
from settling import BOUND
from xdist_runs import run, write

pytestmark = pytest.mark.slow

# What a worker needs to run tests.
NEEDED = ["_pytest", "pytest", "pluggy", "iniconfig", "packaging", "pygments", "py", "xdist"]
# One that lacks what it needs is not started again for ever.
OPTIONS = ("--max-worker-restart=0", "--dist=load")
WHERE = """
    import os, sys

    def test_where():
        import execnet
        assert execnet.DumpError.__module__.startswith("_gatewaylib.")
        assert not hasattr(execnet, "Group")
        for name in ("execnet", "gatewaylib"):
            assert not any("/%s/" % name in str(getattr(module, "__file__", ""))
                           for module in sys.modules.values()), name
        print("prefix:", sys.prefix)
        print("directory:", os.getcwd())
"""

DIRECTORY = """
    import os

    def test_where():
        print("directory:", os.getcwd())
"""


@pytest.fixture(scope="module")
def bare_python(tmp_path_factory):
    """An interpreter that has what a worker needs, and nothing else that is installed here."""
    folder = tmp_path_factory.mktemp("bare")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder], check=True)
    [packages] = folder.glob("lib/*/site-packages")
    for name in NEEDED:
        file = Path(importlib.util.find_spec(name).origin)
        source = file.parent if file.name == "__init__.py" else file
        (packages / source.name).symlink_to(source)
    # By their metadata pytest finds the one, and the version of the other.
    for name in ("pytest-xdist", "pluggy"):
        metadata = importlib.metadata.distribution(name)._path
        (packages / metadata.name).symlink_to(metadata)
    return folder / "bin" / "python"


def project(tmp_path, **files):
    """Write a project into a directory of its own, beside which workers get theirs."""
    folder = tmp_path / "project"
    folder.mkdir()
    write(folder, **files)
    return folder


def test_an_interpreter_that_has_pytest_only_runs_tests(tmp_path, bare_python):
    write(tmp_path, test_where="import sys\ndef test_it(): print('prefix:', sys.prefix)")

    done = run(tmp_path, *OPTIONS, "-rP", "--tx", f"2*popen//python={bare_python}")

    assert done.returncode == 0, done.stdout + done.stderr
    assert f"prefix: {bare_python.parent.parent}" in done.stdout


def test_rsyncdir_brings_the_tests_to_a_directory_of_the_workers(tmp_path, bare_python):
    source = project(tmp_path, test_where=DIRECTORY, test_other="def test_it(): pass")
    (source / "ignored.pyc").write_text("")
    target = tmp_path / "elsewhere"
    target.mkdir()

    done = run(
        source,
        "-v",
        "-rP",
        *OPTIONS,
        f"--rsyncdir={source}",
        "--tx",
        f"popen//python={bare_python}//chdir={target}",
        str(source),
    )

    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{target} <= project/test_where.py" in done.stdout
    assert (target / "project" / "test_where.py").read_text() == (
        source / "test_where.py"
    ).read_text()
    assert not (target / "project" / "ignored.pyc").exists()
    assert f"directory: {target}" in done.stdout


@needs("sshd")
def test_workers_run_by_ssh(tmp_path, bare_python):
    source = project(tmp_path, test_where=WHERE, test_other="def test_it(): pass")
    with ssh_server.running(tmp_path) as server:
        spec = f"ssh=box//ssh_config={server.config}//python={bare_python}"
        spec += f"//chdir={tmp_path}/there"

        more = ("-rP", f"--rsyncdir={source}", "--tx", f"2*{spec}", str(source))
        done = run(source, *OPTIONS, *more)

    assert done.returncode == 0, done.stdout + done.stderr
    assert "2 passed" in done.stdout
    assert f"prefix: {bare_python.parent.parent}" in done.stdout
    assert f"directory: {tmp_path}/there" in done.stdout


@needs("sshd")
def test_ctrl_c_ends_workers_by_ssh(tmp_path, bare_python):
    waits = (
        "import threading\n"
        "def test_it():\n"
        "    open(%r, 'w').close()\n"
        "    threading.Event().wait(600)\n"
    )
    source = project(tmp_path, test_it=waits % str(tmp_path / "started"))
    os.mkfifo(tmp_path / "started")
    with ssh_server.running(tmp_path) as server:
        spec = f"ssh=box//ssh_config={server.config}//python={bare_python}"
        spec += f"//chdir={tmp_path}/there"
        process = xdist_runs.start(
            source, *OPTIONS, f"--rsyncdir={source}", "--tx", spec, str(source)
        )
        open(tmp_path / "started").close()

        os.killpg(process.pid, signal.SIGINT)

        out, err = process.communicate(timeout=BOUND)
    assert process.returncode == 2, out + err
    # conftest.py sees to it that the worker is gone too.


def test_workers_run_behind_a_socket_server(tmp_path, bare_python):
    source = project(tmp_path, test_where=WHERE, test_other="def test_it(): pass")
    token = tmp_path / "token"
    token.write_text(socket_servers.TOKEN)
    token.chmod(0o600)
    servers = tmp_path / "server"
    servers.mkdir()
    with socket_servers.serve(servers, python=str(bare_python)) as server:
        spec = f"socket={server.address}//token_file={token}//chdir={tmp_path}/there"

        more = ("-rP", f"--rsyncdir={source}", "--tx", f"2*{spec}", str(source))
        done = run(source, *OPTIONS, *more)

        assert done.returncode == 0, done.stdout + done.stderr + server.errors()
    assert "2 passed" in done.stdout
    assert f"directory: {tmp_path}/there" in done.stdout


def test_workers_run_behind_a_gateway_that_runs_none(tmp_path):
    write(tmp_path, test_it="def test_1(): pass\ndef test_2(): pass")

    done = run(tmp_path, "--dist=load", "--px", "id=proxy//popen", "--tx", "2*popen//via=proxy")

    assert done.returncode == 0, done.stdout + done.stderr
    assert "2 passed" in done.stdout


class Output:
    """Reads what a process writes to its stdout, as it comes."""

    def __init__(self, process):
        self._process, self.text = process, ""

    def read_until(self, words):
        """Return once the words have come; all text before them has been read then."""
        start = len(self.text)
        while words not in self.text[start:]:
            line = self._process.stdout.readline()
            assert line, f"it has ended without {words!r}:\n{self.text}"
            self.text += line
        return self.text[start:]


def test_looponfail_runs_again_what_has_failed_once_it_is_changed(tmp_path):
    write(tmp_path, test_it="def test_1(): assert 0\ndef test_2(): pass")
    process = xdist_runs.start(tmp_path, "-f", PYTHONUNBUFFERED="1")
    output = Output(process)
    try:
        first = output.read_until("### Watching")
        (tmp_path / "test_it.py").write_text("def test_1(): assert 1\ndef test_2(): pass\n")
        second = output.read_until("### Watching")

        process.send_signal(signal.SIGINT)

        rest, err = process.communicate(timeout=xdist_runs.TIMEOUT)
    finally:
        process.kill()
        process.communicate()
    assert "1 failed, 1 passed" in first
    assert "LOOPONFAILING" in first
    # What had failed alone, and then all.
    assert "1 passed" in second
    assert "2 passed" in second
    assert process.returncode == 2, rest + err
