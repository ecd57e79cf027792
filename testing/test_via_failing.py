"""What another gateway can not run is told as of its machine, not of this one."""

import os
import sys

import interpreters
import pytest
from settling import BOUND

import gatewaylib

pytestmark = pytest.mark.slow


@pytest.fixture
def front(group, tmp_path):
    """A gateway with a PATH of its own, which has pythonnn3 and no docker."""
    os.symlink(sys.executable, tmp_path / "pythonnn3")
    (tmp_path / "pythonnn4").write_text("#!/nowhere/python\n")
    (tmp_path / "pythonnn4").chmod(0o700)
    return group.makegateway(f"popen//id=front//env:PATH={tmp_path}")


def refused(group, spec):
    with pytest.raises(gatewaylib.StartError) as caught:
        group.makegateway(spec, timeout=BOUND)
    return caught.value


def test_what_is_nearly_called_so_is_looked_for_on_the_path_there(group, front):
    error = refused(group, "popen//python=pythonnn//via=front")

    assert "gateway front cannot run pythonnn: No such file" in str(error)
    assert "; on the PATH there are pythonnn" in str(error)
    assert error.exit_status == 127


def test_a_missing_program_of_a_transport_is_not_taken_for_a_missing_interpreter(group, front):
    error = refused(group, "docker=web//via=front")

    assert "gateway front cannot run docker: No such file" in str(error)
    assert str(error).endswith("; is it on the PATH there?")
    assert "python=" not in str(error)


def test_a_script_whose_interpreter_is_missing_is_told_from_one_that_is_not_there(
    group, front, tmp_path
):
    error = refused(group, f"popen//python={tmp_path}/pythonnn4//via=front")

    assert "it is there, but not the interpreter that its first line (#!) names" in str(error)


def test_ssh_that_fails_there_is_to_be_tried_there(group, tmp_path):
    ssh = tmp_path / "ssh"
    ssh.write_text("#!/bin/sh\necho Permission denied >&2; exit 255\n")
    ssh.chmod(0o700)
    group.makegateway(f"popen//id=front//env:PATH={tmp_path}:{os.environ['PATH']}")

    error = refused(group, "ssh=nobody//via=front")

    assert "see what it says where gateway front runs: ssh nobody true" in str(error)


@pytest.mark.parametrize("name", ["python2.7", "pypy3", "jython"])
def test_any_python_in_between_says_why_it_can_run_nothing(group, name):
    if name not in interpreters.find():
        pytest.skip(f"no {name} here")
    group.makegateway(f"popen//id=front//python={interpreters.find()[name]}")

    error = refused(group, "popen//python=pythonnn//via=front")

    assert "gateway front cannot run pythonnn: " in str(error)
    assert error.exit_status == 127


def test_a_gateway_that_was_exited_starts_nothing(group, front):
    front.exit()

    with pytest.raises(gatewaylib.GatewayError, match="via=front"):
        group.makegateway("popen//via=front")
