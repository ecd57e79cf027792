"""Whether a function can be sent as source, and if not, what to write instead.

Imported when the first function is sent: what it needs to look at one takes as long to
import as the rest of the library.
"""

from __future__ import annotations

import builtins
import inspect
from collections.abc import Iterator, Mapping
from types import CodeType, FunctionType
from typing import Any

from .shipped.errors import SourceError
from .source_text import Cut, cut_function, needed_names


def cut_to_send(function: FunctionType, kwargs: Mapping[str, Any]) -> Cut:
    """Return the text of a function that can run without what surrounds it here.

    Args:
        kwargs: what it will be called with.

    Raises SourceError, which says why and what to write instead, if there is none.
    """
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
    return cut


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


def _not_there(function: FunctionType, names: frozenset[str]) -> Iterator[tuple[str, object]]:
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
