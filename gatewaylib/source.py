r"""What may be sent as a task: text, a function, a module.

Only source text travels, because the other end may be any Python from 2.7 on. So a
function goes without what surrounds it here: its globals, the variables of the function
around it, its decorators. What needs them is refused with a SourceError that says what to
write instead; ``doc/reference/what_can_be_sent.rst`` is the whole table.

The other end compiles ``"\n" * (first_line - 1) + text`` under ``file_name``, so that
tracebacks tell true lines, runs it, and then, if there is a ``call``, calls what the text
defined under that name with the channel and the keyword arguments.
"""

from __future__ import annotations

import builtins
import functools
import inspect
import linecache
import os
import re
import reprlib
import textwrap
import types
from collections.abc import Iterator, Mapping
from types import CodeType, FunctionType, MethodType, ModuleType
from typing import Any, Callable, NamedTuple

from .shipped.errors import SourceError
from .source_text import cut_function, needed_names

TEXT_FILE_NAME = "<remote exec>"


class Task(NamedTuple):
    """Source to be run at the other end.

    Attributes:
        text: the source, never indented as a whole.
        file_name: for tracebacks; the true file of functions and modules.
        first_line: the line of that file at which ``text`` begins, from 1.
        call: name of what to call once the text has run; None: nothing, the text is the
            task and finds its channel in a global.
    """

    text: str
    file_name: str
    first_line: int
    call: str | None


def prepare(source: object, kwargs: Mapping[str, Any]) -> Task:
    """Return what to send for ``remote_exec(source, **kwargs)``.

    Args:
        source: text; a function whose first parameter is ``channel``; or a module.
        kwargs: what the function will be called with. Their values are not looked at.

    Raises:
        SourceError: this can't be sent, or the function does not take ``kwargs``.
        TypeError: ``kwargs`` with text or a module, which take none.
    """
    if isinstance(source, FunctionType) and not _is_builtin(source):
        return _prepare_function(source, kwargs)
    if not isinstance(source, (str, ModuleType)):
        raise SourceError(_why_not(source))
    if kwargs:
        what = "text" if isinstance(source, str) else f"module {source.__name__}"
        raise TypeError(f"only a function takes keyword arguments, not {what}: {', '.join(kwargs)}")
    if isinstance(source, str):
        return Task(_without_coding(textwrap.dedent(source)), TEXT_FILE_NAME, 1, None)
    return _prepare_module(source)


def _why_not(source: object) -> str:
    """Return why ``source``, which is no text, function or module, can't be sent."""
    for wrong, advice in _WRONG:
        if wrong(source):
            return f"{_repr(source)} can't be sent: {advice}"
    return f"a task is text, a function or a module, not {_repr(source)}"


def _repr(source: object) -> str:
    short = reprlib.Repr()
    short.maxstring = short.maxother = 80
    return short.repr(source)


def _is_builtin(source: object) -> bool:
    if isinstance(source, (FunctionType, MethodType)):  # as PyPy's builtins are, too
        return not isinstance(getattr(source, "__code__", None), CodeType)
    return isinstance(source, _BUILTIN_TYPES)


_BUILTIN_TYPES = (
    types.BuiltinFunctionType,
    types.ClassMethodDescriptorType,
    types.MethodDescriptorType,
    types.MethodWrapperType,
    types.WrapperDescriptorType,
)


def _is(*classes: type) -> Callable[[object], bool]:
    return lambda source: isinstance(source, classes)


