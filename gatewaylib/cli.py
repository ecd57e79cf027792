"""The door to the command line: it opens without click and rich, and names what is missing."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Sequence

from .commandline import SIGNALLED, USAGE, ReaderGone

NEEDED = {"click", "rich"}


def main(args: Sequence[str] | None = None) -> int:
    """Run the command line with ``args``, by default sys.argv's; return the exit status."""
    try:
        return import_and_call(sys.argv[1:] if args is None else args)
    except ReaderGone:
        # Python would complain of the same when it flushes at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        return SIGNALLED + signal.SIGPIPE
    except KeyboardInterrupt:
        sys.stderr.write("gatewaylib: interrupted; no gateway is running\n")
        return SIGNALLED + signal.SIGINT


def import_and_call(args: Sequence[str]) -> int:
    """Import the commands, which takes a moment, and run the one that ``args`` name."""
    try:
        from .commandline.commands import call
    except ModuleNotFoundError as error:
        missing = (error.name or "").partition(".")[0]
        if missing not in NEEDED:
            raise
        sys.stderr.write(
            f"gatewaylib: the command line needs {missing}, which is not installed:"
            " pip install 'gatewaylib[cli]'\n"
        )
        return USAGE
    return call(args)
