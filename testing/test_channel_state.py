# plain: runs on every interpreter
"""The table of a channel's states: every move of it, and every one that is not in it."""

from __future__ import absolute_import

from gatewaylib.shipped import channel_state as states
from gatewaylib.shipped.channel_state import CLOSED, CLOSING, OPEN, TRANSITIONS, next_state
from gatewaylib.shipped.errors import IllegalMove

EVENTS = [
    states.SEND,
    states.GET,
    states.SEND_LAST,
    states.GET_LAST,
    states.SEND_CLOSE,
    states.GET_CLOSE,
    states.LOSE,
]


def test_every_move_of_the_table_is_made():
    for state, row in TRANSITIONS.items():
        for event, following in row.items():
            assert next_state(state, event) == following


def test_every_other_move_is_refused_and_says_what_was_tried_and_where():
    for state in TRANSITIONS:
        for event in set(EVENTS) - set(TRANSITIONS[state]):
            try:
                next_state(state, event)
            except IllegalMove as error:
                assert (error.state, error.event) == (state, event)
                assert str(error) == "cannot %s: the channel is %s" % (event, state)
            else:
                raise AssertionError("%s is allowed in %s" % (event, state))


def test_the_table_speaks_of_its_own_states_and_events_only():
    for row in TRANSITIONS.values():
        assert set(row) <= set(EVENTS)
        assert set(row.values()) <= set(TRANSITIONS)


def test_every_state_is_reached_from_open_and_closed_from_every_state():
    reached = [OPEN]
    for state in reached:
        reached += sorted(set(TRANSITIONS[state].values()) - set(reached))

    assert set(reached) == set(TRANSITIONS)
    assert all(row[states.LOSE] == CLOSED for row in TRANSITIONS.values())


def test_no_move_leads_out_of_closed():
    assert set(TRANSITIONS[CLOSED].values()) == {CLOSED}


def test_what_was_sent_last_stays_so():
    may_send = {state for state in TRANSITIONS if states.SEND in TRANSITIONS[state]}
    may_get = {state for state in TRANSITIONS if states.GET in TRANSITIONS[state]}
    for state, row in TRANSITIONS.items():
        for following in row.values():
            assert following not in may_send or state in may_send
            assert following not in may_get or state in may_get


def test_two_ends_that_hear_of_each_other_agree_in_the_end():
    # What each does before it hears of the other, in order; then each hears all of it.
    for ours in ([], ["last"], ["close"], ["last", "close"]):
        for theirs in ([], ["last"], ["close"], ["last", "close"]):
            assert settled(ours, theirs) == settled(theirs, ours)[::-1]
            if "close" in ours + theirs:
                assert settled(ours, theirs) == [CLOSED, CLOSED], (ours, theirs)


def settled(*moves):
    """Return the states of two ends once nothing is under way any more."""
    ends, wires = [OPEN, OPEN], [[], []]
    for end in (0, 1):
        for move in moves[end]:
            ends[end] = next_state(ends[end], "send-" + move)
            wires[end].append(move)
    while wires[0] or wires[1]:
        for end in (0, 1):
            if wires[1 - end]:
                move = wires[1 - end].pop(0)
                if ends[end] == CLOSED:
                    continue  # forgotten: it crossed what ended the channel
                answer = move == "close" and states.SEND_LAST in TRANSITIONS[ends[end]]
                ends[end] = next_state(ends[end], "get-" + move)
                if answer:
                    wires[end].append("last")
    assert CLOSING not in ends
    return ends
