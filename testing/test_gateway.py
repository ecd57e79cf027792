"""A gateway runs what it is given and tells of what is at its other end."""

import inspect
import os
import platform
import signal
import subprocess
import sys
import textwrap
import threading

import interpreters
import pytest
from settling import BOUND, interrupted_in, promised

import gatewaylib
from gatewaylib import ChannelClosed, DumpError, GatewayLost, RemoteError, SourceError, TimeoutError
from gatewaylib.shipped import frames, sending


def add(channel, a, b=1):
    channel.send(a + b)


def fail_inside(channel):
    def inner():
        raise LookupError("inner")  # the line of the raise

    try:
        inner()
    except LookupError:
        raise ValueError("outer")


def line_of(text):
    with open(__file__, encoding="utf-8") as lines:
        return next(number for number, line in enumerate(lines, 1) if text in line)


# ---- running code --------------------------------------------------------------------


def test_text_finds_its_channel_as_a_global(gateway):
    assert gateway.remote_exec("channel.send(__name__)").receive(BOUND) == "__channelexec__"


def test_a_function_gets_its_channel_and_the_keywords(gateway):
    assert gateway.remote_exec(add, a=2).receive(BOUND) == 3
    assert gateway.remote_exec(add, a=[1], b=[2]).receive(BOUND) == [1, 2]


def test_a_channel_may_be_a_keyword(gateway):
    other = gateway.newchannel()

    def use(channel, other):
        other.send("through the other")

    gateway.remote_exec(use, other=other)

    assert other.receive(BOUND) == "through the other"


def test_a_module_is_run_from_its_file(gateway, tmp_path, monkeypatch):
    (tmp_path / "some_task.py").write_text("if __name__ == '__channelexec__': channel.send(41)\n")
    monkeypatch.syspath_prepend(tmp_path)
    import some_task

    assert gateway.remote_exec(some_task).receive(BOUND) == 41


def test_wrong_keywords_and_sources_are_errors_of_the_caller(gateway):
    with pytest.raises(TypeError):
        gateway.remote_exec("pass", a=1)
    with pytest.raises(DumpError):
        gateway.remote_exec(add, a=object())
    with pytest.raises(SourceError):
        gateway.remote_exec(len)


def test_source_of_a_megabyte_runs(gateway):
    text = "# " + "x" * 2**20 + "\nchannel.send(1)"
    assert gateway.remote_exec(text).receive(30) == 1


def test_print_of_a_task_does_not_touch_the_wire(group):
    lines = []
    gateway = group.makegateway("popen//id=p", on_output=lambda *line: lines.append(line))
    channel = gateway.remote_exec(
        "import os, sys; print('out'); os.write(1, b'raw\\n'); sys.stdin.read(); channel.send(1)"
    )

    assert channel.receive(BOUND) == 1
    group.terminate(BOUND)
    assert ("p", "stdout", "out") in lines and ("p", "stdout", "raw") in lines


# ---- errors ----------------------------------------------------------------------------


def test_a_traceback_names_the_file_and_the_lines_of_a_function(gateway):
    with pytest.raises(RemoteError) as caught:
        gateway.remote_exec(fail_inside).receive(BOUND)

    error = caught.value
    assert error.type_name == "ValueError"
    for text in ('raise LookupError("inner")  # the', 'raise ValueError("outer")'):
        assert f'File "{__file__}", line {line_of(text)}, in ' in error.formatted
        assert text in error.formatted
    assert "During handling of the above exception" in error.formatted
    assert str(error) == error.formatted


def test_a_traceback_of_text_shows_its_lines(gateway):
    with pytest.raises(RemoteError) as caught:
        gateway.remote_exec("\n\ndef f():\n    raise OSError(1)  # here\nf()\n").receive(BOUND)

    assert "line 4, in f" in caught.value.formatted
    assert "raise OSError(1)  # here" in caught.value.formatted
    assert "gatewaylib" not in caught.value.formatted


def test_a_syntax_error_is_shown_where_it_is(gateway):
    with pytest.raises(RemoteError) as caught:
        gateway.remote_exec("a = 1\nb = = 2\n").receive(BOUND)

    assert caught.value.type_name == "SyntaxError"
    assert "line 2" in caught.value.formatted and "b = = 2" in caught.value.formatted


