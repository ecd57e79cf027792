"""Tasks that close what is not theirs: the connection of their own gateway."""

import pytest
from settling import BOUND

import gatewaylib

CLOSE = "import os\nos.closerange(3, 64)"


@pytest.mark.parametrize("options", ["", "//execmodel=main_thread_only"])
def test_a_task_that_closes_the_connection_is_told_as_the_reason_and_not_a_signal(options):
    group = gatewaylib.Group()
    gateways = group.makegateways([f"4*popen{options}"])

    for gateway in gateways:
        channel = gateway.remote_exec(CLOSE)
        lost = pytest.raises(gatewaylib.GatewayLost, channel.receive, BOUND)
        # It ends by itself and says why, or is ended because it goes on.
        words = str(lost.value)
        assert "closed its connection" in words or "os.closerange" in words, words
        assert lost.value.signal is None, words
    group.terminate(timeout=BOUND)
