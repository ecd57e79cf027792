# plain: runs on every interpreter
"""The execution models: starting, locking and waiting. Green ones are in test_execmodels.py."""

from __future__ import absolute_import

import threading

from gatewaylib.shipped import threads
from gatewaylib.shipped.threads import NAMES, get_model

WAIT = 30  # seconds: longer than anything here takes


class ShortIdling(object):
    """Lets pooled threads end soon, so that no test leaves one."""

    def __enter__(self):
        self.before, threads.IDLE = threads.IDLE, 0.02

    def __exit__(self, *exc_info):
        threads.IDLE = self.before


def error_of(kind, function, *args):
    try:
        function(*args)
    except kind as error:
        return str(error)
    raise AssertionError("no %s" % kind.__name__)


def test_a_model_is_made_once_and_says_which_it_is():
    for name in ("thread", "main_thread_only"):
        model = get_model(name)

        assert get_model(name) is model
        assert model.backend == name and name in repr(model)
        assert not model.green and model.wait_readable is None and model.wait_writable is None


def test_an_unknown_model_is_an_error_that_lists_the_known_ones():
    text = error_of(ValueError, get_model, "threads")

    assert "'threads'" in text and all(name in text for name in NAMES)


def test_a_started_thread_has_a_name_and_its_arguments():
    model, done, seen = get_model("thread"), threading.Event(), []

    def work(*args):
        seen.append((threading.current_thread().name, args, model.get_ident()))
        done.set()

    thread = model.start(work, (1, 2), name="gatewaylib-test")
    assert done.wait(WAIT)
    thread.join(WAIT)

    ((name, args, ident),) = seen
    assert (name, args) == ("gatewaylib-test", (1, 2))
    assert ident != model.get_ident()
    assert thread.daemon


def test_work_runs_soon_in_one_pooled_thread_after_the_other():
    model, idents, done = get_model("thread"), [], threading.Event()

    def work(number):
        idents.append((number, model.get_ident()))
        done.set()

    with ShortIdling():
        for number in range(20):
            done.clear()
            model.run_soon(work, number)
            assert done.wait(WAIT)

    assert [number for number, _ in idents] == list(range(20))
    assert model.get_ident() not in [ident for _, ident in idents]


def test_works_that_wait_for_each_other_run_side_by_side():
    model = get_model("thread")
    events = [threading.Event() for _ in range(10)]
    done = threading.Event()

    def work(number):
        # Each waits for the one that was handed over after it.
        assert number == 9 or events[number + 1].wait(WAIT)
        events[number].set()
        if number == 0:
            done.set()

    with ShortIdling():
        for number in range(10):
            model.run_soon(work, number)
        assert done.wait(WAIT)


def test_works_that_come_just_as_threads_end_are_all_done():
    model, done = get_model("thread"), threading.Semaphore(0)
    before, threads.IDLE = threads.IDLE, 0.0
    try:
        for _ in range(300):
            model.run_soon(done.release)
        for _ in range(300):
            assert acquired(done)
    finally:
        threads.IDLE = before


def acquired(semaphore):
    """Acquire a semaphore; Python 2's knows no timeout, the run has one."""
    semaphore.acquire()
    return True


def test_where_no_thread_starts_work_runs_in_the_caller():
    model, seen = threads._thread_model("thread"), []  # one of its own: none of its threads idles

    def refuse(*args):
        raise RuntimeError("can't start new thread")

    model._spawn = refuse
    model.run_soon(lambda: seen.append(model.get_ident()))

    assert seen == [model.get_ident()]


def test_a_lock_is_acquired_within_its_time():
    model = get_model("thread")
    lock = model.Lock()

    for timeout in (None, 0, -1, 0.01, WAIT):
        assert model.acquire(lock, timeout) is True
        lock.release()


def test_a_lock_that_stays_taken_is_not_acquired():
    model = get_model("thread")
    lock = model.Lock()
    lock.acquire()

    for timeout in (0, -1, 0.001, 0.05):
        assert model.acquire(lock, timeout) is False


def test_a_lock_that_another_thread_releases_is_acquired_before_the_time_is_over():
    model = get_model("thread")
    for timeout in (None, WAIT):
        lock = model.Lock()
        lock.acquire()

        thread = model.start(lock.release)

        assert model.acquire(lock, timeout) is True
        thread.join(WAIT)


def test_a_lock_that_is_free_is_not_released():
    lock = get_model("thread").Lock()
    try:
        lock.release()
    except Exception:  # RuntimeError, thread.error, or Java's
        return
    raise AssertionError("released")


def test_events_locks_and_queues_are_there():
    model = get_model("thread")
    event, lock, waiting = model.Event(), model.RLock(), model.queue.Queue()

    assert not event.wait(0)
    event.set()
    assert event.wait(0)
    assert lock.acquire() and lock.acquire()
    lock.release()
    lock.release()
    waiting.put(1)
    assert waiting.get() == 1
    model.sleep(0)