@pytest.mark.parametrize("error", ["SystemExit(3)", "KeyboardInterrupt()", "GeneratorExit()"])
def test_what_is_no_exception_is_told_and_does_not_end_the_remote(gateway, error):
    with pytest.raises(RemoteError) as caught:
        gateway.remote_exec(f"raise {error}").receive(BOUND)

    assert caught.value.type_name == error.partition("(")[0]
    assert gateway.remote_exec("channel.send(1)").receive(BOUND) == 1


def test_an_exception_that_cannot_be_printed_is_told_all_the_same(gateway):
    source = """
    class Bad(Exception):
        def __str__(self): raise RuntimeError("no")
        __repr__ = __str__
    raise Bad()
    """
    with pytest.raises(RemoteError) as caught:
        gateway.remote_exec(textwrap.dedent(source)).receive(BOUND)

    assert caught.value.type_name == "Bad"


def test_a_huge_error_text_is_shortened_in_its_middle(gateway):
    with pytest.raises(RemoteError) as caught:
        gateway.remote_exec("raise ValueError('a' * 10**7 + 'the end')").receive(BOUND)

    assert len(caught.value.formatted) < 20000
    assert caught.value.formatted.rstrip().endswith("the end")


# ---- what is at the other end ----------------------------------------------------------------


def test_rinfo_tells_of_the_interpreter_without_asking(gateway):
    info = gateway._rinfo()

    assert info.version_info == tuple(sys.version_info)
    assert (info.platform, info.cwd) == (sys.platform, os.getcwd())
    assert info.pid != os.getpid()
    assert info.implementation == platform.python_implementation()
    assert repr(info).startswith("<RInfo cwd=")
    with pytest.raises(AttributeError, match="only version"):
        info.nothing


def test_rinfo_update_sees_a_changed_directory(group, tmp_path):
    gateway = group.makegateway()
    gateway.remote_exec(f"import os; os.chdir({str(tmp_path)!r})").waitclose(BOUND)

    assert gateway._rinfo(update=True).cwd == str(tmp_path)


def test_status_is_told_while_the_remote_is_busy(group):
    gateway = group.makegateway()  # on a shared one the task before may still be ending
    idle = gateway.remote_status(BOUND)
    channel = gateway.remote_exec("channel.send(1)\nwhile not channel.isclosed(): pass")
    channel.receive(BOUND)

    busy = gateway.remote_status(BOUND)

    assert (busy.numexecuting, busy.numchannels) == (idle.numexecuting + 1, idle.numchannels + 1)
    assert busy.execmodel == "thread"
    channel.close()


def test_repr_tells_id_spec_and_state(group):
    gateway = group.makegateway("popen//id=me//nice=3")

    assert repr(gateway).startswith("<Gateway id='me' popen//id=me//nice=3 alive, thread model")
    gateway.exit()
    gateway.join(BOUND)
    assert " ended, " in repr(gateway)


# ---- strings between Python 2 and 3 ------------------------------------------------------------

PYTHON2 = interpreters.find().get("python2.7")
STRINGS = (
    "channel.send('abc'); channel.send(u'abc'); channel.send(type(channel.receive()).__name__)"
)


@pytest.fixture
def python2(group):
    return group.makegateway(f"popen//python={PYTHON2}")


def strings_over(channel):
    channel.send("text")
    return [channel.receive(BOUND) for _ in range(3)]


@pytest.mark.skipif(not PYTHON2, reason="this machine has no Python 2.7")
def test_strings_of_python_2_are_text_unless_asked_otherwise(python2):
    assert strings_over(python2.remote_exec(STRINGS)) == ["abc", "abc", "unicode"]

    channel = python2.remote_exec(STRINGS)
    channel.reconfigure(py2str_as_py3str=False, py3str_as_py2str=True)
    assert strings_over(channel) == [b"abc", "abc", b"str"]
    assert strings_over(python2.remote_exec(STRINGS)) == ["abc", "abc", "unicode"]

    python2.reconfigure(py2str_as_py3str=False, py3str_as_py2str=True)
    assert strings_over(python2.remote_exec(STRINGS)) == [b"abc", "abc", b"str"]


@pytest.mark.skipif(not PYTHON2, reason="this machine has no Python 2.7")
def test_a_remote_can_reconfigure_too(python2):
    channel = python2.remote_exec("channel.reconfigure(False, True); " + STRINGS)
    assert channel.receive(BOUND) == b"abc"
    channel.send("text")
    assert [channel.receive(BOUND), channel.receive(BOUND)] == ["abc", b"str"]


