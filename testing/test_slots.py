"""Slots: memory that both ends have, and what becomes of it."""

import mmap
import os
import signal
import threading

import interpreters
import pytest
from settling import BOUND, settle

import gatewaylib
from gatewaylib.shipped.frames import MAX_PAYLOAD, PIECE
from gatewaylib.shipped.slots import CAN_SHARE, COUNT, TOTAL, Slots
from gatewaylib.transports import wire

pytestmark = pytest.mark.skipif(
    not (CAN_SHARE and wire.HAS_PIPES and hasattr(os, "memfd_create")),
    reason="slots are for CPython 3 on Linux and x86_64",
)
LARGE = bytes(range(256)) * (5 * MAX_PAYLOAD // 256) + b"the end"


@pytest.fixture
def fd():
    number = os.memfd_create("test")
    os.ftruncate(number, TOTAL)
    yield number
    os.close(number)


def put(slots, data):
    return slots.put(lambda size: [memoryview(data)[:1], memoryview(data)[1:]], len(data))


def mappings():
    """Return how many mappings of slots this process has."""
    with open("/proc/self/maps") as file:
        return file.read().count("gatewaylib-slots")


def test_what_one_end_puts_the_other_gets_each_way(fd):
    one, two = Slots(fd, True), Slots(fd, False)
    for here, there in ((one, two), (two, one)):
        numbers = [put(here, b"%d" % number * 1000) for number in range(COUNT)]

        assert sorted(numbers) == list(range(COUNT))
        for number, slot in enumerate(numbers):
            assert bytes(there.get(slot, 1000)) == b"%d" % number * 1000
    assert put(one, LARGE[:MAX_PAYLOAD]) is put(two, b"x") is None


def test_a_slot_is_filled_again_once_it_is_freed_and_nothing_is_cut_before(fd):
    one, two = Slots(fd, True), Slots(fd, False)
    for _ in range(COUNT):
        put(one, LARGE[:MAX_PAYLOAD])

    assert one.put(None, 1) is None
    bytes(two.get(2, 1))
    two.free(2)

    assert put(one, b"again") == 2
    assert bytes(two.get(2, 5)) == b"again"


def test_what_is_no_such_memory_is_an_error(fd):
    os.ftruncate(fd, TOTAL + 1)

    with pytest.raises(OSError, match="bytes instead of"):
        Slots(fd, True)
    with pytest.raises(OSError):
        Slots(-1, True)


def test_nothing_is_written_to_a_file_that_has_come_by_the_descriptor(fd, tmp_path):
    slots = Slots(fd, True)
    with open(tmp_path / "file", "w+b") as file:
        file.write(bytes(TOTAL))
        file.flush()
        os.dup2(file.fileno(), fd)

        assert put(slots, b"x" * PIECE) is None
        file.seek(0)
        assert file.read() == bytes(TOTAL)


def test_what_is_closed_takes_nothing_any_more(fd):
    slots = Slots(fd, True)
    assert put(slots, b"x") is not None
    slots.close()

    assert put(slots, b"x") is None


def test_nobody_can_make_the_memory_smaller_under_the_other_end():
    with wire.lay(own_stdout=True) as laid:
        assert laid.slots_fd in laid.passed
        for size in (0, TOTAL - 1, TOTAL + 1):
            with pytest.raises(PermissionError):
                os.ftruncate(laid.slots_fd, size)
        laid.transport.close()


def test_large_items_of_any_size_pass_both_ways_whatever_the_interpreter(group):
    code = "for item in channel: channel.send(item)"
    sizes = [PIECE, PIECE + 1, 2 * PIECE, MAX_PAYLOAD, MAX_PAYLOAD + 1, len(LARGE)]
    for path in interpreters.find().values():
        gateway = group.makegateway(f"popen//python={path}")
        channel = gateway.remote_exec(code)
        for size in sizes:
            # Python 2 says no bytes; what is no bytes is made anew of those that came
            items = [bytearray(LARGE[:size]), "x" * size, [bytearray(LARGE[:size]), 1]]
            if gateway._rinfo().version_info[0] > 2:
                items.append(LARGE[:size])
            for item in items:
                channel.send(item)
                assert channel.receive(BOUND) == item, (path, size)
        gateway.exit()


def test_both_ends_have_them_and_give_them_back(group):
    before = mappings()
    gateway = group.makegateway("popen")
    count = gateway.remote_exec(
        "while 1:\n channel.send(open('/proc/self/maps').read().count('gatewaylib-slots'))\n"
        " channel.receive()"
    )
    channel = gateway.remote_exec("for item in channel: channel.send(item)")

    assert (mappings() - before, count.receive(BOUND)) == (0, 0)  # not before they are used
    channel.send(LARGE)
    assert channel.receive(BOUND) == LARGE
    count.send(None)
    assert (mappings() - before, count.receive(BOUND)) == (1, 1)
    gateway.exit()
    group.terminate(BOUND)
    assert settle(lambda: mappings() == before)


def test_threads_that_send_large_items_at_once_do_not_mix_them(gateway):
    echo = "for item in channel: channel.send(item)"
    wrong = []

    def ask(letter):
        channel = gateway.remote_exec(echo)
        for number in range(5):
            item = letter * (MAX_PAYLOAD + number * PIECE)
            channel.send(item)
            if channel.receive(BOUND) != item:
                wrong.append(letter)

    threads = [threading.Thread(target=ask, args=(letter,)) for letter in (b"a", b"b", b"c")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(BOUND)

    assert wrong == []


def test_a_remote_that_reads_nothing_is_given_no_more_than_the_slots_and_the_window(group):
    gateway = group.makegateway("popen//window=2097152")
    channel = gateway.remote_exec("channel.receive()\nfor item in channel: channel.send(len(item))")
    channel.send(None)
    for _ in range(3):
        channel.send(LARGE)

    assert [channel.receive(BOUND) for _ in range(3)] == [len(LARGE)] * 3
    silent = gateway.remote_exec("import time\nwhile 1: time.sleep(1000)")
    with pytest.raises(gatewaylib.TimeoutError):
        silent.send(LARGE, timeout=0.5)


def test_a_child_of_a_fork_that_ends_leaves_the_parents_slots_as_they_are(gateway):
    channel = gateway.remote_exec("for item in channel: channel.send(item)")
    channel.send(LARGE)
    assert channel.receive(BOUND) == LARGE

    pid = os.fork()
    if pid == 0:
        os._exit(0)
    os.waitpid(pid, 0)

    channel.send(LARGE)
    assert channel.receive(BOUND) == LARGE


def test_a_process_may_not_map_them_and_all_goes_by_the_pipe(gateway, monkeypatch):
    def no_map(*args):
        raise OSError("no addresses left")

    channel = gateway.remote_exec("for item in channel: channel.send(len(item))")
    with monkeypatch.context() as patch:
        patch.setattr(mmap, "mmap", no_map)
        channel.send(LARGE)
        assert channel.receive(BOUND) == len(LARGE)


def test_without_slots_pieces_are_read_to_where_they_stay_and_nothing_waits_too_long(
    group, monkeypatch
):
    monkeypatch.setattr(wire, "CAN_SHARE", False)
    gateway = group.makegateway("popen")
    assert gateway._protocol.slots is None
    pid = gateway._rinfo().pid
    channel = gateway.remote_exec(
        f"item = bytes(bytearray(range(256))) * {5 * MAX_PAYLOAD // 256} + b'the end'\n"
        "for _ in range(20): channel.send(item)"
    )
    other = gateway.remote_exec("for item in channel: channel.send(item)")

    os.kill(pid, signal.SIGSTOP)  # in the middle of a piece, most likely
    got = []
    with pytest.raises(gatewaylib.TimeoutError):
        while True:
            got.append(channel.receive(timeout=0.2))
    os.kill(pid, signal.SIGCONT)
    other.send(1)
    assert other.receive(BOUND) == 1
    while len(got) < 20:
        got.append(channel.receive(BOUND))

    assert set(got) == {LARGE}
