"""What a remote loads before its first task, and that nobody misses what it does not."""

import gc
import inspect
import linecache
import subprocess
import sys
import textwrap

import interpreters
import pytest
import test_layout

import gatewaylib
from gatewaylib import bootstrap
from gatewaylib.transports import wire

BOUND = 60.0  # seconds: a hang, and nothing else. Jython takes seconds to start.
INTERPRETERS = interpreters.find()
F_GETPIPE_SZ = 1032  # Linux; fcntl has the name from Python 3.10 on
LOADED = "import sys; channel.send(list(sys.modules))"
# What it is made of, all in all; the parts in C are part of the others.
IMPORTS = "import __future__, errno, gc, os, select, struct, threading, time, types"
# Lines that a task shows of itself: as the first to import linecache, and once more after that.
SHOWS_LINES = """
import traceback

def lines():
    try:
        raise ValueError("inside")  # the line of the raise
    except ValueError:
        return traceback.format_exc()

def meet(channel):
    import linecache
    channel.send(lines())
    channel.send(linecache.getline(lines.__code__.co_filename, 6))
"""


def answers(spec, source, count=1):
    with gatewaylib.Group() as group:
        channel = group.makegateway(spec).remote_exec(textwrap.dedent(source))
        return [channel.receive(BOUND) for _ in range(count)]


def test_what_is_loaded_at_once_is_what_a_first_task_needs():
    (names,) = answers("popen", LOADED)

    ours = [name for name in names if name.split(".")[0] == "_gatewaylib"]
    at_once = [name for name in bootstrap.AT_ONCE if not name.endswith("__init__")]
    assert ours == ["_gatewaylib", "_gatewaylib.shipped", *(f"_gatewaylib.{n}" for n in at_once)]


def test_what_is_loaded_at_once_is_in_the_order_of_the_tree():
    order = [path[: -len(".py")].replace("/", ".") for path in test_layout.FILES]

    assert [name for name in order if name in bootstrap.AT_ONCE[1:]] == [
        name for name in bootstrap.AT_ONCE if name != "__init__"
    ]


def test_a_start_imports_nothing_of_the_standard_library_that_it_may_never_need():
    command = [sys.executable, "-S", "-E", "-c"]
    needed = f"{IMPORTS}; import sys; print(*sys.modules)"
    output = subprocess.run([*command, needed], capture_output=True, check=True, text=True).stdout
    (names,) = answers(f"popen//python={' '.join(command[:-1])}", LOADED)

    others = [name for name in names if name[0] != "_"]  # neither ours nor parts in C
    assert [name for name in others if name not in output.split()] == []


@pytest.mark.skipif(not hasattr(gc, "unfreeze"), reason="its garbage collector has no ages")
def test_what_a_start_made_is_not_looked_through_for_garbage_and_seen_as_ever(gateway):
    source = (
        "import gc\n"
        "modules = [m for m in gc.get_objects() if type(m).__name__ == 'module']\n"
        "found = [m.__name__ for m in modules if m.__name__.endswith('.gateway_base')]\n"
        "young = gc.get_objects(0) + gc.get_objects(1)\n"
        "channel.send((gc.isenabled(), len(found), len(young), gc.get_freeze_count()))\n"
    )
    enabled, found, young, frozen = gateway.remote_exec(source).receive(BOUND)
    assert (enabled, found, frozen) == (True, 1, 0)
    assert young < 2000


@pytest.mark.parametrize("name", INTERPRETERS)
def test_a_task_that_imports_traceback_finds_its_own_lines(name):
    shown, line = answers(
        f"popen//python={INTERPRETERS[name]}", SHOWS_LINES + "\nmeet(channel)", count=2
    )

    assert 'raise ValueError("inside")  # the line of the raise' in shown
    assert line.strip() == 'raise ValueError("inside")  # the line of the raise'


def test_a_task_of_the_same_name_shows_its_own_lines_once_linecache_is_there():
    fails = "{}\nraise ValueError('on purpose')"
    texts = []
    with gatewaylib.Group() as group:
        gateway = group.makegateway("popen")
        for number in range(3):
            channel = gateway.remote_exec(fails.format(f"number = {number}"))
            with pytest.raises(gatewaylib.RemoteError) as caught:
                channel.receive(BOUND)
            texts.append(str(caught.value))

    assert all("raise ValueError('on purpose')" in text for text in texts), texts


def test_linecache_is_loaded_from_where_it_is():
    asks = "import inspect, linecache\nchannel.send(inspect.getsource(linecache))\n"
    source, origin = answers("popen", asks + "channel.send(linecache.__spec__.origin)", count=2)

    assert origin == linecache.__file__
    assert source == inspect.getsource(linecache)


@pytest.mark.skipif(not wire.HAS_PIPES, reason="a wire that is no pipe has no size")
def test_a_pipe_is_wide_for_the_start_only():
    import fcntl

    with gatewaylib.Group() as group:
        gateway = group.makegateway("popen")

        size = fcntl.fcntl(gateway.process.transport.write_fileno(), F_GETPIPE_SZ)
        assert size <= bootstrap.PIPE_SIZE
