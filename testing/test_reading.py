"""Whoever waits reads; where nobody waits, one thread reads for all."""

import os
import textwrap
import threading

import pytest
from settling import BOUND, settle

from gatewaylib import TimeoutError
from gatewaylib.shipped import threads
from gatewaylib.shipped.callbacks import MANY
from gatewaylib.shipped.pipe_transport import PipeTransport
from gatewaylib.shipped.polling import POLLER
from gatewaylib.shipped.reading import Turn
from gatewaylib.transports import memory

ECHO = "for item in channel: channel.send(item)"


def start(function, *args):
    thread = threading.Thread(target=function, args=args)
    thread.start()
    return thread


@pytest.fixture
def readers(gateway, monkeypatch):
    """The idents of the threads that read the gateway, one for each chunk."""
    seen, read = [], gateway._turn._receive

    def note(size):
        seen.append(threading.get_ident())
        return read(size)

    monkeypatch.setattr(gateway._turn, "_receive", note)
    return seen


# An answer that is there before anybody waits for it may be read by the poller. So each end
# gives the other a moment to begin to wait: a longer one where the machine is busy.
MOMENTS = [0.004, 0.03, 0.2]


def test_a_request_and_its_answer_cross_no_thread_at_this_end(gateway, readers):
    def cross_none(moment):
        with gateway.remote_exec(
            f"import time\nfor item in channel: time.sleep({moment}); channel.send(item)"
        ) as channel:
            channel.send(0)
            channel.receive()  # the poller may have been reading until now
            del readers[:]
            for number in range(20):
                channel.send(number)
                channel.receive(None if number % 2 else BOUND)
            return readers.count(threading.get_ident()) > 0.5 * len(readers)

    assert any(map(cross_none, MOMENTS))


def test_a_request_and_its_answer_cross_no_thread_at_the_remote(gateway):
    def cross_none(moment):
        channel = gateway.remote_exec(
            "import threading\n"
            "me, seen = threading.current_thread().ident, []\n"
            "turn = channel.gateway._turn\n"
            "read = turn._receive\n"
            "def note(size):\n"
            "    seen.append(threading.current_thread().ident)\n"
            "    return read(size)\n"
            "channel.receive()\n"
            "turn._receive = note\n"
            "for item in channel:\n"
            "    channel.send(item)\n"
            "    if item == 20: break\n"
            "turn._receive = read\n"
            "channel.send((seen.count(me), len(seen)))\n"
        )
        channel.send(None)
        for number in range(21):
            threading.Event().wait(moment)
            channel.send(number)
            channel.receive(BOUND)
        by_task, of_all = channel.receive(BOUND)
        return by_task > 0.5 * of_all

    assert any(map(cross_none, MOMENTS))


def test_while_nobody_waits_the_poller_reads(gateway, readers):
    over = threading.Event()
    channel = gateway.remote_exec("channel.receive(); channel.send(1)")
    channel.setcallback(lambda item: over.set())
    channel.send(None)

    assert over.wait(BOUND)
    assert readers[0] == POLLER._thread.ident


def test_the_thread_that_calls_a_callback_reads_what_follows(gateway, readers):
    def reads_most(attempt):
        over, callers = threading.Event(), []

        def answer(item):
            callers.append(threading.get_ident())
            if item == 50:
                over.set()
            else:
                channel.send(item + 1)

        with gateway.remote_exec(ECHO) as channel:
            channel.setcallback(answer)
            del readers[:]
            channel.send(0)
            assert over.wait(BOUND)
            own = [reader for reader in readers if reader in callers]
            return len(own) > 0.5 * len(readers)  # a busy machine may take more than a moment

    assert any(map(reads_most, range(10)))


def test_what_a_callback_lets_gather_nobody_reads_but_who_waits_for_it():
    ours, theirs = os.pipe(), os.pipe()
    transport, end = PipeTransport(theirs[0], ours[1]), theirs[1]
    inbox, naps = Inbox(), []

    def nap(seconds):
        naps.append(seconds)
        os.write(end, b"x")
        assert not turn.read_some()  # the poller leaves it
        if len(naps) == 2:
            assert inbox.wait(turn, 2)

    model = Instead(threads.get_model("thread"), sleep=nap)
    turn = Turn(transport, model, inbox.arrived, NoPoller(), lambda: None)
    turn.read_on(is_stream=True)
    assert inbox.chunks == [b"x"]
    turn.read_on(is_stream=True)
    assert inbox.chunks == [b"x", b"x"]

    os.write(end, b"y")
    assert turn.read_some() and inbox.chunks == [b"x", b"x", b"y"]
    os.write(end, b"z")
    turn._waiting.append(threading.Lock())  # somebody wants the turn
    turn.read_on(is_stream=False)
    assert inbox.chunks[3:] == [] and len(naps) == 2
    transport.close()
    for fd in (ours[0], end):
        os.close(fd)


