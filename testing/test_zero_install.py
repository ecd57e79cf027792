"""Every interpreter starts from the same shipped files, needs nothing and leaves nothing."""

import os
import subprocess
import textwrap

import interpreters
import pytest

import gatewaylib

BOUND = 60.0  # seconds: a hang, and nothing else. Jython takes seconds to start.
INTERPRETERS = interpreters.find()
# One of each way to import: the oldest, the newest and the others'. Jython's is 2.7's.
DIFFERENT = [n for n in INTERPRETERS if n in ("python2.7", "pypy3")] + [
    [n for n in INTERPRETERS if n.startswith("python3")][-1]
]

# What it does there: answer, raise, receive a channel, and say what it can import.
TASK = """
import sys

def importable(name):
    try:
        return getattr(__import__(name), "whose", "unknown")
    except ImportError:
        return None

channel.send(channel.receive())
channel.receive().send("over the second")
channel.send([name for name in sys.modules if "gatewaylib" in name.split(".")])
channel.send(importable("gatewaylib"))
raise ValueError("on purpose")  # line 15
"""
NOTHING_WRITTEN = """
import os, tempfile
for directory in (os.getcwd(), os.path.expanduser("~"), "/tmp", "/var/tmp"):
    try:
        os.mkdir(os.path.join(directory, "written"))
    except OSError:
        continue
    channel.send(directory)
channel.send(None)
"""


@pytest.fixture
def empty(tmp_path, monkeypatch):
    """A directory that is home, current directory and place for temporary files."""
    directory = tmp_path / "empty"
    directory.mkdir()
    for name in ("HOME", "TMPDIR", "TMP", "TEMP", "XDG_CACHE_HOME"):
        monkeypatch.setenv(name, str(directory))
    for name in [name for name in os.environ if name.startswith("PYTHON")]:
        monkeypatch.delenv(name)
    return directory


def start(group, command, directory):
    (gateway,) = group.makegateways([f"popen//python={command}//chdir={directory}"], BOUND)
    return gateway


def use(gateway):
    """Do all of TASK there; return which modules it had, and what ``import gatewaylib`` gave."""
    channel = gateway.remote_exec(textwrap.dedent(TASK))
    channel.send([1, "\u20ac", 2**70, {"key": (None, True, 1.5)}])
    assert channel.receive(BOUND) == [1, "\u20ac", 2**70, {"key": (None, True, 1.5)}]
    second = gateway.newchannel()
    channel.send(second)
    assert second.receive(BOUND) == "over the second"
    found = channel.receive(BOUND), channel.receive(BOUND)
    with pytest.raises(gatewaylib.RemoteError) as caught:
        channel.receive(BOUND)
    assert "line 15" in str(caught.value) and "on purpose" in str(caught.value)
    assert 'raise ValueError("on purpose")  # line 15' in str(caught.value)
    assert caught.value.type_name == "ValueError"
    return found


@pytest.mark.parametrize("name", INTERPRETERS)
def test_nothing_is_needed_and_no_file_is_left(name, empty):
    with gatewaylib.Group() as group:
        gateway = start(group, INTERPRETERS[name], empty)

        assert use(gateway)[0] == []  # what is installed there, if it is, is not used
    assert list(empty.rglob("*")) == []


@pytest.mark.parametrize("name", DIFFERENT)
def test_a_gatewaylib_that_is_installed_there_is_neither_used_nor_hidden(
    name, empty, tmp_path, monkeypatch
):
    for package in ("gatewaylib", "_gatewaylib"):
        (tmp_path / "lib" / package).mkdir(parents=True)
        (tmp_path / "lib" / package / "__init__.py").write_text("whose = 'their own'\n")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "lib"))
    with gatewaylib.Group() as group:
        _, whose = use(start(group, INTERPRETERS[name], empty))

        assert whose == "their own"


def test_an_interpreter_without_site_or_environment_is_enough(empty):
    versions = [name for name in INTERPRETERS if name.startswith("python3")]
    with gatewaylib.Group() as group:
        for options in ("-S -I", "-E -s", "-O", "-OO", "-B"):
            use(start(group, f"{INTERPRETERS[versions[0]]} {options}", empty))
            use(start(group, f"{INTERPRETERS[versions[-1]]} {options}", empty))
    assert list(empty.rglob("*")) == []


READ_ONLY = """#!/bin/sh
exec unshare --map-root-user --mount sh -c '
    for place in $(cut -d" " -f2 /proc/self/mounts); do
        case $place in
            /proc*|/sys*|/dev|/dev/pts) ;;
            *) mount -o remount,bind,ro "$place" || exit ;;
        esac
    done
    exec "$@"' sh {command} "$@"
"""


def can_mount():
    words = ["unshare", "--map-root-user", "--mount", "mount", "-t", "tmpfs", "none", "/tmp"]
    try:
        return subprocess.run(words, capture_output=True, check=False).returncode == 0
    except OSError:
        return False


@pytest.mark.skipif(not can_mount(), reason="this user may not mount in a namespace of its own")
@pytest.mark.parametrize("name", INTERPRETERS)
def test_it_works_where_no_file_can_be_written(name, tmp_path, monkeypatch):
    monkeypatch.delenv("PYTHONPATH", raising=False)  # it may lead to the library
    wrapper = tmp_path / "python"
    wrapper.write_text(READ_ONLY.format(command=INTERPRETERS[name]))
    wrapper.chmod(0o755)
    with gatewaylib.Group() as group:
        gateway = start(group, wrapper, "/")

        use(gateway)

        assert gateway.remote_exec(NOTHING_WRITTEN).receive(BOUND) is None
