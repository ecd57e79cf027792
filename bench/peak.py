"""A process of its own: move one item, and print how far both ends grew at their highest.

``python -m bench.peak PEER DIRECTION BYTES`` prints a JSON list of two numbers of bytes, for
this process and the remote.
"""

from __future__ import annotations

import json
import os
import sys

from bench import machine
from bench.data import blob
from bench.measure import Unsupported
from bench.peer import Link, running
from bench.peers import choose

WARM_UP = blob(2 * 1024 * 1024)  # what is used for the first time takes memory too
UNSUPPORTED = 3  # exit status


def grown(link: Link, direction: str, size: int) -> list[int]:
    """Move an item of ``size`` bytes once; return the most that each end grew by meanwhile."""
    pids = (os.getpid(), link.pid)
    move = link.push if direction == "to the remote" else link.pull
    item = blob(size)
    move(WARM_UP, 2)
    for pid in pids:
        machine.forget_peak(pid)
    before = [machine.memory(pid)[0] for pid in pids]
    move(item, 1)
    local, remote = (machine.peak(pid) - size for pid, size in zip(pids, before))
    # what the remote sends it makes when it is asked, which is not a copy
    return [local, remote if move == link.push else remote - size]


def main() -> None:
    name, direction, size = sys.argv[1], sys.argv[2], int(sys.argv[3])
    try:
        with running(choose([name])) as teams:
            print(json.dumps(grown(teams[name].links[0], direction, size)))
    except Unsupported:
        sys.exit(UNSUPPORTED)


if __name__ == "__main__":
    main()
