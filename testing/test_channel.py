"""What users hold: items go there and back, and each end of a channel is told as what it is."""

import gc
import os
import signal
import threading
import time

import interpreters
import pytest
from settling import BOUND, promised, settle

from gatewaylib import (
    ChannelClosed,
    ChannelEnded,
    DumpError,
    GatewayLost,
    RemoteError,
    TimeoutError,
)
from gatewaylib.shipped.compat import HAS_REFERENCE_COUNTS

ECHO = "for item in channel: channel.send(item)"


class Calls:
    """A callback that keeps what it got, and lets a test wait for it."""

    def __init__(self, react=lambda item: None):
        self.items, self._react = [], react
        self._changed = threading.Condition()

    def __call__(self, item):
        with self._changed:
            self.items.append(item)
            self._changed.notify_all()
        self._react(item)

    def wait_for(self, count):
        with self._changed:
            assert self._changed.wait_for(lambda: len(self.items) >= count, BOUND), self.items
            return self.items


# ---- sending and receiving -----------------------------------------------------------


def test_items_come_back_in_order_and_unchanged(gateway):
    items = [None, True, 2**80, 1.5, 2j, b"\0", "h\xe9", [1, (2, {3})], {"a": frozenset([1])}]
    with gateway.remote_exec(ECHO) as channel:
        for item in items:
            channel.send(item)

        assert [channel.receive(BOUND) for _ in items] == items


def test_receive_without_an_item_raises_timeout_error_in_time(gateway):
    with gateway.remote_exec("channel.receive()") as channel:
        begun = time.monotonic()

        with promised(0.2), pytest.raises(TimeoutError):
            channel.receive(timeout=0.2)

        assert time.monotonic() - begun >= 0.2


def test_receive_with_no_time_at_all_sees_what_has_come(gateway):
    with gateway.remote_exec("channel.send(1); channel.receive()") as channel:
        deadline = time.monotonic() + BOUND
        item = None
        while item is None and time.monotonic() < deadline:
            try:
                item = channel.receive(timeout=0)
            except TimeoutError:
                continue

        assert item == 1


def test_the_timeout_of_receive_is_for_the_whole_call_though_others_take_the_items(
    gateway, monkeypatch
):
    deadlines = []

    def wait_for_item(end, deadline):
        """Say twice that an item has come, which another thread has taken at once."""
        deadlines.append(deadline)
        return len(deadlines) < 3

    channel = gateway.newchannel()
    with monkeypatch.context() as patch, pytest.raises(TimeoutError):
        patch.setattr(gateway._receiver, "wait_for_item", wait_for_item)
        channel.receive(BOUND)
    channel.close()

    assert len(deadlines) == 3 and len(set(deadlines)) == 1


def test_iteration_ends_with_the_channel(gateway):
    channel = gateway.remote_exec("for i in range(3): channel.send(i)")

    assert list(channel) == [0, 1, 2]
    assert list(channel) == []


def test_iteration_over_a_broken_connection_is_an_error(group):
    channel = group.makegateway().remote_exec("channel.send(1); import os; os._exit(3)")

    with pytest.raises(GatewayLost) as caught:
        list(channel)

    assert caught.value.exit_status == 3


def test_an_item_that_cannot_travel_names_the_place_and_sends_nothing(gateway):
    with gateway.remote_exec(ECHO) as channel:
        with pytest.raises(DumpError) as caught:
            channel.send({"a": [1, object()]})
        channel.send(2)

        assert caught.value.path == "$['a'][1]"
        assert channel.receive(BOUND) == 2


# ---- the three ends --------------------------------------------------------------------


def closed_here(group):
    channel = group.makegateway().remote_exec(ECHO)
    channel.close()
    return channel


def ended_there(group):
    channel = group.makegateway().remote_exec("")
    channel.waitclose(BOUND)
    return channel


def lost(group):
    source = "import os, sys; sys.stderr.write('why'); os._exit(5)"
    channel = group.makegateway().remote_exec(source)
    with pytest.raises(GatewayLost):
        channel.waitclose(BOUND)
    return channel


@pytest.mark.parametrize(
    "end, error", [(closed_here, ChannelClosed), (ended_there, ChannelEnded), (lost, GatewayLost)]
)
def test_you_closed_it_it_ended_and_it_broke_are_three_errors_for_every_call(group, end, error):
    channel = end(group)

    for _ in range(2):
        with pytest.raises(error) as received:
            channel.receive(BOUND)
        with pytest.raises(error) as sent:
            channel.send(1)
        assert isinstance(received.value, EOFError) and isinstance(sent.value, OSError)
    assert channel.isclosed()
    if error is GatewayLost:
        for caught in (received, sent):
            assert (caught.value.exit_status, caught.value.stderr) == (5, "why")
        with pytest.raises(GatewayLost):
            channel.waitclose(BOUND)
    else:
        channel.waitclose(BOUND)


