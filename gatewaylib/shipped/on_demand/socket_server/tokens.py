# shipped: stdlib only; Python 2.7-3.14, PyPy, Jython
"""Tokens: the secret by which the two ends of a connection know each other."""

from __future__ import absolute_import

import binascii
import os

TOKEN_VARIABLE = "GATEWAYLIB_TOKEN"
MIN_TOKEN = 16  # characters: who listens on the wire can try out short ones at home
MAX_TOKEN = 4096  # bytes that are read of a file


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
            return check_token(source.read(MAX_TOKEN).decode("utf-8", "replace"), path)
    if TOKEN_VARIABLE in os.environ:
        token = os.environ[TOKEN_VARIABLE]
        if isinstance(token, bytes):  # Python 2
            token = token.decode("utf-8", "replace")
        return check_token(token, TOKEN_VARIABLE)
    return None


def random_token():
    """Return a token that nobody has had before."""
    return binascii.hexlify(os.urandom(32)).decode("ascii")
