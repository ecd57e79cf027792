"""The order of the tree, and what may be sent: DESIGN's first two rules, held by a test.

``python testing/test_layout.py`` prints the order; the tour of the tree in doc/ shows it.
"""

import ast
import importlib.util
import subprocess
import sys
from pathlib import Path

import interpreters
import pytest
from run_plain import is_plain

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "gatewaylib"

# Every file of the package, in the order in which they may import: a file imports only
# from files above it. "pure": takes values and returns values.
ORDER = """
    shipped/__init__.py             pure
    shipped/unpack.py
    shipped/compat.py               pure
    shipped/errors.py               pure
    shipped/trace.py
    shipped/debug.py
    shipped/runs.py                 pure
    shipped/frames.py               pure
    shipped/columns.py              pure
    shipped/sendable.py             pure
    shipped/records.py              pure
    shipped/encoder.py              pure
    shipped/decoder.py              pure
    shipped/layouts.py              pure
    shipped/small.py                pure
    shipped/serializer.py           pure
    shipped/channel_state.py        pure
    shipped/arriving.py             pure
    shipped/outgoing.py             pure
    shipped/events.py               pure
    shipped/protocol.py             pure
    shipped/java_lock.py
    shipped/forks.py
    shipped/threads.py
    shipped/slots.py
    shipped/transport.py
    shipped/pipe_transport.py
    shipped/socket_transport.py
    shipped/java_transport.py
    shipped/standard_streams.py
    shipped/writing.py
    shipped/polling.py
    shipped/reading.py
    shipped/channel_file.py
    shipped/told_errors.py          pure
    shipped/channel.py
    shipped/callbacks.py
    shipped/handles.py
    shipped/heartbeat.py
    shipped/sending.py
    shipped/receiving.py
    shipped/task_sources.py
    shipped/tasks.py
    shipped/names.py
    gateway_base.py
    shipped/process_group.py
    shipped/worker.py
    shipped/on_demand/__init__.py
    shipped/on_demand/lifeline.py
    shipped/on_demand/relay_command.py
    shipped/on_demand/relay.py
    shipped/on_demand/connector.py
    shipped/on_demand/socket_server/__init__.py
    shipped/on_demand/socket_server/tokens.py
    shipped/on_demand/socket_server/handshake.py
    shipped/on_demand/socket_server/background.py
    shipped/on_demand/socket_server/connections.py
    shipped/on_demand/socket_server/copying.py
    shipped/on_demand/socket_server/interpreter.py
    shipped/on_demand/socket_server/session.py
    shipped/on_demand/socket_server/listening.py
    shipped/on_demand/socket_server/tls.py
    shipped/on_demand/socket_server/server.py
    shipped/on_demand/socket_server/installed.py
    shipped/on_demand/socket_server/command.py
    shipped/on_demand/rsync_files.py
    shipped/on_demand/rsync_receiver.py
    shipped/on_demand/resources.py
    shipped/on_demand/importer.py
    shipped/on_demand/objects.py
    shipped/on_demand/engine.py
    shipped/on_demand/resume_frame.py
    shipped/on_demand/run_script.py
    shipped/on_demand/xdist_worker.py
    spec_keys.py                    pure
    quoting.py                      pure
    spec.py                         pure
    xspec.py                        pure
    source_text.py                  pure
    source_function.py
    source.py
    source_joined.py
    transports/memory.py
    termination.py
    transports/commands.py          pure
    transports/output.py
    transports/wire.py
    transports/connection.py
    transports/process.py
    transports/paramiko_ssh.py
    transports/smb.py
    transports/meeting.py
    transports/relayed.py
    transports/tunnel.py
    transports/tcp.py
    transports/__init__.py
    hello.py                        pure
    bootstrap.py
    launch.py
    gateway.py
    imports_files.py
    imports_find.py
    imports.py
    gateway_bootstrap.py
    gateway_io.py
    gateway_socket.py
    multichannel.py
    hops.py
    multi.py
    tracing.py
    rsync_delta.py                  pure
    rsync_tree.py
    rsync_target.py
    rsync.py
    proxies.py
    engines.py
    executor.py
    aio.py
    teleportation/__init__.py
    xdist.py
    server.py
    commandline/__init__.py
    commandline/values.py           pure
    commandline/map_plan.py         pure
    commandline/target.py
    commandline/fleet.py
    commandline/outcome.py
    commandline/screen.py
    commandline/conduct.py
    commandline/run.py
    commandline/map.py
    commandline/info.py
    commandline/sync.py
    commandline/serve.py
    commandline/commands.py
    cli.py
    script/__init__.py
    script/socketserver.py
    script/loop_socketserver.py
    script/socketserverservice.py
    script/quitserver.py
    script/shell.py
    __main__.py
    __init__.py
"""
FILES = {path: words for path, *words in (line.split() for line in ORDER.split("\n") if line)}
SHIPPED = [path for path in FILES if path.startswith("shipped/") or path == "gateway_base.py"]
PURE = [path for path, words in FILES.items() if "pure" in words]