def test_after_exit_its_channels_are_closed_by_this_end(group):
    gateway = group.makegateway()
    channel = gateway.newchannel()
    gateway.exit()
    gateway.join(BOUND)

    with pytest.raises(ChannelClosed):
        channel.receive(BOUND)
    with pytest.raises(ChannelClosed):
        channel.send(1)


def test_a_remote_that_goes_unasked_is_lost(group):
    gateway = group.makegateway()
    channel = gateway.newchannel()
    gateway.remote_exec("").waitclose(BOUND)  # its start is over
    os.kill(gateway._rinfo().pid, signal.SIGINT)

    with pytest.raises(GatewayLost) as caught:
        channel.receive(BOUND)
    assert caught.value.exit_status == 0


def test_a_remote_error_is_told_once_and_then_the_channel_has_ended(gateway):
    channel = gateway.remote_exec("channel.send(1); raise KeyError('k')")

    assert channel.receive(BOUND) == 1
    with pytest.raises(RemoteError) as caught:
        channel.receive(BOUND)
    assert caught.value.type_name == "KeyError"
    for _ in range(2):
        with pytest.raises(ChannelEnded):
            channel.receive(BOUND)


def test_waitclose_tells_a_remote_error_once_and_leaves_the_items(gateway):
    channel = gateway.remote_exec("channel.send(1); 1/0")

    with pytest.raises(RemoteError, match="ZeroDivisionError"):
        channel.waitclose(BOUND)
    channel.waitclose(BOUND)
    assert list(channel) == [1]


def test_waitclose_of_an_open_channel_raises_timeout_error(gateway):
    with gateway.remote_exec(ECHO) as channel, pytest.raises(TimeoutError):
        channel.waitclose(0.1)


def test_an_error_given_to_close_is_received_at_the_other_end(gateway):
    inner = gateway.newchannel()
    channel = gateway.remote_exec(
        "inner = channel.receive()\n"
        "channel.send(None)\n"
        "try: inner.receive(60)\n"
        "except inner.RemoteError as error: channel.send((error.formatted, error.type_name))\n"
        "try: inner.receive(60)\n"
        "except EOFError as error: channel.send(type(error).__name__)\n"
    )
    channel.send(inner)
    channel.receive(BOUND)

    inner.close("no more of this")

    assert list(channel) == [("no more of this", ""), "ChannelEnded"]


def test_closing_twice_does_nothing_more(gateway):
    channel = gateway.remote_exec(ECHO)
    assert not channel.isclosed()
    channel.close()
    channel.close()
    assert channel.isclosed()
    assert repr(channel).startswith(f"<Channel id={channel.id} clos")


def test_close_wakes_a_thread_that_receives(gateway):
    channel = gateway.remote_exec(ECHO)
    caught = []

    def receive():
        try:
            channel.receive(BOUND)
        except ChannelClosed as error:
            caught.append(error)

    waiting = threading.Thread(target=receive)
    waiting.start()
    channel.close()
    waiting.join(BOUND)

    assert caught


def test_a_task_cannot_close_its_own_channel(gateway):
    channel = gateway.remote_exec("channel.close()")

    with pytest.raises(RemoteError, match="cannot close channel"):
        channel.receive(BOUND)


def test_a_task_that_finds_its_channel_ended_is_no_error(gateway, capsys):
    channel = gateway.remote_exec("channel.receive()")
    channel.close()
    assert gateway.remote_exec("channel.send(1)").receive(BOUND) == 1
    assert capsys.readouterr().err == ""


# ---- callbacks --------------------------------------------------------------------------


def test_a_callback_gets_all_items_and_the_end_marker(gateway):
    channel = gateway.remote_exec("for i in range(100): channel.send(i)")
    calls = Calls()
    channel.setcallback(calls, endmarker="end")

    assert calls.wait_for(101) == [*range(100), "end"]


def test_items_that_wait_are_handed_over_before_setcallback_returns(gateway):
    channel = gateway.remote_exec("for i in range(3): channel.send(i)")
    channel.waitclose(BOUND)
    calls = Calls()

    channel.setcallback(calls)

    assert calls.items == [0, 1, 2]


