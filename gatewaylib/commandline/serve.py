"""``gatewaylib serve``: the socket server here, or its script, to be taken elsewhere.

It needs no click: ``python -m gatewaylib.script.socketserver`` is the same.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Sequence

from ..shipped.on_demand.socket_server.command import main
from ..source_joined import joined_source
from . import OK

PRINT = "--print-script"
NOTE = f"{PRINT}, alone, prints the server as a script that runs where nothing is installed."


def server_script() -> str:
    """Return the text of a script that needs Python 2.7 or 3, and nothing installed."""
    version = importlib.import_module("gatewaylib").__version__  # the last in the order
    head = (
        "#!/usr/bin/env python\n"
        f"# The socket server of gatewaylib {version}, which has printed this to be run where it\n"
        "# is not installed: Python 2.7, or 3.6 and later. See --help.\n"
    )
    return head + joined_source("shipped.on_demand.socket_server.command")


def serve(args: Sequence[str], name: str) -> int:
    """Do what the arguments of a command of this name say; return an exit status."""
    if list(args) == [PRINT]:
        sys.stdout.write(server_script())
    else:
        main(args, name, NOTE)
    return OK


if __name__ == "__main__":
    sys.exit(serve(sys.argv[1:], "socketserver"))