def test_a_few_items_at_once_are_a_stream_and_neither_one_nor_many_are(gateway, monkeypatch):
    told, more = [], threading.Event()

    def note(is_stream):
        told.append(is_stream)
        more.set()

    monkeypatch.setattr(gateway._turn, "read_on", note)
    channel = gateway.newchannel()
    channel.setcallback(lambda item: None)
    payload = channel._box.serializer.dumps(0)
    for count in (1, 2, MANY - 1, MANY):
        more.clear()
        channel._box.items.extend([payload] * count)
        gateway._callbacks.call_soon(channel._end)
        assert more.wait(BOUND) and settle(lambda: not channel._box.calling)

    assert told == [False, True, True, False]


def test_one_who_waits_hands_others_what_is_theirs(gateway):
    quiet = gateway.remote_exec("channel.receive()")
    waiter = start(lambda: list(quiet))
    callbacks, over = [], threading.Event()
    busy = gateway.remote_exec("for i in range(1000): channel.send(i)")
    busy.setcallback(lambda item: over.set() if item is None else callbacks.append(item), None)

    assert over.wait(BOUND)
    assert callbacks == list(range(1000))
    quiet.send(None)
    waiter.join(BOUND)
    assert not waiter.is_alive()


def test_all_who_wait_on_different_channels_are_served(gateway):
    channels = [gateway.remote_exec(ECHO) for _ in range(8)]
    got = [None] * len(channels)

    def receive(index):
        got[index] = channels[index].receive(BOUND if index % 2 else None)

    waiting = [start(receive, index) for index in range(len(channels))]
    for index in reversed(range(len(channels))):
        channels[index].send(index)
    for thread in waiting:
        thread.join(BOUND)
    for channel in channels:
        channel.close()

    assert got == list(range(len(channels)))


def test_a_waiter_whose_time_is_over_gives_the_turn_to_another(gateway):
    channels = [gateway.remote_exec(ECHO) for _ in range(2)]
    got, timed_out = [], []

    def short():
        with pytest.raises(TimeoutError):
            channels[0].receive(0.1)
        timed_out.append(True)

    first = start(short)
    second = start(lambda: got.append(channels[1].receive(BOUND)))
    first.join(BOUND)
    channels[1].send("served")
    second.join(BOUND)

    assert (timed_out, got) == ([True], ["served"])
    for channel in channels:
        channel.close()


def test_one_thread_reads_for_all_gateways(group):
    gateways = group.makegateways(["4*popen"])
    over = [threading.Event() for _ in gateways]
    for gateway, event in zip(gateways, over):
        gateway.remote_exec("channel.send(1)").setcallback(lambda item, e=event: e.set())

    assert all(event.wait(BOUND) for event in over)
    names = [thread.name for thread in threading.enumerate()]
    assert names.count("gatewaylib-poller") == 1
    assert not [name for name in names if "reader" in name]


class NoPoller:
    """Stands for the poller where a test decides who reads."""

    def add(self, turn):
        pass

    remove = add

    def wake(self):
        pass


class Inbox:
    """Something to wait for: a list, and the locks of those who wait."""

    def __init__(self):
        self.chunks, self.waiting, self.readers = [], [], []

    def arrived(self, chunks):
        self.readers.append(threading.get_ident())
        while chunks:
            self.chunks.append(chunks.popleft())
        for lock in list(self.waiting):
            try:
                lock.release()
            except RuntimeError:
                continue

    def wait(self, turn, count, timeout=BOUND):
        lock = threading.Lock()
        lock.acquire()
        self.waiting.append(lock)
        try:
            return turn.wait(lambda: len(self.chunks) >= count, lock, timeout)
        finally:
            self.waiting.remove(lock)


def test_the_turn_passes_from_one_waiter_to_the_next_without_a_poller():
    ours, theirs = memory.pair()
    inbox = Inbox()
    turn = Turn(ours, threads.get_model("thread"), inbox.arrived, NoPoller(), lambda: None)
    done = []
    waiting = [start(lambda n=n: done.append((n, inbox.wait(turn, n)))) for n in (1, 2, 3)]
    for count in (1, 2, 3):
        theirs.write_one(b"x")
        waiting[count - 1].join(BOUND)
        assert (count, True) in done

    assert len(set(inbox.readers)) >= 2
    assert not turn.is_taken()
    assert inbox.wait(turn, 4, timeout=0.05) is False
    theirs.close()
    assert inbox.wait(turn, 4, timeout=0.05) is True  # the end of the stream is a chunk too
    assert turn.ended


def test_many_threads_that_wait_are_served_by_one_reader_and_then_by_themselves(gateway):
    source = """
    import threading
    channels = [channel.receive() for _ in range(8)]
    def answer(one):
        for item in one: one.send(item + 1)
    for one in channels: threading.Thread(target=answer, args=(one,)).start()
    """
    task = gateway.remote_exec(textwrap.dedent(source))
    channels = [gateway.newchannel() for _ in range(8)]
    for channel in channels:
        task.send(channel)
    wrong = []

    def ask(channel):
        for number in range(300):
            channel.send(number)
            if channel.receive(BOUND) != number + 1:
                wrong.append(number)

    for thread in [start(lambda channel=channel: ask(channel)) for channel in channels]:
        thread.join(BOUND)

    assert wrong == []
    assert settle(lambda: not gateway._turn.is_taken())  # nobody reads any more, and one alone may
    channels[0].send(1)
    assert channels[0].receive(BOUND) == 2


