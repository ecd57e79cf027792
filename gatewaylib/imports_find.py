"""Where modules are, without importing any.

``importlib.util.find_spec("a.b")`` imports ``a``, and what may ask here is another machine:
nothing of this end is to run because of it. So only top names are asked of the import
system, which runs none of them; from there on it is a walk over folders.
"""

from __future__ import annotations

import functools
import importlib.util
import os
import sys
import sysconfig
from collections.abc import Iterable
from importlib.machinery import BYTECODE_SUFFIXES, EXTENSION_SUFFIXES, ModuleSpec
from typing import NamedTuple

from .imports_files import NO_FENCE, OnDisk, Place, place_at

PLAIN, PACKAGE, FOLDER = 0, 1, 2  # what a name in a package is; a folder may be a namespace


class Module(NamedTuple):
    """Where one module is.

    Attributes:
        source: its file; None for a namespace package, and where there is ``trouble``.
        folders: of a package, where its submodules and its data are; empty for a plain module.
        trouble: why there is no source, as in ``"it is compiled (x.so)"``; ``""`` if there is.
        complete: whether ``folders`` are all that its submodules can be in.
    """

    source: Place | None
    folders: tuple[Place, ...] = ()
    trouble: str = ""
    complete: bool = True

    @property
    def is_namespace(self) -> bool:
        return self.source is None and not self.trouble


def find(name: str, root: str) -> Module | None:
    """Return where a module is; None if there is none, or it is the standard library's.

    Args:
        name: dotted.
        root: ``name`` itself, or the package in it that its files have to be in. It may be
            anywhere; from there on no symbolic link leads out of it.
    """
    top, *rest = name.split(".")
    module = _find_top(top)
    full = top
    for last in rest:
        if module is None:
            return None
        full += f".{last}"
        leads_to_root = f"{root}.".startswith(f"{full}.")
        folders = map(_opened, module.folders) if leads_to_root else module.folders
        below = _find_below(folders, last)
        if below is None and module.is_namespace and not module.complete:
            # An editable install of one package in a namespace. To import the namespace,
            # which this does, runs nothing.
            below = _find_by_spec(full)
        if below is not None and leads_to_root:
            below = _fenced(below)
        module = below
    return module


def _opened(folder: Place) -> Place:
    return OnDisk(folder.path, NO_FENCE) if isinstance(folder, OnDisk) else folder


def _fenced(module: Module) -> Module:
    """Return it as one that was named itself: it is where it is, and nothing leads out."""
    source = module.source and place_at(module.source.path)
    folders = tuple(filter(None, (place_at(folder.path) for folder in module.folders)))
    return module._replace(source=source, folders=folders)


def lies_loose(name: str) -> bool:
    """Return whether a name and all packages it is in are namespaces: any folders will do."""
    parts = name.split(".")
    above = [find(".".join(parts[: i + 1]), name) for i in range(len(parts))]
    return all(module is not None and module.is_namespace for module in above)


def submodules(module: Module) -> dict[str, int]:
    """Return the names that can be imported from a package -> what each is."""
    found: dict[str, int] = {}
    suffixes = [".py", *EXTENSION_SUFFIXES, *BYTECODE_SUFFIXES]
    for folder in module.folders:
        for entry, is_folder in folder.entries.items():
            stem = entry.partition(".")[0]
            if not stem.isidentifier() or stem in ("__init__", "__pycache__"):
                continue
            if is_folder:
                inside = folder.enter(entry)
                has_init = inside is not None and "__init__.py" in inside.entries
                if stem == entry:
                    found.setdefault(stem, PACKAGE if has_init else FOLDER)
            elif entry[len(stem) :] in suffixes and found.get(stem, FOLDER) == FOLDER:
                found[stem] = PLAIN
    return found


# ---- top names -----------------------------------------------------------------------


def is_standard(name: str) -> bool:
    """Return whether a top name is the standard library's, which every Python has itself."""
    known: Iterable[str] = getattr(sys, "stdlib_module_names", ())  # from 3.10 on
    if name in known or name in sys.builtin_module_names:
        return True
    spec = _spec_of(name)
    if spec is None:
        return False
    if spec.origin in ("built-in", "frozen"):
        return True
    if not spec.origin or not spec.has_location:
        return False
    origin = os.path.realpath(spec.origin)
    for start in _standard_folders():
        # Installed packages may live inside the standard library's folder.
        if origin.startswith(start) and "-packages" not in origin[len(start) :]:
            return True
    return False


@functools.lru_cache(maxsize=1)
def _standard_folders() -> set[str]:
    paths = [sysconfig.get_path("stdlib"), sysconfig.get_path("platstdlib")]
    return {os.path.join(os.path.realpath(path), "") for path in paths}


def _spec_of(name: str) -> ModuleSpec | None:
    try:
        return importlib.util.find_spec(name)
    except (ImportError, ValueError):  # ValueError: in sys.modules, but made by hand
        return None


def _find_top(name: str) -> Module | None:
    return None if is_standard(name) else _find_by_spec(name)


def _find_by_spec(name: str) -> Module | None:
    spec = _spec_of(name)
    if spec is None:
        return None
    # Once it is imported, a package knows best: some extend their __path__.
    paths = getattr(sys.modules.get(name), "__path__", None) or spec.submodule_search_locations
    places = [place_at(path) for path in paths or ()]
    folders = tuple(place for place in places if place is not None)
    complete = len(folders) == len(places)
    if spec.origin is None or not spec.has_location:
        if paths is None:
            return Module(None, (), "it has no file")
        return Module(None, folders, complete=complete)
    source, trouble = _source_at(spec.origin)
    return Module(source, folders, trouble, complete)


def _source_at(origin: str) -> tuple[Place | None, str]:
    folder, file_name = os.path.split(origin)
    # What some packages compile, they ship the source of, beside it.
    source = os.path.join(folder, file_name.partition(".")[0] + ".py")
    place = place_at(source)
    if place is not None:
        return place, ""
    return None, _trouble(file_name)


def _trouble(file_name: str) -> str:
    if file_name.endswith(tuple(EXTENSION_SUFFIXES)):
        return f"it is compiled ({file_name})"
    return f"it has no source ({file_name})"


# ---- the walk ------------------------------------------------------------------------


def _find_below(folders: Iterable[Place], last: str) -> Module | None:
    """Return the module of that last name in a package's folders."""
    portions: list[Place] = []
    for folder in folders:
        entries = folder.entries
        if entries.get(last):
            inside = folder.enter(last)
            if inside is not None:
                module = _in_folder(inside, "__init__", (inside,))
                if module is not None:
                    return module
                portions.append(inside)
        module = _in_folder(folder, last, ())
        if module is not None:
            return module
    return Module(None, tuple(portions)) if portions else None


def _in_folder(folder: Place, stem: str, folders: tuple[Place, ...]) -> Module | None:
    """Return the module whose file in ``folder`` is called ``stem`` and a suffix."""
    entries = folder.entries
    if entries.get(f"{stem}.py") is False:
        return Module(folder.enter(f"{stem}.py"), folders)
    for suffix in [*EXTENSION_SUFFIXES, *BYTECODE_SUFFIXES]:
        if entries.get(stem + suffix) is False:
            return Module(None, folders, _trouble(stem + suffix))
    return None
