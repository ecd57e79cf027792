# shipped: stdlib only; Python 2.7-3.14, PyPy, Jython
"""The remote half of ``imports=``: imports here what the local side has, source by source.

It is run as a task that receives one dict::

    {"requests": channel, "named": [text], "everything": bool,
     "resources": (source text of resources.py, its file name)}

puts its finders where the import system asks them, and ends. Afterwards each request is
an item on ``requests``, a tuple::

    (channel for the answer, "module", name, (), offset, size)
    (channel for the answer, "data", package, (text of each step, ...), offset, size)

and its answer a tuple whose first item says what it is; gatewaylib/imports.py lists them.
Each request brings the channel for its own answer: threads that import at the same time
need not know of each other, and whoever waits for an answer reads it.

A submodule comes from where its package comes from. So only top names are asked of
``sys.meta_path``; a forwarded package has a ``__path__`` of which a hook here knows the
submodules, and absent ones cost nothing.
"""

from __future__ import absolute_import

import errno
import linecache
import os
import sys
import types

try:
    from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
except ImportError:  # Python 2
    ModuleSpec = PathFinder = SourceFileLoader = None

PIECE = 262144  # bytes asked for at once
MARK = "<gatewaylib>/"  # what a forwarded package's __path__ begins with; no file's name does


def native(text):
    """Return text as this Python's ``str``; users choose as what it arrives (reconfigure)."""
    if isinstance(text, str):
        return text
    return text.encode("utf-8") if str is bytes else text.decode("utf-8")


def as_text(name):
    """Return a native ``str`` as text, so that it arrives as such."""
    return name if isinstance(name, type("")) else name.decode("utf-8")


def import_error(message, name):
    """Return an ImportError for a module, which knows its name on Python 2 too."""
    error = ImportError(message)
    error.name = name
    return error


class Line(object):
    """Asks the local side; any thread may, at any time.

    ``resources`` is the module of that name, for the data of packages.
    """

    native = staticmethod(native)

    def __init__(self, requests, resources):
        self._requests, self.resources = requests, resources

    def ask(self, kind, name, parts=(), offset=0, size=PIECE):
        """Return the answer to one request; raise OSError if the connection is gone."""
        answers = self._requests.gateway.newchannel()
        parts = tuple(map(as_text, parts))
        self._requests.send((answers, as_text(kind), as_text(name), parts, offset, size))
        answer = answers.receive()
        return (native(answer[0]),) + answer[1:]

    def read_on(self, kind, name, parts, size, first):
        """Return all ``size`` bytes of a file of which the first piece is here."""
        pieces, got = [first], len(first)
        while got < size:
            answer = self.ask(kind, name, parts, got)
            if answer[0] not in ("source", "file") or answer[-1] != size or not answer[1]:
                raise IOError("%s changed while it was read" % "/".join((name,) + tuple(parts)))
            pieces.append(answer[1])
            got += len(answer[1])
        return b"".join(pieces)


# ---- finding -------------------------------------------------------------------------


class Importer(object):
    """What is known of the modules at the local side, and the making of those asked for."""

    def __init__(self, line):
        self._line = line
        self._submodules = {}  # entry of a __path__ -> {last name: 1 if it is a package} or None

    def load(self, name):
        """Return the Loader of a module; None if there is none; ImportError if it can't be had."""
        try:
            answer = self._line.ask("module", name)
            if answer[0] == "missing":
                return None
            if answer[0] == "refused":
                raise import_error(native(answer[1]), name)
            _, source, file_name, submodules, complete, size = answer
            source = self._line.read_on("module", name, (), size, source)
        except (OSError, IOError):
            raise import_error("cannot ask for %s: %s" % (name, sys.exc_info()[1]), name)
        path = None
        if submodules is not None:
            path = MARK + name.replace(".", "/")
            known = {native(last): kind for last, kind in submodules.items()}
            self._submodules[path] = (known, complete)
        return Loader(self._line, name, file_name and native(file_name), source, path)

    def submodules(self, path):
        """Return ({last name: kind}, whether these are all) of a package; KeyError if unknown."""
        return self._submodules[path]

    def hook(self, path):
        """Return the finder for an entry of a forwarded package's ``__path__``."""
        if path not in self._submodules:
            raise ImportError("not a package of the local side")
        return SubmoduleFinder(self, path)