def test_the_end_marker_comes_when_this_end_closes_and_when_the_connection_breaks(group):
    gateway = group.makegateway()
    closed, broken = Calls(), Calls()
    one = gateway.remote_exec(ECHO)
    one.setcallback(closed, endmarker=None)
    two = gateway.remote_exec("channel.receive(); import os; os._exit(1)")
    two.setcallback(broken, endmarker=None)

    one.close()
    assert closed.wait_for(1) == [None]
    two.send(1)
    assert broken.wait_for(1) == [None]


def test_a_callback_that_raises_closes_the_channel_and_both_ends_are_told(gateway):
    channel = gateway.remote_exec(
        "other = channel.receive()\n"
        "for i in range(3): channel.send(i)\n"
        "try: channel.receive(60)\n"
        "except channel.RemoteError as error: other.send((error.type_name, error.formatted))\n"
    )
    other = gateway.newchannel()
    calls = Calls(lambda item: 1 // item if item == 0 else None)
    channel.setcallback(calls, endmarker="end")
    channel.send(other)

    type_name, formatted = other.receive(BOUND)

    assert type_name == "ZeroDivisionError"
    assert "1 // item" in formatted
    assert calls.wait_for(2) == [0, "end"]
    with pytest.raises(RemoteError, match="ZeroDivisionError"):
        channel.waitclose(BOUND)


def test_ctrl_c_in_a_callback_that_setcallback_calls_is_its_callers(gateway):
    channel = gateway.remote_exec("channel.send(1)")
    channel.waitclose(BOUND)

    def interrupt(item):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        channel.setcallback(interrupt)


def test_a_second_callback_and_receiving_beside_one_are_errors(gateway):
    with gateway.remote_exec(ECHO) as channel:
        channel.setcallback(print)

        with pytest.raises(OSError, match="has a callback"):
            channel.setcallback(print)
        with pytest.raises(OSError, match="has a callback"):
            channel.receive(BOUND)


def test_a_slow_callback_stops_its_own_channel_only(gateway):
    go = threading.Event()
    slow = Calls(lambda item: go.wait(BOUND))
    one, two = gateway.remote_exec(ECHO), gateway.remote_exec(ECHO)
    one.setcallback(slow)
    one.send(1)
    slow.wait_for(1)
    one.send(2)

    for number in range(100):
        two.send(number)
        assert two.receive(BOUND) == number

    assert slow.items == [1]
    go.set()
    assert slow.wait_for(2) == [1, 2]
    one.close()
    two.close()


def test_a_callback_may_use_its_own_gateway(gateway):
    asked = []

    def ask(item):
        with gateway.remote_exec(ECHO) as other:
            other.send(item)
            asked.append(other.receive(BOUND))
        channel.send("answer")

    channel = gateway.remote_exec("channel.send(1); channel.receive(60); channel.send(2)")
    calls = Calls(lambda item: ask(item) if item == 1 else None)
    channel.setcallback(calls)

    assert calls.wait_for(2) == [1, 2]
    assert asked == [1]


def test_callbacks_work_while_the_main_thread_computes(gateway):
    calls = Calls()
    channel = gateway.remote_exec("for i in range(10): channel.send(i)")
    channel.setcallback(calls)

    deadline = time.monotonic() + BOUND
    while len(calls.items) < 10 and time.monotonic() < deadline:
        sum(range(10000))  # no wait, in which the library could have its turn

    assert calls.items == list(range(10))


def test_a_callback_at_the_remote_works_too(gateway):
    channel = gateway.remote_exec(
        "inner = channel.gateway.newchannel()\n"
        "channel.send(inner)\n"
        "inner.setcallback(lambda item: channel.send(item * 2), endmarker=0)\n"
        "channel.receive()\n"
    )
    inner = channel.receive(BOUND)
    inner.send(4)
    assert channel.receive(BOUND) == 8
    inner.close()
    assert channel.receive(BOUND) == 0
    channel.close()


# ---- channels over channels ----------------------------------------------------------------


def test_a_channel_comes_back_as_the_same_object(gateway):
    inner = gateway.newchannel()
    with gateway.remote_exec(ECHO) as channel:
        channel.send({"deep": [inner]})

        assert channel.receive(BOUND)["deep"][0] is inner
        channel.send(channel)
        assert channel.receive(BOUND) is channel


def test_the_remote_knows_a_channel_again_too(gateway):
    inner = gateway.newchannel()
    with gateway.remote_exec("channel.send(channel.receive() is channel.receive())") as channel:
        channel.send(inner)
        channel.send(inner)

        assert channel.receive(BOUND) is True


def test_a_closed_channel_arrives_closed(gateway):
    inner = gateway.newchannel()
    inner.close()
    with gateway.remote_exec(
        "inner = channel.receive()\n"
        "channel.send(inner.isclosed())\n"
        "try: inner.send(1)\n"
        "except OSError as error: channel.send(type(error).__name__)\n"
    ) as channel:
        channel.send(inner)

        assert channel.receive(BOUND) is True
        assert channel.receive(BOUND) == "ChannelEnded"


def test_a_channel_of_another_gateway_cannot_travel(gateway, group):
    foreign = group.makegateway().newchannel()
    with gateway.remote_exec(ECHO) as channel, pytest.raises(DumpError, match="only its own"):
        channel.send([foreign])


def test_many_channels_made_at_both_ends_at_once_do_not_mix(gateway):
    channel = gateway.remote_exec(
        "for i in range(100):\n"
        "    theirs = channel.receive()\n"
        "    mine = channel.gateway.newchannel()\n"
        "    channel.send(mine)\n"
        "    mine.send(i)\n"
        "    theirs.send(-i)\n"
    )
    for number in range(100):
        ours = gateway.newchannel()
        channel.send(ours)
        theirs = channel.receive(BOUND)
        assert (theirs.receive(BOUND), ours.receive(BOUND)) == (number, -number)


# ---- channels that nobody holds ----------------------------------------------------------------

EVERY = [name for name in interpreters.find() if name in ("python2.7", "pypy3", "jython")]


@pytest.fixture(scope="module", params=["same", *EVERY])
def any_gateway(request, gateway):
    if request.param == "same":
        yield gateway
        return
    from gatewaylib.multi import Group

    with Group() as group:
        yield group.makegateway(f"popen//python={interpreters.find()[request.param]}")


def test_a_channel_dropped_here_is_closed_there_without_traffic(any_gateway):
    watcher = any_gateway.remote_exec(
        "inner = channel.receive()\n"
        "channel.send(None)\n"
        "try: inner.receive(60)\n"
        "except EOFError as error: channel.send(type(error).__name__)\n"
    )
    inner = any_gateway.newchannel()
    watcher.send(inner)
    watcher.receive(BOUND)

    del inner
    gc.collect()

    assert watcher.receive(BOUND) == "ChannelEnded"


def test_a_channel_dropped_there_is_closed_here_without_traffic(any_gateway):
    inner = any_gateway.newchannel()
    keeper = any_gateway.remote_exec("inner = channel.receive(); del inner; channel.receive()")
    keeper.send(inner)

    with pytest.raises(ChannelEnded):
        inner.receive(BOUND)
    keeper.close()


def test_a_channel_in_an_item_that_nobody_took_is_closed_as_well(gateway):
    watch = gateway.newchannel()
    channel = gateway.remote_exec(
        "watch = channel.receive()\n"
        "inner = channel.gateway.newchannel()\n"
        "channel.send(inner)\n"
        "watch.send(None)\n"
        "try: inner.receive(60)\n"
        "except EOFError as error: watch.send(type(error).__name__)\n"
    )
    channel.send(watch)
    watch.receive(BOUND)

    del channel
    gc.collect()

    assert watch.receive(BOUND) == "ChannelEnded"


def test_a_dropped_channel_with_a_callback_goes_on_receiving(gateway):
    calls = Calls()
    go = gateway.newchannel()
    channel = gateway.remote_exec("go = channel.receive(); go.receive(); channel.send(7)")
    channel.send(go)
    channel.setcallback(calls, endmarker="end")
    del channel
    gc.collect()

    go.send(None)

    assert calls.wait_for(2) == [7, "end"]


def wait_for_text(read, text):
    said = []
    settle(lambda: said.append(read()) or text in "".join(said))
    return "".join(said)


def test_an_error_nobody_received_is_told_when_its_channel_is_dropped(gateway, capsys):
    channel = gateway.remote_exec("raise ValueError('forgotten')")
    assert settle(channel.isclosed)

    del channel
    gc.collect()

    said = wait_for_text(lambda: capsys.readouterr().err, "forgotten")
    assert "unhandled RemoteError" in said and "ValueError: forgotten" in said


def test_an_error_of_a_task_whose_channel_was_dropped_at_once_is_told_too(gateway, capfd):
    # On stderr here, or there where the channel is closed before the task has failed.
    gateway.remote_exec("raise ValueError('fire and forget')")
    gc.collect()

    said = wait_for_text(lambda: capfd.readouterr().err, "fire and forget")
    assert "unhandled RemoteError" in said


# ---- many threads ---------------------------------------------------------------------


def test_threads_over_one_channel_lose_and_double_nothing(gateway):
    channel = gateway.remote_exec(ECHO)
    received, count = [], 200

    def talk(thread):
        for number in range(count):
            channel.send((thread, number))
            received.append(channel.receive(BOUND))

    threads = [threading.Thread(target=talk, args=(index,)) for index in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(BOUND)
    channel.close()

    assert sorted(received) == [(thread, i) for thread in range(16) for i in range(count)]


def test_threads_over_one_gateway_get_their_own_items(gateway):
    wrong, done = [], []

    def talk(thread):
        with gateway.remote_exec(ECHO) as channel:
            for number in range(200):
                channel.send((thread, number))
                item = channel.receive(BOUND)
                if item != (thread, number):
                    wrong.append(item)
        done.append(thread)

    threads = [threading.Thread(target=talk, args=(index,)) for index in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(BOUND)

    assert (wrong, sorted(done)) == ([], list(range(16)))


# ---- errors that are told again and again ---------------------------------------------


def test_an_end_that_is_told_again_holds_on_to_no_frame(gateway):
    channel = gateway.remote_exec("pass")
    channel.waitclose(BOUND)
    depths = []
    for _ in range(3):
        with pytest.raises(ChannelEnded) as caught:
            channel.receive(BOUND)
        depths.append(len(caught.traceback))

    assert depths[0] == depths[1] == depths[2]


@pytest.mark.skipif(not HAS_REFERENCE_COUNTS, reason="collects what nobody holds, but later")
def test_a_channel_whose_end_was_seen_is_dropped_like_any_other(gateway):
    def task(channel):
        inner = channel.receive()
        other = channel.gateway.newchannel()
        channel.send(other)
        try:
            inner.receive()
        except EOFError:
            pass

    inner = gateway.newchannel()
    running = gateway.remote_exec(task)
    running.send(inner)
    other = running.receive(BOUND)
    inner.close()
    running.waitclose(BOUND)

    with pytest.raises(ChannelEnded):
        other.receive(BOUND)


def test_a_timeout_may_be_as_long_as_anybody_likes(gateway):
    month, for_ever = 30 * 86400.0, float("inf")
    with gateway.remote_exec(ECHO) as channel:
        for timeout in (month, 1e12, for_ever):
            channel.send(b"x" * 3000000, timeout=timeout)
            assert len(channel.receive(timeout)) == 3000000
        channel.close()
        channel.waitclose(for_ever)
    assert gateway.remote_status(for_ever).numexecuting >= 0


def test_what_is_no_callback_is_refused(gateway):
    channel = gateway.newchannel()
    for callback in (None, 5):
        with pytest.raises(TypeError, match="called with each item"):
            channel.setcallback(callback)


def test_a_window_that_is_no_number_of_bytes_is_refused_and_does_no_harm(gateway):
    for window in (1e6, "5M", -1):
        with pytest.raises(ValueError, match="whole number of bytes"):
            gateway.newchannel(window=window)
    assert gateway.remote_exec("channel.send(1)").receive(BOUND) == 1


def test_an_error_given_to_close_need_not_be_text(gateway):
    channel = gateway.remote_exec(
        "try: channel.receive()\n"
        "except channel.RemoteError as error: channel.gateway.said = str(error)"
    )
    channel.close(ValueError("five"))
    asked = gateway.remote_exec(
        "import time\n"
        "while not hasattr(channel.gateway, 'said'): time.sleep(0.01)\n"
        "channel.send(channel.gateway.said)"
    )
    assert "five" in asked.receive(BOUND)


def test_who_reads_for_a_channel_is_told_that_it_was_closed_at_its_own_end(gateway):
    channel = gateway.remote_exec(
        "import threading, time\n"
        "mine = channel.gateway.newchannel()\n"
        "def close():\n"
        "    while not channel.gateway._turn.is_taken(): time.sleep(0.01)\n"
        "    mine.close()\n"
        "channel.send(mine)\n"
        "threading.Thread(target=close).start()\n"
        "try: mine.receive()\n"
        "except EOFError: channel.send('told')\n"
    )
    theirs = channel.receive(BOUND)

    assert channel.receive(BOUND) == "told"
    assert theirs.isclosed()
