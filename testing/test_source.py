# mypy: ignore-errors
# It holds tasks as people write them: without types, and with names that mean nothing here.
"""What can be sent as a task, and what the refusal of the rest says."""

import ast
import contextlib
import functools
import inspect
import json
import linecache
import os
import sys
import textwrap
import tokenize
import types

import pytest

from gatewaylib import source as sources
from gatewaylib.shipped.errors import SourceError
from gatewaylib.shipped.serializer import Serializer
from gatewaylib.source import TEXT_FILE_NAME, prepare
from gatewaylib.source_text import (
    _codes,
    _shape,
    cut_function,
    needed_names,
    without_annotations,
)

LIMIT = 7


class Recorder:
    """Stands for the channel of a task that runs here."""

    def __init__(self):
        self.items = []

    def send(self, item):
        self.items.append(item)


def run(task, **kwargs):
    """Do what the other end does with a task; return what it sent."""
    channel = Recorder()
    namespace = {"__name__": "__channelexec__", "channel": channel}
    text = "\n" * (task.first_line - 1) + task.text
    exec(compile(text, task.file_name, "exec", dont_inherit=True), namespace)
    if task.call is not None:
        namespace[task.call](channel, **kwargs)
    return channel.items


def send_and_run(source, **kwargs):
    return run(prepare(source, kwargs), **kwargs)


def refusal(source, **kwargs):
    with pytest.raises(SourceError) as caught:
        prepare(source, kwargs)
    return str(caught.value)


def line_of(task):
    """Return the line that a traceback tells for the error of a task."""
    with pytest.raises(ZeroDivisionError) as caught:
        run(task)
    last = caught.traceback[-1]
    return str(last.path), last.lineno + 1


def load(tmp_path, text, name="sent_module"):
    path = tmp_path / (name + ".py")
    path.write_bytes(text if isinstance(text, bytes) else text.encode("utf-8"))
    module = types.ModuleType(name)
    module.__file__ = str(path)
    exec(compile(path.read_bytes(), str(path), "exec", dont_inherit=True), vars(module))
    return module


def keep(function):
    return function


def wrap(function):
    @functools.wraps(function)
    def wrapper(*args, **kwargs):
        return function(*args, **kwargs)

    return wrapper


def wrap_namelessly(function):
    def wrapper(channel):
        return function(channel)

    return wrapper


# ---- text ------------------------------------------------------------------------


def test_text_is_dedented_and_finds_its_channel_in_a_global():
    task = prepare("\n    x = 1\n    channel.send(x)\n", {})

    assert (task.file_name, task.first_line, task.call) == ("<remote exec>", 1, None)
    assert run(task) == [1]


def test_a_text_that_is_sent_again_is_packed_once_and_others_as_they_are():
    serializer = Serializer()
    name, payload = sources.packed("  pass", {}, serializer)
    assert serializer.loads(payload) == (*prepare("pass", {}), {}) and name == TEXT_FILE_NAME
    assert sources.packed("  pass", {}, serializer)[1] is payload

    long = "#" * sources.SHORT + "\n"
    for source in (long, type("Text", (str,), {})("pass"), "pass\n"):
        assert serializer.loads(sources.packed(source, {}, serializer)[1])[0] == source
    with pytest.raises(TypeError):
        sources.packed("pass", {"x": 1}, serializer)


def test_text_and_modules_take_no_keyword_arguments(tmp_path):
    for source in ["channel.send(1)", load(tmp_path, "x = 1\n")]:
        with pytest.raises(TypeError, match="only a function takes keyword arguments.*n"):
            prepare(source, {"n": 1})


def test_a_coding_line_is_made_harmless_because_python_2_refuses_it_in_decoded_text():
    for line in ["# -*- coding: latin-1 -*-", "# vim: set fileencoding=utf-8 :"]:
        for text in [line + "\nx = 1", "#!/usr/bin/python\n" + line + "\nx = 1", line]:
            sent = prepare(text, {}).text

            assert "coding:" not in sent
            assert "coding=" not in sent
            assert sent.count("\n") == text.count("\n")
    assert "coding: x" in prepare("pass\npass\n# coding: x", {}).text
    assert "coding: x" in prepare("s = 1  # coding: x", {}).text


# ---- modules ---------------------------------------------------------------------


