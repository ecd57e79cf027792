"""The door to the command line: it opens without click and rich, and names what is missing."""

from __future__ import annotations

import sys

NEEDED = {"click", "rich"}


def main() -> None:
    """Run the command line; exit with one line on stderr where its extra is not installed."""
    try:
        from .cli import main as command_line
    except ModuleNotFoundError as error:
        missing = (error.name or "").partition(".")[0]
        if missing not in NEEDED:
            raise
        sys.exit(
            f"gatewaylib: the command line needs {missing}, which is not installed:"
            " pip install 'gatewaylib[cli]'"
        )
    command_line()


if __name__ == "__main__":
    main()
