"""How long to measure: the full form, a quick one, and one that only proves that it runs."""

from __future__ import annotations

from dataclasses import dataclass

KiB, MiB = 1024, 1024 * 1024
SLOW = 4.0  # seconds: a contender whose round takes longer is measured once


@dataclass(frozen=True)
class Effort:
    """One of the three. What sizes the work of one contender in one round says so roughly."""

    rounds: int
    seconds: float  # of one contender in one round
    once: float  # seconds: a contender whose round takes longer is measured once

    start_rounds: int
    gateways: tuple[int, ...]  # started together
    memory_rounds: int  # sizes hardly vary
    unread: int  # bytes sent to a receiver that never reads
    large: int  # bytes of the item whose copies are counted

    bulk_rounds: int
    bulk: tuple[int, ...]  # bytes
    bulk_total: int  # bytes one contender moves in one round
    items: int  # in the large kinds of data

    callbacks: int  # channels that have one set
    threads: int  # at work at once
    callback_seconds: float  # that a slow callback takes
    tasks: int  # one after another
    spread: int  # items over two workers
    suite_rounds: int
    suite: int  # tests

    growth_rounds: int
    channels: tuple[int, ...]
    many: tuple[int, ...]  # gateways
    sizes: tuple[int, ...]  # bytes of an item


FULL = Effort(
    rounds=7,
    seconds=0.2,
    once=SLOW,
    start_rounds=5,
    gateways=(1, 16, 64),
    memory_rounds=5,
    unread=200 * MiB,
    large=64 * MiB,
    bulk_rounds=7,
    bulk=(MiB, 64 * MiB),
    bulk_total=128 * MiB,
    items=100_000,
    callbacks=100,
    threads=8,
    callback_seconds=3.0,
    tasks=10_000,
    spread=10_000,
    suite_rounds=5,
    suite=5_000,
    growth_rounds=5,
    channels=(1, 10, 100, 1_000),
    many=(1, 4, 16, 64, 200),
    sizes=(1, KiB, 16 * KiB, 256 * KiB, MiB, 16 * MiB, 64 * MiB, 256 * MiB),
)
QUICK = Effort(
    rounds=3,
    seconds=0.01,
    once=0.25,
    start_rounds=1,
    gateways=(1, 8),
    memory_rounds=1,
    unread=80 * MiB,
    large=64 * MiB,
    bulk_rounds=2,
    bulk=(MiB, 64 * MiB),
    bulk_total=16 * MiB,
    items=20_000,
    callbacks=100,
    threads=8,
    callback_seconds=0.3,
    tasks=200,
    spread=2_000,
    suite_rounds=1,
    suite=200,
    growth_rounds=1,
    channels=(1, 10, 100, 1_000),
    many=(1, 8),
    sizes=(1, KiB, 64 * KiB, MiB, 16 * MiB),
)
TINY = Effort(
    rounds=1,
    seconds=0.0,
    once=SLOW,
    start_rounds=1,
    gateways=(1, 2),
    memory_rounds=1,
    unread=MiB,
    large=MiB,
    bulk_rounds=1,
    bulk=(1000, 200_000),
    bulk_total=200_000,
    items=20,
    callbacks=2,
    threads=2,
    callback_seconds=0.01,
    tasks=2,
    spread=4,
    suite_rounds=1,
    suite=4,
    growth_rounds=1,
    channels=(1, 3),
    many=(1, 2),
    sizes=(1, 1000),
)
