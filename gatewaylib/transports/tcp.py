"""Gateways over a socket: connect, prove that we know the token, hand over the program.

A server that is slow, silent or hostile must not keep other gateways from starting: what
may wait is done by ``Dial``, the transport of the start, in the start's own thread. Once
the connection is there, ``SocketRemote.transport`` is an ordinary one. With ``via=`` the
other gateway makes the connection (``tunnel.py``), and all else is done by this end.
"""

from __future__ import annotations

import contextlib
import select
import socket
import struct
import threading
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ..shipped.errors import GatewayError, HostNotFound, SpecError, StartError
from ..shipped.on_demand.socket_server import copying, handshake
from ..shipped.on_demand.socket_server.connections import set_options, shut_down
from ..shipped.on_demand.socket_server.handshake import Refused
from ..shipped.on_demand.socket_server.listening import parse_address
from ..shipped.on_demand.socket_server.tls import use_files
from ..shipped.on_demand.socket_server.tokens import given_token, random_token
from ..shipped.socket_transport import SocketTransport
from ..shipped.transport import Transport
from ..source_joined import joined_source
from ..spec import Spec
from .connection import Connection
from .output import Output
from .tunnel import NoTunnel, Tunnel

if TYPE_CHECKING:
    import ssl

HANG_UP = getattr(select, "POLLRDHUP", 0) | select.POLLHUP | select.POLLERR
INSTALLED = "shipped.on_demand.socket_server.installed"
TLS_KEYS = ("ca", "cert", "key")
ANSWER_TIME = 5.0  # seconds for the thread of a relay to end, which waits for nothing


def start_socket(spec: Spec, boot: str, output: Output, via: Any = None) -> SocketRemote:
    """Begin to connect to the server that the spec names.

    ``via``: the gateway of the spec's ``via``, ``installvia`` or both.

    Raises SpecError where the spec's values do not fit together, StartError where a file
    that it names can't be used.
    """
    if spec.via is not None and spec.installvia not in (None, spec.via):
        raise SpecError(
            f"{spec.shown}: the server of installvia= listens for its own machine: via= must name "
            f"the same gateway, {spec.installvia}, or be left out to connect from here"
        )
    if spec.installvia is None and spec.target is None:
        raise SpecError(
            f"{spec.shown}: where is the server? Write socket=HOST:PORT, or add installvia="
        )
    own = [f"{name}=" for name in ("token_file", *TLS_KEYS) if getattr(spec, name) is not None]
    if spec.installvia is not None and own:
        raise SpecError(
            f"{spec.shown}: the server of installvia= has a token of its own, and no TLS: leave "
            "out " + " and ".join(own)
        )
    if own and spec.ca is None and own != ["token_file="]:
        raise SpecError(
            f"{spec.shown}: {own[-1]} is for TLS: add ca=, the file to check the server by"
        )
    if spec.key is not None and spec.cert is None:
        raise SpecError(f"{spec.shown}: key= is the key of a certificate: add cert=")
    try:
        host, port = parse_address(spec.target or "127.0.0.1:0")
    except ValueError as error:
        raise SpecError(f"{spec.shown}: {error}") from None
    try:
        token = given_token(spec.token_file) if spec.installvia is None else ""
        tls = _make_tls(spec) if spec.ca is not None else None
    except (OSError, ValueError) as error:
        raise StartError(f"{spec.shown}: {error}", str(spec)) from error
    if spec.dont_write_bytecode:
        boot = "import sys;sys.dont_write_bytecode=True;" + boot
    remote = SocketRemote(spec, Dial(spec, (host, port), token or "", tls, boot, via), output)
    return remote


def _make_tls(spec: Spec) -> ssl.SSLContext:
    """Return what this side brings to TLS; raise ValueError that names the file that is no good."""
    import ssl

    ca = None if spec.ca == "system" else spec.ca
    context = use_files(f"ca={ca}", ssl.create_default_context, cafile=ca)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if spec.cert is not None:
        named = f"cert={spec.cert}" + ("" if spec.key is None else f" with key={spec.key}")
        # A passphrase that is asked for on a terminal would be waited for.
        use_files(named, context.load_cert_chain, spec.cert, spec.key, lambda: "")
    return context


