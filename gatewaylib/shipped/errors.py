# shipped: stdlib only; Python 2.7-3.14, PyPy, Jython; pure
"""Every error the library raises on purpose.

One class for each thing a caller can do about it. What a caller may need is an
attribute, never text to be parsed. Where execnet raised a builtin class
(``OSError`` from send, ``EOFError`` from receive), ours inherits from it.
"""
from __future__ import absolute_import

import sys

from .compat import as_text

try:
    _BuiltinTimeoutError = TimeoutError
except NameError:  # Python 2
    _BuiltinTimeoutError = IOError


INTERRUPT_TEXT = "keyboard-interrupted"  # what execnet's programs say of it in close()


class GatewayError(Exception):
    """Base of everything gatewaylib raises on purpose."""


class TimeoutError(GatewayError, _BuiltinTimeoutError):  # noqa: A001
    """A call's ``timeout`` ran out; nothing was lost, and the call may be repeated."""


class IllegalMove(GatewayError):
    """A channel was used in a way its state does not allow; the channel is unchanged."""

    def __init__(self, state, event):
        super(IllegalMove, self).__init__("cannot %s: the channel is %s" % (event, state))
        self.state, self.event = state, event


class ProtocolError(GatewayError):
    """The other end sent bytes that no honest gatewaylib sends; the connection is given up."""


# ---- the three ends of a channel -------------------------------------------------


class ChannelClosed(GatewayError, IOError, EOFError):
    """You closed it: this end called ``close()`` or ``exit()`` before."""


class ChannelEnded(GatewayError, IOError, EOFError):
    """It ended: the other end closed the channel or sent its last item."""


class GatewayLost(GatewayError, IOError, EOFError):
    """It broke: the connection was lost with the channel still open.

    Attributes:
        gateway_id: the gateway's id, or None.
        exit_status: the process's exit status, None if it was killed or is unknown.
        signal: the number of the signal that killed it, or None.
        stderr: text, the last lines the process wrote to its stderr.
    """

    def __init__(self, message, gateway_id=None, exit_status=None, signal=None, stderr=""):
        super(GatewayLost, self).__init__(message)
        self.gateway_id = gateway_id
        self.exit_status, self.signal, self.stderr = exit_status, signal, stderr


class RemoteError(GatewayError):
    """Code at the other end raised.

    Attributes:
        formatted: text, the traceback as the other end printed it.
        type_name: text, the exception's type there, as in ``"ValueError"``; ``""``
            where the other end closed its channel with a text of its own.
    """

    def __init__(self, formatted, type_name=""):
        super(RemoteError, self).__init__(formatted)
        self.formatted, self.type_name = formatted, type_name

    def __str__(self):
        return self.formatted

    def __repr__(self):
        return "%s: %s" % (self.__class__.__name__, self.formatted)

    def warn(self):
        """Write the error to stderr: nobody is left who could receive it.

        Of a task that was interrupted it says nothing: that was on purpose.
        """
        if self.type_name != "KeyboardInterrupt" and self.formatted != INTERRUPT_TEXT:
            sys.stderr.write("unhandled %r\n" % (self,))


# ---- values ----------------------------------------------------------------------


class DataFormatError(GatewayError):
    """A value or its serialized form is not one the serializer knows."""


class DumpError(DataFormatError):
    """A value can't travel.

    Attributes:
        path: text, where inside the item it was found, as in ``$['results'][3]``.
    """

    def __init__(self, message, path="$"):
        super(DumpError, self).__init__(message)
        self.path = path


class LoadError(DataFormatError):
    """Bytes that are not a serialized value; nothing was made of them."""


# ---- starting --------------------------------------------------------------------


class SpecError(GatewayError, ValueError):
    """A spec's text or value is wrong; the message names the part and the nearest right one."""


class SourceError(GatewayError, ValueError):
    """Something can't be sent as a task's source; the message says why and what can."""


class StartError(GatewayError):
    """A gateway did not start, and nothing of it is left.

    Attributes:
        spec: text of the spec that was tried.
        exit_status: the process's exit status; negative: the signal that killed it; None: unknown.
        stderr: text, the last lines it wrote to stderr.
    """

    def __init__(self, message, spec="", exit_status=None, stderr=""):
        super(StartError, self).__init__(message)
        self.spec, self.exit_status, self.stderr = spec, exit_status, stderr


class HostNotFound(StartError):
    """The host named in a spec could not be reached."""


def describe_error(exc_info):
    """Return (type name, traceback text) of an exception, as a RemoteError carries it."""
    import traceback  # costs a start milliseconds, and mostly nothing goes wrong

    kind, error, trace = exc_info
    try:
        lines = traceback.format_exception(kind, error, trace)
    except Exception:  # a __str__ or __repr__ that raises itself
        lines = traceback.format_tb(trace) + ["%s\n" % kind.__name__]
    return as_text(kind.__name__), "".join(map(as_text, lines))


def shortened(text, size):
    """Return a text of at most about ``size`` characters: the middle of a longer one goes."""
    if len(text) <= size:
        return text
    half = size // 2
    gap = as_text("\n[... %d characters ...]\n" % (len(text) - 2 * half))
    return text[:half] + gap + text[-half:]