# A feature knows no other feature: each is a file, or a folder of them.
FEATURES = ["rsync", "proxies", "engines", "executor", "aio", "teleportation", "xdist"]
# what is sent when first used -> the local half, which alone may import it
HALVES = {
    "shipped/on_demand/relay.py": "transports/relayed.py",
    "shipped/on_demand/connector.py": "transports/tunnel.py",
    "shipped/on_demand/rsync_files.py": "rsync.py",
    "shipped/on_demand/rsync_receiver.py": "rsync.py",
    "shipped/on_demand/resources.py": "imports.py",
    "shipped/on_demand/importer.py": "imports.py",
    "shipped/on_demand/objects.py": "proxies.py",
    "shipped/on_demand/engine.py": "engines.py",
    "shipped/on_demand/resume_frame.py": "teleportation/",
    "shipped/on_demand/run_script.py": "commandline/",
    "shipped/on_demand/xdist_worker.py": "xdist.py",
}
# What the socket server is made of: the script that runs alone, and both ends of a connection.
SERVER = "shipped/on_demand/socket_server/"
SERVED_BY = (SERVER, "transports/tcp.py", "commandline/serve.py")
HALVES.update({path: SERVED_BY for path in FILES if path.startswith(SERVER)})

SHIPPED_LINE = "# shipped: stdlib only; Python 2.7-3.14, PyPy, Jython"
MAX_LINES = 400
IMPURE = set(
    "Queue _thread asyncio concurrent ctypes datetime io multiprocessing os pathlib queue random"
    " select selectors shutil signal socket ssl subprocess tempfile thread threading time".split()
)
ALLOWED_IMPURE = {
    "shipped/compat.py": {"time"},  # the others take the clock from it
    "shipped/arriving.py": {"ctypes", "io"},  # advice to the system that changes no value; BytesIO
    "source_text.py": {"io"},  # StringIO
}
OTHER_PYTHONS = {"Queue", "__builtin__", "jarray", "java", "org", "thread"}
# Execution models are imported where a spec asks for them, and never otherwise.
ALLOWED_OTHERS = {"shipped/threads.py": {"eventlet", "gevent"}}


def existing(paths):
    return [path for path in paths if (PACKAGE / path).exists()]


def parse(path):
    return ast.parse((PACKAGE / path).read_text(encoding="utf-8"), path)


def imports_of(path):
    """Return (files of the package, names of other modules) that a file or stub imports."""
    own, others = set(), set()
    for node in ast.walk(parse(path)):
        if isinstance(node, ast.Import):
            others.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            others.add(node.module)
        elif isinstance(node, ast.ImportFrom):
            folder = path.split("/")[: -node.level]
            module = folder + (node.module.split(".") if node.module else [])
            for alias in node.names:
                # `from . import frames` is a file; `from .frames import Frame` is in one.
                own.add(as_file([*module, alias.name]) or as_file(module) or "/".join(module))
    return own, others


def as_file(module):
    name = "/".join(module)
    return next((path for path in (f"{name}.py", f"{name}/__init__.py") if path in FILES), None)


def is_standard(name):
    top = name.partition(".")[0]
    if top in OTHER_PYTHONS or top in sys.builtin_module_names:
        return True
    found = importlib.util.find_spec(top)
    return found is not None and "-packages" not in str(found.origin)


def test_every_file_has_its_place_in_the_order():
    found = {path.relative_to(PACKAGE).as_posix() for path in PACKAGE.rglob("*.py")}
    stubs = {path.relative_to(PACKAGE).as_posix()[:-1] for path in PACKAGE.rglob("*.pyi")}

    assert found - set(FILES) == set()
    assert stubs - set(SHIPPED) == set()


