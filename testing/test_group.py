"""Many gateways made, addressed and ended together."""

import os
import signal
import subprocess
import sys

import interpreters
import pytest
from settling import BOUND, promised

import gatewaylib
from gatewaylib import DumpError, Group, MultiChannel, Spec, SpecError, StartError, StartErrors


def ids(group):
    return [gateway.id for gateway in group]


def test_gateways_are_found_by_index_id_and_iteration(group):
    first, second = group.makegateways(["popen", "popen//id=w"])

    assert len(group) == 2 and list(group) == [first, second]
    assert group[0] is group["gw0"] is group[first] is first
    assert group[-1] is group["w"] is second
    assert "w" in group and first in group and "x" not in group
    assert repr(group) == "<Group ['gw0', 'w']>"
    with pytest.raises(KeyError, match="no gateway 'x' in this group, which has gw0, w"):
        group["x"]
    with pytest.raises(IndexError):
        group[2]


def test_a_group_can_be_made_with_its_gateways():
    with Group(["2*popen", "popen//id=third"]) as group:
        assert ids(group) == ["gw0", "gw1", "third"]
    assert len(group) == 0


def test_many_are_started_side_by_side(tmp_path):
    wait_for_all = (
        "import os, sys, time\n"
        "os.chdir(sys.argv[1])\n"
        "open(str(os.getpid()), 'w').close()\n"
        "while len(os.listdir('.')) < 6: time.sleep(0.01)\n"
        "sys.exit(7)\n"
    )
    (tmp_path / "wait").write_text(wait_for_all)
    (tmp_path / "here").mkdir()
    spec = f"popen//python={sys.executable} {tmp_path}/wait {tmp_path}/here"
    with Group() as group, pytest.raises(StartErrors) as caught:
        group.makegateways([spec] * 6)

    assert [error.exit_status for _, error in caught.value.errors] == [7] * 6


def test_each_failed_start_is_reported_and_the_others_are_ended(group):
    bad = ["popen//id=bad//python=/no/such/python", "popen//id=exits//python=/bin/false"]

    with pytest.raises(StartErrors) as caught:
        group.makegateways(["popen//id=good", *bad])

    assert [text for text, _ in caught.value.errors] == bad
    assert all(isinstance(error, StartError) for _, error in caught.value.errors)
    assert "2 of the gateways did not start" in str(caught.value)
    assert (ids(group), caught.value.started) == ([], [])
    assert group.makegateway("popen//id=good").id == "good"


def test_started_ones_are_kept_if_asked(group):
    with pytest.raises(StartErrors, match="1 of the gateways did not start, 1 did") as caught:
        group.makegateways(["popen//id=good", "popen//python=/no/such"], keep_started=True)

    assert caught.value.started == [group["good"]]
    assert group["good"].remote_exec("channel.send(1)").receive(BOUND) == 1


def test_one_failed_start_is_its_own_error(group):
    with pytest.raises(StartError, match="/no/such"):
        group.makegateway("popen//python=/no/such")
    with pytest.raises(SpecError, match="pyton"):
        group.makegateway("popen//pyton=x")


def test_ids_are_given_once(group):
    group.makegateways(["popen//id=gw0", "popen"])
    assert ids(group) == ["gw0", "gw1"]
    for wrong in (["popen//id=gw1"], ["popen//id=a", "popen//id=a"]):
        with pytest.raises(SpecError, match="has a gateway of that id already"):
            group.makegateways(wrong)
    assert len(group) == 2


def test_an_id_can_be_allocated_beforehand(group):
    class Changeable:
        id = None

    spec = Changeable()
    group.allocate_id(spec)
    group.allocate_id(spec)
    assert spec.id == "gw0"
    assert group.makegateway().id == "gw1"


def test_an_exited_gateway_is_no_member_any_more_and_its_id_is_free(group):
    gateway = group.makegateway("popen//id=gone")
    gateway.exit()

    assert "gone" not in group
    assert group.makegateway("popen//id=gone") is group["gone"]


def test_an_exited_gateway_that_does_not_end_is_reported(group):
    gateway = group.makegateway("popen//id=stopped")
    os.kill(gateway.process.pid, signal.SIGSTOP)
    gateway.exit()

    assert [ending.id for ending in group.terminate(0.0).killed] == ["stopped"]
    assert group.terminate() == ()


