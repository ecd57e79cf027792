"""What every transport must do: socketpairs, pipes and the pair in memory alike."""

import contextlib
import os
import socket
import threading

import pytest
from settling import BOUND

from gatewaylib.shipped.compat import joined
from gatewaylib.shipped.pipe_transport import PipeTransport
from gatewaylib.shipped.socket_transport import SocketTransport
from gatewaylib.shipped.transport import rest_of
from gatewaylib.transports import memory


def socket_pair():
    one, two = socket.socketpair()
    return SocketTransport(one), SocketTransport(two)


def pipe_pair():
    (read_one, write_one), (read_two, write_two) = os.pipe(), os.pipe()
    return PipeTransport(read_one, write_two), PipeTransport(read_two, write_one)


@pytest.fixture(params=[socket_pair, pipe_pair, memory.pair])
def ends(request):
    made = request.param()
    yield made
    for end in made:
        end.close()


def start(function, *args):
    thread = threading.Thread(target=function, args=args)
    thread.start()
    return thread


def receive_all(end, count):
    parts, have = [], 0
    while have < count:
        parts.append(end.receive(2**16))
        have += len(parts[-1])
        assert parts[-1], f"the stream ended after {have} bytes"
    return b"".join(parts)


def fill(end):
    """Write until nothing goes any more; return how many bytes went."""
    total, went = 0, 1
    while went or end.wait_writable(0.05):
        went = end.write_now([b"x" * 4096])
        total += went
    return total


def test_bytes_arrive_in_order_both_ways(ends):
    for here, there in (ends, ends[::-1]):
        here.write_one(b"one")
        here.write([b"two", memoryview(b"-three-")[1:6], b"four"])

        assert receive_all(there, 15) == b"onetwothreefour"


def test_receive_takes_no_more_than_it_is_asked_for(ends):
    ends[0].write_one(b"abc")
    assert ends[1].receive(2) == b"ab"
    assert ends[1].receive(2) == b"c"


def test_a_megabyte_passes_while_the_other_end_reads(ends):
    data = os.urandom(2**20)
    writer = start(ends[0].write, [data[:1000], memoryview(data)[1000:]])
    assert receive_all(ends[1], 2**20) == data
    writer.join(BOUND)


def test_both_directions_are_independent(ends):
    data = bytes(300_000)
    writers = [start(end.write_one, data) for end in ends]
    readers = [start(receive_all, end, len(data)) for end in ends]
    for thread in writers + readers:
        thread.join(BOUND)
        assert not thread.is_alive()


def test_write_now_never_waits_and_says_how_much_went(ends):
    total = fill(ends[0])

    assert total > 0
    assert ends[0].write_now([b"y" * 100, b"z"]) == 0
    assert not ends[0].wait_writable(0.0)
    assert receive_all(ends[1], total) == b"x" * total
    assert ends[0].wait_writable(BOUND)
    assert ends[0].write_now([b"ab", b"c"]) == 3
    assert receive_all(ends[1], 3) == b"abc"


def test_wait_readable_waits_for_bytes_or_the_end(ends):
    assert not ends[1].wait_readable(0.02)
    waiting = []
    thread = start(lambda: waiting.append(ends[1].wait_readable(BOUND)))
    ends[0].write_one(b"a")
    thread.join(BOUND)
    assert waiting == [True] and ends[1].receive(9) == b"a"
    ends[0].close_write()
    assert ends[1].wait_readable(BOUND) and ends[1].receive(9) == b""


def test_after_close_write_the_other_end_reads_to_the_end_and_may_still_write(ends):
    ends[0].write_one(b"last")
    ends[0].close_write()
    assert receive_all(ends[1], 4) == b"last"
    assert ends[1].receive(9) == ends[1].receive(9) == b""
    ends[1].write_one(b"answer")
    assert receive_all(ends[0], 6) == b"answer"


def test_abort_lets_the_other_end_find_the_end_of_the_stream(ends):
    got = []
    reader = start(lambda: got.append(ends[1].receive(9)))
    ends[0].abort()
    reader.join(BOUND)
    assert got == [b""] or ends[0].aborted and got


def test_abort_lets_who_reads_at_this_end_return(ends):
    got = []
    began = threading.Event()

    def read():
        got.append(ends[0].receive(1))
        began.set()
        with contextlib.suppress(OSError):
            ends[0].receive(1)
        got.append("returned")

    thread = start(read)
    ends[1].write([b"1"])
    assert began.wait(BOUND)
    ends[0].abort()
    thread.join(BOUND)

    assert got == [b"1", "returned"]


def test_abort_lets_who_writes_at_this_end_return(ends):
    returned = threading.Event()

    def write():
        with contextlib.suppress(OSError):
            ends[0].write([b"head", b"x" * 2**24])
        returned.set()

    thread = start(write)
    receive_all(ends[1], 2**16)  # it is in the middle of it, and the other end reads no more
    ends[0].abort()
    thread.join(BOUND)

    assert returned.is_set()


def test_a_reader_is_woken_once_both_ends_part(ends):
    got = []
    reader = start(lambda: got.append(ends[0].receive(9)))
    ends[0].abort()
    assert ends[1].receive(9) == b""
    ends[1].close_write()
    reader.join(BOUND)
    assert got == [b""] or ends[0].aborted and got


def test_writing_to_an_end_that_is_gone_is_an_oserror(ends):
    ends[1].close()
    with pytest.raises(OSError):
        for _ in range(3):
            ends[0].write_one(b"x" * 100)
    with pytest.raises(OSError):
        ends[0].write_now([b"x"])


def test_only_what_has_a_descriptor_can_be_polled(ends):
    for end in ends:
        if end.pollable:
            assert end.fileno() >= 0 and end.write_fileno() >= 0
        else:
            with pytest.raises(OSError):
                end.fileno()


def test_what_is_left_of_buffers_is_what_was_not_written():
    buffers = [b"abc", memoryview(b"de"), b"f"]
    for count in range(7):
        left = rest_of(buffers, count)
        assert b"".join(map(bytes, left)) == b"abcdef"[count:]
    assert joined(buffers) == b"abcdef"
