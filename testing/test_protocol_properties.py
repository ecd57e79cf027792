"""Two protocols joined back to back, whatever their users do and wherever the stream is cut."""

from collections import defaultdict, deque
from unittest import mock

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from protocol_pair import Pair

from gatewaylib.shipped import frames, outgoing
from gatewaylib.shipped.channel_state import CLOSED, CLOSING, GOT_LAST, OPEN, SENT_LAST
from gatewaylib.shipped.events import CREDITED, ENDED, ITEM, OPENED, TASK
from gatewaylib.shipped.outgoing import ITEM_COST

SMALL_PIECE = 64  # bytes, so that small items have many pieces
SIDES = st.sampled_from(["local", "remote"])
PICK = st.integers(min_value=0, max_value=10**6)
WINDOWS = st.sampled_from([1, 63, 64, 200, 1000, 5000, 2**26, None])


class User:
    """What the threads of one side do: it holds ends, takes items, and has sends under way."""

    def __init__(self, side):
        self.side, self.protocol = side, side.protocol
        self.known = {}  # id -> every end this side ever had, held or not
        self.held = []  # the ends that somebody here holds
        self.mailboxes = defaultdict(deque)
        self.sends = []  # [end, kind, payload, pieces, asleep]: large items under way
        self.sent = defaultdict(deque)  # id -> items of which the last part was put out

    def hold(self, end):
        self.known[end.id] = end
        if end not in self.held:
            self.held.append(end)

    def wake(self, end):
        """Let those look again who wait to send on the end."""
        for send in self.sends:
            if send[0] is end:
                send[4] = False

    def pick(self, number, *conditions):
        ends = [end for end in self.held if all(condition(end) for condition in conditions)]
        return ends[number % len(ends)] if ends else None


def sendable(end):
    return end.state in (OPEN, GOT_LAST)


def receivable(end):
    return end.state in (OPEN, SENT_LAST)