class Finder(object):
    """Finds modules by the name, for Python 2 and 3 alike; ``_look`` says how."""

    def _look(self, name):
        """Return the module's Loader, or None."""
        raise NotImplementedError

    def find_spec(self, name, path=None, target=None):
        loader = self._look(name)
        return None if loader is None else loader.spec()

    def find_module(self, name, path=None):
        try:
            return self._look(name)
        except ImportError:
            # Python 2 takes one that is raised here for "not found", and says only that.
            return Refusal(sys.exc_info()[1])


class Refusal(object):
    """The loader of a module that can't be had."""

    def __init__(self, error):
        self._error = error

    def load_module(self, name):
        raise self._error


class NamedFinder(Finder):
    """First in sys.meta_path: what was named is the local side's, whatever is here."""

    def __init__(self, importer, named):
        self._importer, self._named = importer, named
        self.refusals = {}

    def _look(self, name):
        if name not in self._named:
            return None
        try:
            return self._importer.load(name)
        except ImportError:
            self.refusals[name] = sys.exc_info()[1]
            return None  # this end may have it; if it has not, LastFinder tells why


class LastFinder(Finder):
    """Last in sys.meta_path: what nobody here has."""

    def __init__(self, importer, first, named, everything):
        self._importer, self._first, self._named = importer, first, named
        self._parents = {name[:i] for name in named for i in range(len(name)) if name[i] == "."}
        self._everything = everything
        self._absent = set()

    def _look(self, name):
        if name in self._named:
            refusal = self._first.refusals.pop(name, None)
            if refusal is not None:
                raise refusal
            return None
        if name in self._parents:
            # It was not named, only something inside it was: an empty package leads there.
            return Loader(None, name, None, b"", MARK + name)
        if not self._everything or "." in name or name in self._absent:
            return None
        loader = self._importer.load(name)
        if loader is None:
            self._absent.add(name)
        return loader

    def invalidate_caches(self):
        """Ask again for what was not there."""
        self._absent.clear()


class SubmoduleFinder(Finder):
    """Finds the submodules of one package; the import system asks it for its ``__path__``."""

    def __init__(self, importer, path):
        self._importer, self._path = importer, path

    def _look(self, name):
        known, complete = self._importer.submodules(self._path)
        if complete and name.rpartition(".")[2] not in known:
            return None
        return self._importer.load(name)

    def find_spec(self, name, target=None):
        return Finder.find_spec(self, name)

    def iter_modules(self, prefix=""):
        """Give (name, whether it is a package) of each submodule, for pkgutil."""
        known, _ = self._importer.submodules(self._path)
        return [(prefix + last, kind == 1) for last, kind in sorted(known.items()) if kind != 2]


# ---- loading -------------------------------------------------------------------------