@pytest.mark.parametrize("end", ["terminate", "exit", "lose"])
def test_an_id_is_free_again_after_its_gateway_whichever_way_it_ended(group, end):
    gateway = group.makegateway("popen//id=w")
    if end == "lose":
        os.kill(gateway.process.pid, signal.SIGKILL)
    else:
        getattr(gateway, end)()
    gateway.join(BOUND)

    again = group.makegateway("popen//id=w")

    assert list(group) == [group["w"]] == [again]
    assert [ending.how for ending in group.terminate(BOUND)][-1] == "exited"


def test_a_gateway_that_was_terminated_is_no_member(group):
    first, second = group.makegateways("2*popen")

    (ending,) = first.terminate(BOUND)

    assert (ending.id, ending.how) == ("gw0", "exited")
    assert list(group) == [second]
    assert [ending.id for ending in group.terminate(BOUND)] == ["gw1"]


def test_a_lost_gateway_is_reported_or_let_go(group):
    gateways = group.makegateways("2*popen")
    for gateway in gateways:
        os.kill(gateway.process.pid, signal.SIGKILL)
        gateway.join(BOUND)
    assert list(group) == gateways

    gateways[0].exit()

    assert [(ending.id, ending.how) for ending in group.terminate(BOUND)][-1] == ("gw1", "lost")


def test_the_default_spec_is_used_where_none_is_given(group):
    group.defaultspec = "popen//env:FOR_TEST=yes"
    gateway = group.makegateway()

    got = gateway.remote_exec("import os; channel.send(os.environ['FOR_TEST'])").receive(BOUND)

    assert got == "yes"
    assert str(gateway.spec).startswith("popen//")
    assert isinstance(gateway.settings, Spec)


def test_execution_models_are_chosen_before_there_are_gateways(group):
    group.set_execmodel("thread", "main_thread_only")
    assert group.execmodel.backend == "thread"
    assert group.remote_execmodel.backend == "main_thread_only"
    assert group.makegateway().remote_status(BOUND).execmodel == "main_thread_only"
    assert group.makegateway("popen//execmodel=thread").remote_status(BOUND).execmodel == "thread"
    with pytest.raises(ValueError, match="once the group has gateways"):
        group.set_execmodel("thread")
    with pytest.raises(ValueError, match="unknown execmodel 'fibres'"):
        Group(execmodel="fibres")


def test_remote_exec_runs_on_all(group):
    group.makegateways(["2*popen"])
    channels = group.remote_exec("import os; channel.send(os.getpid())")

    assert isinstance(channels, MultiChannel)
    assert channels.receive_each() == [gateway._rinfo().pid for gateway in group]


@pytest.mark.slow
def test_terminate_tells_how_each_ended_and_the_group_may_be_used_again(group):
    _, stopped = group.makegateways(["popen//id=polite", "popen//id=stopped"])
    os.kill(stopped.process.pid, signal.SIGSTOP)

    with promised(3.0 + 1):
        report = group.terminate(3.0)

    assert [(ending.id, ending.how) for ending in report][0] == ("polite", "exited")
    assert [ending.id for ending in report.killed] == ["stopped"]
    assert len(group) == 0 and group.terminate(3.0) == ()
    group.makegateway("popen//id=polite")


def test_gateways_of_all_groups_end_with_this_interpreter():
    program = (
        "import gatewaylib\n"
        "default = gatewaylib.makegateway('popen')\n"
        "own = gatewaylib.Group(['2*popen'])\n"
        "for gateway in [default, *own]:\n"
        "    gateway.remote_exec('import atexit; atexit.register(print, \"ended\")').waitclose(9)\n"
        "assert gatewaylib.default_group[0] is default\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        stderr=subprocess.PIPE,
        timeout=120,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    # Their lines may meet: each writes its line and the line's end by themselves.
    assert (done.returncode, done.stderr.count(b"ended")) == (0, 3)


ROOT = gatewaylib.__path__[0] + "/.."


def test_gateways_of_different_interpreters_live_in_one_group(group):
    found = interpreters.find()
    names = [name for name in ("python2.7", "python3.6", "python3.13", "pypy3") if name in found]
    group.makegateways([f"popen//id={name}//python={found[name]}" for name in names])

    versions = group.remote_exec("import sys; channel.send(sys.version_info[:2])").receive_each()

    assert versions == [gateway._rinfo().version_info[:2] for gateway in group]


def test_a_channel_of_another_group_is_named_as_such(group):
    with Group() as other:
        channel = group.makegateway("popen//id=w").newchannel()
        with pytest.raises(DumpError, match="a channel of another group's gateway 'w' can't"):
            other.makegateway("popen//id=w").newchannel().send(channel)
