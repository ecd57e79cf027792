# plain: runs on every interpreter
"""The unpacker: a table of sources, and modules that are like any others."""

from __future__ import absolute_import

import binascii
import inspect
import io
import marshal
import sys
import traceback

from gatewaylib.shipped import unpack
from gatewaylib.shipped.unpack import TableImporter, read_table, refusal

SOURCES = {
    "__init__": b"",
    "top": b"from .shipped import leaf\nfrom .shipped.leaf import value\n",
    "shipped.__init__": b"name = __name__\n",
    "shipped.leaf": b"value = 42\n\n\ndef fail():\n    raise ValueError('here')\n",
    "shipped.broken": b"before = 1\nraise KeyError('import')\n",
    "shipped.unicode": b"# \xc3\xa9\nvalue = u'\\xe9'\n",
}


def packed(sources):
    """Return a table's bytes, as the side that starts an interpreter sends them."""
    head = "".join("%s %d\n" % (name, len(sources[name])) for name in sorted(sources))
    return head.encode("ascii") + b"\n" + b"".join(sources[name] for name in sorted(sources))


class Importing(object):
    """Has a table's modules importable as ``_unpacked`` for the length of a ``with`` block."""

    def __init__(self, sources, codes=None):
        self.importer = TableImporter("_unpacked", sources and read_table(packed(sources)), codes)

    def __enter__(self):
        sys.meta_path.insert(0, self.importer)
        return self.importer

    def __exit__(self, *exc_info):
        sys.meta_path.remove(self.importer)
        for name in [name for name in sys.modules if name.split(".")[0] == "_unpacked"]:
            del sys.modules[name]


def compiled(name):
    file_name = "somewhere/%s.py" % name.replace(".", "/")
    return compile(SOURCES[name].decode("utf-8"), file_name, "exec", 0, True)


def load(name):
    __import__("_unpacked." + name)
    return sys.modules["_unpacked." + name]


class InPieces(io.BytesIO):
    """A file whose read gives less than it was asked for, as Jython's stdin does."""

    def read(self, size=-1):
        return io.BytesIO.read(self, min(size, 3))


def test_a_table_is_read_to_its_end_in_whatever_pieces_it_arrives():
    assert unpack.read_all(InPieces(b"0123456789"), 8) == b"01234567"


def test_a_table_that_is_cut_off_is_an_error():
    try:
        unpack.read_all(io.BytesIO(b"0123"), 8)
    except EOFError as error:
        assert "4 of 8 bytes" in str(error)
    else:
        raise AssertionError("it was read")


def test_a_table_is_read_as_it_was_packed():
    table = read_table(packed(SOURCES))

    assert table == SOURCES
    assert all(isinstance(name, str) for name in table)


def test_modules_import_each_other_relatively():
    with Importing(SOURCES):
        top = load("top")

        assert top.value == 42
        assert top.leaf is load("shipped.leaf")
        assert load("shipped").name == "_unpacked.shipped"


def test_modules_know_where_they_come_from():
    with Importing(SOURCES) as importer:
        leaf, package = load("shipped.leaf"), load("shipped")

        assert leaf.__name__ == "_unpacked.shipped.leaf"
        assert leaf.__package__ == package.__package__ == "_unpacked.shipped"
        assert leaf.__file__ == "gatewaylib/shipped/leaf.py"
        assert package.__file__ == "gatewaylib/shipped/__init__.py"
        assert leaf.__loader__ is importer
        assert list(package.__path__) == [] and not hasattr(leaf, "__path__")


def test_source_lines_show_in_tracebacks_and_inspect():
    with Importing(SOURCES):
        leaf = load("shipped.leaf")
        try:
            leaf.fail()
        except ValueError:
            text = traceback.format_exc()

        assert 'File "gatewaylib/shipped/leaf.py", line 5, in fail\n    raise ValueError' in text
        assert inspect.getsource(leaf.fail) == "def fail():\n    raise ValueError('here')\n"


