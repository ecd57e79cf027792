"""What runs at the other end, for every peer that has something like a channel.

``serve`` travels as source where the peer sends source, so it uses no global, and its
annotations are text. Only the standard library is imported here: a remote that imports this
file should not pay for the rest of the bench.
"""

from __future__ import annotations

from typing import Any


def serve(channel: "Any") -> None:  # noqa: UP037  (sent alone, without the future import)
    """Say our pid, then do what is asked until the channel ends.

    Asked is a tuple ``(verb, item, count)``; "ready" is the answer, and after it

    - echo: ``count`` items come and go back;
    - take: ``count`` items come, one answer follows;
    - give: on the go, ``count`` times the item leaves; ``give bytes``: that many bytes;
    - ignore: nothing is read any more.
    """
    import os
    import time

    send, receive = channel.send, channel.receive
    send(os.getpid())
    while True:
        verb, item, count = receive()
        send("ready")
        if verb == "echo":
            for _ in range(count):
                send(receive())
        elif verb == "take":
            for _ in range(count):
                receive()
            send("taken")
        elif verb == "ignore":
            while True:
                time.sleep(3600)
        else:
            if verb == "give bytes":
                item = b"x" * item
            receive()
            for _ in range(count):
                send(item)


class ConnectionAsChannel:
    """A ``multiprocessing`` connection under the two names ``serve`` uses."""

    def __init__(self, connection: Any) -> None:
        self.send = connection.send
        self.receive = connection.recv


def serve_connection(connection: Any) -> None:
    """Target of a ``multiprocessing.Process``: ``serve`` until the other end is closed."""
    try:
        serve(ConnectionAsChannel(connection))
    except (EOFError, OSError):
        pass


def same(item: Any) -> Any:
    return item


def swallow(item: Any) -> None:
    return None


def make(item: Any) -> Any:
    """Return the item; or, for ``("bytes", n)``, n bytes that needn't travel here first."""
    if type(item) is tuple and item[0] == "bytes":
        return b"x" * item[1]
    return item


def tell_pid(queue: Any) -> None:
    """Initializer of a Pool's worker: say that it is there."""
    import os

    queue.put(os.getpid())
