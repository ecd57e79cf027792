"""Several shipped modules as one text that runs alone.

What is sent as a task, or copied to where nothing is installed, is one text. So a module of
``shipped/on_demand/`` that is made of others is joined with them: each text once, behind
those that it imports, without its imports, which stand together at the top. It stays what
people can read before they run it.

The modules share one namespace then. Two that give a name different meanings can't be joined,
nor one that imports others of ours otherwise than by ``from .module import name``, at its top.
"""

from __future__ import annotations

import ast
import functools
import importlib.util
from importlib.abc import InspectLoader
from typing import NamedTuple

PACKAGE = __name__.rpartition(".")[0]


class NotJoinable(Exception):
    """A mistake of ours in a shipped module: the message says where, and what."""


class Part(NamedTuple):
    """One module: its name, its text without imports, and what it binds at its top."""

    name: str
    text: str
    names: set[str]


@functools.cache
def joined_source(name: str) -> str:
    """Return the text of a module, named from the package on, and of all that it imports.

    Raises NotJoinable.
    """
    imports: set[str] = set()
    parts: dict[str, Part] = {}
    _add(f"{PACKAGE}.{name}", parts, imports)
    bound: dict[str, str] = {}
    for part in parts.values():
        for each in sorted(part.names):
            if each in bound:
                raise NotJoinable(f"{each} is bound by {bound[each]} and by {part.name}")
            bound[each] = part.name
    future = sorted(line for line in imports if line.startswith("from __future__ "))
    others = sorted(imports.difference(future))
    texts = [f"# ---- {part.name} ----\n\n{part.text}" for part in parts.values()]
    return "\n".join([*future, "", *others, "", "", "\n\n\n".join(texts)]) + "\n"


def _add(name: str, parts: dict[str, Part], imports: set[str]) -> None:
    """Add the modules that this one imports to ``parts``, and then it."""
    found = importlib.util.find_spec(name)
    loader = found and found.loader
    if found is None or found.parent is None or not isinstance(loader, InspectLoader):
        raise NotJoinable(f"{name} has no source here")
    text = loader.get_source(name) or ""
    lines = text.splitlines()
    tree = ast.parse(text, name)
    names: set[str] = set()
    for node in tree.body:
        if isinstance(node, ast.ImportFrom) and node.level:
            if any(alias.asname for alias in node.names):
                raise NotJoinable(f"{name} imports under another name in line {node.lineno}")
            relative = "." * node.level + (node.module or "")
            other = importlib.util.resolve_name(relative, found.parent)
            if other not in parts:
                _add(other, parts, imports)
            missing = {alias.name for alias in node.names} - parts[other].names
            if missing:
                raise NotJoinable(f"{name} imports {sorted(missing)} from {other}")
        elif isinstance(node, (ast.Import, ast.ImportFrom)):
            imports.update(_lines_of(node))
        else:
            names |= _bound_by(node)
            continue
        for number in range(node.lineno, (node.end_lineno or node.lineno) + 1):
            lines[number - 1] = ""
    for inner in ast.walk(tree):
        if isinstance(inner, ast.ImportFrom) and inner.level and inner not in tree.body:
            raise NotJoinable(f"{name} imports one of ours in line {inner.lineno}, not at its top")
    parts[name] = Part(name, _tidy(lines), names)


def _lines_of(node: ast.Import | ast.ImportFrom) -> list[str]:
    """Return an import as lines with one name each, of which a set has none twice."""
    if isinstance(node, ast.ImportFrom):
        return [ast.unparse(ast.ImportFrom(node.module, [alias], 0)) for alias in node.names]
    return [ast.unparse(ast.Import([alias])) for alias in node.names]


def _bound_by(node: ast.stmt) -> set[str]:
    if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
        return {node.name}
    names = [inner for inner in ast.walk(node) if isinstance(inner, ast.Name)]
    return {name.id for name in names if isinstance(name.ctx, ast.Store)}


def _tidy(lines: list[str]) -> str:
    """Return the text without the line that says it is shipped, and with no wide gaps."""
    if lines and lines[0].startswith("# shipped:"):
        lines = lines[1:]
    text = "\n".join(lines).strip()
    while "\n\n\n\n" in text:
        text = text.replace("\n\n\n\n", "\n\n\n")
    return text
