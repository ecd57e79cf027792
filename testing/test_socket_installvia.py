"""``installvia=``: a server for one connection, started on another gateway."""

import socket

import interpreters
import pytest
from settling import BOUND
from socket_servers import pretend

import gatewaylib
from gatewaylib import StartError

pytestmark = pytest.mark.slow

PYTHONS = {name: path for name, path in interpreters.find().items() if name != "jython"}


@pytest.mark.parametrize("name", PYTHONS)
def test_the_server_is_started_on_a_gateway_of_every_python(name, group):
    first, second = group.makegateways(
        [f"popen//id=first//python={PYTHONS[name]}", "socket//installvia=first//id=second"]
    )

    assert second._rinfo().version_info == first._rinfo().version_info
    assert second._rinfo().pid != first._rinfo().pid
    assert second.remoteaddress.startswith("127.0.0.1:")
    assert second.remote_exec("channel.send(1)").receive(timeout=BOUND) == 1
    channel = first.remote_exec("channel.send(2)")
    assert channel.receive(timeout=BOUND) == 2
    channel.waitclose(BOUND)
    assert first.remote_status(BOUND).numexecuting == 0
    assert [ending.how for ending in group.terminate(BOUND)] == ["exited", "exited"]


def test_many_are_started_on_one_gateway_of_any_execmodel(group):
    group.makegateway("popen//id=main//execmodel=main_thread_only")

    gateways = group.makegateways(["socket//installvia=main"] * 3)

    assert len({gateway._rinfo().pid for gateway in gateways}) == 3


def test_a_server_is_started_behind_a_server(group):
    one, two, three = group.makegateways(
        ["socket//installvia=two//id=three", "popen//id=one", "socket//installvia=one//id=two"]
    )

    assert group["three"].depth == 2
    assert group["three"].remote_exec("channel.send(3)").receive(timeout=BOUND) == 3


def test_only_one_connection_is_served(group):
    group.makegateway("popen//id=first")
    gateway = group.makegateway("socket//installvia=first")
    host, _, port = gateway.remoteaddress.partition(":")

    with pytest.raises(OSError):
        socket.create_connection((host, int(port)), 1).close()


def test_it_ends_with_the_gateway_that_it_was_started_on(group):
    first, second = group.makegateways(["popen//id=first", "socket//installvia=first"])
    channel = second.remote_exec("channel.receive()")

    first.terminate(1)

    with pytest.raises(gatewaylib.GatewayLost):
        channel.receive(timeout=BOUND)


def test_an_address_that_is_not_that_machines_is_one_clear_error(group):
    group.makegateway("popen//id=first")

    with pytest.raises(StartError, match="no server on first: "):
        group.makegateway("socket=192.0.2.1:0//installvia=first//start_timeout=10")


def test_a_gateway_that_is_lost_can_not_start_one(group):
    first = group.makegateway("popen//id=first")
    with pytest.raises(gatewaylib.GatewayLost):
        first.remote_exec("import os; os._exit(1)").receive(timeout=BOUND)

    with pytest.raises(StartError, match="no server on first: "):
        group.makegateway("socket//installvia=first")


@pytest.mark.parametrize(
    "told", ["5", "('host',)", "('127.0.0.1', 'x')", "('127.0.0.1', 99999999)", "None"]
)
def test_a_gateway_that_tells_no_address_is_told_off(told, group, monkeypatch):
    first = group.makegateway("popen//id=first")
    real = first.remote_exec
    monkeypatch.setattr(
        first,
        "remote_exec",
        lambda source: real(f"channel.receive(); channel.send({told})"),
    )

    with pytest.raises(StartError, match="first told no address"):
        group.makegateway("socket//installvia=first")


def test_a_lying_gateway_does_not_learn_the_way_to_elsewhere(group, monkeypatch):
    called = []
    with pretend(called.append) as address:
        port = address.rpartition(":")[2]
        first = group.makegateway("popen//id=first")
        real = first.remote_exec
        monkeypatch.setattr(
            first,
            "remote_exec",
            lambda source: real(f"channel.receive(); channel.send(('example.org', {port}))"),
        )

        with pytest.raises(StartError, match=f"127.0.0.1:{port}"):
            group.makegateway("socket//installvia=first//start_timeout=2")


def test_installvia_and_a_token_or_tls_contradict_each_other(group):
    group.makegateway("popen//id=first")
    for option in ("token_file=x", "ca=x"):
        with pytest.raises(gatewaylib.SpecError, match="a token of its own, and no TLS"):
            group.makegateway(f"socket//installvia=first//{option}")
