"""What is to run: a script, a text or ``module:function``, found here and read to be sent.

The result is a job, the dict that ``shipped/on_demand/run_script.py`` receives; that file
says what is in it. A module is found as Python finds it, the current directory first, but
not imported: it may be meant for another Python than this one.
"""

from __future__ import annotations

import difflib
import importlib
import importlib.util
import os
import re
import sys
import sysconfig
from collections.abc import Sequence
from typing import Any, Callable

Job = dict[str, Any]

REFERENCE = re.compile(r"([^\W\d]\w*(?:\.[^\W\d]\w*)*):([^\W\d]\w*(?:\.[^\W\d]\w*)*)")


class TargetError(Exception):
    """There is nothing here that could be run; the message says what was looked for."""


def script_job(path: str, args: Sequence[str]) -> Job:
    """Return the job that runs the script at ``path``; ``-`` is stdin, as for python."""
    is_stdin = path == "-"
    try:
        with open(0 if is_stdin else path, "rb", closefd=not is_stdin) as file:
            source = file.read()
    except OSError as error:
        raise TargetError(f"cannot read {path!r}: {error.strerror}") from None
    return {
        "kind": "script",
        "source": source,
        "filename": "<stdin>" if is_stdin else path,
        "path": None if is_stdin else path,
        "argv": [path, *args],
    }


def text_job(text: str, args: Sequence[str]) -> Job:
    """Return the job that runs ``text``, as ``python -c`` would."""
    return {
        "kind": "script",
        "source": text.encode("utf-8", "surrogateescape"),
        "filename": "<string>",
        "path": None,
        "argv": ["-c", *args],
    }


def function_job(reference: str, args: Sequence[str], map_items: bool = False) -> Job:
    """Return the job that calls ``module:function`` with ``args``, or with each item."""
    module, function = split_reference(reference)
    filename, source = find_source(module)
    if source is not None:
        check_name(module, function, source)
    return {
        "kind": "function",
        "module": module,
        "function": function,
        "source": source,
        "filename": filename,
        "args": list(args),
        "map": map_items,
    }


def any_job(target: str, args: Sequence[str]) -> Job:
    """Return the job for a script if there is such a file, else for ``module:function``."""
    if os.path.isfile(target) or not REFERENCE.fullmatch(target):
        return script_job(target, args)
    return function_job(target, args)


def split_reference(reference: str) -> tuple[str, str]:
    """Return module and function of ``module:function``."""
    match = REFERENCE.fullmatch(reference)
    if match is None:
        raise TargetError(f"{reference!r} is not module:function, as in 'package.module:count'")
    return match[1], match[2]


def find_source(module: str) -> tuple[str, bytes | None]:
    """Return a module's file name and source.

    The source is None for a module of the standard library: the other end has its own,
    and this one's would not run on another version.
    """
    look_in_current_directory()
    try:
        spec = importlib.util.find_spec(module)
    except (ImportError, ValueError) as error:
        raise TargetError(f"no module {module!r}: {error}") from None
    except Exception as error:  # a parent package is imported, and may raise anything
        raise TargetError(f"no module {module!r}: {type(error).__name__}: {error}") from error
    if spec is None:
        raise TargetError(f"no module {module!r} here; the current directory is searched first")
    if spec.origin is None or is_standard(module, spec.origin):
        if spec.origin is None:
            raise TargetError(f"{module!r} is a directory without an __init__.py: no source")
        return spec.origin, None
    if not spec.origin.endswith(".py"):
        raise TargetError(f"{module!r} is {spec.origin}, which has no source to send")
    with open(spec.origin, "rb") as file:
        return spec.origin, file.read()


def look_in_current_directory() -> None:
    """Put the current directory first on sys.path, as ``python -m`` does."""
    if sys.path[:1] not in (
        [
            "",
        ],
        [os.getcwd()],
    ):
        sys.path.insert(0, os.getcwd())


def is_standard(module: str, origin: str) -> bool:
    """Return whether a module found at ``origin`` belongs to Python itself."""
    if origin in ("built-in", "frozen"):
        return True
    folder = os.path.realpath(os.path.dirname(origin))
    library = os.path.realpath(sysconfig.get_path("stdlib"))
    third_party = os.path.join(library, "site-packages")
    inside = os.path.commonpath([folder, library]) == library
    return inside and os.path.commonpath([folder, third_party]) != third_party


def check_name(module: str, function: str, source: bytes) -> None:
    """Raise TargetError if the function's name is nowhere in the source."""
    name = function.split(".")[-1]
    text = source.decode("utf-8", "replace")
    if re.search(rf"\b{name}\b", text) or re.search(r"import\s*\*", text):
        return
    near = difflib.get_close_matches(name, re.findall(r"def +(\w+)", text), n=1)
    hint = f" (did you mean {near[0]!r}?)" if near else ""
    raise TargetError(f"module {module!r} has no {name!r}{hint}")


def load_here(reference: str) -> Callable[[Any], object]:
    """Import ``module:function`` at this end and return the function."""
    module, function = split_reference(reference)
    find_source(module)
    found: Any = importlib.import_module(module)
    for part in function.split("."):
        if not hasattr(found, part):
            raise TargetError(f"module {module!r} has no {function!r}")
        found = getattr(found, part)
    if not callable(found):
        raise TargetError(f"{reference} is {found!r}, which can't be called")
    loaded: Callable[[Any], object] = found
    return loaded
