"""A task on its way to a remote that reads nothing: it is given up, and the gateway is not."""

import os
import signal

import pytest
from settling import BOUND, promised, settle

import gatewaylib
from gatewaylib.shipped import sending

PATIENCE = 0.3
LARGE = "channel.send(1)\n" + "#" * 2**20


@pytest.fixture
def frozen(gateway, monkeypatch):
    """A gateway whose process is stopped."""
    monkeypatch.setattr(sending, "PATIENCE", PATIENCE)
    pid = gateway._rinfo().pid
    os.kill(pid, signal.SIGSTOP)
    yield gateway
    os.kill(pid, signal.SIGCONT)


def test_a_small_task_is_on_its_way_at_once_and_runs_once_the_remote_goes_on(frozen):
    channel = frozen.remote_exec("channel.send(channel.receive() + 1)")
    channel.send(1)

    os.kill(frozen._rinfo().pid, signal.SIGCONT)

    assert channel.receive(BOUND) == 2


def test_a_large_task_is_given_up_where_nothing_is_read_and_the_gateway_lives_on(
    frozen, monkeypatch
):
    with promised(4 * PATIENCE), pytest.raises(gatewaylib.TimeoutError, match="reads nothing"):
        for _ in range(8):  # whatever fits into the buffers in between
            frozen.remote_exec(LARGE)

    monkeypatch.setattr(sending, "PATIENCE", BOUND)  # a busy machine takes long to go on
    os.kill(frozen._rinfo().pid, signal.SIGCONT)
    assert frozen.remote_exec(LARGE).receive(BOUND) == 1
    assert settle(lambda: frozen.remote_status(BOUND).numexecuting == 0)


def test_a_task_behind_many_that_were_not_read_is_given_up(frozen):
    with promised(4 * PATIENCE), pytest.raises(gatewaylib.TimeoutError, match="reads nothing"):
        while True:
            frozen.remote_exec("#" * 60_000)


def test_a_keyword_called_timeout_is_the_functions_own(gateway):
    def tell(channel, timeout):
        channel.send(timeout)

    assert gateway.remote_exec(tell, timeout=3).receive(BOUND) == 3