def _show(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


class SocketRemote(Connection):
    """What a socket gateway stands on; its process is the server's.

    ``argv`` has the address and, until there is a connection, what there is instead.
    """

    def __init__(self, spec: Spec, dial: Dial, output: Output) -> None:
        super().__init__(dial.shown, dial, output, dial.has_ended)
        dial.remote = self


class Dial(Transport):
    """The transport of a start: its first write connects, and does all that may wait.

    Used by the thread of the start, and ended by any with ``abort``.

    Raises StartError from ``write``, with what was tried and why it did not work.
    """

    pollable = False
    remote: SocketRemote

    def __init__(
        self,
        spec: Spec,
        address: tuple[str, int],
        token: str,
        tls: ssl.SSLContext | None,
        program: str,
        via: Any,
    ) -> None:
        self._spec, self._address, self._token, self._tls = spec, address, token, tls
        self._program = program
        self._installer: Any = via if spec.installvia is not None else None
        self._via: Any = via if spec.via is not None else None
        self._tunnel: Tunnel | None = None
        self._lock = threading.Lock()
        self._aborted = False
        self._open: list[Any] = []  # what abort has to end: channel, tunnel, socket
        self._connected: Transport | None = None
        self._socket: socket.socket | None = None

    @property
    def shown(self) -> str:
        """The address, and from where it is connected to if not from here, for messages."""
        from_where = "" if self._via is None else f" from gateway {self._via.id}"
        return _show(*self._address) + from_where

    def _tell(self, stage: str) -> None:
        self.remote.argv[0] = f"{self.shown}{stage}"

    # ---- as a transport ------------------------------------------------------------------

    def write(self, buffers: Sequence[bytes | memoryview]) -> None:
        if self._connected is None:
            self._connected = self.remote.transport = self._connect()
        self._connected.write(list(buffers))

    def receive(self, size: int) -> bytes:
        assert self._connected is not None  # what is written first connects
        data: bytes = self._connected.receive(size)
        return data

    def abort(self) -> None:
        with self._lock:
            self._aborted = True
            opened = list(self._open)
        for thing in opened:
            if isinstance(thing, socket.socket):
                shut_down(thing)
            elif isinstance(thing, Tunnel):
                thing.abort()
            else:
                thing.close()

    def close(self) -> None:
        self.abort()  # the thread that connects closes what it has opened
        if self._connected is not None:
            self._connected.close()

    def has_ended(self) -> bool:
        """Say whether the server has closed the connection, whatever there is to be read."""
        sock = self._socket
        if sock is None:
            return self._aborted
        try:
            poll = select.poll()
            poll.register(sock.fileno(), HANG_UP)
            return bool(poll.poll(0))
        except (OSError, ValueError):
            return True  # closed at this end

    # ---- what may wait -------------------------------------------------------------------

    def _connect(self) -> Transport:
        if self._installer is not None:
            self._install()
        with contextlib.ExitStack() as undo:
            raw = self._dial() if self._via is None else self._dig(undo)
            undo.callback(raw.close)
            try:
                self._tell(" (connected, and no answer yet)")
                sock = raw
                if self._tls is not None:
                    sock = self._begin_tls(raw, self._tls)
                    undo.callback(sock.close)
                    self._greet_tls(sock)
                self._shake_hands(sock)
            except (OSError, Refused) as error:
                raise self._failure(f"{self.shown} is no server for us: {error}") from None
            self.remote.argv[0] = _show(*self._address)
            self._socket = sock
            undo.pop_all()
        kind = TcpTransport if sock is raw else TlsTransport
        return kind(sock, self._tunnel)

    def _failure(self, why: str, kind: type[StartError] = StartError) -> StartError:
        return kind(f"{self._spec.shown}: {why}", str(self._spec))

    def _watch(self, thing: Any) -> Any:
        """Have ``abort`` end this from now on."""
        with self._lock:
            self._open.append(thing)
            if not self._aborted:
                return thing
        thing.close()
        raise self._failure("its start was given up")

    def _install(self) -> None:
        """Start a server for one connection on the other gateway, with a token for it alone."""
        self._tell(f" (to be started on {self._installer.id})")
        platform = str(self._installer._rinfo().platform)
        if platform.startswith(("java", "win")):
            why = f"no interpreter can inherit a socket there ({platform})"
            raise self._failure(f"no server on {self._installer.id}: {why}")
        self._token = random_token()
        try:
            channel = self._watch(self._installer.remote_exec(joined_source(INSTALLED)))
            channel.send((*self._address, self._token, self._spec.start_timeout))
            address = channel.receive()
        except (GatewayError, OSError, EOFError) as error:
            raise self._failure(f"no server on {self._installer.id}: {error}") from error
        host, port = address if isinstance(address, tuple) and len(address) == 2 else ("", 0)
        if not isinstance(host, str) or not isinstance(port, int) or not 0 < port < 2**16:
            raise self._failure(f"{self._installer.id} told no address: {address!r:.100}")
        # Where it listens is ours to say: a lying gateway sends us nowhere else.
        self._address = (self._address[0], port)

    def _dial(self) -> socket.socket:
        host, port = self._address
        self._tell(" (no connection yet)")
        try:
            found = socket.getaddrinfo(host, port, 0, socket.SOCK_STREAM)
        except (OSError, ValueError) as error:
            raise self._failure(f"cannot find {host}: {error}", HostNotFound) from None
        why: OSError | None = None
        for family, kind, protocol, _, address in found:
            try:
                sock: socket.socket = self._watch(socket.socket(family, kind, protocol))
            except OSError as error:
                why = error
                continue
            try:
                sock.connect(address)
                set_options(sock)
                return sock
            except OSError as error:
                why = error
                sock.close()
                with self._lock:
                    self._open.remove(sock)
        text = f"cannot connect to {self.shown}: {why}; does the server run, and listen there?"
        refused = isinstance(why, ConnectionRefusedError)
        raise self._failure(text, StartError if refused else HostNotFound)

    def _dig(self, undo: contextlib.ExitStack) -> socket.socket:
        """Have the other gateway connect; return this end of the way there."""
        self._tell(" (no connection yet)")
        try:
            tunnel = Tunnel(self._via, self._address)
            undo.callback(tunnel.close)
            undo.callback(tunnel.sock.close)
            self._watch(tunnel.sock)
            self._watch(tunnel)
            tunnel.open()
        except NoTunnel as error:
            text = f"cannot connect to {self.shown}: {error}"
            if error.is_refused:
                text += "; does the server run, and listen there?"
            raise self._failure(text, HostNotFound if error.is_far else StartError) from None
        self._tunnel = tunnel
        return tunnel.sock

    def _begin_tls(self, raw: socket.socket, tls: ssl.SSLContext) -> ssl.SSLSocket:
        host = self._address[0]
        sock = tls.wrap_socket(raw, server_hostname=host, do_handshake_on_connect=False)
        self._watch(sock)
        return sock

    def _greet_tls(self, sock: ssl.SSLSocket) -> None:
        try:
            sock.do_handshake()
        except OSError as error:
            raise Refused(f"TLS failed: {error}") from error

    def _shake_hands(self, sock: socket.socket) -> None:
        greeting = handshake.make_greeting()
        sock.sendall(greeting.encode())
        try:
            answer, words = handshake.read_words(sock, 4)
        except (OSError, Refused) as error:
            if self._tls is None and not str(error).startswith("it refused"):
                raise Refused(f"{error}; if it speaks TLS, give ca=") from None
            raise
        if words[2] == "token" and not self._token:
            raise Refused("it asks for a token: give token_file=, or GATEWAYLIB_TOKEN")
        if words[2] == "open" and self._token:
            raise Refused(
                "it takes everybody and knows no token; leave out the token to trust it anyway"
            )
        proof = handshake.proof(self._token, "client", greeting, answer)
        sock.sendall(f"{proof}\n".encode())
        welcome = handshake.read_line(sock)
        expected = handshake.proof(self._token, "server", greeting, answer)
        if welcome.startswith("refused"):
            told = handshake.shown(welcome.strip())
            raise Refused(f"it {told}; is our token that of this server?")
        if not handshake.is_same(welcome, f"welcome {expected}\n"):
            raise Refused("it does not know the token itself, so it is not the one we mean")
        program = self._program.encode()
        sock.sendall(b"%d\n%s" % (len(program), program))


def _forget_unsent(sock: socket.socket) -> None:
    """Have the socket's end told at once: a peer that reads nothing does not read that either."""
    with contextlib.suppress(OSError):
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


class TcpTransport(SocketTransport):
    """A TCP connection, or this end of a tunnel that leads to one and ends with it."""

    def __init__(self, sock: socket.socket, tunnel: Tunnel | None = None) -> None:
        super().__init__(sock)
        self._tunnel = tunnel

    def abort(self) -> None:
        _forget_unsent(self._socket)
        super().abort()
        if self._tunnel is not None:
            self._tunnel.abort()

    def close(self) -> None:
        super().close()
        if self._tunnel is not None:
            self._tunnel.close()


class TlsTransport(SocketTransport):
    """A TLS connection, by way of a socketpair and a thread that copies between the two.

    A TLS connection holds bytes back that no poll tells of, and two threads may not use it
    at once. So it is pumped into a socket for which all that does not hold.
    """

    def __init__(self, tls: socket.socket, tunnel: Tunnel | None = None) -> None:
        ours, theirs = socket.socketpair()
        super().__init__(ours)
        self._tls, self._theirs, self._tunnel = tls, theirs, tunnel
        self._thread = threading.Thread(
            target=copying.relay, args=(tls, theirs), name="gatewaylib-tls", daemon=True
        )
        self._thread.start()

    def abort(self) -> None:
        _forget_unsent(self._tls)
        super().abort()
        shut_down(self._tls)
        if self._tunnel is not None:
            self._tunnel.abort()

    def close(self) -> None:
        super().close()
        # In the child of a fork it does not run, and the connection is the parent's.
        self._thread.join(ANSWER_TIME)
        self._theirs.close()
        self._tls.close()
        if self._tunnel is not None:
            self._tunnel.close()