@pytest.mark.skipif(not PYTHON2, reason="this machine has no Python 2.7")
def test_code_still_runs_where_strings_are_reconfigured(python2):
    python2.reconfigure(py2str_as_py3str=False, py3str_as_py2str=True)

    channel = python2.remote_exec("channel.send(u'\xe9')")
    assert channel.receive(BOUND) == "\xe9"
    channel.waitclose(BOUND)
    with pytest.raises(RemoteError, match="ZeroDivisionError"):
        python2.remote_exec("1/0").receive(BOUND)
    assert python2.remote_status(BOUND).numexecuting == 0


# ---- its end -------------------------------------------------------------------------------------


def test_exit_again_does_nothing_and_afterwards_nothing_can_be_run(group):
    gateway = group.makegateway()
    gateway.exit()
    gateway.exit()
    gateway.join(BOUND)

    assert not gateway.hasreceiver()
    for use in (
        lambda: gateway.remote_exec("pass"),
        gateway.newchannel,
        lambda: gateway.remote_status(BOUND),
    ):
        with pytest.raises(ChannelClosed, match="exited"):
            use()


def test_what_was_sent_before_the_end_can_still_be_received(group):
    gateway = group.makegateway()
    channel = gateway.remote_exec("for item in channel: pass\nchannel.send('last words')")
    gateway.exit()

    assert channel.receive(BOUND) == "last words"


def test_join_returns_in_time(gateway):
    with promised(0.2):
        gateway.join(0.2)


def test_terminate_of_one_gateway_reports_its_end(group):
    gateway = group.makegateway("popen//id=one")
    (ending,) = gateway.terminate(BOUND)
    assert (ending.id, ending.how, ending.exit_status) == ("one", "exited", 0)


def test_every_waiter_is_told_within_a_second_how_a_gateway_died(group):
    gateway = group.makegateway()
    channels = [gateway.newchannel() for _ in range(3)]
    told = []

    def wait(call):
        try:
            call()
        except GatewayLost as error:
            told.append(error.signal)

    calls = [channels[0].receive, channels[1].waitclose, lambda: channels[2].receive(BOUND)]
    threads = [threading.Thread(target=wait, args=(call,)) for call in calls]
    for thread in threads:
        thread.start()
    os.kill(gateway._rinfo().pid, signal.SIGKILL)
    with promised(1.0):
        for thread in threads:
            thread.join(BOUND)

    assert told == [9, 9, 9]
    with pytest.raises(GatewayLost, match="killed by SIGKILL"):
        gateway.remote_exec("pass")


def test_remote_exec_of_much_is_told_of_the_loss_as_well(group):
    gateway = group.makegateway("popen//window=1000")
    pid = gateway._rinfo().pid
    os.kill(pid, signal.SIGSTOP)
    caught = []

    def run():
        try:
            gateway.remote_exec(add, a="x" * 10**7)
        except GatewayLost as error:
            caught.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    with pytest.raises(TimeoutError):
        gateway.remote_status(0.2)
    os.kill(pid, signal.SIGKILL)
    thread.join(BOUND)

    assert caught and caught[0].signal == 9


def test_a_remote_that_breaks_the_protocol_is_lost_for_that_reason(group):
    channel = group.makegateway().remote_exec(
        "channel.gateway._transport.write_one(b'\\xff' * 9); channel.receive()"
    )

    with pytest.raises(GatewayLost, match="it broke the protocol: frame of 4294967295 bytes"):
        channel.receive(BOUND)


def test_an_unknown_name_of_the_package_is_an_attribute_error():
    with pytest.raises(AttributeError, match="nothing_like_it"):
        gatewaylib.nothing_like_it


def test_a_channel_whose_end_comes_with_a_broken_frame_is_told_as_well(group):
    gateway = group.makegateway()
    channel = gateway.remote_exec(
        "import os\n"
        "from _gatewaylib.shipped import frames\n"
        "wire = frames.encode(frames.CLOSE, channel.id) + frames.encode(99, 0)\n"
        "os.write(channel.gateway._transport.write_fileno(), wire)\n"
        "channel.receive()"
    )

    with pytest.raises(gatewaylib.GatewayLost, match="unknown kind 99"):
        channel.receive(BOUND)


