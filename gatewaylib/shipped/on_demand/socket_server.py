# shipped: stdlib only; Python 2.7-3.14, PyPy, Jython
"""A server of interpreters: each connection that proves itself gets a fresh one.

It runs by itself, as a script on a machine where nothing else is installed, or for one
connection on a gateway (``installvia=``). What the two ends say before the interpreter has
the connection, in lines of ASCII::

    client: gatewaylib-socket 1 CLIENT_NONCE
    server: gatewaylib-socket 1 token|open SERVER_NONCE
    client: CLIENT_PROOF
    server: welcome SERVER_PROOF            or: refused WHY
    client: SIZE, and a Python program of that many bytes

A nonce is 32 random bytes in hex; a proof is the HMAC-SHA256, in hex, of who speaks and the
first two lines, under the token, which is empty where the server is open. Nothing of a
client is run before its proof is right. POSIX only: the interpreter inherits the socket.
"""
from __future__ import absolute_import, print_function

import argparse
import binascii
import errno
import hashlib
import hmac
import os
import select
import signal
import socket
import subprocess
import sys
import threading
import time

VERSION = 1
TOKEN_VARIABLE = "GATEWAYLIB_TOKEN"
MIN_TOKEN = 16  # characters: who listens on the wire can try out short ones at home
MAX_LINE = 256  # bytes of a line before there is trust
MAX_PROGRAM = 2 ** 16  # bytes
HANDSHAKE_TIME = 10.0  # seconds, all of it
MAX_STRANGERS = 64  # connections at once that have not proved anything yet
WRONG_TOKEN_DELAY = 1.0  # seconds until whoever gave a wrong proof is told
LOOK_TIME = 1.0  # seconds between looks for a signal that went to another than the main thread
LAST_WORD_TIME = 0.5  # seconds for who is refused to read why
END_TIME = 1.7  # seconds an interpreter may take to end by itself: it interrupts its tasks
CHUNK = 2 ** 16  # bytes copied at once; what a TLS connection can give at once is less
RDHUP = getattr(select, "POLLRDHUP", 0x2000)
# Whether the kernel can end an interpreter with this process, which then need not see what
# it says. Python 2 can't leave a single descriptor open for a child.
CAN_ARM = sys.platform.startswith("linux") and sys.version_info[0] > 2
# Keepalive finds a client that is gone without a word, in about two minutes.
KEEPALIVE = (("TCP_KEEPIDLE", 60), ("TCP_KEEPINTVL", 10), ("TCP_KEEPCNT", 6))


class Refused(Exception):
    """The other end is not who it should be, or says what makes no sense."""


# ---- what both ends of a handshake need ------------------------------------------------


def make_greeting(*words):
    """Return a line that begins a handshake, with a nonce of its own."""
    nonce = binascii.hexlify(os.urandom(32)).decode("ascii")
    return " ".join(["gatewaylib-socket", str(VERSION)] + list(words) + [nonce]) + "\n"


def proof(token, who, greeting, answer):
    """Return what proves that ``who``, "client" or "server", knows the token; all are text."""
    message = who + "\n" + greeting + answer
    return hmac.new(token.encode("utf-8"), message.encode("utf-8"), hashlib.sha256).hexdigest()


def is_same(one, other):
    """Compare two texts in a time that does not tell where they differ."""
    one, other = one.encode("utf-8"), other.encode("utf-8")
    if hasattr(hmac, "compare_digest"):
        return hmac.compare_digest(one, other)
    differ = len(one) ^ len(other)  # Python 2.7.6 and older
    for a, b in zip(bytearray(one), bytearray(other)):
        differ |= a ^ b
    return differ == 0


def read_line(sock):
    """Return one line with its end, as text; "" at the end of the stream.

    Byte by byte, since what comes behind it is for somebody else. A longer one than
    ``MAX_LINE`` is cut, what is not ASCII replaced; either is no line that is expected.
    """
    line = b""
    while not line.endswith(b"\n") and len(line) < MAX_LINE:
        data = sock.recv(1)
        if not data:
            break
        line += data
    return line.decode("ascii", "replace")


def read_words(sock, number):
    """Return the line of a greeting and its words; raise Refused unless it is one."""
    line = read_line(sock)
    words = line.split()
    if not line.endswith("\n") or words[:1] != ["gatewaylib-socket"]:
        raise Refused("no gatewaylib speaks so: %r" % line[:80] if line else "nothing came")
    if words[1:2] != [str(VERSION)]:
        raise Refused("this end speaks version %d, the other %s" % (VERSION, words[1:2]))
    if len(words) != number or len(words[-1]) != 64:
        raise Refused("a greeting that makes no sense: %r" % line[:80])
    return line, words


