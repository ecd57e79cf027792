# shipped: stdlib only; Python 2.7-3.14, PyPy, Jython
"""A table of sources -> importable modules; runs first at the remote.

The remote executes this file's text with two globals: ``stdin``, to read bytes from, and
``words``, those of the line it read there. They are the size of this text, which it read
next, the size of the table, which comes behind, the descriptor to write to, and what
``serve`` is to know, in base64. The modules live under a private root name, so a gatewaylib
installed at the remote is neither used nor hidden, and are real ones: relative imports,
tracebacks with source lines and inspect.getsource work. Nothing is written anywhere.
"""

import binascii
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
    """Return {module name: (source, code or None)} of the table's bytes.

    The table is a head, a line ``name size size`` for each module, an empty line, and
    then, in the same order, each source or marshalled code object; the other's size is 0.
    Only the side that starts the interpreter sends code objects, and only to one like
    itself on its own machine, where the sources are at hand.
    """
    head, body = data.split(b"\n\n", 1)
    table, position = {}, 0
    for line in head.decode("ascii").split("\n"):
        name, source_size, code_size = line.split(" ")
        middle = position + int(source_size)
        end = middle + int(code_size)
        table[str(name)] = body[position:middle], body[middle:end] or None
        position = end
    return table


class TableImporter(object):
    """Finds and loads the modules of a table, for Python 2 and 3 alike."""

    def __init__(self, root, table):
        self._root, self._table = root, table

    def _path(self, name):
        if name == self._root:
            return "__init__"
        path = name[len(self._root) + 1 :]
        return path + ".__init__" if path + ".__init__" in self._table else path

    def _has(self, name):
        in_root = name == self._root or name.startswith(self._root + ".")
        return in_root and self._path(name) in self._table

    def is_package(self, name):
        return self._path(name).endswith("__init__")

    def get_filename(self, name):
        if self._table[self._path(name)][1] is not None:
            return self.get_code(name).co_filename
        return "gatewaylib/%s.py" % self._path(name).replace(".", "/")

    def get_source(self, name):
        source, code = self._table[self._path(name)]
        if code is not None:
            return None  # it is found where the code says it is from
        return source if str is bytes else source.decode("utf-8")

    def get_code(self, name):
        source, code = self._table[self._path(name)]
        if isinstance(code, bytes):
            import marshal

            code = marshal.loads(code)
            self._table[self._path(name)] = source, code
        if code is not None:
            return code
        return compile(source, self.get_filename(name), "exec", 0, True)

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
            module.__package__ = name if self.is_package(name) else name.rpartition(".")[0]
            if self.is_package(name):
                module.__path__ = []
            try:
                exec(self.get_code(name), module.__dict__)
            except BaseException:
                del sys.modules[name]
                raise
        return module


def main(stdin, words):
    """Make the modules importable and serve; return when the gateway is at its end."""
    why = refusal(tuple(sys.version_info[:2]))
    if why:
        sys.stderr.write(why + "\n")
        sys.exit(1)
    table = read_table(read_all(stdin, int(words[1])))
    sys.meta_path.insert(0, TableImporter(ROOT, table))
    worker = __import__(ROOT + ".shipped.worker", None, None, ["serve"])
    worker.serve(binascii.a2b_base64(words[3]), int(words[2]))


if "words" in globals():
    main(globals()["stdin"], globals()["words"])
