"""Packages written for execnet do the same on gatewaylib in its place."""

import subprocess
import sys
import textwrap

import pytest

pytestmark = pytest.mark.slow

REMOTO = textwrap.dedent(
    """
    import sys

    if sys.argv[1] == "gatewaylib":
        import gatewaylib

        sys.modules["execnet"] = gatewaylib

    import remoto
    import remoto.process

    connection = remoto.Connection("localhost")
    code = "import sys; print('out'); sys.stderr.write('err'); sys.exit(3)"
    print(remoto.process.check(connection, [sys.executable, "-c", code]))
    print(remoto.process.check(connection, ["cat"], stdin=b"asked"))
    try:
        remoto.process.run(connection, [sys.executable, "-c", "1/0"], stop_on_error=True)
    except RuntimeError as error:
        print("failed:", error)
    connection.exit()
    print(sys.modules["execnet"].__name__)
    """
)


def test_remoto_does_on_gatewaylib_what_it_does_on_execnet():
    said = {}
    for library in ("execnet", "gatewaylib"):
        done = subprocess.run(
            [sys.executable, "-c", REMOTO, library], capture_output=True, text=True, timeout=120
        )
        assert done.returncode == 0, done.stderr
        said[library] = done.stdout.splitlines()

    assert said["gatewaylib"][:-1] == said["execnet"][:-1]
    assert "(['out'], ['err'], 3)" in said["execnet"] and "asked" in str(said["execnet"])
    assert said["gatewaylib"][-1] == "gatewaylib"
