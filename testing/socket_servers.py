"""Socket servers for tests: real ones, on any interpreter, and such as are none."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

from settling import BOUND

from gatewaylib.commandline.serve import server_script

# The server as it is copied to machines where nothing is installed.
FOLDER = tempfile.TemporaryDirectory(prefix="gatewaylib-")
SCRIPT = str(Path(FOLDER.name, "socketserver.py"))
Path(SCRIPT).write_text(server_script())
TOKEN = "a token that is long enough"


class Running:
    """A socket server's process: ``address`` is HOST:PORT, ``token`` what it printed, if any."""

    def __init__(self, process: subprocess.Popen[str], errors: Path) -> None:
        self.process, self._errors = process, errors
        assert process.stdout is not None
        self.address = process.stdout.readline().partition("listening on ")[2].strip()
        self.port = int(self.address.rpartition(":")[2] or 0)
        self.token: str | None = None

    def read_token(self) -> str:
        assert self.process.stdout is not None
        self.token = self.process.stdout.readline().partition("token: ")[2].strip()
        return self.token

    def errors(self) -> str:
        return self._errors.read_text()


@contextlib.contextmanager
def serve(
    folder: Path,
    *options: str,
    python: str = sys.executable,
    address: str = "127.0.0.1:0",
    token: str | None = TOKEN,
) -> Iterator[Running]:
    """Run the script on an interpreter; its token comes from the environment, if it has one."""
    unwanted = ("PYTHONPATH", "GATEWAYLIB_TOKEN")
    env = {name: value for name, value in os.environ.items() if name not in unwanted}
    if token is not None:
        env["GATEWAYLIB_TOKEN"] = token
    errors = folder / f"server-{len(list(folder.iterdir()))}.stderr"
    with open(errors, "w") as stderr:
        process = subprocess.Popen(
            [python, SCRIPT, address, *options],
            stdout=subprocess.PIPE,
            stderr=stderr,
            universal_newlines=True,
            env=env,
        )
    try:
        yield Running(process, errors)
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(BOUND)
        finally:
            process.kill()
        assert process.stdout is not None
        process.stdout.close()


@contextlib.contextmanager
def pretend(talk: Callable[[socket.socket], object]) -> Iterator[str]:
    """Listen, and have ``talk`` treat each connection in a thread; give the address."""
    stopped = False
    threads: list[threading.Thread] = []
    connections: list[socket.socket] = []

    def treat(connection: socket.socket) -> None:
        with contextlib.suppress(OSError):
            talk(connection)

    def accept() -> None:
        while True:
            connection, _ = listener.accept()
            connections.append(connection)
            if stopped:
                return
            threads.append(threading.Thread(target=treat, args=(connection,)))
            threads[-1].start()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        acceptor = threading.Thread(target=accept)
        acceptor.start()
        try:
            yield f"127.0.0.1:{port}"
        finally:
            stopped = True
            socket.create_connection(("127.0.0.1", port)).close()
            acceptor.join()
            for connection in connections:
                with contextlib.suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)
            for thread in threads:
                thread.join()
            for connection in connections:
                connection.close()


@contextlib.contextmanager
def nobody() -> Iterator[str]:
    """Give an address where nobody listens, and nobody else can meanwhile."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        yield f"127.0.0.1:{bound.getsockname()[1]}"


def make_certificates(folder: Path) -> None:
    """Write ca.pem, server.pem (for localhost and 127.0.0.1) and client.pem, each with its key.

    ``other.pem`` is an authority that has signed none of them.
    """

    def openssl(*words: str) -> None:
        subprocess.run(["openssl", *words], cwd=folder, check=True, capture_output=True)

    def authority(name: str) -> None:
        openssl(
            *"req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2".split(),
            *f"-subj /CN={name} -keyout {name}.key -out {name}.pem".split(),
        )

    authority("ca")
    authority("other")
    for name in ("server", "client"):
        (folder / "extensions").write_text("subjectAltName=DNS:localhost,IP:127.0.0.1\n")
        openssl(
            *"req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes".split(),
            *f"-subj /CN={name} -keyout {name}.key -out {name}.csr".split(),
        )
        openssl(
            *f"x509 -req -in {name}.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 2".split(),
            *f"-extfile extensions -out {name}.pem".split(),
        )
