"""Feed a gateway's protocol what no honest peer sends, and see that it stays calm.

    python testing/fuzz_frames.py --frames 200000

Frames, random or real ones with something changed, and whole acts of hostile peers are
given to ``Protocol.receive``, at the local and the remote side, and what they carry to the
serializer, as a gateway does. Each must be dealt with or raise ``ProtocolError``, or
``DataFormatError`` from the layer above, within ``--ms`` of processor time, and all
together may take 64 MiB. Prints a summary; the exit status is 1 if something broke one of
these, and it is shown.
"""

from __future__ import annotations

import argparse
import contextlib
import random
import sys
import time
import tracemalloc
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from gatewaylib.shipped import frames
from gatewaylib.shipped.channel import Mailbox
from gatewaylib.shipped.channel_state import OPEN, SENT_LAST
from gatewaylib.shipped.errors import DataFormatError, ProtocolError
from gatewaylib.shipped.events import ENDED, ITEM, ITEMS, OPENED, RECONFIGURED, TASK
from gatewaylib.shipped.frames import HEADER, PIECE, encode
from gatewaylib.shipped.outgoing import AMOUNT, SLOT
from gatewaylib.shipped.protocol import MOST_SLOTS, Protocol
from gatewaylib.shipped.serializer import Serializer

GROWTH = 64 * 2**20  # bytes that one peer may make a side keep
# A small window: what users allow a peer to make them hold is theirs to choose.
WINDOW = 2**20
MEASURED = 5  # the memory for one in this many victims
RECEIVES = (OPEN, SENT_LAST)  # the states in which more may arrive
KINDS = range(frames.OPEN, frames.IN_SLOT + 1)
SERIALIZER = Serializer(save_channel=lambda channel: 1, load_channel=lambda id: None)


class FullSlots:
    """Slots that a peer marks as full whenever they are freed."""

    def put(self, cut: object, size: int) -> None:
        return None

    def get(self, number: int, size: int) -> memoryview:
        return memoryview(bytes(size))

    def free(self, number: int) -> None:
        pass


class Victim:
    """One side with some channels in use, kept as a gateway keeps them."""

    def __init__(self, runs_tasks: bool) -> None:
        self.protocol = Protocol(2 if runs_tasks else 1, WINDOW, runs_tasks)
        self.protocol.slots = FullSlots()
        self.theirs = 1 if runs_tasks else 2  # the first id that the peer numbers
        for number in range(3):
            end = self.protocol.open()
            end.user = Mailbox(SERIALIZER)
            self.receive(encode(frames.CLAIMED, end.id) if number else b"")
            self.receive(encode(frames.OPEN, self.theirs + 2 * number))
        self.protocol.claim(self.theirs)
        self.protocol.output.clear()

    def receive(self, data: bytes) -> None:
        """Do what a gateway does with what it reads."""
        for event, subject, detail in self.protocol.receive(data):
            if event == OPENED or event == TASK:
                subject.user = Mailbox(SERIALIZER)
            if event == ITEM:
                subject.user.items.append(detail)
            elif event == ITEMS:
                subject.user.items.extend(detail)
            elif event in (TASK, RECONFIGURED) or (event == ENDED and detail):
                SERIALIZER.loads(detail)

    def use(self, rng: random.Random) -> None:
        """Do now and then what users do."""
        for end in list(self.protocol.ends.values()):
            what = rng.randrange(40)
            if what < 10 and end.user.items:
                payload = end.user.items.popleft()
                self.protocol.claim(end.id)
                self.protocol.take(end, len(payload))
                SERIALIZER.loads(payload)
            elif what == 10:
                self.protocol.hunger(end)
            elif what == 11:
                self.protocol.close(end)
            elif what == 12:
                self.protocol.claim(end.id)


