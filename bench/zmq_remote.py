"""The other end of a ZeroMQ socket, and what both ends make of one: ``-m bench.zmq_remote URL``."""

from __future__ import annotations

import importlib
import os
import pickle
import sys
import threading
from typing import Any

from bench import remote

PICKLED = b"\x80"  # every pickle of today's protocols begins with it; the bench's bytes do not


class ZmqChannel:
    """A socket under the two names that ``remote.serve`` uses."""

    def __init__(self, socket: Any) -> None:
        self._send, self._receive = socket.send, socket.recv

    def send(self, item: Any) -> None:
        if type(item) is bytes:
            self._send(item, copy=False)  # pyzmq copies below 64 KiB all the same: it is faster
        else:
            self._send(pickle.dumps(item, pickle.HIGHEST_PROTOCOL))

    def receive(self) -> Any:
        data = self._receive()
        return pickle.loads(data) if data[:1] == PICKLED else data


def pair(address: str, what: str) -> Any:
    """Return a socket of a PAIR that was told to ``bind`` or to ``connect``."""
    zmq = importlib.import_module("zmq")
    socket = zmq.Context.instance().socket(zmq.PAIR)
    getattr(socket, what)(address)
    return socket


def _end_with_stdin() -> None:
    sys.stdin.read()
    os._exit(0)


def main() -> None:
    # a PAIR is not told that its other end is gone
    threading.Thread(target=_end_with_stdin, name="bench-zmq-end", daemon=True).start()
    remote.serve(ZmqChannel(pair(sys.argv[1], "connect")))


if __name__ == "__main__":
    main()
