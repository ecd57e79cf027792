# shipped: stdlib only; Python 2.7-3.14, PyPy, Jython
"""A table of sources -> importable modules; runs first at the remote.

The remote executes this file's text with two globals: ``stdin``, to read bytes from, and
``words``, those of the line it read there. They are the size of this text, which it read
next, the size of the table, which comes behind, the descriptor to write to, and what
``serve`` is to know, in hexadecimal. Where the table is one of code objects there is a third,
``loads``, which makes them of its bytes. The modules live under a private root name, so a
gatewaylib installed at the remote is neither used nor hidden, and are real ones: relative
imports, tracebacks with source lines and inspect.getsource work. Nothing is written anywhere.
"""

import sys
import types

ROOT = "_gatewaylib"
OLDEST = ((2, 7), (3, 6))


def refusal(version):
    """Return why this interpreter is too old, None if it is not. ``version``: two ints."""
    if version < OLDEST[0] or (3, 0) <= version < OLDEST[1]:
        return "gatewaylib needs Python 2.7 or 3.6 and later at this end, %s is %d.%d" % (
            sys.executable,
            version[0],
            version[1],
        )
    return None


def read_all(stdin, size):
    """Return the next ``size`` bytes of a file: Jython's read gives what is there already."""
    data = b""
    while len(data) < size:
        part = stdin.read(size - len(data))
        if not part:
            raise EOFError("stdin ended after %d of %d bytes" % (len(data), size))
        data += part
    return data


def read_table(data):
    """Return {module name: source} of the table's bytes.

    The table is a head, a line ``name size`` for each module, an empty line, and then, in
    the same order, each source.
    """
    head, body = data.split(b"\n\n", 1)
    table, position = {}, 0
    for line in head.decode("ascii").split("\n"):
        name, size = line.split(" ")
        end = position + int(size)
        table[str(name)] = body[position:end]
        position = end
    return table


class TableImporter(object):
    """Finds and loads modules, for Python 2 and 3 alike.

    Args:
        root: the name they are under.
        table: module name -> source.
        codes: module name -> code object, for those that are needed at once, in an order
            in which each needs only those before it; or such a one marshalled, for those that
            may be needed. Only the side that starts the interpreter sends these, and only to
            one like itself on its own machine, where the sources are at hand.
    """

    def __init__(self, root, table, codes=None):
        self._root, self._table, self._codes = root, table, codes or {}

    def _path(self, name):
        if name == self._root:
            return "__init__"
        path = name[len(self._root) + 1 :]
        package = path + ".__init__"
        return package if package in self._table or package in self._codes else path

    def _has(self, name):
        if name != self._root and not name.startswith(self._root + "."):
            return False
        path = self._path(name)
        return path in self._table or path in self._codes

    def is_package(self, name):
        return self._path(name).endswith("__init__")

    def get_filename(self, name):
        if self._codes:
            return self.get_code(name).co_filename
        return "gatewaylib/%s.py" % self._path(name).replace(".", "/")

    def get_source(self, name):
        if self._codes:
            return None  # it is found where the code says it is from
        source = self._table[self._path(name)]
        return source if str is bytes else source.decode("utf-8")

    def get_code(self, name):
        path = self._path(name)
        if path in self._table:
            return compile(self._table[path], self.get_filename(name), "exec", 0, True)
        if isinstance(self._codes[path], bytes):
            import marshal

            self._codes[path] = marshal.loads(self._codes[path])
        return self._codes[path]

    def load_those_needed(self):
        """Make the modules that came as code objects: an import costs four times as much."""
        for path, code in list(self._codes.items()):
            if not isinstance(code, bytes):
                name = self._root if path == "__init__" else self._root + "." + path
                self.load_module(name[:-9] if name.endswith(".__init__") else name)

    # Python 3
    def find_spec(self, name, path=None, target=None):
        if not self._has(name):
            return None
        # Importing it from importlib.machinery would cost as much as some of our modules.
        module_spec = type(sys.__spec__)
        spec = module_spec(
            name, self, origin=self.get_filename(name), is_package=self.is_package(name)
        )
        spec.has_location = True
        return spec

    def create_module(self, spec):
        return None

    def exec_module(self, module):
        exec(self.get_code(module.__name__), module.__dict__)

    # Python 2
    def find_module(self, name, path=None):
        return self if self._has(name) else None

    def load_module(self, name):
        module = sys.modules.get(name)
        if module is None:
            module = sys.modules[name] = types.ModuleType(name)
            module.__file__, module.__loader__ = self.get_filename(name), self
            parent, _, tail = name.rpartition(".")
            module.__package__ = name if self.is_package(name) else parent
            if self.is_package(name):
                module.__path__ = []
            if hasattr(sys, "__spec__"):
                module.__spec__ = self.find_spec(name)
            try:
                exec(self.get_code(name), module.__dict__)
            except BaseException:
                del sys.modules[name]
                raise
            if parent:
                setattr(sys.modules[parent], tail, module)
        return module


def load_codes(data, loads):
    """Make the modules of a table of code objects importable, and those that are needed."""
    import gc

    # Nothing that is made here is garbage, and looking for some takes a sixth of the time, or
    # as long once it is enabled again, unless all is among what is old by then.
    collects = gc.isenabled()
    gc.disable()
    importer = TableImporter(ROOT, {}, loads(data))
    sys.meta_path.insert(0, importer)
    importer.load_those_needed()
    if hasattr(gc, "unfreeze"):
        gc.freeze()
        gc.unfreeze()
    if collects:
        gc.enable()


def main(stdin, words, loads=None):
    """Make the modules importable and serve; return when the gateway is at its end."""
    why = refusal(tuple(sys.version_info[:2]))
    if why:
        sys.stderr.write(why + "\n")
        sys.exit(1)
    # No name for the bytes: this function runs until the remote ends.
    if loads is None:
        table = read_table(read_all(stdin, int(words[1])))
        sys.meta_path.insert(0, TableImporter(ROOT, table))
    else:
        load_codes(read_all(stdin, int(words[1])), loads)
    worker = __import__(ROOT + ".shipped.worker", None, None, ["serve"])
    options = bytes(bytearray.fromhex(words[3].decode("ascii")))
    worker.serve(options, int(words[2]), int(words[4]))


if "words" in globals():
    main(globals()["stdin"], globals()["words"], globals().get("loads"))
