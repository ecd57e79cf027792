"""The same behaviour with threads, one main thread, gevent and eventlet, at either end."""

import os
import subprocess
import sys

import pytest
from machine import GREEN
from settling import BOUND, promised

import gatewaylib
from gatewaylib import RemoteError

ECHO = "for item in channel: channel.send(item)"


# ---- at the remote -----------------------------------------------------------------------


@pytest.fixture(scope="module", params=["thread", *GREEN])
def remote(request):
    with gatewaylib.Group() as group:
        yield group.makegateway(
            f"popen//execmodel={request.param}//env:PYTHONWARNINGS=ignore//id={request.param}"
        )


def test_a_remote_of_any_model_says_which_it_is_and_echoes(remote):
    assert remote.remote_status(BOUND).execmodel == remote.id
    with remote.remote_exec(ECHO) as channel:
        for item in (1, b"x" * 10**6, None):
            channel.send(item)
            assert channel.receive(BOUND) == item


def test_tasks_of_any_model_run_side_by_side(remote):
    channels = [remote.remote_exec(ECHO) for _ in range(5)]
    for number, channel in enumerate(channels):
        channel.send(number)
    assert [channel.receive(BOUND) for channel in reversed(channels)] == [4, 3, 2, 1, 0]
    for channel in channels:
        channel.close()


def test_timeouts_callbacks_and_errors_work_in_a_task_of_any_model(remote):
    channel = remote.remote_exec(
        "try: channel.receive(0.05)\n"
        "except channel.TimeoutError: channel.send('timeout')\n"
        "event = channel.gateway.execmodel.Event()\n"
        "inner = channel.receive()\n"
        "inner.setcallback(lambda item: event.set())\n"
        "channel.send('set')\n"
        "event.wait(10)\n"
        "channel.gateway.execmodel.sleep(0.01)\n"
        "raise LookupError('end')\n"
    )
    assert channel.receive(BOUND) == "timeout"
    inner = remote.newchannel()
    channel.send(inner)
    assert channel.receive(BOUND) == "set"
    inner.send(1)
    with pytest.raises(RemoteError, match="LookupError: end"):
        channel.receive(BOUND)


def test_a_remote_of_any_model_ends_when_asked_though_a_task_waits(remote):
    with gatewaylib.Group() as group:
        gateway = group.makegateway(f"popen//execmodel={remote.id}//env:PYTHONWARNINGS=ignore")
        channel = gateway.remote_exec("channel.send(1); channel.receive()")
        channel.receive(BOUND)

        with promised(2.0):
            report = group.terminate(BOUND)

        assert [ending.how for ending in report] == ["exited"]


# ---- at this end -------------------------------------------------------------------------

LOCAL = '''
import sys, warnings
warnings.simplefilter("ignore")
name = sys.argv[1]
if name == "gevent":
    import gevent as green
else:
    import eventlet as green
import gatewaylib

WAIT = 30
group = gatewaylib.Group(execmodel=name)
assert group.execmodel.backend == name
group.set_execmodel(name, "thread")
one, two = group.makegateways(["2*popen"])
channel = one.remote_exec("for item in channel: channel.send(item)")
for item in (1, "x" * 10**6):
    channel.send(item)
    assert channel.receive(WAIT) == item

# Others run while one waits.
order = []
def wait():
    order.append(channel.receive(WAIT))
waiting = green.spawn(wait)
green.sleep(0)
ticks = []
def tick():
    for _ in range(5):
        ticks.append(1)
        green.sleep(0.001)
ticking = green.spawn(tick)
try:
    two.newchannel().receive(1.0)
except gatewaylib.TimeoutError:
    ticks.append("in time")
assert ticks.pop() == "in time"
assert len(ticks) == 5, ticks
channel.send("late")
while not order:
    green.sleep(0.001)
assert order == ["late"]

# Callbacks, and an end that nobody asked for.
got = []
caller = two.remote_exec("for i in range(3): channel.send(i)")
caller.setcallback(got.append, endmarker="end")
while len(got) < 4:
    green.sleep(0.001)
assert got == [0, 1, 2, "end"], got
lost = two.remote_exec("import os; os._exit(4)")
try:
    lost.receive(WAIT)
except gatewaylib.GatewayLost as error:
    assert error.exit_status == 4, error
else:
    assert False
# One that is stopped is given up, and whoever sends much to it is told.
import os, signal
three = group.makegateway("popen//heartbeat=1")
deaf = three.remote_exec("channel.receive()")
told = []
def send():
    try:
        deaf.send(b"x" * 2 * 10**7)
    except gatewaylib.GatewayLost:
        told.append("send")
def receive():
    try:
        deaf.receive()
    except gatewaylib.GatewayLost:
        told.append("receive")
os.kill(three._rinfo().pid, signal.SIGSTOP)
for function in (send, receive):
    green.spawn(function)
while len(told) < 2:
    green.sleep(0.01)
# A channel nobody holds is closed.
watcher = one.remote_exec(
    "inner = channel.receive()\\nchannel.send(0)\\n"
    "try: inner.receive(60)\\nexcept EOFError: channel.send(1)")
inner = one.newchannel()
watcher.send(inner)
assert watcher.receive(WAIT) == 0
del inner
assert watcher.receive(WAIT) == 1
report = group.terminate(WAIT)
print([ending.how for ending in report])
'''


@pytest.mark.slow
@pytest.mark.parametrize("model", GREEN)
def test_a_local_end_of_green_threads_works_and_lets_others_run(model):
    root = os.path.dirname(os.path.dirname(gatewaylib.__file__))
    done = subprocess.run(
        [sys.executable, "-c", LOCAL, model],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        timeout=40,
        env={**os.environ, "PYTHONPATH": root, "PYTHONWARNINGS": "ignore"},
        universal_newlines=True,
    )

    assert done.returncode == 0, done.stderr
    assert done.stdout == "['exited', 'lost', 'lost']\n"


def test_a_missing_model_at_the_remote_is_an_error_that_says_so(group):
    python = f"{sys.executable} -S -E"  # without what is installed
    with pytest.raises(gatewaylib.StartError, match="No module named|ImportError"):
        group.makegateway(f"popen//execmodel=gevent//python={python}")


@pytest.mark.slow
@pytest.mark.parametrize("model", GREEN)
@pytest.mark.parametrize("busy", ["while True: pass", "import time; time.sleep(1000)"])
def test_a_green_task_that_lets_nobody_run_ends_by_itself_when_asked(group, model, busy):
    gateway = group.makegateway(f"popen//execmodel={model}")
    gateway.remote_exec("channel.send(1)").receive(BOUND)
    gateway.remote_exec(busy)

    (ending,) = group.terminate(timeout=BOUND)

    assert ending.how == "exited"