class Verdict:
    """What came of all that was fed so far."""

    def __init__(self, limit_ms: float) -> None:
        self.limit_ms = limit_ms
        self.frames = self.refused = 0
        self.slowest_ms = 0.0
        self.most = 0  # bytes kept because of one peer
        self.breaches: list[str] = []

    def feed(self, victim: Victim, data: bytes, what: str) -> bool:
        """Give the victim a chunk; return whether the connection is still up."""
        self.frames += 1
        start = time.thread_time()
        up = True
        try:
            victim.receive(data)
        except (ProtocolError, DataFormatError):
            self.refused += 1
            up = False
        except BaseException as error:
            self.breach(what, data, f"{type(error).__name__}: {error}")
            up = False
        ms = (time.thread_time() - start) * 1000
        if not tracemalloc.is_tracing():  # which takes up to twenty times as long
            self.slowest_ms = max(self.slowest_ms, ms)
            if ms > self.limit_ms:
                self.breach(what, data, f"{ms:.0f} ms")
        return up

    @contextlib.contextmanager
    def measuring(self, what: str) -> Iterator[None]:
        """See how much is kept at the end of the block of what was not at its beginning."""
        tracemalloc.start()
        yield
        kept = tracemalloc.get_traced_memory()[0]
        tracemalloc.stop()
        self.most = max(self.most, kept)
        if kept > GROWTH:
            self.breach(what, b"", f"{kept} bytes kept")

    def breach(self, what: str, data: bytes, why: str) -> None:
        if len(self.breaches) < 20:
            self.breaches.append(f"{what}: {why}: {data[:60]!r}")

    def __str__(self) -> str:
        lines = [
            f"{self.frames} frames: {self.refused} connections given up, "
            f"{len(self.breaches)} breaches",
            f"slowest {self.slowest_ms:.1f} ms, most kept for one peer {self.most / 2**20:.1f} MiB",
        ]
        return "\n".join(lines + self.breaches)


# ---- random frames ------------------------------------------------------------------------


def random_frame(rng: random.Random, victim: Victim) -> bytes:
    """Return a frame that an honest peer could have sent, as a rule."""
    protocol: Any = victim.protocol  # it knows from inside which ids are the next
    kind = rng.choice(KINDS) if rng.random() < 0.99 else rng.randrange(256)
    if kind == frames.EXEC and rng.random() < 0.9:
        kind = frames.DATA
    if rng.random() < 0.02:
        id = rng.choice([*protocol.ends, rng.randrange(12), rng.getrandbits(32)])
    elif kind in (frames.OPEN, frames.OPEN_TASK):
        id = protocol._next_theirs
    elif kind == frames.CLAIMED:
        id = rng.choice([*protocol._offered, 0])
    else:
        id = rng.choice([end.id for end in protocol.ends.values() if end.state in RECEIVES] or [0])
    if kind == frames.PIECE_OF:
        payload = bytes(PIECE)
    elif kind == frames.IN_SLOT:
        payload = SLOT.pack(rng.randrange(5) if rng.random() < 0.1 else 0, PIECE)
    elif kind == frames.BEGIN and rng.random() < 0.9:
        payload = AMOUNT.pack(rng.choice([0, PIECE, 2**20, 2**24, 2**64 - 1])) + b"b"
    elif kind in (frames.CREDIT, frames.OPEN) and rng.random() < 0.9:
        payload = AMOUNT.pack(rng.choice([0, 1, 64, 2**20, 2**63, 2**64 - 1]))
    elif rng.random() < 0.9:
        payload = SERIALIZER.dumps(rng.choice([None, (True, False), ("E", "text"), {"a": [1]}]))
    else:
        payload = rng.randbytes(rng.randrange(40))
    return encode(kind, id, payload)


def mutated(data: bytes, rng: random.Random) -> bytes:
    """Return bytes with one to three things changed."""
    changed = bytearray(data)
    for _ in range(rng.randrange(1, 4)):
        at = rng.randrange(len(changed) + 1)
        what = rng.randrange(4)
        if what == 0:
            del changed[at : at + rng.randrange(1, 9)]
        elif what == 1:
            changed[at:at] = rng.randbytes(rng.randrange(1, 9))
        elif at < len(changed):
            changed[at] = rng.choice([0, 1, 255, changed[at] ^ 1, rng.randrange(256)])
    return bytes(changed)


def fuzz(verdict: Verdict, count: int, rng: random.Random) -> None:
    """Feed so many random and mutated frames, to a new side whenever one gives up."""
    goal = verdict.frames + count
    while verdict.frames < goal:
        victim = Victim(runs_tasks=rng.random() < 0.5)
        if rng.randrange(MEASURED):
            feed_random(verdict, victim, rng)
        else:
            with verdict.measuring("random frames"):
                feed_random(verdict, victim, rng)