def check_token(text, source):
    """Return a token without the spaces round it; raise ValueError if it is too short."""
    token = text.strip()
    if len(token) < MIN_TOKEN:
        raise ValueError(
            "the token in %s has %d characters, must have %d at least; make one with: "
            "python -c 'import os; print(os.urandom(32).hex())'" % (source, len(token), MIN_TOKEN)
        )
    return token


def given_token(path):
    """Return the token of a file, or of the environment if ``path`` is None; None: there is none.

    Raises ValueError or an OSError that says what is wrong with it.
    """
    if path is not None:
        with open(path, "rb") as source:
            return check_token(source.read(4096).decode("utf-8", "replace"), path)
    if TOKEN_VARIABLE in os.environ:
        token = os.environ[TOKEN_VARIABLE]
        if isinstance(token, bytes):  # Python 2
            token = token.decode("utf-8", "replace")
        return check_token(token, TOKEN_VARIABLE)
    return None


def set_options(sock):
    """Send small frames at once, and find out about a peer that is gone without a word."""
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, value in KEEPALIVE:
        if hasattr(socket, name):
            sock.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)


def shut_down(sock, how=socket.SHUT_RDWR):
    """End a socket's directions without a word from TLS, whose own shutdown stops reading too."""
    try:
        if isinstance(sock, socket.socket):
            socket.socket.shutdown(sock, how)
        else:
            sock.shutdown(how)  # one of Python 2's socketpair, which is of another class
    except (OSError, IOError):
        pass  # not connected any more, which is what was wanted


def random_token():
    return binascii.hexlify(os.urandom(32)).decode("ascii")


# ---- between a TLS connection and a plain socket ------------------------------------------


class Way(object):
    """One direction of a relay; neither socket blocks."""

    def __init__(self, source, target):
        self._source, self._target = source, target
        self._rest = b""
        self.waits_for = (source, select.POLLIN)
        self.is_done = False

    def move(self):
        """Copy what goes without waiting; return whether anything did."""
        if self.is_done:
            return False
        try:
            if not self._rest:
                self._rest = self._try(self._source, self._source.recv, CHUNK, select.POLLIN)
                if self._rest is None:
                    return False
                if not self._rest:
                    return self._finish()
            # TLS wants the same bytes again if it could not write them all.
            count = self._try(self._target, self._target.send, self._rest, select.POLLOUT)
            if count is None:
                return False
            self._rest = self._rest[count:]
        except (OSError, IOError):
            return self._finish()
        return True

    def _finish(self):
        self.is_done = True
        shut_down(self._target, socket.SHUT_WR)
        return True

    def _try(self, sock, function, argument, event):
        try:
            return function(argument)
        except (OSError, IOError) as error:
            # The errors of TLS that say what to wait for; they are no class of their own on 2.7.
            name = error.__class__.__name__
            if name == "SSLWantReadError":
                event = select.POLLIN
            elif name == "SSLWantWriteError":
                event = select.POLLOUT
            elif error.errno not in (errno.EAGAIN, errno.EWOULDBLOCK, errno.EINTR):
                raise
            self.waits_for = (sock, event)
            return None


def relay(one, other, one_ended=None):
    """Copy all between two sockets, both ways, until both have ended.

    It is one thread, because two may not use one TLS connection at the same time.
    ``one_ended`` is called once nothing new comes of the first any more, even if the other
    takes nothing of what has come before (on Linux).
    """
    one.setblocking(False)
    other.setblocking(False)
    ways = [Way(one, other), Way(other, one)]
    while not (ways[0].is_done and ways[1].is_done):
        moved = ways[0].move() + ways[1].move()  # both of them, whatever the first has done
        has_ended = ways[0].is_done
        if not moved:
            has_ended = _wait_for_either(ways, one if one_ended is not None else None)
        if has_ended and one_ended is not None:
            one_ended()
            one_ended = None


def _wait_for_either(ways, watched):
    """Wait until a way may go on; return whether ``watched``, a socket, was hung up."""
    poll, events = select.poll(), {}
    if watched is not None:
        events[watched.fileno()] = RDHUP
    for way in ways:
        if not way.is_done:
            fd = way.waits_for[0].fileno()
            events[fd] = events.get(fd, 0) | way.waits_for[1]
    for fd in events:
        poll.register(fd, events[fd])
    try:
        found = dict(poll.poll())
    except (OSError, IOError, select.error) as error:
        if error.args[0] != errno.EINTR:
            raise
        return False
    hung_up = RDHUP | select.POLLHUP | select.POLLERR
    return watched is not None and bool(found.get(watched.fileno(), 0) & hung_up)


