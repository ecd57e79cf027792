# shipped: stdlib only; Python 2.7-3.14, PyPy, Jython
"""Accepts connections, and gives those that prove themselves an interpreter each."""

from __future__ import absolute_import

import errno
import socket
import threading
import time

from ..lifeline import close_on_exec
from .background import NO_THREAD, log, start_thread, start_timer
from .connections import send_last, set_options, shut_down
from .handshake import Refused, is_same, make_greeting, proof, read_line, read_program, read_words
from .session import Session

HANDSHAKE_TIME = 10.0  # seconds, all of it
CROWDED_TIME = 3.0  # seconds of it where others wait for room
MAX_STRANGERS = 64  # connections at once that have not proved anything yet
WRONG_TOKEN_DELAY = 1.0  # seconds until whoever gave a wrong proof is told
LOOK_TIME = 1.0  # seconds between looks for a signal that went to another than the main thread
PAUSE = 0.1  # seconds for what the system has no more of to be given back
NAP = 0.01  # seconds between looks for room
FULL = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM)

clock = getattr(time, "monotonic", time.time)


class Stranger(object):
    """A connection that has not proved anything yet; ``conn`` is TLS once that has begun."""

    def __init__(self, sock, address):
        self.conn, self.since = sock, clock()
        self.name = "%s:%d" % address[:2]

    def drop(self):
        """Have its handshake fail."""
        shut_down(self.conn)


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
        self._strangers = set()
        self._sessions = set()
        self._stopped = self._only_one = self._is_full = False

    def serve(self):
        """Accept connections until ``stop``."""
        while not self._stopped:
            self._admit(LOOK_TIME)

    def serve_one(self, seconds):
        """Accept connections for so many seconds, or until one has proved itself."""
        self._only_one = True
        deadline = clock() + seconds
        while not self._stopped and clock() < deadline:
            self._admit(min(LOOK_TIME, max(NAP, deadline - clock())))
        self.stop()
        self._listener.close()

    def stop(self):
        """Accept nobody any more, and wake who waits for somebody."""
        self._stopped = True
        shut_down(self._listener)

    def close(self):
        """End all interpreters, and accept nobody any more."""
        self._listener.close()
        with self._lock:
            sessions = list(self._sessions)
        for session in sessions:
            session.end()

    def _admit(self, seconds):
        """Take the next connection, if one comes within so many seconds and there is room."""
        while len(self._strangers) >= MAX_STRANGERS and not self._stopped:
            self._make_room()  # the others wait in the kernel's queue
            time.sleep(NAP)
        stranger = self._accept(seconds)
        if stranger is None:
            return
        with self._lock:
            self._strangers.add(stranger)
        try:
            start_thread(self._handle, stranger)
        except NO_THREAD as error:
            log("no thread for %s: %s" % (stranger.name, error))
            stranger.conn.close()
            with self._lock:
                self._strangers.discard(stranger)
            time.sleep(PAUSE)

    def _make_room(self):
        """Drop who takes so long that others, who may be the right ones, wait for its place."""
        with self._lock:
            strangers = list(self._strangers)
        for stranger in strangers:
            if clock() - stranger.since > CROWDED_TIME:
                stranger.drop()

    def _accept(self, seconds):
        """Return the next Stranger, None if there is none."""
        try:
            self._listener.settimeout(seconds)
            sock, address = self._listener.accept()
            sock.setblocking(True)
            close_on_exec(sock.fileno())
            self._is_full = False
            return Stranger(sock, address)
        except socket.timeout:
            return None
        except (OSError, IOError, MemoryError) as error:
            if getattr(error, "errno", errno.ENOMEM) in FULL and not self._is_full:
                self._is_full = True
                log("cannot take more connections: %s" % error)
            time.sleep(PAUSE)  # or it is a client that was quick to leave
            return None

    def _handle(self, stranger):
        program = self._meet(stranger)
        if program is None:
            return
        session = Session(stranger.conn, program, self._tls is None)
        if not self._take(session):
            stranger.conn.close()
            return
        try:
            session.run()
        finally:
            with self._lock:
                self._sessions.discard(session)

    def _take(self, session):
        """Return whether a session may run: the only one is the first."""
        with self._lock:
            if self._only_one and (self._stopped or self._sessions):
                return False
            self._sessions.add(session)
            others = list(self._strangers) if self._only_one else []
        if self._only_one:
            self.stop()
        for stranger in others:
            stranger.drop()
        return True

    def _meet(self, stranger):
        """Return the program of a client that proves itself; None: its connection is closed."""
        timer = None
        try:
            set_options(stranger.conn)
            if self._tls is not None:
                stranger.conn = self._tls.wrap_socket(
                    stranger.conn, server_side=True, do_handshake_on_connect=False
                )
            timer = start_timer(HANDSHAKE_TIME, stranger.drop)
            if self._tls is not None:
                stranger.conn.do_handshake()
            return self._shake_hands(stranger.conn)
        except Exception as error:
            log("%s refused: %s" % (stranger.name, error))
            # No descriptor left shows in many classes, as LookupError for an encoding. What
            # else the system says is of the connection, and known at its other end.
            if not isinstance(error, (OSError, IOError)) or error.errno in FULL:
                send_last(stranger.conn, "refused %s\n" % error)
            stranger.conn.close()
            return None
        finally:
            if timer is not None:
                timer.cancel()
            with self._lock:
                self._strangers.discard(stranger)

    def _shake_hands(self, conn):
        greeting, _ = read_words(conn, 3)
        answer = make_greeting("token" if self._token else "open")
        conn.sendall(answer.encode("ascii"))
        if not is_same(read_line(conn).strip(), proof(self._token, "client", greeting, answer)):
            time.sleep(WRONG_TOKEN_DELAY)
            raise Refused("its token is wrong")
        welcome = "welcome %s\n" % proof(self._token, "server", greeting, answer)
        conn.sendall(welcome.encode("ascii"))
        return read_program(conn)
