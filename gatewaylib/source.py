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

import functools
import os
import re
import reprlib
import types
from collections.abc import Mapping
from functools import lru_cache
from types import CodeType, CoroutineType, FunctionType, GeneratorType, MethodType, ModuleType
from typing import Any, Callable, NamedTuple

from .shipped.errors import SourceError
from .shipped.serializer import Serializer

TEXT_FILE_NAME = "<remote exec>"
SHORT = 2**13  # characters of a text whose payload is kept


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
        from .source_function import cut_to_send

        cut = cut_to_send(source, kwargs)
        return Task(cut.text, source.__code__.co_filename, cut.first_line, cut.name)
    if not isinstance(source, (str, ModuleType)):
        raise SourceError(_why_not(source))
    if kwargs:
        what = "text" if isinstance(source, str) else f"module {source.__name__}"
        raise TypeError(f"only a function takes keyword arguments, not {what}: {', '.join(kwargs)}")
    if isinstance(source, str):
        import textwrap

        return Task(_without_coding(textwrap.dedent(source)), TEXT_FILE_NAME, 1, None)
    return _prepare_module(source)


def packed(
    source: object, kwargs: Mapping[str, Any], serializer: Serializer
) -> tuple[str, bytes | list[bytes]]:
    """Return the name of a task's file, and the payload to send for it.

    Raises what ``prepare`` raises, and DumpError if one of ``kwargs`` can't travel.
    """
    if type(source) is str and not kwargs and len(source) <= SHORT:
        return TEXT_FILE_NAME, _packed_text(source)
    task = prepare(source, kwargs)
    return task.file_name, serializer.dump_parts((*task, kwargs))


@lru_cache(maxsize=32)  # many tasks are the same text once more
def _packed_text(text: str) -> bytes:
    # Of builtin texts every gateway's serializer makes the same.
    return Serializer().dumps((*prepare(text, {}), {}))


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
        _is(GeneratorType, CoroutineType),
        "that is what a function gave; send the function, without calling it",
    ),
    (callable, "it is an object with __call__; write a function that makes it and calls it"),
)


# ---- modules ---------------------------------------------------------------------


def _prepare_module(module: ModuleType) -> Task:
    import inspect  # and linecache: they take a while, and text needs neither
    import linecache

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
