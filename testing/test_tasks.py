"""Where tasks run, and that one never stops another."""

import pytest
from settling import BOUND, settle

from gatewaylib import RemoteError
from gatewaylib.shipped import tasks
from gatewaylib.shipped.compat import HAS_REFERENCE_COUNTS
from gatewaylib.shipped.handles import MANY

WHERE = (
    "import threading\n"
    "name = type(threading.current_thread()).__name__\n"
    "channel.send(name == '_MainThread')\n"
)


def test_the_first_task_has_the_main_thread_and_others_run_beside_it(group):
    gateway = group.makegateway()
    first = gateway.remote_exec(WHERE + "channel.receive()")
    assert first.receive(BOUND) is True
    second = gateway.remote_exec(WHERE + "channel.receive()")
    assert second.receive(BOUND) is False

    first.send(None)
    first.waitclose(BOUND)
    assert gateway.remote_exec(WHERE).receive(BOUND) is True
    second.close()


def test_a_hundred_tasks_run_at_once(group):
    gateway = group.makegateway()
    channels = [
        gateway.remote_exec("channel.receive(); channel.send(1)") for _ in range(100)
    ]
    assert gateway.remote_status(BOUND).numexecuting == 100
    for channel in channels:
        channel.send(None)
    assert sum(channel.receive(BOUND) for channel in channels) == 100


def test_a_channel_ends_with_its_task(gateway):
    channel = gateway.remote_exec("pass")
    channel.waitclose(BOUND)
    assert channel.isclosed()


def test_a_channel_a_task_leaves_behind_is_closed_with_it(gateway):
    channel = gateway.remote_exec("inner = channel.gateway.newchannel(); channel.send(inner)")
    inner = channel.receive(BOUND)
    with pytest.raises(EOFError):
        inner.receive(BOUND)


def test_a_task_may_start_threads_that_use_its_channel(gateway):
    channel = gateway.remote_exec(
        "import threading\n"
        "threads = [threading.Thread(target=channel.send, args=(i,)) for i in range(10)]\n"
        "for thread in threads: thread.start()\n"
        "for thread in threads: thread.join()\n"
    )
    assert sorted(channel) == list(range(10))


def test_tasks_of_two_texts_with_one_file_name_show_their_own_lines(gateway):
    waiting = gateway.remote_exec("channel.receive()\nraise ValueError('of the first')")
    gateway.remote_exec("\n\n").waitclose(BOUND)
    waiting.send(None)
    with pytest.raises(RemoteError, match=r"raise ValueError\('of the first'\)"):
        waiting.receive(BOUND)


def test_the_same_text_runs_anew_each_time(gateway):
    source = "seen = globals().get('seen', 0) + 1\nchannel.send((seen, channel.id))"
    answers = [gateway.remote_exec(source).receive(BOUND) for _ in range(5)]
    assert [seen for seen, _ in answers] == [1] * 5
    assert len({id for _, id in answers}) == 5


def test_a_text_that_fails_fails_each_time_with_its_lines(gateway):
    for _ in range(3):
        with pytest.raises(RemoteError, match="line 2.*\n *raise ValueError"):
            gateway.remote_exec("x = 1\nraise ValueError(x)").waitclose(BOUND)
        with pytest.raises(RemoteError, match="SyntaxError"):
            gateway.remote_exec("x =").waitclose(BOUND)


def test_the_code_of_a_few_short_texts_is_kept(monkeypatch):
    monkeypatch.setattr(tasks, "_codes", {})
    first = tasks._code_of("x = 1", "here.py", 3)
    assert tasks._code_of("x = 1", "here.py", 3) is first
    assert first.co_filename == "here.py"
    for other in (("x = 2", "here.py", 3), ("x = 1", "there.py", 3), ("x = 1", "here.py", 4)):
        assert tasks._code_of(*other) is not first

    tasks._code_of("#" * tasks.SHORT + "\n", "long.py", 1)
    assert all(name != "long.py" for _, name, _ in tasks._codes)
    for number in range(3 * tasks.MOST_KEPT):
        tasks._code_of("x = %d" % number, "many.py", 1)
        assert len(tasks._codes) <= tasks.MOST_KEPT


def test_what_a_function_is_given_is_its_own_each_time(gateway):
    def grow(channel, items):
        items.append(len(items))
        channel.send(items)

    for _ in range(3):
        assert gateway.remote_exec(grow, items=[7]).receive(BOUND) == [7, 1]


def test_what_is_kept_of_tasks_stays_little(gateway):
    count = "channel.send(len(channel.gateway._tasks._sources))"
    for number in range(2 * tasks.MOST_KEPT):
        gateway.remote_exec("pass  # %d" % number).waitclose(BOUND)
    gateway.remote_exec("pass  #" + "x" * tasks.SHORT).waitclose(BOUND)
    assert 1 <= gateway.remote_exec(count).receive(BOUND) <= tasks.MOST_KEPT


@pytest.mark.skipif(not HAS_REFERENCE_COUNTS, reason="what nobody holds is found by a look then")
def test_tasks_that_ended_wake_nobody_to_be_forgotten(gateway, monkeypatch):
    handles, wakes = gateway._handles, []
    wake = handles._wake_poller
    monkeypatch.setattr(handles, "_wake_poller", lambda: wakes.append(1) or wake())
    for _ in range(3 * MANY):
        gateway.remote_exec("pass").waitclose(BOUND)

    assert len(wakes) < MANY  # a few for each that many: the poller may be slow to come
    assert settle(lambda: len(handles._references) <= MANY)
    assert gateway.remote_status(BOUND).numchannels == 0


# ---- main_thread_only ------------------------------------------------------------------------


def test_main_thread_only_refuses_a_second_task_after_a_second_and_says_why(group):
    gateway = group.makegateway("popen//execmodel=main_thread_only")
    first = gateway.remote_exec(WHERE + "channel.receive()")
    assert first.receive(BOUND) is True

    with pytest.raises(RemoteError, match="would cause deadlock for main_thread_only"):
        gateway.remote_exec("pass").waitclose(BOUND)

    first.send(None)
    first.waitclose(BOUND)
    assert gateway.remote_exec(WHERE).receive(BOUND) is True


def test_main_thread_only_runs_tasks_one_after_another(group):
    gateway = group.makegateway("popen//execmodel=main_thread_only")
    for number in range(20):
        channel = gateway.remote_exec(f"channel.send({number})")
        assert channel.receive(BOUND) == number  # not waiting for its end


def test_main_thread_only_goes_on_after_a_task_that_failed(group):
    gateway = group.makegateway("popen//execmodel=main_thread_only")
    for source in ("1/0", "raise SystemExit(2)", "raise KeyboardInterrupt", "a b"):
        with pytest.raises(RemoteError):
            gateway.remote_exec(source).waitclose(BOUND)
        assert gateway.remote_exec(WHERE).receive(BOUND) is True


def test_main_thread_only_serves_callbacks_and_status_while_its_task_runs(group):
    gateway = group.makegateway("popen//execmodel=main_thread_only")
    channel = gateway.remote_exec(
        "import threading\n"
        "over = threading.Event()\n"
        "channel.setcallback(lambda item: over.set())\n"
        "channel.send('ready')\n"
        "over.wait(30)\n"
        "channel.send('called back')\n"
    )
    assert channel.receive(BOUND) == "ready"
    assert gateway.remote_status(BOUND).numexecuting == 1
    channel.send(1)
    assert channel.receive(BOUND) == "called back"
