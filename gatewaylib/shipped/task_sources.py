# shipped: stdlib only; Python 2.7-3.14, PyPy, Jython
"""The sources of tasks, put where tracebacks look for lines: in linecache's cache.

On Python 3 it takes milliseconds to import linecache, and most remotes never do. So what
is to be in its cache is kept here until somebody imports it.
"""
from __future__ import absolute_import

import sys

from .compat import PY2, native

_kept = {}  # file name -> (text, number of its first line)


def show_source(name, text, first_line):
    """Let tracebacks find the lines of a file that is most likely not here."""
    if PY2:
        import linecache  # noqa: F401 - quick here
    cache = _cache()
    if cache is None:
        if _finder not in sys.meta_path:
            sys.meta_path.insert(0, _finder)
        _kept[name] = text, first_line
        cache = _cache()  # it may have been imported since
    if cache is not None:
        cache[name] = _entry(name, text, first_line)


def _cache():
    return getattr(sys.modules.get("linecache"), "cache", None)


def _entry(name, text, first_line):
    lines = ["\n"] * (first_line - 1)
    lines += [native(line) + "\n" for line in text.split("\n")]
    return sum(map(len, lines)), None, lines, name


class _Finder(object):
    """Finds linecache where it is found anyway, and fills its cache as it is loaded."""

    def find_spec(self, name, path=None, target=None):
        if name != "linecache":
            return None
        from importlib.machinery import PathFinder

        spec = PathFinder.find_spec(name)
        if spec is not None:
            spec.loader = _Filling(spec.loader)
        return spec


class _Filling(object):
    """A loader that does what another does, and then fills the cache."""

    def __init__(self, loader):
        self._loader = loader

    def __getattr__(self, name):
        return getattr(self._loader, name)

    def exec_module(self, module):
        self._loader.exec_module(module)
        while _kept:
            name, (text, first_line) = _kept.popitem()
            module.cache.setdefault(name, _entry(name, text, first_line))


_finder = _Finder()
