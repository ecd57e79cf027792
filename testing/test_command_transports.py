"""Gateways through commands that run here: sudo, su, chroot, unshare, ip netns, a fake docker.

Those of other users run the machine's own Python, which anybody may run.
"""

import os
import pwd
import shutil
import signal
import subprocess
import sys

import pytest
from local_sides import local_side
from machine import needs
from settling import BOUND, gone, promised

import gatewaylib

pytestmark = pytest.mark.slow

WHO = "import os; channel.send((os.getuid(), os.getcwd(), os.environ.get('HOME')))"


def public_python():
    """Return an interpreter outside of anybody's home; None if there is none."""
    found = [shutil.which(name, path="/usr/bin:/usr/local/bin") for name in ("python3", "pypy3")]
    return next((path for path in found if path), None)


only_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root may become others")
PYTHON = public_python()
# Those who may not log in, and ask for no password: any Unix has one.
OTHER = "nobody"
# kind -> what begins a spec of it
BECOMING = {
    "sudo": pytest.param(f"sudo={OTHER}", marks=needs("sudo")),
    "su": pytest.param(f"su={OTHER}", marks=needs("su")),
}
HERE = [
    pytest.param("command=chroot /", marks=needs("chroot")),
    pytest.param("command=unshare --pid --fork --kill-child", marks=needs("unshare")),
    pytest.param("command=env -i PATH=/usr/bin:/bin", marks=needs("env")),
]


# ---- other users -------------------------------------------------------------------------


@only_root
@pytest.mark.parametrize("kind", BECOMING.values())
def test_a_gateway_is_another_user_and_has_the_options_of_its_spec(group, kind):
    gateway = group.makegateway(
        f"{kind}//python={PYTHON}//chdir=/usr//nice=2//env:TEXT=a 'b' $c//env:PYTHONHASHSEED=7"
        "//dont_write_bytecode//id=other"
    )

    uid, cwd, home = gateway.remote_exec(WHO).receive(BOUND)
    texts = "[os.environ[name] for name in ('TEXT', 'PYTHONHASHSEED')]"
    channel = gateway.remote_exec(
        f"import os, sys; channel.send(({texts}, os.nice(0), sys.dont_write_bytecode,"
        " hash('x') == hash('x')))"
    )

    entry = pwd.getpwnam(OTHER)
    assert (uid, cwd, home) == (entry.pw_uid, "/usr", entry.pw_dir)
    assert channel.receive(BOUND) == (["a 'b' $c", "7"], os.nice(0) + 2, True, True)
    assert gateway.id == "other" and gateway._rinfo().executable.startswith("/usr")


@only_root
@pytest.mark.skipif(not os.path.exists("/usr/bin/python3"), reason="no python3 for all users")
@pytest.mark.parametrize("kind", BECOMING.values())
def test_a_python_is_found_for_another_user(group, kind):
    assert group.makegateway(f"{kind}//chdir=/").remote_exec(WHO).receive(BOUND)[1] == "/"


@only_root
@pytest.mark.parametrize(
    ("spec", "what"),
    [
        pytest.param("sudo=no-such-user", "no-such-user", marks=needs("sudo")),
        pytest.param("su=no-such-user", "no-such-user", marks=needs("su")),
        pytest.param(f"sudo={OTHER}//python=/no/such", "/no/such", marks=needs("sudo")),
        pytest.param(f"su={OTHER}//python=/no/such", "/no/such", marks=needs("su")),
    ],
)
def test_who_can_not_be_become_is_said(group, spec, what):
    with pytest.raises(gatewaylib.StartError, match="before it said hello") as caught:
        group.makegateway(spec)

    assert what in caught.value.stderr


@pytest.mark.slow
@only_root
@needs("sudo", "su")
@pytest.mark.parametrize(
    ("command", "what"),
    [("sudo -n -u root python3", "a password is required"), ("su root -c python3 --", "su: ")],
)
def test_a_password_that_would_be_asked_for_is_an_error_and_no_hang(group, command, what):
    """As a user who may become nobody else without one."""
    entry = pwd.getpwnam(OTHER)
    as_other = f"setpriv --reuid={entry.pw_uid} --regid={entry.pw_gid} --clear-groups"

    with pytest.raises(gatewaylib.StartError, match="before it said hello") as caught:
        group.makegateway(f"command={as_other} {command}//start_timeout=20")

    assert what in caught.value.stderr


# ---- other places ------------------------------------------------------------------------


@only_root
@pytest.mark.parametrize("command", HERE)
def test_a_command_leads_to_an_interpreter(group, command):
    gateway = group.makegateway(f"{command} {PYTHON}//chdir=/usr//env:NAME=value")

    channel = gateway.remote_exec("import os; channel.send((os.getcwd(), os.environ['NAME']))")

    assert channel.receive(BOUND) == ("/usr", "value")


@only_root
@needs("unshare")
def test_an_interpreter_may_be_the_first_process_of_its_namespace(group):
    gateway = group.makegateway(f"command=unshare --pid --fork --kill-child {PYTHON}")

    assert gateway._rinfo().pid == 1
    assert group.terminate(BOUND)[0].exit_status == 0


