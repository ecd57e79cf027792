"""The defects that execnet 2.1.2 has, one by one: none of them is ours.

The numbers are those of doc/explanation/execnet_weaknesses.rst.
"""

import math
import random
import sys
import threading

import pytest

import gatewaylib
from gatewaylib import (
    DataFormatError,
    DumpError,
    LoadError,
    ProtocolError,
    RemoteError,
    SpecError,
    StartError,
    dumps,
    loads,
)

WAIT = 60.0  # seconds: a hang, and nothing else
ECHO = "for item in channel: channel.send(item)"


# ---- A1 ----------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize("size", [2**16, 2**20])
def test_a1_threads_that_send_at_once_over_a_socket_lose_nothing(group, size):
    group.makegateway("popen//id=there")
    gateway = group.makegateway("socket//installvia=there")
    channel = gateway.remote_exec("for item in channel: channel.send((item[:1], len(item)))")

    def send(letter):
        for _ in range(30):
            channel.send(letter * size)

    threads = [threading.Thread(target=send, args=(letter,)) for letter in (b"a", b"b", b"c", b"d")]
    for thread in threads:
        thread.start()
    received = sorted(channel.receive(WAIT) for _ in range(120))
    for thread in threads:
        thread.join(WAIT)

    assert received == sorted((letter, size) for letter in (b"a", b"b", b"c", b"d") * 30)


# ---- A2 to A3: tasks and callbacks -------------------------------------------------------


def test_a2_a_main_thread_runs_on_after_a_task_that_raised(group):
    gateway = group.makegateway("popen//execmodel=main_thread_only")
    for _ in range(3):
        with pytest.raises(RemoteError, match="ValueError"):
            gateway.remote_exec("raise ValueError").waitclose(WAIT)

    assert gateway.remote_exec("channel.send(1)").receive(WAIT) == 1


def test_a3_a_callback_that_raises_is_a_remote_error_and_the_gateway_lives(gateway, capsys):
    def fail(item):
        raise ValueError("in the callback")

    channel = gateway.remote_exec("channel.send(1); channel.receive()")
    channel.setcallback(fail)
    with pytest.raises(RemoteError, match="in the callback"):
        channel.waitclose(WAIT)
    dropped = gateway.remote_exec("channel.send(1); channel.receive()")
    dropped.setcallback(fail)
    del dropped

    assert gateway.remote_exec("channel.send(2)").receive(WAIT) == 2
    assert gateway.hasreceiver()


# ---- A4, A5, A9 to A11: the serializer ---------------------------------------------------


@pytest.mark.parametrize("value", [-(2**31) - 1, -(2**63) - 1, 2**31, 2**63], ids=str)
def test_a4_ints_of_any_size_and_sign_survive(gateway, value):
    channel = gateway.remote_exec(ECHO)
    channel.send([value])

    assert channel.receive(WAIT) == [value]
    assert loads(dumps(value)) == value
    channel.close()


def test_a5_ints_of_more_digits_than_text_may_have_survive(gateway):
    value = 7 ** 20000
    assert value.bit_length() * math.log10(2) > 4300
    channel = gateway.remote_exec(ECHO)
    channel.send(-value)

    assert channel.receive(WAIT) == -value
    channel.close()


def test_a8_a_channel_of_another_gateway_is_refused(group):
    one, other = group.makegateway("popen//id=one"), group.makegateway("popen//id=other")
    with pytest.raises(DumpError, match="'other' can't travel over gateway 'one'"):
        one.remote_exec(ECHO).send([other.newchannel()])


def test_a9_a_class_that_is_only_called_like_a_builtin_is_refused():
    for name in ("int", "str", "list", "dict", "Channel", "NoneType"):
        pretender = type(name, (), {"id": 3})()
        for _ in range(2):
            with pytest.raises(DumpError):
                dumps(pretender)


def test_a10_damaged_data_is_a_load_error_whatever_the_damage():
    random.seed(1)
    whole = dumps([{"a": (1, 2.5)}, b"bytes", "text", {3, None}, 2**70, [True] * 20])
    for _ in range(3000):
        damaged = bytearray(whole)
        for _ in range(random.randrange(1, 4)):
            damaged[random.randrange(len(damaged))] = random.randrange(256)
        end = random.choice([len(damaged), random.randrange(len(damaged))])
        try:
            loads(bytes(damaged[:end]))
        except LoadError as error:
            assert isinstance(error, DataFormatError)


def test_a11_a_value_nested_too_deep_or_within_itself_is_a_dump_error():
    deep = []
    for _ in range(100000):
        deep = [deep]
    circle = []
    circle.append(circle)

    for value in (deep, circle):
        with pytest.raises(DumpError):
            dumps(value)
    while deep:  # the interpreter itself would go down a level of C for each
        deep = deep.pop()


