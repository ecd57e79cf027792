# shipped: stdlib only; Python 2.7-3.14, PyPy, Jython; pure
"""The states one end of a channel can be in, and every legal move between them.

The states are words, so a repr or a trace explains itself. A test walks the table
and doc/explanation/channel_states.rst draws it.
"""
from __future__ import absolute_import

from .errors import IllegalMove

OPEN = "open"
SENT_LAST = "sent-last"  # this end sends no more, the other still may
GOT_LAST = "got-last"  # the other end sends no more, this one still may
CLOSING = "closing"  # this end closed; what still arrives is dropped until the other's last
CLOSED = "closed"

SEND, GET = "send", "get"
SEND_LAST, GET_LAST = "send-last", "get-last"
SEND_CLOSE, GET_CLOSE = "send-close", "get-close"
LOSE = "lose"

# state -> {event: next state}; an event missing from a row is illegal in that state
TRANSITIONS = {
    OPEN: {
        SEND: OPEN,
        GET: OPEN,
        SEND_LAST: SENT_LAST,
        GET_LAST: GOT_LAST,
        SEND_CLOSE: CLOSING,
        GET_CLOSE: CLOSED,
        LOSE: CLOSED,
    },
    SENT_LAST: {
        GET: SENT_LAST,
        GET_LAST: CLOSED,
        SEND_CLOSE: CLOSING,
        GET_CLOSE: CLOSED,
        LOSE: CLOSED,
    },
    GOT_LAST: {
        SEND: GOT_LAST,
        SEND_LAST: CLOSED,
        SEND_CLOSE: CLOSED,
        GET_CLOSE: CLOSED,
        LOSE: CLOSED,
    },
    CLOSING: {GET: CLOSING, GET_LAST: CLOSED, GET_CLOSE: CLOSED, LOSE: CLOSED},
    CLOSED: {LOSE: CLOSED},
}


def next_state(state, event):
    """Return the state that follows; raise IllegalMove, changing nothing, if none does."""
    row = TRANSITIONS[state]
    if event not in row:
        raise IllegalMove(state, event)
    return row[event]
