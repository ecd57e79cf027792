# shipped: stdlib only; Python 2.7-3.14, PyPy, Jython
"""What the two ends say before an interpreter has the connection, in lines of ASCII.

::

    client: gatewaylib-socket 1 CLIENT_NONCE
    server: gatewaylib-socket 1 token|open SERVER_NONCE
    client: CLIENT_PROOF
    server: welcome SERVER_PROOF            or: refused WHY
    client: SIZE, and a Python program of that many bytes, ASCII too

A nonce is 32 random bytes in hex; a proof is the HMAC-SHA256, in hex, of who speaks and the
first two lines, under the token, which is empty where the server is open. Nothing of a
client is run before its proof is right.
"""

from __future__ import absolute_import

import binascii
import encodings.ascii  # noqa: F401 - later there may be no descriptor to import it with
import encodings.utf_8  # noqa: F401
import hashlib
import hmac
import os

VERSION = 1
MAX_LINE = 256  # bytes of a line before there is trust
MAX_PROGRAM = 2**16  # bytes
QUOTED = 80  # characters of a line that an error quotes


class Refused(Exception):
    """The other end is not who it should be, or says what makes no sense."""


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


def shown(text):
    """Return what came from the other end as text that does nothing to a terminal."""
    return "".join(c if " " <= c <= "~" else "\\x%02x" % ord(c) for c in text)


def quoted(line):
    """Return the beginning of a line that came from the other end, in quotes."""
    return "'%s'" % shown(line[:QUOTED])


def read_words(sock, number):
    """Return the line of a greeting and its words; raise Refused unless it is one."""
    line = read_line(sock)
    words = line.split()
    if words[:1] == ["refused"]:
        raise Refused("it %s" % shown(line.strip()))
    if not line.endswith("\n") or words[:1] != ["gatewaylib-socket"]:
        raise Refused("no gatewaylib speaks so: %s" % quoted(line) if line else "nothing came")
    if words[1:2] != [str(VERSION)]:
        version = quoted("".join(words[1:2]))
        raise Refused("this end speaks version %d, the other %s" % (VERSION, version))
    if len(words) != number or len(words[-1]) != 64:
        raise Refused("a greeting that makes no sense: %s" % quoted(line))
    return line, words


def read_program(sock):
    """Return the program that a client sends, as text; raise Refused if it can't be run.

    What can't stand in a command line would be an error of the interpreter's start.
    """
    line = read_line(sock).strip()
    if not line or line.strip("0123456789"):
        raise Refused("%s is no size of a program" % quoted(line))
    size = int(line)
    if not 0 < size <= MAX_PROGRAM:
        raise Refused("a program of %d bytes" % size)
    program = b""
    while len(program) < size:
        data = sock.recv(size - len(program))
        if not data:
            raise Refused("the connection ended within the program")
        program += data
    try:
        text = str(program.decode("ascii"))
    except UnicodeDecodeError:
        raise Refused("a program that is not ASCII text")
    if "\0" in text:
        raise Refused("a program with a NUL in it")
    return text
