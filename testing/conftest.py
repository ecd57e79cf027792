"""What holds for every test: nothing it starts outlives it."""

from __future__ import annotations

import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import hypothesis
import interpreters
import leaks
import machine
import pytest
import socket_servers
import ssh_server

from gatewaylib.shipped import reading, threads

# For bench/ and examples/, which are not installed. Last, so that an installed gatewaylib
# is what is tested: tox builds the wheel.
sys.path.append(str(Path(__file__).resolve().parent.parent))

from gatewaylib.gateway import Gateway  # noqa: E402
from gatewaylib.multi import Group  # noqa: E402

# The same examples in each run, and no limit to how long one may take on a busy machine:
# testing/fuzz_*.py are for finding out more.
hypothesis.settings.register_profile(
    "steady",
    derandomize=True,
    deadline=None,
    database=None,
    print_blob=True,
    suppress_health_check=[hypothesis.HealthCheck.too_slow],
)
hypothesis.settings.load_profile("steady")


def pytest_configure() -> None:
    """Do once what there need be no fixture for."""
    # Before there are workers that would each do it.
    interpreters.find()
    # A shell that runs this in the background has it ignore Ctrl-C, and all it starts.
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_modifyitems(items: list[pytest.Function]) -> None:
    """What runs on Jython is slow: its start alone takes two seconds."""
    for item in items:
        if hasattr(item, "callspec") and "jython" in item.callspec.params.values():
            item.add_marker(pytest.mark.slow)


@pytest.fixture(scope="session", autouse=True)
def nothing_left_behind_by_all() -> Iterator[None]:
    """Fail the last test if a fixture of a wider scope left a process or a thread."""
    leaks.mark_this_process()
    watch = leaks.Watch()
    yield
    left = watch.left_behind(pooled=True)
    assert not left, "left behind: " + "; ".join(left)


@pytest.fixture(scope="session", autouse=True)
def pooled_threads_end_soon() -> None:
    """Let threads that wait for more work do so for a moment: each test waits for them."""
    threads.IDLE = reading.TIDY_NAP = 0.02


@pytest.fixture(autouse=True)
def nothing_left_behind() -> Iterator[None]:
    """Fail a test that leaves a process or a thread; no test need ask for this."""
    watch = leaks.Watch()
    yield
    left = watch.left_behind()
    assert not left, "left behind: " + "; ".join(left)


@pytest.fixture(scope="module")
def gateway() -> Iterator[Gateway]:
    """A gateway that a whole module shares: for tests that do not end it."""
    with Group() as group:
        yield group.makegateway("popen//id=shared")


@pytest.fixture
def group() -> Iterator[Group]:
    """An empty group, ended after the test."""
    with Group() as group:
        yield group


@pytest.fixture(scope="module")
def sshd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ssh_server.Server]:
    """A real sshd on loopback that a whole module shares."""
    if machine.lacks("sshd"):
        pytest.skip("not installed: sshd, of openssh-server")
    with ssh_server.running(tmp_path_factory.mktemp("sshd")) as server:
        yield server


@pytest.fixture
def box(sshd: ssh_server.Server) -> str:
    """The beginning of a spec that leads to it."""
    return f"ssh=box//ssh_config={sshd.config}"


@pytest.fixture
def token(monkeypatch: pytest.MonkeyPatch) -> None:
    """Know the token of the servers below."""
    monkeypatch.setenv("GATEWAYLIB_TOKEN", socket_servers.TOKEN)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[socket_servers.Running]:
    """A socket server that a whole module shares."""
    with socket_servers.serve(tmp_path_factory.mktemp("server")) as server:
        yield server


@pytest.fixture(scope="module")
def certs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with what ``make_certificates`` writes."""
    folder = tmp_path_factory.mktemp("certs")
    socket_servers.make_certificates(folder)
    return folder


@pytest.fixture(scope="module")
def tls_server(certs: Path) -> Iterator[socket_servers.Running]:
    """A socket server that speaks TLS, which a whole module shares."""
    options = [f"--cert={certs}/server.pem", f"--key={certs}/server.key"]
    with socket_servers.serve(certs, *options) as server:
        yield server
