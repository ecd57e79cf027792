# pure
"""Which gateway gets which item, and in which order the results come out.

An item is given to a gateway that is free. Where a gateway dies with an item, the item is
given once more, to whoever is free next; if that dies too, the item has failed: it may well
be what kills them. Results come out in the order of the items, however they came in.
"""

from __future__ import annotations

import dataclasses
from collections import deque
from collections.abc import Iterator, Sequence

MAX_TRIES = 2


@dataclasses.dataclass
class Item:
    """One line of the input, and what came of it.

    Attributes:
        number: counted from 1, as lines are.
        gateway: id of the last gateway it was given to; None: to none yet.
        tries: how often it was given to a gateway.
        error: one line that says why it failed; None: it did not.
        traceback: text, where the function raised.
    """

    number: int
    text: str
    gateway: str | None = None
    tries: int = 0
    finished: bool = False
    result: object = None
    error: str | None = None
    traceback: str = ""


class MapPlan:
    """The items of one map; one thread uses it."""

    def __init__(self, texts: Sequence[str]) -> None:
        self.items = [Item(number, text) for number, text in enumerate(texts, 1)]
        self._waiting = deque(self.items)
        self._given: dict[str, Item] = {}
        self._released = 0
        self.done = 0

    def take(self, gateway: str) -> Item | None:
        """Give the next item to a free gateway; return it, or None if none is waiting."""
        if gateway in self._given:
            raise ValueError(f"{gateway} has item {self._given[gateway].number} already")
        if not self._waiting:
            return None
        item = self._waiting.popleft()
        item.gateway = gateway
        item.tries += 1
        self._given[gateway] = item
        return item

    def succeed(self, gateway: str, result: object) -> Item:
        """Note the result of the item that a gateway has, and return the item."""
        item = self._given.pop(gateway)
        item.result = result
        return self._finish(item)

    def fail(self, gateway: str, error: str, traceback: str = "") -> Item:
        """Note that the item which a gateway has failed, and return the item."""
        item = self._given.pop(gateway)
        item.error, item.traceback = error, traceback
        return self._finish(item)

    def lose(self, gateway: str, reason: str) -> Item | None:
        """Note that a gateway is dead; return the item it had, finished or waiting again."""
        item = self._given.pop(gateway, None)
        if item is None:
            return None
        if item.tries < MAX_TRIES:
            self._waiting.appendleft(item)
            return item
        item.error = f"given {item.tries} times, and each time the gateway died: {reason}"
        return self._finish(item)

    def _finish(self, item: Item) -> Item:
        item.finished = True
        self.done += 1
        return item

    def give_up(self, reason: str) -> None:
        """Note that nothing more will be given; items without an end have failed."""
        for item in self.items:
            if not item.finished:
                item.error = reason
                self._finish(item)
        self._waiting.clear()
        self._given.clear()

    @property
    def waiting(self) -> int:
        """How many items no gateway has."""
        return len(self._waiting)

    @property
    def complete(self) -> bool:
        """Whether every item has an end."""
        return self.done == len(self.items)

    def release(self) -> Iterator[Item]:
        """Yield the finished items that are next in order, each once."""
        while self._released < len(self.items) and self.items[self._released].finished:
            self._released += 1
            yield self.items[self._released - 1]