@only_root
@needs("ip")
def test_an_interpreter_runs_in_a_network_namespace(group):
    name = f"gatewaylib-{os.getpid()}"
    subprocess.run(["ip", "netns", "add", name], check=True)
    try:
        gateway = group.makegateway(f"command=ip netns exec {name}//python={PYTHON}")

        channel = gateway.remote_exec("channel.send(open('/proc/net/dev').read())")

        devices = [line.split(":")[0].strip() for line in channel.receive(BOUND).splitlines()[2:]]
        assert "lo" in devices and set(devices).isdisjoint({"eth0", "ens3"})
        assert network_of(gateway._rinfo().pid) != network_of("self")
        group.terminate(BOUND)
    finally:
        subprocess.run(["ip", "netns", "delete", name], check=True)


def network_of(process):
    return os.readlink(f"/proc/{process}/ns/net")


@needs("ip")
def test_a_place_that_is_not_there_is_said(group):
    with pytest.raises(gatewaylib.StartError, match="no-such-place"):
        group.makegateway("command=ip netns exec no-such-place python3")


def test_a_fake_docker_on_the_path_is_run_as_docker_would_be(group, tmp_path, monkeypatch):
    docker = tmp_path / "docker"
    docker.write_text(
        '#!/bin/sh\n[ "$1 $2 $3 $4 $5" = "exec -i -u app web" ] || exit 9\nshift 5\nexec "$@"\n'
    )
    docker.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)

    gateway = group.makegateway(f"docker=-u app web//python={sys.executable}//env:NAME=value")

    channel = gateway.remote_exec("import os; channel.send(os.environ['NAME'])")
    assert channel.receive(BOUND) == "value"
    assert group.terminate(BOUND)[0].exit_status == 0


def test_a_fake_docker_without_that_container_is_quoted(group, tmp_path, monkeypatch):
    docker = tmp_path / "docker"
    docker.write_text("#!/bin/sh\necho Error: No such container: $3 >&2; exit 1\n")
    docker.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)

    with pytest.raises(gatewaylib.StartError, match="No such container: web") as caught:
        group.makegateway("docker=web")

    assert caught.value.exit_status == 1


@pytest.mark.parametrize("kind", ["docker", "podman", "kubectl", "lxc", "srun", "vagrant_ssh"])
def test_a_command_that_is_not_installed_is_named(group, tmp_path, monkeypatch, kind):
    monkeypatch.setenv("PATH", str(tmp_path))

    program = kind.partition("_")[0]
    with pytest.raises(gatewaylib.StartError, match=f"cannot run {program}: No such file"):
        group.makegateway(f"{kind}=name")


# ---- how they end ------------------------------------------------------------------------

TASKS = [
    "channel.send(pids)",
    "channel.send(pids)\nwhile True: pass",
    "import subprocess\npids.append(subprocess.Popen(['sleep', '999']).pid)\nchannel.send(pids)",
]
# What becomes another user or a session of its own, and what does not.
ENDING = [
    *BECOMING.values(),
    pytest.param("command=chroot /", marks=needs("chroot")),
    pytest.param("command=setsid -w", marks=needs("setsid")),
]


def run_all(group, spec):
    """Run each task on a gateway of its own; return the processes of all of them."""
    found = []
    for gateway, code in zip(group.makegateways([f"{len(TASKS)}*{spec}"]), TASKS):
        channel = gateway.remote_exec("import os\npids = [os.getpid()]\n" + code)
        found += channel.receive(BOUND)
    return found


@only_root
@pytest.mark.parametrize("spec", ENDING)
@pytest.mark.parametrize("timeout", [10.0, 0.0])
def test_terminate_leaves_nothing_of_a_command(group, spec, timeout):
    pids = run_all(group, f"{spec}//python={PYTHON}//chdir=/")

    with promised(1.5):
        report = group.terminate(timeout)

    assert timeout == 0.0 or {ending.how for ending in report} == {"exited"}, str(report)
    assert gone(*pids)


@only_root
@pytest.mark.parametrize("spec", ENDING)
def test_a_local_side_that_is_killed_leaves_nothing_of_a_command(spec):
    whole = f"{spec}//python={PYTHON}//chdir=/"
    code = f"import test_command_transports as t; pids = t.run_all(group, {whole!r})"
    with local_side(code) as (local, pids):
        assert pids
        local.kill()

        assert gone(*pids)


# Nothing that runs Python sees these ask or be asked.
DEAF = [
    "import ctypes\nchannel.send(os.getpid())\nctypes.PyDLL(None).sleep(999)",
    "import signal\nchannel.send(os.getpid())\nos.kill(os.getpid(), signal.SIGSTOP)",
]


@only_root
@pytest.mark.parametrize("spec", [*BECOMING.values(), "command=chroot /"])
def test_deaf_remotes_are_killed_through_their_commands(group, spec):
    gateways = group.makegateways([f"{len(DEAF)}*{spec}//python={PYTHON}//chdir=/"])
    channels = [gw.remote_exec("import os\n" + code) for gw, code in zip(gateways, DEAF)]
    pids = [channel.receive(BOUND) for channel in channels]

    report = group.terminate(timeout=0.2)

    assert {ending.how for ending in report} <= {"terminated", "killed"}
    assert gone(*pids)


@only_root
@pytest.mark.parametrize("spec", BECOMING.values())
def test_a_remote_of_another_user_that_is_killed_says_so(group, spec):
    gateway = group.makegateway(f"{spec}//python={PYTHON}//chdir=/")
    channel = gateway.remote_exec("channel.receive()")

    os.kill(gateway._rinfo().pid, signal.SIGKILL)

    with pytest.raises(gatewaylib.GatewayLost, match="SIGKILL|signal 9"):
        channel.receive(BOUND)
