"""Modules that are joined into one text: it runs alone, and what can't be joined is refused."""

import importlib
import subprocess
import sys

import interpreters
import pytest

from gatewaylib import source_joined
from gatewaylib.source_joined import NotJoinable, joined_source

BOUND = 20.0  # seconds: a hang, and nothing else


@pytest.fixture
def package(tmp_path, monkeypatch):
    """Write modules of a package of its own; give the function that joins one."""
    (tmp_path / "some_package").mkdir()
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(source_joined, "PACKAGE", "some_package")

    def join(**texts):
        for name, text in {"__init__": "", **texts}.items():
            (tmp_path / "some_package" / f"{name}.py").write_text(text)
        importlib.invalidate_caches()
        return joined_source("main")

    joined_source.cache_clear()
    yield join
    joined_source.cache_clear()
    for name in [name for name in sys.modules if name.partition(".")[0] == "some_package"]:
        del sys.modules[name]


def test_each_module_stands_once_behind_those_it_imports(package):
    text = package(
        main='"""Runs."""\nfrom __future__ import print_function\nimport os, sys\n'
        "from .one import (\n    first,\n)\nfrom .two import second\nprint(first + second)\n",
        one="from __future__ import absolute_import\nimport os\nfrom .two import second\n"
        "first = second + 1\n",
        two="second = 20\n",
    )

    assert [line for line in text.splitlines() if line.startswith(("#", "import", "from"))] == [
        "from __future__ import absolute_import",
        "from __future__ import print_function",
        "import os",
        "import sys",
        "# ---- some_package.two ----",
        "# ---- some_package.one ----",
        "# ---- some_package.main ----",
    ]
    for python in interpreters.find().values():
        run = subprocess.run(
            [python, "-c", text], stdout=subprocess.PIPE, timeout=BOUND, check=True
        )
        assert run.stdout.strip() == b"41"


@pytest.mark.parametrize(
    ("texts", "why"),
    [
        ({"main": "from .one import a\nb = 1", "one": "a = 1\nb = 2"}, "b is bound by .*one and"),
        ({"main": "from .one import a as b", "one": "a = 1"}, "another name in line 1"),
        ({"main": "from .one import b", "one": "a = 1"}, r"imports \['b'\] from"),
        ({"main": "from . import one", "one": "a = 1"}, r"imports \['one'\] from"),
        ({"main": "def f():\n    from .one import a", "one": "a = 1"}, "in line 2, not at its top"),
        ({"one": "a = 1"}, "main has no source here"),
    ],
)
def test_what_would_mean_something_else_when_joined_is_refused(texts, why, package):
    with pytest.raises(NotJoinable, match=why):
        package(**texts)