# First match counts. What is wrong with it, and what to write instead.
_WRONG: tuple[tuple[Callable[[object], bool], str], ...] = (
    (_is(bytes, bytearray), "it is bytes; decode it, a task is text"),
    (_is(os.PathLike), "it is a path; send its text, path.read_text()"),
    (_is(CodeType), "compiled code runs on this Python only; send the text"),
    (_is(type), "it is a class; write def task(channel): and the class inside it"),
    (_is(staticmethod, classmethod), "send its __func__"),
    (_is_builtin, "it is not written in Python and has no source; call it in def task(channel):"),
    (
        _is(MethodType),
        "a method is bound to an object, which stays here; write a function whose first "
        "parameter is channel, and pass what it needs of the object as keyword arguments",
    ),
    (
        _is(functools.partial),
        "it is a partial; send its function, and its arguments as keyword arguments: "
        "remote_exec(function, name=value)",
    ),
    (
        lambda source: hasattr(source, "__wrapped__"),
        "it wraps a function; send its __wrapped__, and wrap it again at the other end",
    ),
    (
        lambda source: inspect.isgenerator(source) or inspect.iscoroutine(source),
        "that is what a function gave; send the function, without calling it",
    ),
    (callable, "it is an object with __call__; write a function that makes it and calls it"),
)


# ---- modules ---------------------------------------------------------------------


def _prepare_module(module: ModuleType) -> Task:
    try:
        file_name = inspect.getsourcefile(module)
    except TypeError:
        file_name = None
    # Not inspect.getsource: that shows the file as it was when it was last looked at.
    lines = linecache.updatecache(file_name, vars(module)) if file_name else []
    if not file_name or not (lines or os.path.exists(file_name)):
        where = getattr(module, "__file__", None) or "it has no file"
        raise SourceError(
            f"module {module.__name__} can't be sent: it has no Python source ({where}); "
            "send a function that imports it at the other end"
        )
    return Task(_without_coding("".join(lines)), file_name, 1, None)


def _without_coding(text: str) -> str:
    """Return ``text`` without a coding line, which Python 2 refuses in decoded text."""
    lines = text.split("\n", 2)  # it counts in the first two lines only
    for i, line in enumerate(lines[:2]):
        if re.match(r"[ \t\f]*#.*coding[:=]", line):
            lines[i] = line.replace("coding", "decoded")
    return "\n".join(lines)


# ---- functions -------------------------------------------------------------------


def _prepare_function(function: FunctionType, kwargs: Mapping[str, Any]) -> Task:
    code = function.__code__
    name = "lambda" if code.co_name == "<lambda>" else f"function {code.co_name}"
    where = f"{name} ({code.co_filename}:{code.co_firstlineno})"
    wrong = _wrong_kind(function) or _wrong_closure(function) or _wrong_call(function, kwargs)
    if wrong:
        raise SourceError(f"{where} can't be sent: {wrong}")
    try:
        lines, _ = inspect.findsource(function)
        cut = cut_function("".join(lines), code)
    except OSError:
        raise SourceError(
            f"{where} can't be sent: its source is not to be had, as it was made by exec or "
            "typed at a prompt; send the text, or put the function in a file"
        ) from None
    except SyntaxError as error:
        raise SourceError(f"{where} can't be sent: its file does not parse: {error}") from None
    if cut is None:
        raise SourceError(f"{where} can't be sent: {_not_found(code)}")
    wrong = _wrong_names(function, cut.text)
    if wrong:
        raise SourceError(f"{where} can't be sent: {wrong}")
    return Task(cut.text, code.co_filename, cut.first_line, cut.name)


def _not_found(code: CodeType) -> str:
    if code.co_name == "<lambda>":
        return "which text is its source can't be told for sure; write it as a def"
    return "its file has something else at this line; was it changed after the import?"


def _wrong_kind(function: FunctionType) -> str:
    if hasattr(function, "__wrapped__"):
        return (
            "it is the wrapper that a decorator made, which would be left behind; send its "
            "__wrapped__ to run it undecorated, or decorate a function inside of the task"
        )
    if inspect.iscoroutinefunction(function):
        return "it is async; write def task(channel): asyncio.run(...), with the import inside"
    if inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function):
        return "it is a generator; write channel.send(item) in place of yield item"
    return ""


