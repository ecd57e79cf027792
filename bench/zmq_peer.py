"""pyzmq as a peer: a PAIR of sockets over ipc, to a process that is started for it.

ZeroMQ carries bytes: ours go as they are, without a copy where they are large, and all else by
pickle, as its own ``send_pyobj`` does it. So there are no channels, no credit and no start.
"""

from __future__ import annotations

import importlib.util
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from bench.channel_link import ChannelLink
from bench.peer import ENDS_WITHIN, Peer, Team
from bench.zmq_remote import ZmqChannel, pair

ROOT = Path(__file__).resolve().parent.parent


class Zmq(Peer):
    """One process, one socket of each end."""

    name = "pyzmq"
    starts = False

    def available(self) -> bool:
        return importlib.util.find_spec("zmq") is not None

    def start(self, count: int, way: str | None = None) -> Team:
        folder = tempfile.mkdtemp(prefix="bench-zmq-")
        addresses = [f"ipc://{folder}/{number}" for number in range(count)]
        sockets = [pair(address, "bind") for address in addresses]
        command = [sys.executable, "-m", "bench.zmq_remote"]
        processes = [
            subprocess.Popen([*command, address], stdin=subprocess.PIPE, cwd=ROOT)
            for address in addresses
        ]
        channels = [ZmqChannel(socket) for socket in sockets]
        links = [ChannelLink(channel.send, channel.receive) for channel in channels]

        def end() -> None:
            for socket in sockets:
                socket.close(linger=0)
            for process in processes:
                process.communicate(timeout=ENDS_WITHIN)
            shutil.rmtree(folder)

        return Team(links, end)