class TwoSides(RuleBasedStateMachine):
    @initialize(window=WINDOWS, has_slots=st.booleans())
    def join(self, window, has_slots):
        self.patches = [
            mock.patch.object(frames, "PIECE", SMALL_PIECE),
            mock.patch.object(frames, "MAX_PAYLOAD", 4 * SMALL_PIECE),
            mock.patch.object(outgoing, "BURST", 5 * SMALL_PIECE),
        ]
        for patch in self.patches:
            patch.start()
        self.pair = Pair(window, has_slots)
        self.users = {"local": User(self.pair.local), "remote": User(self.pair.remote)}
        self.number = 0
        self.run_task(10)

    def other(self, user):
        return next(other for other in self.users.values() if other is not user)

    def payload(self, size):
        self.number += 1
        return b"%08d" % self.number + b"." * max(0, size - 8)

    # ---- what users do -----------------------------------------------------------

    @rule(name=SIDES, window=st.one_of(st.none(), st.sampled_from([0, 1, 64, 1000, 10**6])))
    def open(self, name, window):
        user = self.users[name]
        user.hold(user.protocol.open(window))

    @rule(size=st.integers(1, 700))
    def run_task(self, size):
        user = self.users["local"]
        end = user.protocol.open_for_task()
        user.hold(end)
        self.begin(user, end, frames.EXEC, self.payload(size))

    @rule(name=SIDES, number=PICK, size=st.integers(0, 700))
    def send(self, name, number, size):
        user = self.users[name]
        end = user.pick(number, sendable)
        if end is not None and not self.task_is_under_way(user, end):
            self.begin(user, end, frames.DATA, self.payload(size))

    @rule(name=SIDES, number=PICK, carrier=PICK)
    def hand_over(self, name, number, carrier):
        """Send a channel over another one."""
        user = self.users[name]
        end, over = user.pick(number), user.pick(carrier, sendable)
        if end is None or over is None or self.task_is_under_way(user, over):
            return
        self.begin(user, over, frames.DATA, b"channel %d" % end.id)

    def task_is_under_way(self, user, end):
        return any(s[0] is end and s[1] == frames.EXEC for s in user.sends)

    def begin(self, user, end, kind, payload):
        if len(payload) <= SMALL_PIECE and kind == frames.DATA:
            may = user.protocol.may_send(end)
            assert user.protocol.send(end, kind, payload) == may
            if may:
                user.sent[end.id].append(payload)
        else:
            user.sends.append([end, kind, payload, frames.Pieces([payload]), False])
            self.go_on(user, user.sends[-1])

    def go_on(self, user, send):
        """Let one sender of a large item do what it can; return whether it did anything."""
        end, kind, payload, pieces, _ = send
        if not sendable(end):
            self.stop(user, send)
            return True
        may = user.protocol.may_send(end, pieces)
        assert bool(user.protocol.send_some(end, kind, pieces)) == may
        if not pieces.left:
            self.stop(user, send)
            user.sent[end.id].append(payload)
        if not may:
            send[4] = True
        return may

    def stop(self, user, send):
        user.sends.remove(send)
        user.protocol.give_up(send[0], send[3])
        user.wake(send[0])  # others may wait for this one to be done

    @rule(name=SIDES, number=PICK)
    def send_more(self, name, number):
        user = self.users[name]
        if user.sends:
            self.go_on(user, user.sends[number % len(user.sends)])

    @rule(name=SIDES, number=PICK)
    def give_up(self, name, number):
        user = self.users[name]
        if user.sends:
            send = user.sends[number % len(user.sends)]
            self.stop(user, send)
            if send[1] == frames.EXEC:
                user.protocol.close(send[0])  # as whoever was interrupted while starting it

    @rule(name=SIDES, number=PICK)
    def receive(self, name, number):
        user = self.users[name]
        end = user.pick(number)
        if end is None:
            return
        if user.mailboxes[end.id]:
            self.take(user, end)
        else:
            user.protocol.hunger(end)

    def take(self, user, end):
        payload = user.mailboxes[end.id].popleft()
        user.protocol.take(end, len(payload))
        if payload.startswith(b"channel "):
            found = user.protocol.claim(int(payload[8:]))
            if found is not None:
                user.hold(found)

    @rule(name=SIDES, number=PICK)
    def send_last(self, name, number):
        user = self.users[name]
        end = user.pick(number)
        if end is not None and not self.task_is_under_way(user, end):
            user.protocol.send_last(end)
            user.wake(end)

    @rule(name=SIDES, number=PICK, error=st.sampled_from([b"", b"boom"]))
    def close(self, name, number, error):
        user = self.users[name]
        end = user.pick(number)
        if end is not None:
            user.protocol.close(end, error)
            user.wake(end)

    # ---- what the wire does ------------------------------------------------------

    @rule(name=SIDES, size=st.integers(0, 400))
    def deliver(self, name, size):
        user = self.users[name]
        self.arrived(user, self.pair.deliver(user.side, size))

    @rule()
    def deliver_all(self):
        while True:
            for user in self.users.values():
                self.arrived(user, self.pair.deliver(user.side, 10**9))
            if not any(user.protocol.output for user in self.users.values()):
                return

    def arrived(self, user, events):
        sent = self.other(user).sent
        for event, end, detail in events:
            if event == OPENED:
                assert end.id not in user.known, "an id came twice"
                user.known[end.id] = end
            elif event in (ITEM, TASK):
                assert sent[end.id].popleft() == detail
                if event == ITEM:
                    user.mailboxes[end.id].append(detail)
                else:
                    user.hold(end)
            elif event == ENDED:
                assert not receivable(end)
            if event in (ENDED, CREDITED):
                user.wake(end)
        for end in {end for event, end, _ in events if event in (ITEM, ENDED)}:
            self.no_end_holds_more_than_its_window_and_a_piece(user, end)

    # ---- what always holds ---------------------------------------------------------

    @staticmethod
    def no_end_holds_more_than_its_window_and_a_piece(user, end):
        # An item that somebody waited for passes whatever its size; there is one at most.
        held = [end.pieces_size, *(len(p) + ITEM_COST for p in user.mailboxes[end.id])]
        assert sum(held) - max(held) <= end.window + SMALL_PIECE + ITEM_COST
        assert end.got - end.returned <= end.window + SMALL_PIECE + 2 * ITEM_COST

    @invariant()
    def offers_cost_the_other_side_one_window_in_all(self):
        for user in self.users.values():
            assert user.protocol._unclaimed_cost <= user.protocol.window + SMALL_PIECE + ITEM_COST

    # ---- the end -------------------------------------------------------------------

    def teardown(self):
        if not hasattr(self, "pair"):
            return
        try:
            self.everybody_receives()
            self.nobody_waits_for_credit()
            self.everything_is_closed()
        finally:
            for patch in self.patches:
                patch.stop()

    def everybody_receives(self):
        moved = True
        while moved:
            moved = False
            self.deliver_all()
            for user in self.users.values():
                for id in list(user.protocol.ends):
                    user.hold(user.protocol.claim(id))
                for end in user.held:
                    while user.mailboxes[end.id]:
                        self.take(user, end)
                        moved = True
                    user.protocol.hunger(end)
            self.deliver_all()
            for user in self.users.values():
                for send in list(user.sends):
                    if not send[4]:
                        moved = self.go_on(user, send) or moved

    def nobody_waits_for_credit(self):
        for user in self.users.values():
            other = self.other(user)
            assert user.sends == []
            assert not user.protocol._offered and user.protocol._offered_cost == 0
            for end in user.protocol.ends.values():
                there = other.known.get(end.id)
                if sendable(end):
                    assert user.protocol.may_send(end)
                    assert not user.sent[end.id], "sent and not received"
                    # Everything is taken: what was received is granted again, or saved up.
                    assert end.sent == there.got == there.returned + there.untold
                    assert end.granted == there.window + there.returned
                assert (end.state, there.state) in PAIRS

    def everything_is_closed(self):
        for user, error in zip(self.users.values(), (b"", b"both close at once")):
            for end in list(user.protocol.ends.values()):
                user.protocol.close(end, error)
        self.deliver_all()
        for user in self.users.values():
            assert user.protocol.ends == {}
            assert user.protocol.unclaimed == user.protocol._unclaimed_cost == 0
            assert not user.protocol._starved
            assert {end.state for end in user.known.values()} <= {CLOSED}


# The states in which the two ends of a channel may be while nothing is on its way.
PAIRS = {(OPEN, OPEN), (SENT_LAST, GOT_LAST), (GOT_LAST, SENT_LAST)}
assert CLOSING not in sum(PAIRS, ())

TestTwoSides = TwoSides.TestCase
TestTwoSides.settings = settings(max_examples=60, stateful_step_count=50)