# ---- the interpreter of one connection ------------------------------------------------------


class Interpreter(object):
    """A fresh interpreter in a process group of its own, which has a socket as its stdio."""

    def __init__(self, program, sock):
        env = dict(os.environ)
        env.pop(TOKEN_VARIABLE, None)
        argv = [sys.executable, "-u", "-c", program]
        options = {"stdin": sock, "stdout": sock, "close_fds": True, "env": env}
        self._lock = threading.Lock()
        read_end, self._lifeline = os.pipe()
        if CAN_ARM:
            options.update(start_new_session=True, pass_fds=[read_end])
        else:
            options["preexec_fn"] = os.setsid
        try:
            self._process = subprocess.Popen(argv, **options)
            if CAN_ARM:
                _arm(read_end, self._process.pid)
        except BaseException:
            os.close(self._lifeline)
            raise
        finally:
            os.close(read_end)

    def wait(self):
        """Wait for its end, and leave nothing of its group."""
        if hasattr(os, "waitid"):  # until it is reaped its number can't be another's
            os.waitid(os.P_PID, self._process.pid, os.WEXITED | os.WNOWAIT)
            self.kill()
        self._process.wait()
        if not hasattr(os, "waitid"):
            self.kill()
        with self._lock:
            os.close(self._lifeline)
            self._lifeline = None

    def kill(self):
        """End its whole group, if it is still there."""
        with self._lock:
            if self._lifeline is not None:
                try:
                    os.killpg(self._process.pid, signal.SIGKILL)
                except OSError:
                    pass  # nothing is left of it


def _arm(read_end, group):
    """Have the kernel kill a group when the other end of a pipe, which we have, is closed."""
    import fcntl

    fcntl.fcntl(read_end, fcntl.F_SETOWN, -group)
    fcntl.fcntl(read_end, fcntl.F_SETSIG, signal.SIGKILL)
    fcntl.fcntl(read_end, fcntl.F_SETFL, fcntl.fcntl(read_end, fcntl.F_GETFL) | os.O_ASYNC)


def wait_for_hang_up(sock):
    """Wait until a client sends no more, whatever there is to be read before."""
    poll = select.poll()
    poll.register(sock.fileno(), RDHUP)
    while not poll.poll():
        pass


def start_timer(seconds, function, *args):
    timer = threading.Timer(seconds, function, args)
    timer.daemon = True
    timer.start()
    return timer


# ---- the server ------------------------------------------------------------------------------