def test_a_directory_that_was_removed_is_no_reason_not_to_start(tmp_path):
    program = (
        "import os, gatewaylib\n"
        "os.rmdir(os.getcwd())\n"
        "print(repr(gatewaylib.makegateway()._rinfo().cwd))\n"
    )
    (tmp_path / "gone").mkdir()
    root = os.path.dirname(os.path.dirname(gatewaylib.__file__))

    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=tmp_path / "gone",
        env={**os.environ, "PYTHONPATH": root},
        capture_output=True,
        text=True,
    )

    assert done.stdout == "''\n", done.stderr


@pytest.mark.skipif(not PYTHON2, reason="this machine has no Python 2.7")
def test_an_exception_of_an_old_class_is_a_remote_error_too(python2):
    raising = "class Old: pass\nraise Old()"
    for _ in range(2):  # the second one may run beside the main thread
        with pytest.raises(RemoteError) as told:
            python2.remote_exec(raising).receive(BOUND)
        assert told.value.type_name == "Old"


def test_ctrl_c_at_any_moment_keeps_no_lock(group):
    def interrupt(number, frame):
        raise KeyboardInterrupt

    echo = "while True: channel.send(channel.receive())"
    gateway = group.makegateway()
    channel = gateway.remote_exec(echo)
    before = signal.signal(signal.SIGALRM, interrupt)
    try:
        for moment in range(60):
            try:
                signal.setitimer(signal.ITIMER_REAL, 0.0005 + moment * 0.00002)
                while True:
                    channel.send(moment)
                    channel.receive()
            except KeyboardInterrupt:
                pass
            except gatewaylib.GatewayLost:
                signal.setitimer(signal.ITIMER_REAL, 0)
            try:
                # Works, or is lost and says so: a lock kept would time out.
                assert gateway.remote_status(timeout=BOUND).numexecuting >= 1
            except gatewaylib.GatewayLost:
                gateway = group.makegateway()
                channel = gateway.remote_exec(echo)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


# ---- what is said of a loss -------------------------------------------------------------


def test_a_remote_that_gives_up_says_why(group):
    gateway = group.makegateway("popen")
    gateway._protocol.output.append(frames.encode(99, 0))
    gateway._writer.flush()

    gateway.join(BOUND)

    assert "the other end gave up" in str(gateway.ended_by)
    assert "unknown kind 99" in str(gateway.ended_by)


def test_a_send_that_is_interrupted_in_the_middle_is_the_reason_of_the_loss(group):
    gateway = group.makegateway("popen")
    channel = gateway.remote_exec("for item in channel: pass")
    os.kill(gateway._rinfo().pid, signal.SIGSTOP)
    with interrupted_in("_write_in_steps"):
        channel.send(b"x" * 30_000_000)

    gateway.join(BOUND)

    assert "interrupted by KeyboardInterrupt" in str(gateway.ended_by)


def test_remote_exec_returns_though_the_other_end_reads_nothing(group, monkeypatch):
    monkeypatch.setattr(sending, "PATIENCE", 0.1)
    gateway = group.makegateway("popen")
    channel = gateway.newchannel()
    os.kill(gateway._rinfo().pid, signal.SIGSTOP)
    with pytest.raises(TimeoutError):
        channel.send(b"x" * 30_000_000, timeout=0.1)

    with pytest.raises(TimeoutError, match="reads nothing"):
        for _ in range(1000):
            gateway.remote_exec("pass")
    os.kill(gateway._rinfo().pid, signal.SIGKILL)  # it would not end by itself


def test_sources_of_the_library_are_at_hand_at_a_remote_like_this_one(gateway):
    channel = gateway.remote_exec(
        "import inspect, sys\n"
        "frames = sys.modules['_gatewaylib.shipped.frames']\n"
        "channel.send((inspect.getsource(frames), inspect.getsource(frames.Pieces)))"
    )
    module, of_class = channel.receive(BOUND)

    assert module == inspect.getsource(frames)
    assert of_class == inspect.getsource(frames.Pieces)


def test_what_a_task_still_sends_when_it_is_told_to_end_arrives(group):
    gateway = group.makegateway("popen")
    channel = gateway.remote_exec(
        "channel.send(0)\ntry: channel.receive()\nexcept EOFError: channel.send('late')"
    )
    assert channel.receive(BOUND) == 0

    gateway.exit()

    assert channel.receive(BOUND) == "late"
    with pytest.raises(ChannelClosed, match="was exited"):
        gateway.remote_exec("pass")
