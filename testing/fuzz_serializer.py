"""Feed the serializer bytes that no honest sender sends, and see that it stays calm.

    python testing/fuzz_serializer.py --payloads 1000000

A payload, random or a real one with something changed, must give a value or ``LoadError``,
within ``--ms`` of processor time, and take at most 32 times its bytes of memory and 64 KiB.
Prints a summary; the exit status is 1 if a payload broke one of these, and it is shown.
"""

from __future__ import annotations

import argparse
import random
import resource
import sys
import time
import tracemalloc
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from gatewaylib.shipped.errors import LoadError
from gatewaylib.shipped.serializer import Serializer

TIMES, AND_BYTES = 32, 64 * 1024  # memory for a payload: times its bytes, and so many bytes
GROWTH = 64 * 2**20  # bytes: of the process, over all payloads
LETTERS = b"[<\xfe\xffLTDEFXCRSPGVMu\x80\x81cnBqdsbpaNjhi({"
MEASURED = 5  # one in this many payloads: measuring memory takes three times as long


def random_value(rng: random.Random, depth: int = 0) -> Any:
    """Return a value of any type that travels, alike ones in a row now and then."""
    kind = rng.randrange(10 if depth > 4 else 22)
    if kind < 2:
        return rng.choice([None, True, False])
    if kind < 4:
        return rng.randrange(-(1 << rng.choice([3, 8, 31, 63, 64, 200])), 1 << 33)
    if kind < 5:
        return rng.choice([0.0, -0.0, 0.1, 1e300, float("inf"), float("nan")])
    if kind < 8:
        return "".join(rng.choices("abc\0\xe9\u0101\U0001f600", k=rng.randrange(8)))
    if kind < 9:
        return rng.choice([bytes, bytearray])(rng.randrange(12))
    if kind < 10:
        return complex(rng.random(), 1)
    size = rng.choice([0, 1, 2, 3, 8, 9, 40])
    if kind < 13:
        return [random_value(rng, depth + 1) for _ in range(min(size, 9))]
    if kind < 15:
        return [random_value(rng, depth + 2)] * size
    if kind < 16:
        return tuple(random_value(rng, depth + 1) for _ in range(min(size, 9)))
    if kind < 18:
        return {f"key{n}": random_value(rng, depth + 1) for n in range(min(size, 9))}
    if kind < 19:
        return {n * 3: random_value(rng, depth + 3) for n in range(size)}
    if kind < 20:
        rows = [{"name": "n" * n, "id": n, "value": 0.5, "tags": ["x"] * n} for n in range(size)]
        return [*rows, {"name": ""}] * 2 if rng.randrange(2) else rows
    if kind < 21:
        return {rng.randrange(10**6) for _ in range(size)}
    return frozenset((n, str(n)) for n in range(size))


def mutate(payload: bytes, corpus: list[bytes], rng: random.Random) -> bytes:
    """Return a payload with one to four things changed."""
    data = bytearray(payload)
    for _ in range(rng.choice([1, 1, 1, 2, 4])):
        at = rng.randrange(len(data) + 1)
        what = rng.randrange(8)
        if what == 0:
            del data[at:]
        elif what == 1:
            data[at:at] = rng.randbytes(rng.randrange(1, 9))
        elif what == 2:
            del data[at : at + rng.randrange(1, 9)]
        elif what == 3:
            other = rng.choice(corpus)
            start = rng.randrange(len(other) + 1)
            data[at : at + 16] = other[start : start + 16]
        elif what == 4:
            number = rng.choice(
                [0, 1, 2, 255, 256, 2**31, 2**32 - 1, len(data), rng.getrandbits(32)]
            )
            data[at : at + 4] = number.to_bytes(4, "little")
        elif at < len(data):
            data[at] = rng.choice([0, 1, 255, data[at] ^ 1, rng.randrange(256), *LETTERS])
    return bytes(data)


class Verdict:
    """What came of the payloads so far."""

    def __init__(self, limit_ms: float) -> None:
        self.limit_ms = limit_ms
        self.values = self.refused = 0
        self.slowest_ms = self.greediest = 0.0
        self.breaches: list[str] = []

    def load(self, serializer: Serializer, payload: bytes) -> None:
        """Load one payload, and note what it did."""
        measure = tracemalloc.is_tracing()
        if measure:
            tracemalloc.reset_peak()
            before = tracemalloc.get_traced_memory()[0]
        start = time.thread_time()
        try:
            serializer.loads(payload)
            self.values += 1
        except LoadError:
            self.refused += 1
        except BaseException as error:
            self.breach(payload, f"{type(error).__name__}: {error}")
        ms = (time.thread_time() - start) * 1000
        if measure:
            memory = tracemalloc.get_traced_memory()[1] - before
            self.greediest = max(self.greediest, (memory - AND_BYTES) / max(1, len(payload)))
            if memory > TIMES * len(payload) + AND_BYTES:
                self.breach(payload, f"{memory} bytes for {len(payload)}")
        elif ms > self.slowest_ms:
            self.slowest_ms = ms
            if ms > self.limit_ms:
                self.breach(payload, f"{ms:.1f} ms")

    def breach(self, payload: bytes, what: str) -> None:
        self.breaches.append(f"{what}: {payload[:2000].hex()}")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--payloads", type=int, default=1_000_000)
    parser.add_argument("--ms", type=float, default=50.0)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().getrandbits(32))
    options = parser.parse_args()
    growth = 0
    rng = random.Random(options.seed)
    serializer = Serializer(registry=None)
    corpus = [serializer.dumps(random_value(rng)) for _ in range(3000)]
    verdict = Verdict(options.ms)
    start = time.monotonic()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    measured = options.payloads // MEASURED
    for number in range(options.payloads):
        if number == options.payloads - measured:
            # The measuring itself takes memory, and would count as ours.
            growth = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024
            tracemalloc.start()
        if number % 4:
            payload = mutate(rng.choice(corpus), corpus, rng)
        else:
            payload = rng.choice([b"{", b"(", b"[L\x04", b"s", b"N", b""]) + rng.randbytes(
                rng.randrange(200)
            )
        verdict.load(serializer, payload)
        if len(verdict.breaches) >= 20:
            break
    if growth > GROWTH:
        verdict.breaches.append(f"the process grew by {growth} bytes")
    print(
        f"seed {options.seed}: {verdict.values:,} values, {verdict.refused:,} LoadErrors,"
        f" {len(verdict.breaches)} breaches in {time.monotonic() - start:.0f} s\n"
        f"slowest {verdict.slowest_ms:.1f} ms; memory, less {AND_BYTES} bytes, at most"
        f" {verdict.greediest:.1f} times the payload; the process grew by {growth / 2**20:.1f} MiB"
    )
    for breach in verdict.breaches:
        print(breach)
    return 1 if verdict.breaches else 0


if __name__ == "__main__":
    sys.exit(main())