def test_where_no_thread_can_be_started_those_that_wait_read_by_themselves():
    ours, theirs = os.pipe(), os.pipe()
    transport = PipeTransport(theirs[0], ours[1])
    model = threads.get_model("thread")
    inbox = Inbox()
    turn = Turn(transport, model, inbox.arrived, NoPoller(), lambda: None)
    asked = []

    def run_here(function, *args):  # what run_soon does then
        asked.append(function)
        function(*args)

    turn._model = Instead(model, run_soon=run_here)
    done = []
    waiting = [start(lambda n=n: done.append((n, inbox.wait(turn, n)))) for n in (1, 2, 3, 4)]
    assert settle(lambda: len(turn._waiting) == 3)
    for count in (1, 2, 3, 4):
        os.write(theirs[1], b"x")
        assert settle(lambda count=count: (count, True) in done)
    for thread in waiting:
        thread.join(BOUND)
    transport.close()
    for fd in (ours[0], theirs[1]):
        os.close(fd)

    assert asked and not turn.is_taken()


class Instead:
    """Another object, but for these attributes."""

    def __init__(self, other, **changes):
        self._other, self._changes = other, changes

    def __getattr__(self, name):
        return self._changes[name] if name in self._changes else getattr(self._other, name)


# ---- who waits long beside who asks often --------------------------------------------


def test_who_asks_often_reads_its_answers_though_another_thread_was_reading(gateway, readers):
    long = gateway.remote_exec("channel.receive(); channel.send('at last')")
    often = gateway.remote_exec("for item in channel: channel.send(item)")
    got = []
    waiting = start(lambda: got.append(long.receive(BOUND)))
    assert settle(gateway._turn.is_taken)

    def reads_itself():
        del readers[:]
        for number in range(100):
            often.send(number)
            assert often.receive() == number
        return readers.count(threading.get_ident()) > 0.5 * len(readers)

    assert settle(reads_itself)
    long.send(None)
    waiting.join(BOUND)
    assert got == ["at last"]


def test_who_waits_long_is_served_though_who_asked_often_computes(gateway):
    long = gateway.remote_exec(
        "import threading\n"
        "channel.gateway.served = threading.Event()\n"
        "channel.receive()\n"
        "channel.gateway.served.set()"
    )
    often = gateway.remote_exec(
        "for item in channel:\n"
        "    if item is None: break\n"
        "    channel.send(item)\n"
        f"channel.send(channel.gateway.served.wait({BOUND}))"
    )
    for _ in range(3):
        for number in range(100):
            often.send(number)
            assert often.receive(BOUND) == number
    often.send(None)  # now nobody reads there who comes back soon
    long.send(None)

    assert often.receive(BOUND) is True
    long.waitclose(BOUND)


def test_who_waits_for_a_large_item_gets_it_though_another_got_the_one_before(group):
    gateway = group.makegateway("popen//window=100000")
    control = gateway.remote_exec(
        "shared, other = channel.gateway.newchannel(), channel.gateway.newchannel()\n"
        "channel.send((shared, other))\n"
        "channel.receive()\n"
        "shared.send(b'small')\n"
        "channel.receive()\n"
        "shared.send(b'x' * 3000000)\n"
        "other.send(b'')"
    )
    shared, other = control.receive(BOUND)
    sizes = []
    waiting = []
    for channel in (shared, other, shared):
        waiting.append(start(lambda channel=channel: sizes.append(len(channel.receive()))))
        count = len(waiting)
        assert settle(lambda count=count: len(gateway._turn._waiting) == count - 1)

    control.send(None)
    assert settle(lambda: sizes == [5])
    control.send(None)
    for thread in waiting:
        thread.join(BOUND)

    assert sorted(sizes) == [0, 5, 3000000]


def test_who_has_its_item_reads_no_more_though_another_begins_to_wait_meanwhile(
    gateway, monkeypatch
):
    channel = gateway.remote_exec(ECHO)
    take = gateway._receiver._take

    def take_while_another_begins_to_wait(end, chunks):
        payload = take(end, chunks)
        end.hungry = True
        return payload

    monkeypatch.setattr(gateway._receiver, "_take", take_while_another_begins_to_wait)
    for number in range(5):
        channel.send(number)
        assert channel.receive() == number


def test_who_gave_way_times_out_in_time_and_may_read_again(gateway):
    often = gateway.remote_exec("for item in channel: channel.send(item)")
    long = gateway.newchannel()
    done = threading.Event()

    def ask():
        while not done.is_set():
            often.send(1)
            often.receive(BOUND)

    asking = start(ask)
    for _ in range(20):
        with pytest.raises(TimeoutError):
            long.receive(0.01)
    done.set()
    asking.join(BOUND)

    assert gateway.remote_exec("channel.send(1)").receive(BOUND) == 1
