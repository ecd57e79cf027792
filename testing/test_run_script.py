# plain: runs on every interpreter
"""What the remote half of ``gatewaylib run`` does, without a gateway."""

from __future__ import absolute_import

import io
import sys
import threading

from gatewaylib.shipped.on_demand import run_script
from gatewaylib.shipped.on_demand.run_script import LineSender, outcome_of

SNOWMAN = u"\u2603"


def sender(original=None):
    sent = []
    return sent, LineSender(sent.append, original)


def test_lines_are_sent_whole_and_as_soon_as_they_are():
    sent, stream = sender()

    stream.write(u"one ")
    stream.write(u"line\nand ano")
    stream.write(u"ther\nrest")

    assert sent == [u"one line\n", u"and another\n"]
    stream.end_line()
    assert sent[2:] == [u"rest"]


def test_a_very_long_line_is_sent_in_parts():
    sent, stream = sender()

    for _ in range(3):
        stream.write(u"x" * run_script.MAX_PENDING)

    assert u"".join(sent) == u"x" * len(u"".join(sent))
    assert len(u"".join(sent)) >= 2 * run_script.MAX_PENDING


def test_bytes_are_text_wherever_they_are_cut():
    sent, stream = sender()
    data = SNOWMAN.encode("utf-8") + b"\n"

    for i in range(len(data)):
        stream.buffer.write(data[i:i + 1])

    assert sent == [SNOWMAN + u"\n"]


def test_text_that_is_no_unicode_arrives_as_text_that_can_travel():
    sent, stream = sender()
    try:
        text = b"a\\udcffb\\n".decode("unicode-escape")
    except UnicodeDecodeError:
        return  # Jython has no such text

    stream.write(text)

    assert len(sent) == 1
    sent[0].encode("utf-8")
    assert sent[0].startswith(u"a") and sent[0].endswith(u"b\n")


def test_print_writes_to_it():
    sent, stream = sender()
    before, sys.stdout = sys.stdout, stream
    try:
        exec("print('%s and %d' % ('text', 7))")
    finally:
        sys.stdout = before

    assert sent == [u"text and 7\n"]


def test_what_comes_too_late_goes_to_the_stream_it_stands_for():
    original = io.StringIO()
    sent, stream = sender(original)

    stream.write(u"sent")
    stream.stop_sending()
    stream.write(u"late\n")

    assert sent == [u"sent"]
    assert original.getvalue() == u"late\n"


def exit_with(code):
    def function():
        sys.exit(code)

    return function


def test_an_exit_without_a_status_is_a_result():
    assert outcome_of(exit_with(None)) == ("result", None)
    assert outcome_of(exit_with(0)) == ("result", None)


def test_an_exit_with_a_status_has_failed_with_it():
    assert outcome_of(exit_with(3)) == ("failed", u"", u"exit status 3", 3)
    assert outcome_of(exit_with(True))[3] == 1


def test_an_exit_with_a_text_has_failed_with_status_1_as_python_does():
    assert outcome_of(exit_with("no luck"))[1:] == (u"no luck\n", u"exit status 1: no luck", 1)


def test_an_error_is_told_without_the_frames_that_are_not_its_own():
    def function():
        raise ValueError("wrong")

    kind, traceback, summary, status = outcome_of(function)

    assert (kind, summary, status) == ("failed", u"ValueError: wrong", None)
    assert "in function" in traceback
    assert "outcome_of" not in traceback


def test_a_result_waits_for_the_threads_that_were_started():
    done = []
    go = threading.Event()

    def late():
        go.wait(10)
        done.append("late")

    def function():
        threading.Thread(target=late).start()
        threading.Timer(0, go.set).start()

    outcome_of(function)

    assert done == ["late"]


def function_job(source, function="answer", module="sent_package.sent_module"):
    return {
        "kind": "function",
        "module": module,
        "function": function,
        "source": source,
        "filename": u"/nowhere/sent_module.py",
        "args": [],
        "map": False,
    }


def forget(*names):
    for name in names:
        sys.modules.pop(name, None)


def test_a_function_is_found_in_a_module_of_its_name_that_is_nowhere_installed():
    source = b"import sys\ndef answer():\n    return sys.modules[__name__].__name__\n"
    try:
        function = run_script.load_function(function_job(source))

        assert function() == "sent_package.sent_module"
        assert sys.modules["sent_package"].sent_module is sys.modules["sent_package.sent_module"]
    finally:
        forget("sent_package", "sent_package.sent_module")


def test_a_module_without_a_source_is_this_ends_own():
    job = function_job(None, "sep.join", "os.path")

    assert run_script.load_function(job)(["a", "b"]) in ("a/b", "a\\b")


def test_a_traceback_shows_the_line_of_a_file_that_is_not_here():
    source = b"def answer():\n    return 1 // 0  # never\n"
    try:
        outcome = outcome_of(run_script.load_function(function_job(source)))
    finally:
        forget("sent_package", "sent_package.sent_module")

    assert "1 // 0  # never" in outcome[1]
    assert 'File "/nowhere/sent_module.py", line 2' in outcome[1]


def test_a_script_runs_as_main_with_its_arguments_and_its_file():
    source = (
        b"# -*- coding: utf-8 -*-\nimport sys\nimport __main__\n"
        b"seen = (__name__, sys.argv[:], __file__, __main__.__dict__ is globals())\n"
        b"text = u'\xe2\x98\x83'\n"
    )
    argv, main = sys.argv[:], sys.modules["__main__"]
    job = {
        "source": source,
        "filename": u"somewhere/script.py",
        "path": u"somewhere/script.py",
        "argv": [u"somewhere/script.py", u"x"],
    }
    try:
        run_script.run_script(job)
        script = sys.modules["__main__"]
    finally:
        sys.argv[:], sys.modules["__main__"] = argv, main
        forget("_gatewaylib_main")

    assert script.seen == (
        "__main__", ["somewhere/script.py", "x"], "somewhere/script.py", True
    )
    assert script.text == SNOWMAN


class FakeChannel(object):
    def __init__(self):
        self.sent = []

    def send(self, item):
        if item[0] == "result" and isinstance(item[1], object) and item[1] is not None:
            raise ValueError("$[1]['x']: can't travel")
        self.sent.append(item)

    def isclosed(self):
        return False


def test_a_result_that_cannot_travel_is_a_failure_that_says_where_it_cannot():
    channel = FakeChannel()

    run_script.report(channel, ("result", {"x": object()}))

    summary = u"the result can't be sent: $['x']: can't travel"
    assert channel.sent == [("failed", summary + u"\n", summary, None)]
