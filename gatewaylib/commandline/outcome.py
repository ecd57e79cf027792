"""What came of a command at one gateway."""

from __future__ import annotations

import dataclasses
import time

from .fleet import Member


@dataclasses.dataclass
class Outcome:
    """What came of it there; the commands add what they show.

    Attributes:
        began: time.monotonic's, when it was started or got its job.
        error: one line; None: it did not fail.
        seconds: that it took; until it failed, where it did not start.
    """

    member: Member
    began: float
    finished: bool = False
    error: str | None = None
    seconds: float = 0.0

    def finish(self, error: str | None = None) -> None:
        """Note the end; the first one counts."""
        if not self.finished:
            self.finished, self.error = True, error
            self.seconds = time.monotonic() - self.began
