"""The door to the command line: it opens without click and rich, and names what is missing."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
from collections.abc import Sequence

from .commandline import FAILED, SIGNALLED, USAGE, OutputFailed, ReaderGone

NEEDED = {"click", "rich"}


def main(args: Sequence[str] | None = None) -> int:
    """Run the command line with ``args``, by default sys.argv's; return the exit status."""
    open_closed_streams()
    try:
        return import_and_call(sys.argv[1:] if args is None else args)
    except ReaderGone:
        drop_output()
        return SIGNALLED + signal.SIGPIPE
    except OutputFailed as error:
        with contextlib.suppress(OSError):  # it may be stderr that can't be written
            sys.stderr.write(f"gatewaylib: {error}\n")
        drop_output()
        return FAILED
    except KeyboardInterrupt:
        sys.stderr.write("gatewaylib: interrupted; no gateway is running\n")
        return SIGNALLED + signal.SIGINT


def open_closed_streams() -> None:
    """Let what is written to a stream that was closed from the start go nowhere.

    Python has None in its place. And without this its descriptor would be a gateway's.
    """
    if sys.stdout is None:
        sys.stdout = open(os.devnull, "w")
    if sys.stderr is None:
        sys.stderr = open(os.devnull, "w")


def drop_output() -> None:
    """Let what is still to be written go nowhere: Python would complain at its end."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.dup2(nowhere, 2)


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
