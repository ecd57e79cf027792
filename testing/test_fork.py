"""Forks of either end: gateways belong to the process that made them."""

import subprocess
import sys

import interpreters
import leaks
import pytest
from command_line import environment
from settling import BOUND, SLACK, gone

import gatewaylib

# Written to a pipe by the child of a fork; "ok" if all went as it should.
SETUP = """
import contextlib, os, sys, threading, time
import gatewaylib

group = gatewaylib.Group()
gateway = group.makegateway()
channel = gateway.remote_exec("while True: channel.send(channel.receive())")
called = gateway.remote_exec("for item in channel: channel.send(item)")
called_back = threading.Event()
called.setcallback(lambda item: called_back.set())
called.send(1)
assert called_back.wait(30)  # a pooled thread is idle now, which no child has
def wait_for_nothing():
    with contextlib.suppress(EOFError):  # what comes is the end, with the interpreter's
        gateway.newchannel().receive()
threading.Thread(target=wait_for_nothing, daemon=True).start()

def echo(number):
    channel.send(number)
    assert channel.receive(timeout=30) == number

echo(1)

def fork(run):
    pid = os.fork()
    if not pid:
        try:
            run()
        except BaseException:
            import traceback
            traceback.print_exc()
            os._exit(1)
        os._exit(0)
    return pid

def check(pid):
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
"""


def run(code):
    """Run a local process to its end; return what it printed."""
    process = subprocess.run(
        [sys.executable, "-c", SETUP + code],
        env=environment(),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        encoding="utf-8",
        timeout=2 * BOUND,
        check=False,
    )
    assert process.returncode == 0, process.stderr
    return process.stdout


def test_a_child_that_uses_its_parents_gateways_is_told_whose_they_are():
    run(
        "calls = [lambda: gateway.remote_exec('1'), gateway.newchannel, gateway.remote_status,\n"
        "         lambda: channel.send(1), channel.receive, channel.waitclose,\n"
        "         lambda: next(channel)]\n"
        "def use():\n"
        "    for number, call in enumerate(calls):\n"
        "        try:\n"
        "            call()\n"
        "        except gatewaylib.GatewayLost as error:\n"
        "            assert 'belongs to the parent process' in str(error), error\n"
        "        else:\n"
        "            assert 0, number\n"
        "    assert len(group) == 0 and 'ended' in repr(gateway)\n"
        "    channel.close()\n"
        "    gateway.exit(); gateway.join(); gateway.terminate(1.0); group.terminate(1.0)\n"
        "check(fork(use))\n"
        "echo(2)\n"
    )


def test_a_child_that_ends_ends_nothing_of_its_parents():
    run(
        "for way in (lambda: None, sys.exit, lambda: os.kill(os.getpid(), 9)):\n"
        "    pid = os.fork()\n"
        "    if not pid:\n"
        "        del gateway, channel, called\n"
        "        way()\n"
        "        break\n"
        "    os.waitpid(pid, 0)\n"
        "    echo(2)\n"
    )


def test_a_child_can_have_gateways_of_its_own_with_all_that_runs_beside():
    run(
        "def use():\n"
        "    told = threading.Event()\n"
        "    with gatewaylib.Group(['2*popen']) as mine:\n"
        "        for one in mine:\n"
        "            c = one.remote_exec('channel.send(channel.receive())')\n"
        "            c.setcallback(lambda item: told.set())\n"
        "            c.send(1)\n"
        "            assert told.wait(30); told.clear()\n"
        "check(fork(use))\n"
        "check(fork(lambda: check(fork(use))))\n"
        "echo(2)\n"
    )


def test_a_child_keeps_no_descriptor_of_its_parents_gateways():
    run(
        "def use():\n"
        "    links = [os.readlink('/proc/self/fd/' + fd) for fd in os.listdir('/proc/self/fd')\n"
        "             if int(fd) > 2 and os.path.exists('/proc/self/fd/' + fd)]\n"
        "    assert not [link for link in links if 'socket' in link or 'pipe' in link], links\n"
        "check(fork(use))\n"
        "echo(2)\n"
    )


def test_the_remotes_of_a_parent_that_was_killed_end_though_its_child_lives():
    watch = leaks.Watch()
    process = subprocess.Popen(
        [
            sys.executable,
            "-c",
            SETUP
            + "gateway.remote_exec('import os; os.kill(os.getpid(), 19)')\n"
            + "os.close(1); os.dup2(2, 1)\n"
            + "pid = fork(lambda: sys.stdin.read())\n"
            + "print(gateway.process.pid, pid, flush=True, file=sys.stderr)\n"
            + "time.sleep(999)",
        ],
        env=environment(),
        stdin=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
    )
    remote, child = map(int, process.stderr.readline().split())

    process.kill()
    process.wait()

    assert gone(remote, within=2.0)
    assert child in leaks.processes()
    process.stdin.close()
    process.stderr.close()
    assert watch.left_behind(grace=2.0 + SLACK) == []


# A child of a task: what it may not do, and that its end is its own.
TASK = """
import os, sys
read_end, write_end = os.pipe()
pid = os.fork()
if pid == 0:
    os.close(read_end)
    try:
        channel.send("from the child")
    except Exception:
        error = "%s: %s" % (sys.exc_info()[0].__name__, sys.exc_info()[1])
        os.write(write_end, error.encode())
    END
os.close(write_end)
text = b""
while True:
    data = os.read(read_end, 1000)
    if not data:
        break
    text += data
channel.send((text.decode(), os.waitpid(pid, 0)[1]))
channel.send(channel.receive())
"""
ENDS = {"sys.exit(0)": 0, "os._exit(3)": 3 << 8, "raise KeyError('x')": 1 << 8, "os.abort()": 6}


@pytest.mark.parametrize("name", sorted({*interpreters.find()} - {"jython"}))
def test_a_child_of_a_task_can_not_use_the_channel_and_ends_alone(name):
    with gatewaylib.Group() as group:
        spec = f"popen//python={interpreters.find()[name]}//stdio=drop"
        gateways = group.makegateways([spec])
        for end, status in ENDS.items():
            channel = gateways[0].remote_exec(TASK.replace("END", end))

            text, told = channel.receive(timeout=BOUND)
            channel.send("still there")

            assert channel.receive(timeout=BOUND) == "still there"
            assert "GatewayLost" in text and "belongs to the parent process" in text
            assert told & ~128 == status, end