def _wrong_closure(function: FunctionType) -> str:
    values: dict[str, object] = {}
    for name, cell in zip(function.__code__.co_freevars, function.__closure__ or ()):
        try:
            values[name] = cell.cell_contents
        except ValueError:  # not assigned yet
            values[name] = None
    if "__class__" in values:
        return "it uses super() or __class__, and its class stays here; write a plain function"
    # A nested function that calls itself finds itself among the globals over there.
    if values.get(function.__code__.co_name) is function:
        del values[function.__code__.co_name]
    if not values:
        return ""
    return (
        f"it uses {', '.join(values)} of the function around it, which stays here "
        f"(as a wrapper does that a decorator made); {_advice(values)}"
    )


def _wrong_call(function: FunctionType, kwargs: Mapping[str, Any]) -> str:
    code = function.__code__
    first = code.co_varnames[0] if code.co_argcount else ""
    if first != "channel":
        has = f"is called {first!r}" if first else "is missing"
        return f"its first parameter must be called 'channel', but {has}"
    signature = inspect.signature(_plain(function))
    try:
        signature.bind(None, **kwargs)
    except TypeError as error:
        return f"it can't be called so: {error}; its parameters are {signature}"
    return ""


def _plain(function: FunctionType) -> FunctionType:
    """Return the function without its attributes, for a look at its true signature.

    ``__signature__`` may say anything, and reading annotations may run code.
    """
    code, defaults = function.__code__, function.__defaults__
    plain = FunctionType(code, {}, code.co_name, defaults, function.__closure__)
    plain.__kwdefaults__ = function.__kwdefaults__
    return plain


# ---- names -----------------------------------------------------------------------

# Builtin at some Python that may be at the other end; code may use them after asking.
_BUILTIN_ELSEWHERE = frozenset(
    "apply basestring buffer cmp coerce execfile file intern long raw_input reduce reload "
    "unichr unicode xrange WindowsError aiter anext BaseExceptionGroup EncodingWarning "
    "ExceptionGroup PythonFinalizationError".split()
)
# Every module has its own.
_OF_EACH_MODULE = frozenset("__name__ __doc__ __package__ __loader__ __spec__ __builtins__".split())
_MISSING = object()


def _wrong_names(function: FunctionType, text: str) -> str:
    needed = needed_names(text)
    body = dict(_not_there(function, needed.body))
    if body:
        return f"it uses {', '.join(body)}, which the other end does not have; {_advice(body)}"
    defaults = {name for name, _ in _not_there(function, needed.defaults)}
    # id=id, where the second id is a variable and not the builtin
    for name, parameter in inspect.signature(_plain(function)).parameters.items():
        if name in needed.defaults and parameter.default is not getattr(builtins, name, _MISSING):
            defaults.add(name)
    if defaults:
        return (
            f"its default values use {', '.join(sorted(defaults))}, which the other end does not "
            "have; leave out the default, and pass the value as keyword argument of remote_exec"
        )
    return ""


def _not_there(function: FunctionType, names: set[str]) -> Iterator[tuple[str, object]]:
    """Yield those of ``names`` that mean nothing, or something else, at the other end."""
    for name in sorted(names - _OF_EACH_MODULE):
        value = function.__globals__.get(name, _MISSING)
        builtin = getattr(builtins, name, _MISSING)
        if value is _MISSING:
            known = builtin is not _MISSING or name in _BUILTIN_ELSEWHERE
        elif builtin is not _MISSING and callable(value):
            # IPython puts a wrapped open() among the globals: that is still the builtin.
            known = inspect.unwrap(value) is builtin
        else:
            known = value is builtin
        if not known:
            yield name, value


def _advice(values: Mapping[str, object]) -> str:
    modules = [name for name, value in values.items() if inspect.ismodule(value)]
    code = [n for n, v in values.items() if inspect.isroutine(v) or inspect.isclass(v)]
    others = [name for name in values if name not in modules and name not in code]
    parts = []
    if modules:
        parts.append(f"import {', '.join(modules)} inside it")
    if code:
        parts.append(f"import or define {', '.join(code)} inside it")
    if others:
        example = ", ".join(f"{name}={name}" for name in others)
        parts.append(f"make {', '.join(others)} a parameter: remote_exec(..., {example})")
    return "; ".join(parts)
