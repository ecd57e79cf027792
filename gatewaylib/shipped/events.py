# shipped: stdlib only; Python 2.7-3.14, PyPy, Jython; pure
"""Events: what a protocol makes of the frames that came, for its gateway to deal with.

An event is a tuple ``(event, subject, detail)``; what the last two are is said here.
"""
from __future__ import absolute_import

(
    OPENED,  # an end the other side opened
    TASK,  # an end to run a task on, its payload
    ITEM,  # an end, a payload
    ITEMS,  # an end, a tuple of payloads
    DROPPED,  # an end closed here, the payload of an item that crossed the close
    ENDED,  # an end whose other side sends no more; an error payload, b"" or None (sent last)
    CREDITED,  # an end that may send again
    STATUS_ASKED,  # a number the answer repeats
    STATUS_TOLD,  # that number, a payload
    RECONFIGURED,  # an end, or None for the gateway; a payload
    SAID_GOODBYE,  # why the other side gives up, as UTF-8; b"": it was asked to end
) = (
    "opened",
    "task",
    "item",
    "items",
    "dropped",
    "ended",
    "credited",
    "status-asked",
    "status-told",
    "reconfigured",
    "said-goodbye",
)