class Server(object):
    """Gives each connection of a listening socket that proves itself an interpreter.

    Args:
        listener: the listening socket; closed by ``close``.
        token: what a client has to know; "" for an open server.
        tls: an ssl.SSLContext, or None.
    """

    def __init__(self, listener, token, tls=None):
        self._listener, self._token, self._tls = listener, token, tls
        self._lock = threading.Lock()
        self._strangers = 0
        self._stopped = False
        self._interpreters = set()

    def serve(self):
        """Accept connections until ``stop``."""
        self._listener.settimeout(LOOK_TIME)
        while not self._stopped:
            while self._strangers >= MAX_STRANGERS:
                time.sleep(0.01)  # the others wait in the kernel's queue
            sock, address = self._accept()
            if sock is None:
                continue
            with self._lock:
                self._strangers += 1
            self._start(self._handle, sock, address)

    def serve_one(self, seconds):
        """Serve the first connection within so many seconds that proves itself, and return."""
        deadline = time.time() + seconds
        while time.time() < deadline:
            self._listener.settimeout(max(0.01, deadline - time.time()))
            sock, address = self._accept()
            if sock is not None:
                self._strangers += 1
                met = self._meet(sock, address)
                if met is not None:
                    self._listener.close()
                    return self._run(*met)
        self._listener.close()

    def stop(self):
        """Accept nobody any more, and wake who waits for somebody."""
        self._stopped = True
        shut_down(self._listener)

    def close(self):
        """End all interpreters, and accept nobody any more."""
        self._listener.close()
        with self._lock:
            interpreters = list(self._interpreters)
        for interpreter in interpreters:
            interpreter.kill()

    def _accept(self):
        try:
            sock, address = self._listener.accept()
            sock.setblocking(True)
            return sock, address
        except socket.timeout:
            return None, None
        except (OSError, IOError):
            time.sleep(0.1)  # out of descriptors, or a client that was quick to leave
            return None, None

    def _start(self, function, *args):
        thread = threading.Thread(target=function, args=args, name="gatewaylib-socket")
        thread.daemon = True
        thread.start()

    def _handle(self, sock, address):
        met = self._meet(sock, address)
        if met is not None:
            self._run(*met)

    def _meet(self, sock, address):
        """Return (connection, program) of a client that proves itself; None: it is closed."""
        conn = sock
        timer = None
        try:
            set_options(sock)
            if self._tls is not None:
                conn = self._tls.wrap_socket(
                    sock, server_side=True, do_handshake_on_connect=False
                )
            timer = start_timer(HANDSHAKE_TIME, shut_down, conn)
            if self._tls is not None:
                conn.do_handshake()
            return conn, self._shake_hands(conn)
        except (Refused, OSError, IOError, ValueError) as error:
            log("%s:%d refused: %s" % (address[0], address[1], error))
            if isinstance(error, Refused):
                _send_last(conn, "refused %s\n" % error)
            conn.close()
            return None
        finally:
            if timer is not None:
                timer.cancel()
            with self._lock:
                self._strangers -= 1

    def _shake_hands(self, conn):
        greeting, _ = read_words(conn, 3)
        answer = make_greeting("token" if self._token else "open")
        conn.sendall(answer.encode("ascii"))
        if not is_same(read_line(conn).strip(), proof(self._token, "client", greeting, answer)):
            time.sleep(WRONG_TOKEN_DELAY)
            raise Refused("its token is wrong")
        welcome = "welcome %s\n" % proof(self._token, "server", greeting, answer)
        conn.sendall(welcome.encode("ascii"))
        size = int(read_line(conn))
        if not 0 < size <= MAX_PROGRAM:
            raise Refused("a program of %d bytes" % size)
        program = b""
        while len(program) < size:
            data = conn.recv(size - len(program))
            if not data:
                raise Refused("the connection ended within the program")
            program += data
        return str(program.decode("ascii"))

    def _run(self, conn, program):
        """Run one interpreter until its connection or the interpreter itself ends."""
        ours = None
        timers = []
        try:
            if CAN_ARM and self._tls is None:
                interpreter = Interpreter(program, conn)
            else:
                ours, theirs = socket.socketpair()
                try:
                    interpreter = Interpreter(program, theirs)
                finally:
                    theirs.close()
            with self._lock:
                self._interpreters.add(interpreter)

            def client_ended():
                timers.append(start_timer(END_TIME, interpreter.kill))

            ended = threading.Event()
            self._start(self._watch, interpreter, conn, ours is None, timers, ended)
            if ours is None:
                wait_for_hang_up(conn)
                client_ended()
            else:
                relay(conn, ours, client_ended)
            ended.wait()
            with self._lock:
                self._interpreters.discard(interpreter)
        except (OSError, IOError) as error:
            log("cannot start %s: %s" % (sys.executable, error))
        finally:
            for timer in timers:
                timer.cancel()
            for sock in (conn, ours):
                if sock is not None:
                    sock.close()

    def _watch(self, interpreter, conn, is_direct, timers, ended):
        interpreter.wait()
        if is_direct:
            shut_down(conn, socket.SHUT_WR)  # what it has written arrives before the end
        timers.append(start_timer(END_TIME, shut_down, conn))
        ended.set()


def _send_last(conn, text):
    """Send a last word, and read on for a moment: what is not read would take it back."""
    timer = start_timer(LAST_WORD_TIME, shut_down, conn)
    try:
        conn.sendall(text.encode("ascii", "replace"))
        shut_down(conn, socket.SHUT_WR)
        while conn.recv(CHUNK):
            pass
    except (OSError, IOError):
        pass  # it is gone
    finally:
        timer.cancel()


def log(text):
    try:
        sys.stderr.write("gatewaylib socket server: %s\n" % text)
        sys.stderr.flush()
    except (OSError, IOError, ValueError):
        pass  # nobody reads it


def listen(host, port):
    """Return (listening socket, whether only this machine reaches it)."""
    flags = getattr(socket, "AI_PASSIVE", 0)
    family, kind, protocol, _, address = socket.getaddrinfo(
        host, port, 0, socket.SOCK_STREAM, 0, flags
    )[0]
    sock = socket.socket(family, kind, protocol)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind(address)
        sock.listen(128)
    except BaseException:
        sock.close()
        raise
    return sock, address[0].startswith("127.") or address[0] == "::1"


# ---- on a gateway, and as a script --------------------------------------------------------------


