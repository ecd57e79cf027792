"""``rsync_delta``: which bytes of a changed file travel."""

import random
import zlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gatewaylib import rsync_delta
from gatewaylib.rsync_delta import Copy, OldBlocks, block_size, steps, strong_sum

PIECE = st.binary(min_size=0, max_size=40)


def blocks_of(old, size):
    cut = [old[i : i + size] for i in range(0, len(old), size)]
    return OldBlocks(
        size, [zlib.adler32(b) for b in cut], b"".join(map(strong_sum, cut)), len(cut[-1])
    )


def applied(made, old, size):
    parts = []
    for step in made:
        if isinstance(step, Copy):
            step = old[step.first * size : (step.first + step.blocks) * size]
        parts.append(step)
    return b"".join(parts)


def literal(made):
    return sum(len(step) for step in made if not isinstance(step, Copy))


@given(st.lists(PIECE), st.lists(PIECE), st.integers(1, 16), st.integers(1, 50))
@settings(max_examples=300)
def test_the_steps_make_the_new_file_whatever_the_old_one_is(olds, news, size, cut):
    old = b"".join(olds) + b"."
    new = b"".join(news + olds[::-1])
    chunks = [new[i : i + cut] for i in range(0, len(new), cut)]

    made = list(steps(chunks, blocks_of(old, size)))

    assert applied(made, old, size) == new
    assert all(made), "a step that does nothing"


@given(st.binary(min_size=64, max_size=600), st.data(), st.binary(max_size=9))
@settings(max_examples=200)
def test_only_blocks_that_a_change_touches_travel(old, data, inserted):
    size = 16
    place = data.draw(st.integers(0, len(old)))
    gone = data.draw(st.integers(0, 9))
    new = old[:place] + inserted + old[place + gone :]

    made = list(steps([new], blocks_of(old, size)))

    assert applied(made, old, size) == new
    # Alike blocks may be found before the one that was cut, so a block either side is allowed.
    assert literal(made) <= len(inserted) + 3 * size


def test_blocks_that_follow_each_other_are_one_step():
    old = random.Random(1).randbytes(2**16)

    assert list(steps([old], blocks_of(old, 4096))) == [Copy(0, 16)]
    assert list(steps([old[:-7]], blocks_of(old[:-7], 4096))) == [Copy(0, 16)]
    assert list(steps([bytes(2**16)], blocks_of(bytes(2**16), 4096))) == [Copy(0, 16)]


def test_a_byte_put_in_front_is_all_that_travels():
    old = random.Random(2).randbytes(2**18)

    made = list(steps([b"!" + old], blocks_of(old, 4096)))

    assert made == [b"!", Copy(0, 64)]


def test_blocks_are_found_in_another_order_and_behind_what_is_new(monkeypatch):
    monkeypatch.setattr(rsync_delta, "STRETCH", 100)
    old = random.Random(3).randbytes(4096 * 4)
    new = old[8192:] + bytes(3000) + old[:8192]

    made = list(steps([new[i : i + 999] for i in range(0, len(new), 999)], blocks_of(old, 4096)))

    assert applied(made, old, 4096) == new
    assert literal(made) == 3000


def test_after_much_that_is_new_only_whole_blocks_are_looked_at(monkeypatch):
    monkeypatch.setattr(rsync_delta, "SEARCH_LIMIT", 2**13)
    old = random.Random(4).randbytes(2**15)
    new = random.Random(5).randbytes(2**15)
    searched = []
    find = OldBlocks.find
    monkeypatch.setattr(OldBlocks, "find", lambda *args: searched.append(1) or find(*args))

    made = list(steps([new + old], blocks_of(old, 4096)))

    assert applied(made, old, 4096) == new + old
    assert literal(made) <= len(new) + 4096
    assert len(searched) <= 2


def test_made_up_checksums_end_the_search_and_nothing_else(monkeypatch):
    new = bytes(5000)
    liar = OldBlocks(100, [zlib.adler32(bytes(100))], b"x" * 16, 100)

    made = list(steps([new], liar))

    assert b"".join(made) == new
    assert liar.find(new) is None


@pytest.mark.parametrize(
    ("weak", "strong", "last"), [([1], b"", 1), ([1], b"x" * 16, 0), ([1], b"x" * 16, 101)]
)
def test_checksums_that_fit_no_file_are_refused(weak, strong, last):
    with pytest.raises(ValueError, match="blocks with"):
        OldBlocks(100, weak, strong, last)


@given(st.integers(0, 2**45))
def test_blocks_are_of_a_size_at_which_their_number_is_bounded(size):
    block = block_size(size)

    assert 2**12 <= block <= 2**22
    assert size // block <= rsync_delta.USUAL_BLOCKS or block == 2**22