@pytest.mark.parametrize("path", existing([*FILES, *(f"{path}i" for path in SHIPPED)]))
def test_imports_go_one_way(path):
    order = list(FILES)
    own, others = imports_of(path)

    not_above = own - set(order[: order.index(path[:-1] if path.endswith("i") else path)])

    assert not_above == set()
    assert [name for name in others if name.partition(".")[0] == "gatewaylib"] == []


def feature_of(path):
    name = path.partition("/")[0].partition(".")[0]
    return name if name in FEATURES else None


def test_a_feature_knows_no_other_feature():
    for path in existing(path for path in FILES if feature_of(path)):
        own, _ = imports_of(path)

        assert {feature_of(other) for other in own} <= {feature_of(path), None}, path


@pytest.mark.parametrize("path", existing(FILES))
def test_what_is_sent_when_first_used_belongs_to_one_local_half(path):
    own, _ = imports_of(path)

    assert [half for half in own if not path.startswith(HALVES.get(half, path))] == []


@pytest.mark.parametrize("path", existing(SHIPPED))
def test_a_shipped_file_says_so_and_has_a_stub(path):
    text = (PACKAGE / path).read_text(encoding="ascii")
    if not text:
        return  # a package's empty __init__ has nothing to say

    expected = SHIPPED_LINE + ("; pure" if path in PURE else "")
    assert text.splitlines()[0] == expected
    assert (PACKAGE / f"{path}i").exists()
    # The remote executes unpack.py as a text: there is no package yet to import from.
    assert "absolute_import" in text or path == "shipped/unpack.py"


@pytest.mark.parametrize("path", existing(SHIPPED))
def test_a_shipped_file_imports_only_the_standard_library_and_shipped_files(path):
    own, others = imports_of(path)

    assert own - set(SHIPPED) == set()
    allowed = ALLOWED_OTHERS.get(path, set())
    assert [n for n in others if n.partition(".")[0] not in allowed and not is_standard(n)] == []


@pytest.mark.parametrize("path", existing(path for path in FILES if path not in SHIPPED))
def test_a_local_file_says_whether_it_is_pure_and_not_that_it_is_shipped(path):
    first_line = (PACKAGE / path).read_text(encoding="utf-8").partition("\n")[0]

    assert (first_line == "# pure") == (path in PURE)
    assert not first_line.startswith("# shipped")


@pytest.mark.parametrize("path", existing(PURE))
def test_a_pure_file_reaches_for_nothing_outside_its_arguments(path):
    own, others = imports_of(path)
    tops = {name.partition(".")[0] for name in others}
    calls = {
        node.func.id
        for node in ast.walk(parse(path))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
    }

    assert tops & IMPURE <= ALLOWED_IMPURE.get(path, set())
    assert own <= set(PURE)
    assert calls & {"open", "print", "input", "eval", "exec"} == set()
    assert not any(isinstance(node, ast.Global) for node in ast.walk(parse(path)))


def test_a_pure_file_that_is_shipped_is_tested_on_every_interpreter():
    # The others are tested through gateways, whose other end is every interpreter.
    tests = [ROOT / "testing" / f"test_{Path(path).stem}.py" for path in PURE if path in SHIPPED]

    assert [test for test in tests if test.exists() and not is_plain(str(test))] == []


@pytest.mark.parametrize("path", existing(FILES))
def test_a_file_is_short_enough_to_have_one_responsibility(path):
    lines = (PACKAGE / path).read_text(encoding="utf-8").count("\n")
    assert lines <= MAX_LINES


@pytest.mark.parametrize("interpreter", interpreters.find())
def test_shipped_files_compile_without_a_warning(interpreter):
    program = (
        "import sys, warnings; warnings.simplefilter('error')\n"
        "for path in sys.argv[1:]:\n"
        "    with open(path, 'rb') as source:\n"
        "        compile(source.read(), path, 'exec', 0, True)\n"
    )
    files = [str(PACKAGE / path) for path in existing(SHIPPED)]

    run = subprocess.run(
        [interpreters.find()[interpreter], "-c", program, *files],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        universal_newlines=True,
        timeout=120,
        check=False,
    )

    assert (run.returncode, run.stdout) == (0, "")


if __name__ == "__main__":
    print(ORDER.strip("\n"))