def feed_random(verdict: Verdict, victim: Victim, rng: random.Random) -> None:
    """Feed random frames until the victim gives up."""
    for _ in range(200):
        data = random_frame(rng, victim)
        if rng.random() < 0.03:
            data = mutated(data, rng)
        if not verdict.feed(victim, data, "random frames"):
            return
        with contextlib.suppress(DataFormatError):  # a user is told
            victim.use(rng)


# ---- hostile peers ------------------------------------------------------------------------

Act = Callable[[int], Iterator[bytes]]  # the first id that the peer numbers -> its chunks


def opens_channels_nobody_asked_for(first: int) -> Iterator[bytes]:
    for number in range(200_000):
        yield encode(frames.OPEN, first + 6 + 2 * number)


def opens_and_closes_channels_without_reading(first: int) -> Iterator[bytes]:
    for number in range(200_000):
        id = first + 6 + 2 * number
        yield encode(frames.OPEN, id) + encode(frames.CLOSE, id)


def sends_small_items_past_its_window(first: int) -> Iterator[bytes]:
    for _ in range(200_000):
        yield encode(frames.DATA, first, b"")


def sends_large_items_past_its_window(first: int) -> Iterator[bytes]:
    for _ in range(500):
        yield encode(frames.DATA, first, bytes(frames.MAX_PAYLOAD))


def sends_items_on_channels_nobody_asked_for(first: int) -> Iterator[bytes]:
    for number in range(20_000):
        id = first + 6 + 2 * number
        yield encode(frames.OPEN, id) + encode(frames.DATA, id, bytes(2**15))


def sends_pieces_without_end(first: int) -> Iterator[bytes]:
    for _ in range(5_000):
        yield encode(frames.PIECE_OF, first, bytes(PIECE))


def sends_tiny_pieces_without_end(first: int) -> Iterator[bytes]:
    for _ in range(200_000):
        yield encode(frames.PIECE_OF, first, b"xy")


def gives_up_every_item(first: int) -> Iterator[bytes]:
    for _ in range(5_000):
        yield encode(frames.PIECE_OF, first, bytes(PIECE)) + encode(frames.DROP_PIECES, first)


def begins_items_and_gives_them_up(first: int) -> Iterator[bytes]:
    begin = encode(frames.BEGIN, first, AMOUNT.pack(2**24) + b"b")
    for _ in range(100):
        yield (begin + encode(frames.DROP_PIECES, first)) * 1000


def says_more_than_it_sends(first: int) -> Iterator[bytes]:
    begin = encode(frames.BEGIN, first, AMOUNT.pack(256 * PIECE) + b"b")
    for _ in range(1_000):
        yield begin + HEADER.pack(frames.PIECE_OF, first, PIECE) + bytes(100)
        yield bytes(PIECE - 100) + encode(frames.DROP_PIECES, first)


def begins_items_nobody_asked_for(first: int) -> Iterator[bytes]:
    for number in range(20_000):
        id = first + 6 + 2 * number
        yield encode(frames.OPEN, id)
        yield encode(frames.BEGIN, id, AMOUNT.pack(2**20) + b"b")
        yield HEADER.pack(frames.PIECE_OF, id, PIECE) + bytes(100)
        yield bytes(PIECE - 100)


def says_that_slots_are_full(first: int) -> Iterator[bytes]:
    for _ in range(500):
        yield encode(frames.IN_SLOT, first, SLOT.pack(0, frames.MAX_PAYLOAD)) * MOST_SLOTS


def says_in_one_go_that_slots_are_full(first: int) -> Iterator[bytes]:
    yield encode(frames.IN_SLOT, first, SLOT.pack(0, PIECE)) * (MOST_SLOTS + 1)


def pings_without_reading(first: int) -> Iterator[bytes]:
    for _ in range(200_000):
        yield encode(frames.PING, 0)


def grants_more_than_there_is(first: int) -> Iterator[bytes]:
    for _ in range(20_000):
        yield encode(frames.CREDIT, first, AMOUNT.pack(2**64 - 1))


def closes_with_errors_nobody_asked_for(first: int) -> Iterator[bytes]:
    for number in range(20_000):
        id = first + 6 + 2 * number
        yield encode(frames.OPEN, id) + encode(
            frames.CLOSE, id, SERIALIZER.dumps(("E", "x" * 50_000))
        )