def serve_channel(channel):
    """Serve one connection; receives ``(host, port, token, seconds)`` and sends its address.

    A thread goes on when this returns, so that the gateway is free for others.
    """
    host, port, token, seconds = channel.receive()
    listener, _ = listen(str(host), port)
    server = Server(listener, token)
    address = listener.getsockname()
    server._start(server.serve_one, seconds)
    channel.send((address[0], address[1]))


def parse_address(text):
    """Return (host, port) of ``HOST:PORT``, ``[HOST]:PORT`` or ``:PORT``, which is loopback."""
    host, colon, port = text.rpartition(":")
    if not colon or not port.isdigit() or int(port) > 65535:
        raise ValueError("%r is no address: it is written HOST:PORT" % text)
    if host.startswith("[") and host.endswith("]"):
        host = host[1:-1]
    elif ":" in host:
        raise ValueError("%r is no address: write [%s]:%s" % (text, host, port))
    return host or "127.0.0.1", int(port)


def make_tls(options):
    """Return the SSLContext that the options ask for."""
    import ssl

    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=options.client_ca)
    if hasattr(context, "minimum_version"):
        context.minimum_version = ssl.TLSVersion.TLSv1_2
    else:
        context.options |= ssl.OP_NO_TLSv1 | ssl.OP_NO_TLSv1_1
    # A passphrase that is asked for on a terminal would be waited for.
    context.load_cert_chain(options.cert, options.key, lambda: "")
    if options.client_ca:
        context.verify_mode = ssl.CERT_REQUIRED
    return context


def make_parser():
    parser = argparse.ArgumentParser(
        description="Give each connection that knows the token a fresh Python interpreter:"
        " to gatewaylib, with a spec of socket=HOST:PORT.",
        epilog="The token is a random one, printed at the start, unless %s or --token-file"
        " gives one. To reach an address other than loopback, give a token or --client-ca."
        % TOKEN_VARIABLE,
    )
    parser.add_argument(
        "address", nargs="?", default="127.0.0.1:8888", metavar="HOST:PORT",
        help="where to listen; port 0 is any free one; default %(default)s",
    )
    parser.add_argument("--token-file", metavar="FILE", help="the file that has the token")
    parser.add_argument("--cert", metavar="FILE", help="certificate chain: speak TLS")
    parser.add_argument("--key", metavar="FILE", help="private key, if it is not in that file")
    parser.add_argument(
        "--client-ca", metavar="FILE",
        help="with TLS: take only clients with a certificate of this authority's",
    )
    parser.add_argument(
        "--insecure-no-token", action="store_true",
        help="run what anybody who can connect says, as execnet's server does",
    )
    return parser


def choose_token(options):
    """Return the token and whether it was made here; "" where clients need none."""
    if options.insecure_no_token:
        if options.token_file:
            raise ValueError("--token-file and --insecure-no-token contradict each other")
        return "", False
    token = given_token(options.token_file)
    if token is None and options.client_ca:
        return "", False  # their certificates prove more
    return token or random_token(), token is None


def main(args=None):
    parser = make_parser()
    options = parser.parse_args(args)
    if (options.key or options.client_ca) and not options.cert:
        parser.error("--key and --client-ca are for TLS, which needs --cert")
    try:
        host, port = parse_address(options.address)
        token, is_new = choose_token(options)
        tls = make_tls(options) if options.cert else None
        listener, is_loopback = listen(host, port)
    except (OSError, IOError, ValueError) as error:
        parser.error("%s: %s" % (options.address, error))
    if is_new and not is_loopback:
        listener.close()
        parser.error(
            "%s can be reached from other machines: give a token by %s or --token-file, or"
            " --client-ca" % (options.address, TOKEN_VARIABLE)
        )
    os.environ.pop(TOKEN_VARIABLE, None)
    if options.insecure_no_token and not options.client_ca:
        log("WARNING: no token is asked for; whoever can connect runs what they like here")
    host, port = listener.getsockname()[:2]
    print("listening on %s:%d" % ("[%s]" % host if ":" in host else host, port))
    if is_new:
        print("token: %s" % token)
    sys.stdout.flush()
    server = Server(listener, token, tls)
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(128 + number))
    try:
        server.serve()
    except (KeyboardInterrupt, SystemExit) as error:
        server.close()
        # Python 2 would have its daemon threads complain that there is no interpreter any more.
        os._exit(error.code if isinstance(error, SystemExit) else 130)


if __name__ == "__main__":
    main()
elif __name__ == "__channelexec__":
    serve_channel(globals()["channel"])
