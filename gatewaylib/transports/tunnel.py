"""The near half of ``socket=`` with ``via=``: a socket here that leads to an address there.

The other gateway runs ``shipped/on_demand/connector.py``, and two threads copy between the
relay to that and a socketpair, whose end is to the rest of this library what a connected
socket is. So the token is proved and TLS spoken by this end, and those in between copy what
they can't make sense of. What is under way is held by the relay's windows and the kernel.
"""

from __future__ import annotations

import contextlib
import inspect
import os
import signal
import socket
import threading
from typing import Any

from ..shipped.errors import GatewayError
from ..shipped.on_demand import connector
from .output import Output
from .relayed import Relayed

PATIENCE = 5.0  # seconds for the other gateway to take what it is to run
ANSWER_TIME = 2.0  # seconds for threads to end that wait for nothing any more
CHUNK = 2**16


class NoTunnel(Exception):
    """The address can't be had from there.

    Attributes:
        is_refused: there is a machine, and nobody listens there.
        is_far: the address can't be found or reached.
    """

    def __init__(self, why: str, status: int | None = None) -> None:
        super().__init__(why)
        self.is_refused = status == connector.REFUSED
        self.is_far = status in (connector.NOT_FOUND, connector.NOT_REACHED)


class Tunnel:
    """A connection that another gateway makes for this end.

    Args:
        via: the other gateway.
        address: host and port, as they are called there.

    Attributes:
        sock: this side's end, from the start on; it belongs to who uses it.

    Raises NoTunnel or OSError if it can't be begun.
    """

    def __init__(self, via: Any, address: tuple[str, int]) -> None:
        python = via._rinfo().executable or "python3"
        argv = [python, "-S", "-E", "-c", connector.RUN, address[0], str(address[1])]
        self._process, self._early = os.getpid(), b""
        self._words = Output(f"{via.id}-connector", "drop")
        self.sock, self._theirs = socket.socketpair()
        try:
            self._relayed = Relayed(
                [*argv, inspect.getsource(connector)], {}, self._words, via, may_meet=False
            )
        except GatewayError as error:
            self.sock.close()
            self._theirs.close()
            raise NoTunnel(str(error)) from error
        self._threads = [
            threading.Thread(target=copy, name="gatewaylib-tunnel", daemon=True)
            for copy in (self._copy_there, self._copy_here)
        ]

    def open(self) -> None:
        """Wait until the connection is there, and begin to copy; raise NoTunnel."""
        try:
            self._relayed.begin(PATIENCE)
            first = self._relayed.transport.receive(CHUNK)
        except OSError as error:
            self.close()
            raise NoTunnel(str(error)) from error
        if not first.startswith(connector.CONNECTED):
            self.abort()
            self._relayed.wait(ANSWER_TIME)
            status = self._relayed.reap()
            self.close()
            words = self._relayed.why_not_run or self._words.last_words().rpartition("\n")[2]
            raise NoTunnel(words or "it was not told why", status)
        self._early = first[len(connector.CONNECTED) :]
        for thread in self._threads:
            thread.start()

    def _copy_there(self) -> None:
        with contextlib.suppress(OSError, EOFError, GatewayError):  # one of the ends is gone
            data = self._theirs.recv(CHUNK)
            while data:
                self._relayed.transport.write_one(data)
                data = self._theirs.recv(CHUNK)
        self._relayed.transport.close_write()

    def _copy_here(self) -> None:
        with contextlib.suppress(OSError, EOFError, GatewayError):
            data = self._early or self._relayed.transport.receive(CHUNK)
            while data:
                self._theirs.sendall(data)
                data = self._relayed.transport.receive(CHUNK)
        with contextlib.suppress(OSError):
            self._theirs.shutdown(socket.SHUT_RDWR)

    def abort(self) -> None:
        """End it, whatever is under way; any thread may, at any time."""
        if os.getpid() != self._process:
            return  # in the child of a fork: it is the parent's
        self._relayed.signal(signal.SIGKILL)
        self._relayed.transport.abort()
        with contextlib.suppress(OSError):
            self._theirs.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """End it, and give back all that it takes here, ``sock`` excepted."""
        self.abort()
        if os.getpid() == self._process:
            for thread in self._threads:
                if thread.ident is not None:
                    thread.join(ANSWER_TIME)
            self._relayed.reap(0.0)
        self._theirs.close()