def test_a_module_is_read_again_from_its_file(tmp_path):
    module = load(tmp_path, "x = 1\n")
    linecache.getlines(module.__file__)
    before = os.stat(module.__file__)
    with open(module.__file__, "w") as file:
        file.write("x = 2\n")
    os.utime(module.__file__, ns=(before.st_atime_ns, before.st_mtime_ns))

    task = prepare(module, {})

    assert task == ("x = 2\n", module.__file__, 1, None)


def test_a_module_is_decoded_as_it_says(tmp_path):
    module = load(tmp_path, "# coding: latin-1\ns = '\xe9'\n".encode("latin-1"))

    assert "s = '\xe9'\n" in prepare(module, {}).text


def test_an_empty_module_is_sent(tmp_path):
    assert prepare(load(tmp_path, ""), {}).text.strip() == ""


def test_a_module_of_the_standard_library_is_sent_with_its_true_file():
    assert prepare(textwrap, {}).file_name == textwrap.__file__


def test_a_module_in_a_zip_file_is_sent(tmp_path, monkeypatch):
    import zipfile

    with zipfile.ZipFile(str(tmp_path / "a.zip"), "w") as archive:
        archive.writestr("sent_from_zip.py", "channel.send(5)\n")
    monkeypatch.syspath_prepend(str(tmp_path / "a.zip"))
    sys.modules.pop("sent_from_zip", None)
    loader = __import__("zipimport").zipimporter(str(tmp_path / "a.zip"))
    module = types.ModuleType("sent_from_zip")
    module.__file__ = str(tmp_path / "a.zip" / "sent_from_zip.py")
    module.__loader__ = loader

    assert send_and_run(module) == [5]


def test_a_module_without_source_is_refused_by_name(tmp_path):
    assert "module sys can't be sent" in refusal(sys)
    assert "imports it at the other end" in refusal(types.ModuleType("made_here"))
    gone = load(tmp_path, "x = 1\n")
    os.remove(gone.__file__)
    assert gone.__file__ in refusal(gone)


# ---- functions that work ---------------------------------------------------------


def fails_at_a_known_line(channel):
    # a comment
    1 / 0  # noqa: B018


def known_line():
    return fails_at_a_known_line.__code__.co_firstlineno + 2


def test_a_function_is_sent_with_its_true_file_and_lines():
    task = prepare(fails_at_a_known_line, {})

    assert task.call == "fails_at_a_known_line"
    assert line_of(task) == (__file__, known_line())


def test_a_nested_function_keeps_its_lines_and_its_strings():
    def nested(channel):
        channel.send("""a
    b
left""")
        1 / 0  # noqa: B018

    task = prepare(nested, {})

    assert line_of(task) == (__file__, nested.__code__.co_firstlineno + 4)
    channel = Recorder()
    with pytest.raises(ZeroDivisionError):
        nested(channel)
    with contextlib.suppress(ZeroDivisionError):
        assert run(task) == channel.items
    assert channel.items == ["a\n    b\nleft"]


def test_keyword_arguments_reach_the_function():
    def add(channel, a, b=2, *rest, c=3, **others):
        channel.send([a, b, c, others])

    assert send_and_run(add, a=1) == [[1, 2, 3, {}]]
    assert send_and_run(add, a=1, c=5, d=6) == [[1, 2, 5, {"d": 6}]]


def test_a_one_line_function_works():
    # fmt: off
    def short(channel): channel.send(1); channel.send(2)  # noqa: E702
    # fmt: on

    assert send_and_run(short) == [1, 2]


def test_annotations_are_left_out_for_their_names_mean_nothing_there():
    def typed(
        channel: "Channel",  # noqa: F821
        n: LIMIT.bit_length = 1,
        *,
        names: "dict[str, int] | None" = None,
    ) -> "list[\n    int]":
        total: int = n
        channel.send(total)

    text = prepare(typed, {}).text

    assert "Channel" not in text
    assert "dict" not in text
    assert send_and_run(typed) == [1]


