"""What a remote prints: read as it comes, handed on, and its last words kept."""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Callable
from typing import IO

from ..quoting import printable
from ..shipped.polling import Poller
from ..shipped.transport import wait_fd

LAST_WORDS = 4096  # bytes of stderr that are kept for error messages
CHUNK = 2**16  # what a pipe holds
MOMENT = 0.1  # seconds for the poller to close what nobody else will
MAX_LINE = 2**16  # bytes without a line end that are handed on as a line of their own

# Called with the gateway's id, "stdout" or "stderr", and a line without its end.
OnOutput = Callable[[str, str, str], object]


class Output:
    """Takes one remote's stdout and stderr.

    Args:
        gateway_id: whose they are.
        mode: "inherit" (both go to this process's stderr as they are), "forward" (there
            too, each line tagged with the gateway's id) or "drop".
        callback: gets each line instead, whatever the mode.
    """

    def __init__(self, gateway_id: str, mode: str, callback: OnOutput | None = None) -> None:
        self.gateway_id = gateway_id
        self._mode, self._callback = mode, callback
        self._lock = threading.Lock()
        self._streams: dict[str, tuple[IO[bytes], Poller]] = {}
        self._rests: dict[str, bytes] = {}
        self._last_words = {"stdout": b"", "stderr": b""}
        self._all_read = threading.Event()
        self._held: list[tuple[str, bytes]] | None = []

    def let_go(self) -> None:
        """Hand on what comes, and what came since the start.

        Until then it is kept, at most ``LAST_WORDS`` bytes of it: the error of a start
        that fails quotes it, and it should not be read twice.
        """
        with self._lock:
            held, self._held = self._held or [], None
            for name, data in held:
                self._hand_on(name, data)

    def read(self, name: str, stream: IO[bytes], poller: Poller) -> None:
        """Begin to read a pipe; it is closed at its end or by ``finish``."""
        self._streams[name] = stream, poller
        poller.watch(stream.fileno(), lambda: self._read_some(name))

    def last_words(self, name: str = "stderr") -> str:
        """Return the last lines written to a stream, whole ones where there are many."""
        text = printable(self._last_words[name].decode("utf-8", "replace"))
        if len(self._last_words[name]) >= LAST_WORDS:
            text = text.partition("\n")[2] or text
        return text

    def take(self, name: str, data: bytes) -> None:
        """Take what came another way than through a pipe; ``b""`` is the end of the stream."""
        with self._lock:
            self._take(name, data)

    def _read_some(self, name: str) -> None:
        """Read once what is there; called by the poller only."""
        with self._lock:
            if name not in self._streams:
                return
            stream, _ = self._streams[name]
            if not wait_fd(stream.fileno(), False, 0):
                return
            data = os.read(stream.fileno(), CHUNK)
            self._take(name, data)
            if not data:
                self._close(name)

    def _take(self, name: str, data: bytes) -> None:
        self._last_words[name] = (self._last_words[name] + data)[-LAST_WORDS:]
        if self._held is None:
            self._hand_on(name, data)
        elif sum(len(chunk) for _, chunk in self._held) < LAST_WORDS:
            self._held.append((name, data))

    def _close(self, name: str) -> None:
        stream, poller = self._streams.pop(name)
        poller.unwatch(stream.fileno())
        stream.close()
        if not self._streams:
            self._all_read.set()

    def _hand_on(self, name: str, data: bytes) -> None:
        if self._callback is None and self._mode == "inherit":
            _write_all(data)
        elif self._callback is not None or self._mode == "forward":
            for line in self._cut_lines(name, data):
                self._hand_on_line(name, line.decode("utf-8", "replace"))

    def _cut_lines(self, name: str, data: bytes) -> list[bytes]:
        text = self._rests.get(name, b"") + data
        *lines, rest = text.split(b"\n")
        if rest and (not data or len(rest) > MAX_LINE):
            lines.append(rest)
            rest = b""
        self._rests[name] = rest
        return lines

    def _hand_on_line(self, name: str, line: str) -> None:
        if self._callback is None:
            _write_all(f"[{self.gateway_id}] {line}\n".encode())
            return
        try:
            self._callback(self.gateway_id, name, line.rstrip("\r"))
        except Exception as error:
            # Its output is the user's to lose, the other gateways' is not.
            self._callback = None
            message = f"on_output of {self.gateway_id} raised {error!r}; not called again"
            _write_all(f"gatewaylib: {message}\n".encode())

    def finish(self, timeout: float) -> None:
        """Wait until all that a process wrote, which has ended, is handed on.

        That is ``timeout`` seconds at most, and as long as a moment more: a process it has
        started may hold the pipes open, and a callback may hang. Then the poller closes
        them as soon as it can.
        """
        if not self._all_read.wait(timeout):
            for _, poller in list(self._streams.values())[:1]:
                poller.call_later(0, self._close_rest)
                self._all_read.wait(MOMENT)

    def _close_rest(self) -> None:
        for name in list(self._streams):
            self._read_some(name)
            with self._lock:
                if name in self._streams:
                    self._take(name, b"")
                    self._close(name)

    def drop(self) -> None:
        """Read no more: nobody wants what is still in the pipes."""
        with self._lock:
            for name in list(self._streams):
                self._close(name)

    def forget(self) -> None:
        """In the child of a fork: the pipes are the parent's to read."""
        for stream, _ in self._streams.values():
            stream.close()
        self._streams.clear()
        self._lock = threading.Lock()
        self._all_read = threading.Event()
        self._all_read.set()


def _write_all(data: bytes) -> None:
    view = memoryview(data)
    with contextlib.suppress(OSError):  # nobody reads our stderr any more
        while view:
            view = view[os.write(2, view) :]
