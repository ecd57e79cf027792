# pure
"""Cuts one function out of a file's text, so that it can run where the file is not.

Works on text alone: the local Python parses it, nothing of it is run.
"""

from __future__ import annotations

import ast
import dis
import inspect
import io
import itertools
import re
import tokenize
from collections.abc import Iterator
from functools import lru_cache
from types import CodeType
from typing import NamedTuple, Union

LAMBDA_NAME = "_lambda_"

Position = tuple[int, int]  # line from 1, column from 0
Function = Union[ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda]


class Cut(NamedTuple):
    """Text that defines ``name`` when it is run, and the line of the file it begins at."""

    text: str
    first_line: int
    name: str


@lru_cache(maxsize=4)  # a loop over gateways sends functions of the same file
def _functions(file_text: str) -> dict[int, list[Function]]:
    """Return the functions of a file by the line their code object says it begins at."""
    found: dict[int, list[Function]] = {}
    for node in ast.walk(ast.parse(file_text)):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)):
            decorators = getattr(node, "decorator_list", [])
            line = decorators[0].lineno if decorators else node.lineno
            found.setdefault(line, []).append(node)
    return found


def cut_function(file_text: str, code: CodeType) -> Cut | None:
    """Cut out the function that ``code`` was compiled from.

    Decorators and the annotations of its parameters are left out: they would be evaluated
    where their names mean nothing, and Python 2 can't read the latter. Of what is left
    every line and column stays where it was.

    Returns:
        None if the text does not have it, or, of lambdas, has more than one it could be.

    Raises:
        SyntaxError: the text is not Python.
    """
    found = _functions(file_text).get(code.co_firstlineno, [])
    if code.co_name == "<lambda>":
        return _cut_lambda(file_text, [n for n in found if isinstance(n, ast.Lambda)], code)
    for node in found:
        if not isinstance(node, ast.Lambda) and node.name == code.co_name:
            if _parameters(node) == _parameters_of_code(code):
                return _cut_def(file_text, node)
    return None


def _cut_def(file_text: str, node: ast.FunctionDef | ast.AsyncFunctionDef) -> Cut:
    lines = io.StringIO(file_text).readlines()[node.lineno - 1 : node.end_lineno]
    text = "".join(lines).rstrip("\r\n") + "\n"
    if node.col_offset == 0:
        return Cut(without_annotations(text), node.lineno, node.name)
    # Not dedented: that would change the value of strings which go over several lines,
    # and fails where one of them begins further left.
    return Cut(without_annotations("if 1:\n" + text), node.lineno - 1, node.name)


def _cut_lambda(file_text: str, nodes: list[ast.Lambda], code: CodeType) -> Cut | None:
    alike: dict[str, tuple[ast.Lambda, CodeType]] = {}
    for node in nodes:
        compiled = compile(ast.Expression(node), "", "eval", dont_inherit=True)
        for const in compiled.co_consts:
            if isinstance(const, CodeType) and _shape(const) == _shape(code):
                alike[ast.dump(node)] = node, const
    found = [node for node, _ in alike.values()]
    if len(found) > 1:  # instructions last: they differ, too, where a module was imported
        found = [node for node, const in alike.values() if const.co_code == code.co_code]
    if len(found) != 1:
        return None
    segment = ast.get_source_segment(file_text, found[0]) or ""
    # The parentheses let it go over several lines, as those it stood in did.
    return Cut(f"{LAMBDA_NAME} = ({segment})\n", found[0].lineno, LAMBDA_NAME)


def _shape(value: object) -> object:
    """Return what tells the lambdas of one line apart: names and constants."""
    if isinstance(value, CodeType):
        stars = value.co_flags & (inspect.CO_VARARGS | inspect.CO_VARKEYWORDS)
        parameters = value.co_argcount, value.co_kwonlyargcount, stars
        consts = tuple(_shape(const) for const in value.co_consts)
        return value.co_names, value.co_varnames, parameters, consts
    if isinstance(value, str) and "<locals>" in value:
        return str  # before 3.11, the qualified name of a function inside
    return type(value), value


def _parameters(node: ast.FunctionDef | ast.AsyncFunctionDef) -> tuple[str, ...]:
    a = node.args
    return tuple(arg.arg for arg in [*a.posonlyargs, *a.args, *a.kwonlyargs])


def _parameters_of_code(code: CodeType) -> tuple[str, ...]:
    return code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]


@lru_cache(maxsize=32)
def without_annotations(text: str) -> str:
    """Return ``text`` with blanks for the annotations of the first ``def``'s signature."""
    cuts: list[tuple[Position, Position]] = []
    begin: Position | None = None  # of the annotation we are in,
    depth = 0  # and how many brackets were open there
    brackets: list[str] = []
    lambdas: list[int] = []  # how many were open at each lambda whose colon is yet to come
    tokens = tokenize.generate_tokens(io.StringIO(text).readline)
    for token in itertools.dropwhile(lambda token: token.string != "def", tokens):
        word = token.string
        if word == "lambda":
            lambdas.append(len(brackets))
        elif token.type != tokenize.OP:
            continue
        elif word == ":" and lambdas and lambdas[-1] == len(brackets):
            lambdas.pop()
        elif begin is not None:
            if not lambdas and len(brackets) == depth and word in (",", "=", ")", ":"):
                cuts.append((begin, token.start))
                begin = None
        elif word == ":" and brackets == ["("] or word == "->":
            begin, depth = token.start, len(brackets)
        if word == ":" and not brackets and not lambdas:
            break
        if word in ("(", "[", "{"):
            brackets.append(word)
        elif word in (")", "]", "}"):
            brackets.pop()
    return _blank(text, cuts)


def _blank(text: str, cuts: list[tuple[Position, Position]]) -> str:
    starts = [0]
    for line in io.StringIO(text):
        starts.append(starts[-1] + len(line))
    for (line_1, column_1), (line_2, column_2) in reversed(cuts):
        begin, end = starts[line_1 - 1] + column_1, starts[line_2 - 1] + column_2
        blanks = re.sub(r"[^\n]", " ", text[begin:end]).replace("\n", "\\\n")
        text = text[:begin] + blanks + text[end:]
    return text


# ---- the names a text needs ------------------------------------------------------


class Needed(NamedTuple):
    """Names that a function's text takes from outside: its body, and its default values."""

    body: frozenset[str]
    defaults: frozenset[str]


@lru_cache(maxsize=32)
def needed_names(text: str) -> Needed:
    """Return the global and builtin names that ``text``, one definition, reads.

    Names that it also assigns with ``global`` are not among them.
    """
    top, *inner = _codes(compile(text, "", "exec", dont_inherit=True))
    made = _names(top, "STORE_NAME")
    body: set[str] = set()
    for code in inner:
        made |= _names(code, "STORE_GLOBAL")
        body |= _names(code, "LOAD_GLOBAL")
        # in the body of a class:
        body |= _names(code, "LOAD_NAME", "LOAD_FROM_DICT_OR_GLOBALS") - _names(code, "STORE_NAME")
    return Needed(frozenset(body - made), frozenset(_names(top, "LOAD_NAME") - made))


def _codes(code: CodeType) -> Iterator[CodeType]:
    yield code
    for const in code.co_consts:
        if isinstance(const, CodeType):
            yield from _codes(const)


def _names(code: CodeType, *operations: str) -> set[str]:
    # dis, because PyPy has no symtable
    return {i.argval for i in dis.get_instructions(code) if i.opname in operations}