def sends_a_task(first: int) -> Iterator[bytes]:
    yield encode(frames.OPEN_TASK, first + 6) + encode(frames.EXEC, first + 6, b"x")


def sends_many_tasks_in_pieces(first: int) -> Iterator[bytes]:
    for number in range(20_000):
        id = first + 6 + 2 * number
        yield encode(frames.OPEN_TASK, id) + encode(frames.PIECE_OF, id, bytes(PIECE))


def sends_behind_its_last_item(first: int) -> Iterator[bytes]:
    yield encode(frames.LAST, first) + encode(frames.DATA, first, b"")


def sends_behind_its_close(first: int) -> Iterator[bytes]:
    yield encode(frames.CLOSE, first) + encode(frames.DATA, first, b"")


def closes_what_never_was(first: int) -> Iterator[bytes]:
    yield encode(frames.CLOSE, 2**32 - first)


def claims_what_it_has_claimed(first: int) -> Iterator[bytes]:
    yield encode(frames.CLAIMED, 3 - first) * 2


def announces_a_frame_without_end(first: int) -> Iterator[bytes]:
    yield HEADER.pack(frames.DATA, first, 2**32 - 1)


def sends_a_frame_byte_by_byte(first: int) -> Iterator[bytes]:
    wire = encode(frames.DATA, first, bytes(2**16))
    for start in range(len(wire)):
        yield wire[start : start + 1]


def speaks_another_language(first: int) -> Iterator[bytes]:
    yield b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n"


ACTS: list[Act] = [
    opens_channels_nobody_asked_for,
    opens_and_closes_channels_without_reading,
    sends_small_items_past_its_window,
    sends_large_items_past_its_window,
    sends_items_on_channels_nobody_asked_for,
    sends_pieces_without_end,
    sends_tiny_pieces_without_end,
    gives_up_every_item,
    begins_items_and_gives_them_up,
    says_more_than_it_sends,
    begins_items_nobody_asked_for,
    says_that_slots_are_full,
    says_in_one_go_that_slots_are_full,
    pings_without_reading,
    grants_more_than_there_is,
    closes_with_errors_nobody_asked_for,
    sends_a_task,
    sends_many_tasks_in_pieces,
    sends_behind_its_last_item,
    sends_behind_its_close,
    closes_what_never_was,
    claims_what_it_has_claimed,
    announces_a_frame_without_end,
    sends_a_frame_byte_by_byte,
    speaks_another_language,
]
# These do no harm, however long they go on.
HARMLESS = [
    grants_more_than_there_is,
    sends_a_frame_byte_by_byte,
    gives_up_every_item,
    begins_items_and_gives_them_up,
    says_more_than_it_sends,
]


def perform(verdict: Verdict, act: Act, victim: Victim) -> bool:
    """Let a hostile peer act; return whether the victim gave it up."""
    return not all(verdict.feed(victim, data, act.__name__) for data in act(victim.theirs))


def perform_and_judge(verdict: Verdict, act: Act) -> str:
    """Do it once for the time and once for the memory; return what came of it."""
    given_up = perform(verdict, act, Victim(runs_tasks=False))
    victim = Victim(runs_tasks=False)
    with verdict.measuring(act.__name__):
        perform(verdict, act, victim)
    if given_up == (act in HARMLESS):
        verdict.breach(act.__name__, b"", "the outcome is not the one expected")
    return "given up" if given_up else "no harm"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--frames", type=int, default=200_000, help="random frames to feed")
    parser.add_argument("--seed", type=int, default=None, help="repeat an earlier run")
    parser.add_argument("--ms", type=float, default=50.0, help="processor time for one chunk")
    options = parser.parse_args()
    seed = random.randrange(2**32) if options.seed is None else options.seed
    verdict = Verdict(options.ms)
    for act in ACTS:
        print(f"{act.__name__.replace('_', ' ')}: {perform_and_judge(verdict, act)}")
    fuzz(verdict, options.frames, random.Random(seed))
    print(f"seed {seed}\n{verdict}")
    return 1 if verdict.breaches else 0


if __name__ == "__main__":
    sys.exit(main())
