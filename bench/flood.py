"""A process of its own: send to a receiver that never reads, and print how both ends grew.

``python -m bench.flood PEER DIRECTION BYTES`` prints a JSON list of two numbers of bytes, for
this process and the remote. The peer must have channels.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
import time
import traceback

from bench import machine
from bench.peer import Link
from bench.peers import choose

ITEM = bytes(64 * 1024)
CALM = 0.5  # seconds without growth: the sender waits, or has sent all
PATIENCE = 20.0


def grown(link: Link, direction: str, size: int) -> tuple[int, int]:
    """Send ``size`` bytes that nobody reads; return how much this process and the remote grew."""
    pids = (os.getpid(), link.pid)
    send = link.flood_remote if direction == "to the remote" else link.flood_local
    before = [machine.memory(pid)[0] for pid in pids]
    failed: list[BaseException] = []

    def flood() -> None:
        try:
            send(ITEM, size // len(ITEM))
        except BaseException as error:
            failed.append(error)

    thread = threading.Thread(target=flood, name="bench-flood", daemon=True)
    thread.start()
    now = _settled(pids)
    if failed:
        raise failed[0]
    return now[0] - before[0], now[1] - before[1]


def _settled(pids: tuple[int, int]) -> list[int]:
    """Return the sizes once neither process has grown by a MB for a while."""
    start = calm_since = time.monotonic()
    best = [machine.memory(pid)[0] for pid in pids]
    while time.monotonic() - calm_since < CALM and time.monotonic() - start < PATIENCE:
        time.sleep(0.05)
        now = [machine.memory(pid)[0] for pid in pids]
        if any(new - old > 1e6 for new, old in zip(now, best)):
            calm_since = time.monotonic()
            best = now
    return [machine.memory(pid)[0] for pid in pids]


def main() -> None:
    name, direction, size = sys.argv[1], sys.argv[2], int(sys.argv[3])
    (peer,) = choose([name])
    team = peer.start(1)
    status = 0
    try:
        print(json.dumps(grown(team.links[0], direction, size)), flush=True)
    except BaseException:
        traceback.print_exc()
        status = 1
    # neither end can be asked to end: one never reads, and the other waits to write
    for pid in team.pids:
        os.kill(pid, signal.SIGKILL)
    os._exit(status)


if __name__ == "__main__":
    main()