SIGNATURES = [
    "(channel)",
    "(channel: int)",
    "(channel: int) -> None",
    "(channel: 'a, b' = 1, *args: int, k: str = 'x:y', **kw: Dict[str, int]) -> Dict[str, int]",
    "(channel: Dict[str,\n  int],  # one: two\n  n: int  # three\n  ) -> Dict[\n  str, int\n]",
    "(channel, f=lambda a, b=2: a, g: C = lambda: {1: 2})",
    "(channel: (lambda a, b: a), n=[x for x in (1, 2)][0:1])",
    "(channel, /, n: int = {1: 2}[1], *, k: int)",
    "(channel: f'{x:>3}' = f'{1:>3}') -> (lambda: 1)",
    "(channel:int,n:int=1,)->int",
    "(channel: '\xe9\xe8' = '\xe9', n: int = 1) -> int",
]


@pytest.mark.parametrize("signature", SIGNATURES)
def test_leaving_out_annotations_changes_nothing_else(signature):
    for text in [
        f"def f{signature}:\n    def g(a: int): pass\n    x: int = 1\n",
        f"if 1:\n    def f{signature}: return {{1: 2}}\n",
    ]:
        stripped = without_annotations(text)

        wanted = ast.parse(text)
        first = next(n for n in ast.walk(wanted) if isinstance(n, ast.FunctionDef))
        first.returns = None
        for arg in ast.walk(first.args):
            if isinstance(arg, ast.arg):
                arg.annotation = None
        assert ast.dump(ast.parse(stripped)) == ast.dump(wanted)
        assert stripped.count("\n") == text.count("\n")


def test_type_parameters_are_left_alone():
    text = "def f[T: int](channel: T, n: T = 1) -> T: pass\n"

    assert without_annotations(text) == "def f[T: int](channel   , n    = 1)     : pass\n"


def test_a_decorator_that_gave_the_function_back_is_left_out():
    @keep
    @functools.partial(keep)
    def decorated(channel):
        1 / 0  # noqa: B018

    task = prepare(decorated, {})

    assert "keep" not in task.text
    assert line_of(task) == (__file__, decorated.__code__.co_firstlineno + 3)


def test_a_static_method_is_a_function():
    class Holder:
        @staticmethod
        def task(channel, n=1):
            channel.send(n)

    assert send_and_run(Holder.task, n=4) == [4]


def test_a_nested_function_may_call_itself():
    def count_down(channel, n):
        channel.send(n)
        if n:
            count_down(channel, n - 1)

    assert send_and_run(count_down, n=2) == [2, 1, 0]


def test_imports_and_definitions_inside_of_the_function_are_its_own():
    def task(channel):
        import json
        from os import path as p

        class Local:
            limit = 3
            double = limit * 2
            name = __name__

        def inner(x):
            return [json.loads(i) for i in x if p and Local.double]

        channel.send(inner(["1"]))

    assert send_and_run(task) == [[1]]


def test_a_function_may_make_globals_of_its_own():
    def task(channel):
        global _made_there
        _made_there = 5
        channel.send(_made_there)

    assert send_and_run(task) == [5]


def test_builtins_of_other_pythons_may_be_used():
    def task(channel):
        try:
            text = unicode
        except NameError:
            text = str
        channel.send(text("a"))

    assert send_and_run(task) == ["a"]


def test_a_builtin_that_was_only_wrapped_here_is_still_the_builtin(monkeypatch):
    monkeypatch.setitem(globals(), "open", functools.wraps(open)(lambda *args: None))

    def task(channel):
        channel.send(open is not None)

    assert send_and_run(task) == [True]


# ---- lambdas ---------------------------------------------------------------------


def test_a_lambda_is_cut_out_of_its_line():
    work = lambda channel, n=2: channel.send(n)  # noqa: E731

    assert send_and_run(work) == [2]
    assert send_and_run(work, n=3) == [3]
    assert send_and_run((lambda channel: channel.send([x + 1 for x in (0, 1)]))) == [[1, 2]]


def test_a_lambda_over_many_lines_keeps_them():
    work = lambda channel: channel.send(  # noqa: E731
        # a comment
        1 / 0  # noqa: B018
    )

    path, line = line_of(prepare(work, {}))

    assert path == __file__
    assert work.__code__.co_firstlineno < line <= work.__code__.co_firstlineno + 3