# ---- A6, A7, A12 to A15: starting, specs and ending -----------------------------------------


def test_a6_a_process_that_ends_before_its_hello_is_an_error_and_no_gateway(group):
    with pytest.raises(StartError, match="exit status 1") as raised:
        group.makegateway("popen//python=/bin/false")
    assert raised.value.exit_status == 1
    assert len(group) == 0


def test_a7_a_process_that_says_nothing_has_a_limited_time(group):
    with pytest.raises(StartError, match=r"within 0\.2 s"):
        group.makegateway("popen//python=sh -c 'exec sleep 60'//start_timeout=0.2")
    assert len(group) == 0


def test_a7_noise_ahead_of_the_hello_is_skipped_with_assertions_off_too(group):
    python = f"sh -c 'echo welcome; exec {sys.executable} -O \"$@\"' sh"
    gateway = group.makegateway(f"command={python.replace('//', '%2F%2F')}")

    assert gateway.remote_exec("channel.send(__debug__)").receive(WAIT) is False


def test_a12_a_socket_gateway_has_its_execution_model_and_its_own_name(group):
    group.makegateway("popen//id=there")
    gateway = group.makegateway("socket//installvia=there//id=w1//execmodel=main_thread_only")

    assert gateway.remote_status(WAIT).execmodel == "main_thread_only"
    assert gateway.remote_exec("channel.send(channel.gateway.id)").receive(WAIT) == "w1-worker"


@pytest.mark.parametrize("option", ["chdir=/dev/null/x", "chdir=/nowhere/at/all"])
def test_a13_what_can_not_be_set_up_at_the_start_leaves_no_gateway(group, option):
    with pytest.raises(StartError, match="could not do what the spec says"):
        group.makegateway(f"popen//{option}")
    assert len(group) == 0


def test_a13_a_variable_without_a_value_is_refused_ahead_of_any_start(group):
    for spec in ("popen//env:X", gatewaylib.XSpec("popen//env:X")):
        with pytest.raises(SpecError, match="env:X needs a value"):
            group.makegateway(spec)
    assert len(group) == 0


def test_a14_a_wrong_spec_is_named_and_two_slashes_can_be_written(group):
    for spec in ("popen//", "popen//pyton=python3", gatewaylib.XSpec("popen//pyton=python3")):
        with pytest.raises(SpecError) as raised:
            group.makegateway(spec)
        assert "pyton" in str(raised.value) or "empty segment" in str(raised.value)
    with pytest.raises(ValueError):
        gatewaylib.XSpec("popen//")
    spec = gatewaylib.XSpec("popen//env:PROXY=http:%2F%2Fhost")
    channel = group.makegateway(spec).remote_exec(
        "import os; channel.send(os.environ['PROXY'])"
    )
    assert channel.receive(WAIT) == "http://host"


def test_a15_a_gateway_behind_another_ends_as_any_other(group):
    group.makegateway("popen//id=master")
    gateway = group.makegateway("popen//via=master")
    channel = gateway.remote_exec("channel.receive()")
    ended = threading.Event()
    channel.setcallback(lambda item: ended.set(), endmarker=None)

    gateway.exit()

    assert ended.wait(WAIT)
    gateway.join(WAIT)
    assert not gateway.hasreceiver()
    assert [ending.how for ending in group.terminate(WAIT)][-1] == "exited"


@pytest.mark.parametrize("answer", ["('unheard-of', 1)", "'unheard-of'", "7", "None"])
def test_a16_an_answer_that_no_rsync_knows_is_an_error(gateway, monkeypatch, tmp_path, answer):
    run = gateway.remote_exec
    receiver = f"_, _, line = channel.receive()\nfor item in line: line.send({answer})"
    monkeypatch.setattr(gateway, "remote_exec", lambda source, **kwargs: run(receiver))
    source = tmp_path / "source"
    source.mkdir()
    (source / "file").write_text("1")
    rsync = gatewaylib.RSync(str(source), verbose=False)
    rsync.add_target(gateway, str(tmp_path / "dest"))

    with pytest.raises(ProtocolError):
        rsync.send()


# ---- of the other sections what a test can say -----------------------------------------------


def test_d6_what_is_sent_to_a_gateway_that_is_lost_is_an_error(group):
    gateway = group.makegateway()
    channel = gateway.remote_exec("import os; channel.receive(); os._exit(0)")
    channel.send(None)
    with pytest.raises(EOFError):
        channel.waitclose(WAIT)

    with pytest.raises(OSError):
        channel.send(1)
