"""What is aimed at: a line for each target, beside whom, and by how much. Data alone.

A target holds if the median over the rounds of our value by the peer's, or of our value where
there is no peer, is on its side of the bound. ``part`` and ``figure`` name the row of the bench
that it is about; ``*`` in a name stands for a number that depends on how long is measured,
and of several rows that fit, the last, which has the most, counts.
"""

from __future__ import annotations

from typing import NamedTuple

AT_MOST, AT_LEAST = "≤", "≥"


class Target(NamedTuple):
    part: str
    figure: str
    peer: str | None
    sign: str
    bound: float


TARGETS = (
    Target("round trip", "int, one core", "mp.Pipe", AT_MOST, 0.75),
    Target("round trip", "int, one core", "execnet", AT_MOST, 0.25),
    Target("round trip", "dict of 10, one core", "mp.Pipe", AT_MOST, 1.5),
    Target("round trip", "dict of 10, one core", "execnet", AT_MOST, 0.33),
    Target("round trip", "int, any core", "execnet", AT_MOST, 0.75),
    Target("round trip", "int, any core, 99th percentile", "execnet", AT_MOST, 1.0),
    Target("round trip", "dict of 10, any core", "execnet", AT_MOST, 0.75),
    Target("round trip", "dict of 10, any core, 99th percentile", "execnet", AT_MOST, 1.0),
    Target("beside others", "int, * callbacks, one core", "execnet", AT_MOST, 0.5),
    Target("beside others", "int, * callbacks, any core", "execnet", AT_MOST, 0.5),
    Target("beside others", "int, * threads at once, one core", "execnet", AT_MOST, 0.5),
    Target("beside others", "int, * threads at once, any core", "execnet", AT_MOST, 0.5),
    Target("beside others", "int, behind a callback of * s *", None, AT_MOST, 50.0),
    Target("small messages", "int, to the remote, one core", "execnet", AT_LEAST, 3.0),
    Target("small messages", "int, to the remote, one core", "pyzmq", AT_LEAST, 0.8),
    Target("small messages", "int, from the remote, one core", "execnet", AT_LEAST, 3.0),
    Target("small messages", "int, from the remote, one core", "pyzmq", AT_LEAST, 0.8),
    Target("small messages", "int, to the remote, any core", "execnet", AT_LEAST, 3.0),
    Target("small messages", "int, to the remote, any core", "pyzmq", AT_LEAST, 0.8),
    Target("small messages", "int, from the remote, any core", "execnet", AT_LEAST, 3.0),
    Target("small messages", "int, from the remote, any core", "pyzmq", AT_LEAST, 0.8),
    Target("bulk", "bytes of 1 MiB, to the remote, one core", "execnet", AT_LEAST, 2.5),
    Target("bulk", "bytes of 1 MiB, to the remote, one core", "pyzmq", AT_LEAST, 0.9),
    Target("bulk", "bytes of 1 MiB, from the remote, one core", "execnet", AT_LEAST, 2.5),
    Target("bulk", "bytes of 1 MiB, from the remote, one core", "pyzmq", AT_LEAST, 0.9),
    Target("bulk", "bytes of 1 MiB, to the remote, any core", "execnet", AT_LEAST, 2.5),
    Target("bulk", "bytes of 1 MiB, to the remote, any core", "pyzmq", AT_LEAST, 0.9),
    Target("bulk", "bytes of 1 MiB, from the remote, any core", "execnet", AT_LEAST, 2.5),
    Target("bulk", "bytes of 1 MiB, from the remote, any core", "pyzmq", AT_LEAST, 0.9),
    Target("bulk", "bytes of 64 MiB, to the remote, one core", "raw socketpair", AT_LEAST, 0.85),
    Target("bulk", "bytes of 64 MiB, to the remote, one core", "execnet", AT_LEAST, 2.5),
    Target("bulk", "bytes of 64 MiB, from the remote, one core", "raw socketpair", AT_LEAST, 0.85),
    Target("bulk", "bytes of 64 MiB, from the remote, one core", "execnet", AT_LEAST, 2.5),
    Target("bulk", "bytes of 64 MiB, to the remote, any core", "raw socketpair", AT_LEAST, 0.85),
    Target("bulk", "bytes of 64 MiB, to the remote, any core", "execnet", AT_LEAST, 2.5),
    Target("bulk", "bytes of 64 MiB, from the remote, any core", "raw socketpair", AT_LEAST, 0.85),
    Target("bulk", "bytes of 64 MiB, from the remote, any core", "execnet", AT_LEAST, 2.5),
    Target("memory", "64 MiB to the remote: receiver, with the item", None, AT_MOST, 1.15),
    Target("memory", "64 MiB to the remote: sender, beside the item", None, AT_MOST, 0.15),
    Target("memory", "64 MiB from the remote: receiver, with the item", None, AT_MOST, 1.15),
    Target("memory", "64 MiB from the remote: sender, beside the item", None, AT_MOST, 0.15),
    Target("dumps + loads", "* ints", "pickle 5", AT_MOST, 2.5),
    Target("dumps + loads", "* ints", "execnet", AT_MOST, 0.1),
    Target("dumps + loads", "* floats", "pickle 5", AT_MOST, 2.5),
    Target("dumps + loads", "* floats", "execnet", AT_MOST, 0.1),
    Target("dumps + loads", "* short strs", "pickle 5", AT_MOST, 2.5),
    Target("dumps + loads", "* short strs", "execnet", AT_MOST, 0.1),
    Target("dumps + loads", "* dicts of 4", "pickle 5", AT_MOST, 2.5),
    Target("dumps + loads", "* dicts of 4", "execnet", AT_MOST, 0.1),
    Target("dumps + loads", "report of a test", "pickle 5", AT_MOST, 5.0),
    Target("dumps + loads", "report of a test", "execnet", AT_MOST, 0.4),
    Target("dumps + loads", "dict of 10", "pickle 5", AT_MOST, 5.0),
    Target("dumps + loads", "dict of 10", "execnet", AT_MOST, 0.4),
    Target("dumps + loads", "* ragged dicts", "pickle 5", AT_MOST, 5.0),
    Target("dumps + loads", "* ragged dicts", "execnet", AT_MOST, 0.4),
    Target("dumps + loads", "lists nested 200 deep", "pickle 5", AT_MOST, 5.0),
    Target("dumps + loads", "lists nested 200 deep", "execnet", AT_MOST, 0.4),
    Target("start and end", "start 1", "execnet", AT_MOST, 0.75),
    Target("start and end", "start *", "execnet", AT_MOST, 0.6),
    Target("start and end", "end *", "execnet", AT_MOST, 0.2),
    Target("start and end", "left of * then", None, AT_MOST, 0.0),
    Target("start and end", "import it", "execnet", AT_MOST, 1.0),
    Target("memory", "a remote, RSS", "execnet", AT_MOST, 0.75),
    Target("memory", "threads here for * remotes beside another", None, AT_MOST, 0.0),
    Target("work", "* remote_exec calls, one after another", "execnet", AT_LEAST, 2.0),
    Target("work", "* items over 2 workers, all sent ahead", "execnet", AT_LEAST, 2.0),
    Target("work", "* items over 2 workers, the next when one is done", "execnet", AT_LEAST, 2.0),
    Target("via one hop", "round trip, int, one core", "execnet", AT_MOST, 0.5),
    Target("via one hop", "round trip, int, any core", "execnet", AT_MOST, 0.5),
    Target("via one hop", "bytes of 64 MiB, to the remote, one core", "execnet", AT_LEAST, 3.0),
    Target("via one hop", "bytes of 64 MiB, to the remote, any core", "execnet", AT_LEAST, 3.0),
    Target("via one hop", "bytes of 64 MiB, from the remote, one core", "execnet", AT_LEAST, 3.0),
    Target("via one hop", "bytes of 64 MiB, from the remote, any core", "execnet", AT_LEAST, 3.0),
    Target("pytest-xdist", "-n 2, * quick tests", "execnet", AT_MOST, 1.0),
)
