"""execnet's quitserver: ends a socket server.

``python -m gatewaylib.script.quitserver HOST:PORT``; behind the address may stand more of a
spec, as in ``host:8888//token_file=token``. Only who may run code there can end it: it is
told by an interpreter that it has started, as a gateway has it.
"""

from __future__ import annotations

import sys

from ..multi import Group
from ..shipped.errors import GatewayLost

QUIT = "import os, signal; os.kill(os.getppid(), signal.SIGTERM); channel.receive()"


def main(arguments: list[str]) -> int:
    """End the server at the address that is the first argument; return an exit status."""
    if len(arguments) != 1:
        sys.stderr.write("usage: python -m gatewaylib.script.quitserver HOST:PORT\n")
        return 2
    with Group() as group:
        gateway = group.makegateway(f"socket={arguments[0]}")
        try:
            gateway.remote_exec(QUIT).waitclose(timeout=10)
        except GatewayLost:
            return 0  # it ends its interpreters, this one among them
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
