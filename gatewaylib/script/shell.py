"""execnet's shell: a Python prompt at a socket server, or at any gateway.

``python -m gatewaylib.script.shell HOST:PORT``, or a whole spec: ``ssh=host``.
"""

from __future__ import annotations

import sys
from collections.abc import Callable

from ..gateway import Gateway
from ..multi import Group

# At the remote: what it asks for are lines, what it sends is (is a prompt, text).
CONSOLE = """
import code, sys

class Console(code.InteractiveConsole):
    def raw_input(self, prompt=""):
        channel.send((True, prompt))
        line = channel.receive()
        if line is None:
            raise EOFError
        return line

    def write(self, data):
        channel.send((False, data))

console = Console({"__name__": "__console__"})
before = sys.stdout
sys.stdout = console
console.flush = lambda: None
try:
    console.interact("Python %s on %s" % (sys.version.split()[0], sys.platform))
finally:
    sys.stdout = before
"""


def run_shell(
    gateway: Gateway,
    read: Callable[[str], str] = input,
    write: Callable[[str], object] = sys.stdout.write,
) -> None:
    """Read lines and run them at the gateway until ``read`` raises EOFError.

    What they print, and the tracebacks of those that fail, is given to ``write``.
    """
    channel = gateway.remote_exec(CONSOLE)
    for is_prompt, text in channel:
        if not is_prompt:
            write(text)
            continue
        try:
            channel.send(read(text))
        except EOFError:
            channel.send(None)


def main(arguments: list[str]) -> int:
    """Run a shell at the address or spec that is the first argument; return an exit status."""
    if len(arguments) != 1:
        sys.stderr.write("usage: python -m gatewaylib.script.shell HOST:PORT or SPEC\n")
        return 2
    spec = arguments[0]
    is_address = spec.partition("//")[0].rpartition(":")[2].isdigit()
    with Group() as group:
        run_shell(group.makegateway(f"socket={spec}" if is_address else spec))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
