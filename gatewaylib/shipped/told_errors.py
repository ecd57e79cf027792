# shipped: stdlib only; Python 2.7-3.14, PyPy, Jython; pure
"""Errors on their way: as a payload to the other end, and to each who asks why it is over."""
from __future__ import absolute_import

from .compat import as_text, text_type
from .errors import GatewayError, LoadError, RemoteError, shortened

ERROR_TEXT = 12000  # characters of an error that travel: one frame must hold them


def error_payload(serializer, error):
    """Return a text, or a (type name, text) pair, as what a close frame can carry."""
    type_name, text = error if isinstance(error, tuple) else ("", error)
    if not isinstance(text, (bytes, text_type)):
        text = str(text)
    return serializer.dumps((as_text(type_name), shortened(as_text(text), ERROR_TEXT)))


def remote_error(serializer, payload):
    """Return the RemoteError a close brought: a text, or a pair (type name, traceback)."""
    value = serializer.loads(payload)
    if isinstance(value, tuple) and len(value) == 2:
        type_name, formatted = value
    else:
        type_name, formatted = "", value
    if not all(isinstance(text, (bytes, text_type)) for text in (type_name, formatted)):
        raise LoadError("an error that is no text, but %r" % (value,))
    return RemoteError(as_text(formatted), as_text(type_name))


def again(reason):
    """Return an error like one that is kept, to be raised: that would hold on to the frames."""
    return retold(str(reason), reason)


def retold(message, reason):
    """Return an error of the same class and attributes with another message."""
    copy = reason.__class__.__new__(reason.__class__)
    copy.__dict__.update(getattr(reason, "__dict__", {}))
    GatewayError.__init__(copy, message)
    return copy
