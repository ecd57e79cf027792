"""Channels to many at once."""

from __future__ import annotations

import queue
import time
from collections.abc import Iterable, Iterator
from typing import Any, Callable

from .shipped.channel import NO_ENDMARKER, Channel
from .shipped.errors import RemoteError


class MultiChannel:
    """Channels used together, one of each gateway mostly."""

    def __init__(self, channels: Iterable[Channel]) -> None:
        self._channels = list(channels)
        self._queue: queue.Queue[tuple[Channel, Any]] | None = None

    def __len__(self) -> int:
        return len(self._channels)

    def __iter__(self) -> Iterator[Channel]:
        return iter(self._channels)

    def __getitem__(self, index: int) -> Channel:
        return self._channels[index]

    def __contains__(self, channel: object) -> bool:
        return channel in self._channels

    def __repr__(self) -> str:
        return f"<MultiChannel of {len(self)}>"

    def send_each(self, item: object, timeout: float | None = None) -> None:
        """Send the item on every channel, within ``timeout`` seconds for all together.

        Raises what ``Channel.send`` raises, at the first channel that does.
        """
        deadline = None if timeout is None else time.monotonic() + timeout
        for channel in self._channels:
            channel.send(item, _left(deadline))

    def receive_each(self, withchannel: bool = False, timeout: float | None = None) -> list[Any]:
        """Receive one item from each channel; return them in the channels' order.

        ``withchannel``: as pairs (channel, item). ``timeout``: seconds for all together.
        Raises what ``Channel.receive`` raises, at the first channel that does.
        """
        deadline = None if timeout is None else time.monotonic() + timeout
        received: list[Any] = []
        for channel in self._channels:
            item = channel.receive(_left(deadline))
            received.append((channel, item) if withchannel else item)
        return received

    def make_receive_queue(self, endmarker: object = NO_ENDMARKER) -> queue.Queue[Any]:
        """Return one queue of (channel, item) of all channels, as they come.

        Where an ``endmarker`` is given, (channel, endmarker) is put at each channel's end.
        The queue is made once; calling again returns the same one.
        """
        if self._queue is None:
            made = self._queue = self._new_queue()
            for channel in self._channels:
                channel.setcallback(_putter(made, channel), endmarker=endmarker)
        return self._queue

    def _new_queue(self) -> queue.Queue[Any]:
        # A green thread that waits in a queue of threads' would keep all others from running.
        for channel in self._channels:
            if hasattr(channel, "gateway"):  # what only looks like a channel has none
                return channel.gateway.execmodel.queue.Queue()  # type: ignore[no-any-return]
        return queue.Queue()

    def waitclose(self, timeout: float | None = None) -> None:
        """Wait until all channels are at their end; raise the first RemoteError then."""
        deadline = None if timeout is None else time.monotonic() + timeout
        first: RemoteError | None = None
        for channel in self._channels:
            try:
                channel.waitclose(_left(deadline))
            except RemoteError as error:
                first = first or error
        if first is not None:
            raise first


def _left(deadline: float | None) -> float | None:
    return None if deadline is None else max(0.0, deadline - time.monotonic())


def _putter(into: queue.Queue[Any], channel: Channel) -> Callable[[Any], None]:
    return lambda item: into.put((channel, item))