class Loader(object):
    """Makes one module of its source, as the import system's own loader of files would.

    Args:
        line: where its package's data is asked for.
        file_name: the source's file at the local side; None for a namespace package.
        source: bytes.
        path: the only entry of its ``__path__``; None if it is no package.
    """

    def __init__(self, line, name, file_name, source, path):
        self._line, self._name, self._path = line, name, path
        self._file_name, self._source = file_name, source
        if file_name is not None and os.path.exists(file_name):
            self._show_source()

    def _show_source(self):
        # Tracebacks look for lines on the disk first: the file of that name may be another.
        try:
            lines = self.get_source(self._name).splitlines(True)
        except (ImportError, SyntaxError):
            return  # it is no text: that is for whoever compiles it to say
        linecache.cache[self._file_name] = (len(self._source), None, lines, self._file_name)

    def is_package(self, name):
        return self._path is not None

    def get_filename(self, name):
        return self._file_name or MARK + name

    def get_data(self, path):
        """Return the bytes of a file, named as if the local side's files were here."""
        if path == self.get_filename(self._name):
            return self._source
        package = self._name if self.is_package(self._name) else self._name.rpartition(".")[0]
        folder = os.path.dirname(self._file_name or "")
        inside = path.replace(os.sep, "/")
        if inside.startswith(folder + "/"):
            inside = inside[len(folder) + 1 :]
        if self._line is None or not package or os.path.isabs(inside):
            raise IOError(errno.ENOENT, "not a file of a forwarded package", path)
        return self._line.resources.Resource(self._line, package, inside.split("/")).read_bytes()

    # Python 3

    def spec(self):
        """Return the module's spec."""
        spec = ModuleSpec(
            self._name, self, origin=self._file_name, is_package=self._path is not None
        )
        spec.has_location = self._file_name is not None
        if self._path is not None:
            spec.submodule_search_locations.append(self._path)
        return spec

    def create_module(self, spec):
        return None

    def path_stats(self, path):
        raise OSError("no bytecode is read or written for %s" % path)

    def get_resource_reader(self, name):
        """Return what importlib.resources asks for; only packages have resources."""
        if self._line is None or not self.is_package(name):
            return None
        return self._line.resources.ResourceReader(self._line, name)

    if SourceFileLoader is not None:
        # Of the import system's own, so that it leaves itself out of tracebacks.
        source_to_code = SourceFileLoader.source_to_code
        get_code = SourceFileLoader.get_code
        get_source = SourceFileLoader.get_source
        exec_module = SourceFileLoader.exec_module
    else:

        def get_source(self, name):
            return b"\n".join(self._source.splitlines()) + b"\n"

        def get_code(self, name):
            return compile(self._source, self.get_filename(name), "exec", 0, True)

    # Python 2

    def load_module(self, name):
        module = sys.modules.get(name)
        is_new = module is None
        if is_new:
            module = sys.modules[name] = types.ModuleType(name)
        module.__loader__ = self
        module.__package__ = name if self.is_package(name) else name.rpartition(".")[0]
        if self._file_name is not None:
            module.__file__ = self._file_name
        if self.is_package(name):
            module.__path__ = [self._path]
        try:
            exec(self.get_code(name), module.__dict__)
        except BaseException:
            if is_new:
                sys.modules.pop(name, None)
            raise
        return sys.modules[name]


def teach_resources():
    """Have Python 3.9's ``importlib.resources.files`` ask loaders, as all later ones do."""
    if sys.version_info[:2] != (3, 9):
        return
    from importlib import _common

    def files(spec, on_disk=_common.fallback_resources):
        if isinstance(spec.loader, Loader):
            return spec.loader.get_resource_reader(spec.name).files()
        return on_disk(spec)

    _common.fallback_resources = files


def make_module(name, source, file_name):
    """Return a module of that source, which only its holder knows of."""
    module = types.ModuleType(name)
    lines = [native(line) for line in source.splitlines(True)]
    linecache.cache[native(file_name)] = (len(source), None, lines, native(file_name))
    exec(compile(source, native(file_name), "exec", 0, True), module.__dict__)
    return module


def install(requests, named, everything, resources):
    """Let imports of this interpreter ask the local side.

    Args:
        requests: the channel of requests.
        named: text, names of packages and modules; these are always the local side's.
        everything: whether to ask for whatever else is not here.
        resources: (source text, file name) of resources.py.
    """
    named = set(map(native, named))
    importer = Importer(Line(requests, make_module("resources", *resources)))
    first = NamedFinder(importer, named)
    sys.path_hooks.insert(0, importer.hook)
    sys.meta_path.insert(0, first)
    sys.meta_path.append(LastFinder(importer, first, named, everything))
    teach_resources()


if __name__ == "__channelexec__":
    install(**{native(key): value for key, value in channel.receive().items()})  # noqa: F821