def test_lambdas_of_one_line_are_told_apart_by_their_code():
    # fmt: off
    a, b, c = lambda channel: channel.send(1), lambda channel: channel.send(2), lambda x: x
    d, e = lambda channel: channel.send([1.0]), lambda channel: channel.send([True])
    f, g = lambda channel: channel.send(1 + len("")), lambda channel: channel.send(1 - len(""))
    h, i = lambda channel: channel.send((lambda: 1)()), lambda channel: channel.send((lambda: 2)())
    # fmt: on

    assert [send_and_run(x) for x in (a, b, d, e)] == [[1], [2], [[1.0]], [[True]]]
    assert [" + " in prepare(x, {}).text for x in (f, g)] == [True, False]
    assert [send_and_run(x) for x in (h, i)] == [[1], [2]]
    assert "first parameter" in refusal(c)


def test_the_same_lambda_twice_on_a_line_is_one():
    a, b = lambda channel: channel.send(1), lambda channel: channel.send(1)

    assert send_and_run(a) == send_and_run(b) == [1]


def test_lambdas_that_differ_only_in_their_defaults_are_refused():
    # fmt: off
    a, b = lambda channel, n=1: channel.send(n), lambda channel, n=2: channel.send(n)
    # fmt: on

    assert "write it as a def" in refusal(a)
    assert "write it as a def" in refusal(b)


# ---- functions that are refused, and why -----------------------------------------


def test_the_first_parameter_must_be_called_channel():
    assert "is called 'x'" in refusal(lambda x: x)
    assert "is missing" in refusal(lambda: 1)
    assert "is missing" in refusal(lambda *channel: 1)
    assert "is missing" in refusal(lambda **channel: 1)

    class Holder:
        def method(self, channel):
            pass

    assert "is called 'self'" in refusal(Holder.method)


def test_keyword_arguments_are_checked_before_anything_is_sent():
    def task(channel, a, *, b=1):
        pass

    for kwargs in [{}, {"a": 1, "c": 2}, {"a": 1, "channel": 2}]:
        assert "its parameters are (channel, a, *, b=1)" in refusal(task, **kwargs)


def test_a_closure_is_refused_with_the_names_of_its_variables():
    n = 1
    data = json

    def task(channel):
        channel.send([n, data])  # noqa: F821

    message = refusal(task)

    assert "it uses data, n of the function around it" in message
    assert "import data inside it; make n a parameter: remote_exec(..., n=n)" in message
    del n
    assert "it uses data, n of" in refusal(task)


def test_super_is_refused():
    class Holder:
        def task(channel):  # noqa: N805
            super().task()

    assert "super()" in refusal(Holder.task)


def test_globals_are_refused_by_name_each_with_what_to_write():
    def task(channel):
        channel.send([json, LIMIT, keep, not_anywhere, len])  # noqa: F821

    message = refusal(task)

    assert "uses os, which" in refusal(lambda channel: os.getpid())
    assert "uses LIMIT, json, keep, not_anywhere, which" in message
    assert "import json inside it" in message
    assert "define keep inside it" in message
    assert "make LIMIT, not_anywhere a parameter" in message


def test_globals_are_found_in_functions_and_classes_inside():
    def task(channel):
        class Local:
            x = LIMIT

            def method(self):
                return [json for _ in range(3)]

    assert "uses LIMIT, json, which" in refusal(task)


def test_a_global_that_hides_a_builtin_is_refused(monkeypatch):
    monkeypatch.setitem(globals(), "open", lambda: None)

    def task(channel):
        open("x")

    assert "uses open" in refusal(task)


def test_default_values_that_need_a_name_from_here_are_refused():
    def uses_global(channel, n=LIMIT):
        pass

    for id in [5]:

        def uses_variable(channel, id=id):
            pass

    assert "default values use LIMIT" in refusal(uses_global)
    assert "default values use id" in refusal(uses_variable)
    assert send_and_run(lambda channel, f=len, n=(1, None): channel.send([f("ab"), n])) == [
        [2, (1, None)]
    ]


def test_wrappers_that_decorators_made_are_refused():
    @wrap
    def wrapped(channel):
        pass

    @wrap_namelessly
    def wrapped_namelessly(channel):
        pass

    @functools.lru_cache
    def cached(channel):
        channel.send(1)

    assert "send its __wrapped__" in refusal(wrapped)
    assert "as a wrapper does that a decorator made" in refusal(wrapped_namelessly)
    assert "send its __wrapped__" in refusal(cached)
    assert send_and_run(cached.__wrapped__) == [1]


