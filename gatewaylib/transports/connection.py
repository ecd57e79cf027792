"""What a started gateway stands on: a process of ours, or a connection to one that is not."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Protocol

from ..shipped.transport import Transport
from .output import Output
from .wire import STDOUT

NAP = 0.01  # seconds between looks at what nothing tells of


class Remote(Protocol):
    """What is started for a gateway; ``LocalProcess`` and ``Connection`` are."""

    argv: list[str]  # the command, or the address, for messages
    output: Output
    transport: Transport
    write_fd: int  # the descriptor that the remote is to write to, see ``wire``
    slots_fd: int  # that of the slots that it shares with this end, 0 if there are none
    why_not_run: str | None  # why there was nothing to run, where that shows later

    def begin(self, timeout: float) -> None:
        """Do what of the start may wait, but in the transport's first write.

        Called where the transport can't be polled, in a thread of the start's own. Raises
        TimeoutError, and OSError where it has failed.
        """

    @property
    def pid(self) -> int | None: ...

    @property
    def pidfd(self) -> int | None:
        """A descriptor that turns readable when it ends; None where there is none."""

    def has_exited(self) -> bool: ...

    def wait(self, timeout: float) -> bool: ...

    def signal(self, number: int) -> None: ...

    def reap(self, patience: float = ...) -> int | None: ...

    def forget(self) -> None: ...


class Connection:
    """A remote whose process is another's: to end it, the connection is ended.

    The remote sees that and goes; what became of it nobody here knows.

    Args:
        address: for messages.
        has_ended: says whether the other end has closed the connection.
    """

    pid: int | None = None
    pidfd: int | None = None
    write_fd = STDOUT
    slots_fd = 0
    why_not_run: str | None = None

    def __init__(
        self, address: str, transport: Transport, output: Output, has_ended: Callable[[], bool]
    ) -> None:
        self.argv = [address]
        self.transport, self.output = transport, output
        self._has_ended, self._is_over = has_ended, False

    def __repr__(self) -> str:
        return f"<Connection to {self.argv[0]}>"

    def begin(self, timeout: float) -> None:
        pass

    def has_exited(self) -> bool:
        self._is_over = self._is_over or self._has_ended()
        return self._is_over

    def wait(self, timeout: float) -> bool:
        deadline = time.monotonic() + timeout
        while not self.has_exited():
            if time.monotonic() >= deadline:
                return False
            time.sleep(NAP)
        return True

    def signal(self, number: int) -> None:
        """End the connection, whatever the signal: there is no milder way, nor a harder one."""
        self._is_over = True
        self.transport.abort()

    def reap(self, patience: float = 0.0) -> int | None:
        return None

    def forget(self) -> None:
        self.transport.forget()
