"""A real sshd on loopback: its own host key, users' keys and client configuration.

It runs as whoever runs the tests and lets in the same user, whatever that user's own
files say. ``Server.config`` is a file for ``ssh_config=``, in which the host is ``box``.
"""

from __future__ import annotations

import getpass
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import leaks
import machine

HOST = "127.0.0.1"
TRIES = 5  # somebody else may take the port that was free a moment ago
# Whatever the machine has, a session finds a python3.
SESSION_PATH = f"{os.path.dirname(sys.executable)}:/usr/local/bin:/usr/bin:/bin"
PRIVILEGE_SEPARATION = Path("/run/sshd")  # where root's sshd wants it; lost with each boot


def free_port() -> int:
    """Return a port of loopback that nobody listens on now."""
    with socket.create_server((HOST, 0)) as listener:
        port = listener.getsockname()[1]
    assert isinstance(port, int)
    return port


def make_key(path: Path, passphrase: str = "") -> Path:
    """Make a key; its public half is beside it, with ``.pub``."""
    command = ["ssh-keygen", "-q", "-t", "ed25519", "-N", passphrase, "-f", str(path)]
    subprocess.run(command, check=True)
    return path


class Server:
    """A running sshd.

    Attributes:
        port: where it listens, on ``HOST``.
        config: the client configuration that leads to it, as ``box``.
        user: whom it lets in.
    """

    def __init__(self, folder: Path, port: int) -> None:
        self._folder, self.port = folder, port
        self.user = getpass.getuser()
        self.config = folder / "config"
        self._daemon: subprocess.Popen[str] | None = None
        self._log: list[str] = []
        self._over = False
        self._tell = threading.Condition()

    # ---- what it lets in, and what clients know ------------------------------------------

    def allow(self, options: str = "") -> None:
        """Let in the user's key, with options of authorized_keys and no other."""
        public = (self._folder / "user.pub").read_text()
        (self._folder / "authorized_keys").write_text(f"{options} {public}".lstrip())

    def write_config(self, name: str = "config", **changes: object) -> Path:
        """Write a client configuration with these keywords changed; return its path."""
        keywords: dict[str, object] = {
            "HostName": HOST,
            "Port": self.port,
            "User": self.user,
            "IdentityFile": self._folder / "user",
            "IdentitiesOnly": "yes",
            "IdentityAgent": "none",
            "UserKnownHostsFile": self._folder / "known_hosts",
            "GlobalKnownHostsFile": "none",
            **changes,
        }
        lines = ["Host box", *(f"  {name} {value}" for name, value in keywords.items())]
        path = self._folder / name
        path.write_text("\n".join(lines) + "\n")
        return path

    def known_hosts(self, key: Path) -> str:
        """Return the line of a known_hosts file that knows the server by a public key."""
        kind, text = key.read_text().split()[:2]
        return f"[{HOST}]:{self.port} {kind} {text}\n"

    # ---- the daemon -----------------------------------------------------------------------

    def start(self, **changes: object) -> bool:
        """Start it, with keywords of sshd_config; return whether it listens.

        It does not where somebody else has its port.
        """
        if os.geteuid() == 0:
            PRIVILEGE_SEPARATION.mkdir(mode=0o755, exist_ok=True)
        for name in ("host", "user"):
            if not (self._folder / name).exists():
                make_key(self._folder / name)
        self.allow()
        self.write_config()
        (self._folder / "known_hosts").write_text(self.known_hosts(self._folder / "host.pub"))
        settings: dict[str, object] = {
            "Port": self.port,
            "ListenAddress": HOST,
            "HostKey": self._folder / "host",
            "AuthorizedKeysFile": self._folder / "authorized_keys",
            "AuthenticationMethods": "any",
            "PermitRootLogin": "yes",
            "PermitUserEnvironment": "yes",
            "StrictModes": "no",
            "UsePAM": "no",
            "UseDNS": "no",
            "MaxStartups": "100",
            "PidFile": "none",
            # What a test's session starts is the test's, as conftest sees it.
            "SetEnv": f"{leaks.MARK}={os.environ.get(leaks.MARK, '')} PATH={SESSION_PATH}",
            **changes,
        }
        file = self._folder / "sshd_config"
        file.write_text("".join(f"{name} {value}\n" for name, value in settings.items()))
        self._daemon = subprocess.Popen(
            [machine.find("sshd") or "sshd", "-D", "-e", "-f", file],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            encoding="utf-8",
        )
        self._reader = threading.Thread(target=self._read_log, name="sshd-log", daemon=True)
        self._reader.start()
        with self._tell:
            self._tell.wait_for(lambda: self._listens() or self._over, 20)
        return self._listens()

    def _read_log(self) -> None:
        assert self._daemon is not None and self._daemon.stderr is not None
        for line in self._daemon.stderr:
            with self._tell:
                self._log.append(line)
                self._tell.notify_all()
        with self._tell:
            self._over = True
            self._tell.notify_all()

    def _listens(self) -> bool:
        return any("Server listening" in line for line in self._log)

    @property
    def log(self) -> str:
        return "".join(self._log)

    def stop(self) -> None:
        """End it, and with it nobody's session."""
        assert self._daemon is not None and self._daemon.stderr is not None
        self._daemon.terminate()
        self._daemon.wait(20)
        self._reader.join(20)
        self._daemon.stderr.close()


@contextmanager
def running(folder: Path, **changes: object) -> Iterator[Server]:
    """Run an sshd that keeps its files in ``folder``; ``changes``: keywords of sshd_config."""
    for _ in range(TRIES):
        server = Server(folder, free_port())
        listens = server.start(**changes)
        try:
            if listens:
                yield server
                return
        finally:
            server.stop()
    raise OSError(f"sshd does not listen:\n{server.log}")