def test_async_functions_and_generators_are_refused():
    async def coroutine(channel):
        pass

    def generator(channel):
        yield 1

    async def both(channel):
        yield 1

    assert "asyncio.run" in refusal(coroutine)
    assert "in place of yield" in refusal(generator)
    assert "in place of yield" in refusal(both)
    assert "in place of yield" in refusal(lambda channel: (yield))


def test_functions_without_source_are_refused():
    namespace = {}
    exec("def made(channel): pass\nother = lambda channel: 1", namespace)

    assert "made by exec" in refusal(namespace["made"])
    assert "made by exec" in refusal(namespace["other"])


def test_a_function_typed_at_a_prompt_works_where_the_prompt_keeps_its_text(monkeypatch):
    text = "def typed(channel):\n    channel.send(3)\n"
    lines = (len(text), None, text.splitlines(True), "<prompt-1>")
    monkeypatch.setitem(linecache.cache, "<prompt-1>", lines)
    namespace = {"__name__": "__main__"}
    exec(compile(text, "<prompt-1>", "exec"), namespace)

    assert send_and_run(namespace["typed"]) == [3]


def test_a_file_that_was_changed_after_the_import_is_found_out(tmp_path):
    for changed, why in [
        ("\n\ndef task(channel): pass\n", "changed after the import"),
        ("def other(channel): pass\n", "changed after the import"),
        ("def task(channel, n): pass\n", "changed after the import"),
        ("def task(channel:\n", "does not parse"),
    ]:
        module = load(tmp_path, "def task(channel): pass\n")
        with open(module.__file__, "w") as file:
            file.write(changed)

        assert why in refusal(module.task)


class Callable:
    """An object with __call__."""

    def __call__(self, channel):
        pass

    def method(self, channel):
        pass

    @classmethod
    def made(cls, channel):
        pass


@pytest.mark.parametrize(
    ("source", "why"),
    [
        (b"x = 1", "decode it"),
        (compile("1", "", "eval"), "send the text"),
        (Callable, "it is a class"),
        (Callable(), "object with __call__"),
        (Callable().method, "bound to an object"),
        (Callable.made, "bound to an object"),
        (staticmethod(keep), "send its __"),
        (functools.partial(keep, 1), "it is a partial"),
        (len, "not written in Python"),
        ([].append, "not written in Python"),
        (str.join, "not written in Python"),
        ((x for x in "ab"), "without calling it"),
        (__import__("pathlib").Path("x.py"), "read_text"),
        (None, "not None"),
        (3, "a task is text, a function or a module"),
        (["x = 1"], "a task is text, a function or a module"),
    ],
)
def test_other_objects_are_refused_with_what_to_write(source, why):
    assert why in refusal(source)


def test_a_coroutine_is_refused():
    async def task(channel):
        pass

    coroutine = task(None)
    try:
        assert "without calling it" in refusal(coroutine)
    finally:
        coroutine.close()


def test_a_refusal_names_the_function_and_its_place_and_stays_short():
    def task(x):
        pass

    where = f"function task ({__file__}:{task.__code__.co_firstlineno}) can't be sent"
    assert where in refusal(task)
    assert len(refusal(b"x" * 10**6)) < 300


def test_names_are_split_into_those_of_the_body_and_of_the_defaults():
    needed = needed_names("def f(a, b=D, *, c=E): return a + G + f(b)\n")

    assert needed == ({"G"}, {"D", "E"})


@pytest.mark.parametrize("module", ["argparse", "decimal", "inspect"])
def test_functions_of_the_standard_library_are_cut_out_as_they_were_compiled(module):
    file_name = __import__("_pydecimal" if module == "decimal" else module).__file__
    with tokenize.open(file_name) as file:
        text = file.read()
    cut_out = 0
    for code in _codes(compile(text, file_name, "exec", dont_inherit=True)):
        is_function = code.co_flags & inspect.CO_OPTIMIZED and not code.co_freevars
        if not is_function or code.co_name.startswith("<") and code.co_name != "<lambda>":
            continue
        if any("__" in name for name in code.co_names + code.co_varnames):
            continue  # private names are spelt out in code only
        cut = cut_function(text, code)
        assert cut is not None, code
        lines = "\n" * (cut.first_line - 1) + cut.text
        again = list(_codes(compile(lines, file_name, "exec", dont_inherit=True)))

        assert _shape(code) in [_shape(c) for c in again], code
        cut_out += 1
    assert cut_out > 20
