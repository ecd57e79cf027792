"""execnet's service for Windows, where our socket server does not run."""

from __future__ import annotations

import sys

if __name__ == "__main__":
    sys.exit("gatewaylib's socket server runs on POSIX only: its interpreters inherit the socket")
