"""Sphinx's settings, and the directive that draws the tree."""

from __future__ import annotations

import ast
import sys
from pathlib import Path

from docutils import nodes
from docutils.parsers.rst import Directive
from docutils.statemachine import StringList
from sphinx.application import Sphinx
from sphinx.util.nodes import nested_parse_with_titles

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))  # the documentation is of this tree, not of what is installed

project = "gatewaylib"
author = "The gatewaylib developers"
project_copyright = "2026, The gatewaylib developers"

extensions = ["sphinx.ext.autodoc", "sphinx.ext.napoleon"]
html_theme = "furo"
html_title = project
exclude_patterns = ["_build"]
default_role = "code"
autodoc_member_order = "bysource"
autodoc_typehints = "none"  # shipped files have none, and stubs are not read


class TreeOrder(Directive):
    """``.. tree-order::`` lists the files of the package in the order test_layout.py holds.

    Each stands with the first line of its docstring. Files that are planned and not there
    are left out.
    """

    def run(self) -> list[nodes.Node]:
        lines = [".. list-table::", "   :widths: 40 60", ""]
        for path, pure in tree_order():
            file = ROOT / "gatewaylib" / path
            if not file.exists():
                continue
            docstring = ast.get_docstring(ast.parse(file.read_text(encoding="utf-8")))
            if docstring is None:
                continue
            mark = " *(pure)*" if pure else ""
            lines += [f"   * - ``{path}``{mark}", f"     - {docstring.splitlines()[0]}"]
        table = nodes.section()
        table.document = self.state.document
        nested_parse_with_titles(self.state, StringList(lines, "tree-order"), table)
        return table.children


def tree_order() -> list[tuple[str, bool]]:
    """Return (path, whether it is pure) for each line of the order."""
    # Read and not imported: the test needs pytest, the documentation does not.
    test = ast.parse((ROOT / "testing" / "test_layout.py").read_text(encoding="utf-8"))
    assigned = {
        target.id: node.value
        for node in test.body
        if isinstance(node, ast.Assign)
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    order: str = ast.literal_eval(assigned["ORDER"])
    return [(line.split()[0], line.endswith(" pure")) for line in order.strip().splitlines()]


def setup(app: Sphinx) -> None:
    app.add_directive("tree-order", TreeOrder)