def test_a_source_is_utf_8():
    with Importing(SOURCES) as importer:
        assert load("shipped.unicode").value == b"\xc3\xa9".decode("utf-8")
        assert isinstance(importer.get_source("_unpacked.shipped.unicode"), str)


def test_code_objects_are_modules_too_at_once_or_when_they_are_imported():
    if sys.version_info[0] == 2:
        return  # they are sent to interpreters like the local side only, whose dicts have an order
    codes = {name: compiled(name) for name in ("__init__", "shipped.__init__")}
    codes["shipped.leaf"] = marshal.dumps(compiled("shipped.leaf"))
    with Importing({}, codes) as importer:
        importer.load_those_needed()

        package = sys.modules["_unpacked.shipped"]
        assert sys.modules["_unpacked"].shipped is package
        assert package.__package__ == package.name == "_unpacked.shipped"
        assert package.__file__ == "somewhere/shipped/__init__.py"
        assert package.__loader__ is importer and list(package.__path__) == []
        assert "_unpacked.shipped.leaf" not in sys.modules
        assert load("shipped.leaf").value == 42
        for module in (package, load("shipped.leaf")):
            assert module.__spec__.name == module.__name__
            assert module.__spec__.parent == module.__package__
            assert module.__spec__.origin == module.__file__


def test_a_module_that_fails_is_not_half_imported():
    with Importing(SOURCES):
        for _ in range(2):
            try:
                load("shipped.broken")
            except KeyError:
                assert "_unpacked.shipped.broken" not in sys.modules
            else:
                raise AssertionError("imported")


def test_what_is_not_in_the_table_is_left_to_others():
    with Importing(SOURCES) as importer:
        for name in ("_unpacked.other", "_unpackedx", "gatewaylib", "shipped.leaf", "os"):
            assert importer.find_module(name) is None, name
            if sys.version_info[0] > 2:
                assert importer.find_spec(name) is None, name
        try:
            load("other")
        except ImportError as error:
            assert "other" in str(error)
        else:
            raise AssertionError("imported")


def test_what_has_the_same_name_elsewhere_is_neither_used_nor_hidden():
    import gatewaylib

    with Importing(SOURCES):
        assert load("shipped") is not sys.modules["gatewaylib.shipped"]
        assert sys.modules["gatewaylib"] is gatewaylib


def test_only_pythons_that_work_are_accepted():
    for version in ((2, 7), (3, 6), (3, 7), (3, 14), (4, 0)):
        assert refusal(version) is None
    for version in ((2, 5), (2, 6), (3, 0), (3, 5)):
        assert "%d.%d" % version in refusal(version) and sys.executable in refusal(version)


def test_a_python_that_is_too_old_says_so_and_ends():
    before = unpack.OLDEST, sys.stderr
    unpack.OLDEST, sys.stderr = (
        ((9, 0), (9, 0)),
        io.StringIO() if str is not bytes else io.BytesIO(),
    )
    try:
        unpack.main(io.BytesIO(), [b"0", b"0", b""])
    except SystemExit as error:
        said = sys.stderr.getvalue()
        assert error.code == 1
    finally:
        unpack.OLDEST, sys.stderr = before

    assert said.startswith("gatewaylib needs Python") and said.endswith("\n")


def test_the_words_of_the_line_start_the_remote_end():
    served = []
    sources = {
        "__init__": b"",
        "shipped.__init__": b"",
        "shipped.worker": b"calls = []\ndef serve(*given):\n    calls.append(given)\n",
    }
    table = packed(sources)
    words = [b"0", str(len(table)).encode("ascii"), b"7", binascii.hexlify(b"options"), b"9"]
    before, unpack.ROOT = unpack.ROOT, "_unpacked_line"
    try:
        unpack.main(io.BytesIO(table + b"more"), words)
        served = sys.modules["_unpacked_line.shipped.worker"].calls
    finally:
        unpack.ROOT = before
        sys.meta_path[:] = [f for f in sys.meta_path if getattr(f, "_root", 0) != "_unpacked_line"]
        for name in [name for name in sys.modules if name.split(".")[0] == "_unpacked_line"]:
            del sys.modules[name]

    assert served == [(b"options", 7, 9)]
