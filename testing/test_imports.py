"""A remote imports what its spec names, from here, and can't get at anything else."""

import importlib.machinery
import os
import subprocess
import sys
import textwrap
import threading
import zipfile

import interpreters
import pytest
from hypothesis import given
from hypothesis import strategies as st
from machine import GREEN

import gatewaylib
from gatewaylib import RemoteError, StartError, imports
from gatewaylib.shipped.on_demand.importer import Line

WAIT = 60.0  # seconds: a hang, and nothing else
FOUND = interpreters.find()
NEWEST = [name for name in FOUND if name.startswith("python3")][-1]
CHOSEN = [n for n in FOUND if n in ("python2.7", "python3.6", "python3.9", "pypy3", "jython")]
COMPILED = importlib.machinery.EXTENSION_SUFFIXES[0]

SHED = {
    "shed/__init__.py": "from . import tools\nfrom .tools.saw import cut\n",
    "shed/tools/__init__.py": "",
    "shed/tools/saw.py": """\
        from __future__ import absolute_import
        from .. import wood
        import shed.wood as same
        assert wood is same

        def cut(piece):
            if piece is None:
                raise ValueError("nothing to cut")  # the line of the raise
            return wood.KIND + piece
        """,
    "shed/wood.py": "# coding: utf-8\nKIND = u'\u00f6ak '\n",
    "shed/broken.py": "x = 1\nx = = 2\n",
    "shed/modern.py": "x = 1\n\ndef f(*, a): return f'{a}'\n",
    "shed/no_text.py": b"x = '\xff'\n",
    "shed/optional.py": "try:\n    from . import fast as chosen\nexcept ImportError:\n"
    "    from . import wood as chosen\n",
    f"shed/fast{COMPILED}": "",
    "shed/both.py": "source = True",
    f"shed/both{COMPILED}": "",
    "shed/stale.pyc": "",
    "shed/data/words.txt": "one\ntwo\n",
    "shed/data/more/deep.txt": "deep",
    "unnamed.py": "unnamed = True",
    "unnamed_package/__init__.py": "",
    "secret.txt": "secret",
}


def grow(folder, tree):
    """Write files, given as path -> text or bytes; return the folder."""
    for path, text in tree.items():
        file = folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        data = text if isinstance(text, bytes) else textwrap.dedent(text).encode("utf-8")
        file.write_bytes(data)
    return folder


def run(gateway, source, **kwargs):
    """Run text or a function there; return what it sends."""
    if isinstance(source, str):
        source = textwrap.dedent(source)
    return gateway.remote_exec(source, **kwargs).receive(WAIT)


def fail(gateway, source):
    with pytest.raises(RemoteError) as caught:
        run(gateway, source)
    return caught.value


@pytest.fixture(scope="module")
def shed(tmp_path_factory):
    """A folder on sys.path that has the package ``shed``, and things that nobody names."""
    folder = grow(tmp_path_factory.mktemp("here"), SHED)
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(folder))
        yield folder


@pytest.fixture(scope="module", params=[*CHOSEN, NEWEST])
def remote(request, shed):
    with gatewaylib.Group() as group:
        yield group.makegateway(f"popen//imports=shed//python={FOUND[request.param]}", WAIT)


@pytest.fixture
def newest(group, shed):
    return group.makegateway(f"popen//imports=shed//python={FOUND[NEWEST]}")


@pytest.fixture
def asked(monkeypatch):
    """The names that remotes ask for, as they come."""
    names = []
    answer = imports.Forwarder.answer

    def listen(self, request):
        names.append(request[2])
        answer(self, request)

    monkeypatch.setattr(imports.Forwarder, "answer", listen)
    return names


@pytest.fixture
def here(tmp_path, monkeypatch):
    """A folder on this end's sys.path, to be filled."""
    folder = tmp_path / "here"
    folder.mkdir()
    monkeypatch.syspath_prepend(str(folder))
    return folder


# ---- on every kind of interpreter ------------------------------------------------------


def test_a_package_is_imported_with_its_relative_and_absolute_imports(remote):
    source = """
        import shed, sys
        from shed.tools import saw
        assert sys.modules["shed.tools.saw"] is saw is shed.tools.saw
        channel.send((shed.cut(u"board"), saw.__name__, saw.__package__, shed.wood.__file__))
    """
    cut, name, package, file_name = run(remote, source)

    assert (cut, name, package) == ("\u00f6ak board", "shed.tools.saw", "shed.tools")
    assert file_name == imports.find("shed.wood", "shed").source.path


def test_a_function_that_is_sent_imports_inside(remote):
    def work(channel, piece):
        from shed import cut

        channel.send(cut(piece))

    assert run(remote, work, piece="bench") == "\u00f6ak bench"


def test_a_traceback_shows_the_file_and_the_line(remote, shed):
    error = fail(remote, "import shed\nshed.cut(None)")

    assert error.type_name == "ValueError"
    assert f'File "{shed}/shed/tools/saw.py", line 8, in cut' in error.formatted
    assert 'raise ValueError("nothing to cut")  # the line of the raise' in error.formatted
    assert "importer.py" not in error.formatted


def test_a_syntax_error_names_the_true_file_and_line(remote, shed):
    error = fail(remote, "import shed.broken")

    assert error.type_name == "SyntaxError"
    assert f'File "{shed}/shed/broken.py", line 2' in error.formatted
    assert "x = = 2" in error.formatted


def test_source_that_is_no_text_is_a_syntax_error(newest):
    error = fail(newest, "import shed.no_text")

    assert error.type_name == "SyntaxError"
    assert "no_text.py" in error.formatted


def test_a_module_can_show_its_source_and_be_reloaded(remote):
    source = """
        import inspect, shed.wood
        try:
            from importlib import reload
        except ImportError:
            pass  # Python 2 has it as a builtin
        shed.wood.KIND = "changed"
        again = reload(shed.wood)
        channel.send((again is shed.wood, again.KIND, inspect.getsource(shed.cut)))
    """
    same, kind, text = run(remote, source)

    assert (same, kind) == (True, "\u00f6ak ")
    assert text.startswith("def cut(piece):\n    if piece is None:")


def test_a_compiled_module_is_an_import_error_that_says_what_to_do(remote):
    error = fail(remote, "import shed.fast")

    assert error.type_name == "ImportError"
    for words in ("shed.fast can't be forwarded", f"compiled (fast{COMPILED})", "install shed"):
        assert words in error.formatted


def test_what_falls_back_from_a_compiled_module_does_so(remote):
    source = "from shed.optional import chosen; channel.send(chosen.__name__)"

    assert run(remote, source) == "shed.wood"


def test_the_source_beside_a_compiled_module_is_taken(remote):
    assert run(remote, "import shed.both; channel.send(shed.both.source)") is True


def test_bytecode_without_source_is_an_import_error(remote):
    assert "it has no source (stale.pyc)" in fail(remote, "import shed.stale").formatted


def test_what_is_missing_here_is_an_ordinary_import_error(remote):
    error = fail(remote, "import shed.absent")

    assert error.type_name in ("ModuleNotFoundError", "ImportError")
    assert "No module named" in error.formatted
    assert "importer.py" not in error.formatted


def test_nothing_that_is_not_named_is_forwarded(remote):
    source = """
        def importable(name):
            try:
                __import__(name)
            except ImportError:
                return False
            return True
        channel.send([importable(n) for n in ("unnamed", "unnamed_package", "shed_", "shed")])
    """
    assert run(remote, source) == [False, False, False, True]


def test_pkgutil_reads_data_and_lists_submodules(remote):
    source = """
        import pkgutil, shed
        channel.send((
            pkgutil.get_data("shed", "data/words.txt").decode("ascii"),
            pkgutil.get_data("shed.wood", "data/more/deep.txt").decode("ascii"),
            [(m[1], m[2]) for m in pkgutil.iter_modules(shed.__path__)],
        ))
    """
    words, deep, names = run(remote, source)

    assert (words, deep) == ("one\ntwo\n", "deep")
    assert ("tools", True) in names and ("wood", False) in names
    assert "data" not in [name for name, _ in names]


def test_data_that_is_not_there_or_outside_is_an_oserror(remote):
    source = """
        import pkgutil, shed
        told = []
        for name in ("absent.txt", "../secret.txt", "data", "data/words.txt/x"):
            try:
                told.append(pkgutil.get_data("shed", name))
            except EnvironmentError:
                told.append("OSError")
        channel.send(told)
    """
    assert run(remote, source) == ["OSError"] * 4


def test_importlib_resources_reads_data_where_there_is_one(remote):
    source = """
        import sys
        if sys.version_info < (3, 7):
            channel.send(None)
        else:
            from importlib import resources
            import shed.data
            told = [
                resources.read_text("shed.data", "words.txt"),
                resources.is_resource("shed.data", "words.txt"),
                resources.is_resource("shed.data", "more"),
                sorted(resources.contents("shed.data")),
            ] if sys.version_info < (3, 11) else None
            if sys.version_info >= (3, 9):
                folder = resources.files("shed") / "data"
                told = told or [(folder / "words.txt").read_text(), True, False,
                                sorted(item.name for item in folder.iterdir())]
                assert folder.is_dir() and not folder.is_file()
                assert not folder.joinpath("absent").is_file()
                with (folder / "more" / "deep.txt").open() as file:
                    assert file.read() == "deep"
                with resources.as_file(folder.joinpath("more/deep.txt")) as path:
                    assert path.read_bytes() == b"deep"
                for wrong in ("absent", "more", "../../secret.txt"):
                    try:
                        (folder / wrong).read_bytes()
                    except OSError:
                        continue
                    raise AssertionError(wrong)
            channel.send(told)
    """
    told = run(remote, source)

    assert told in (None, ["one\ntwo\n", True, False, ["more", "words.txt"]])
    assert told is not None or "2.7" in str(remote) or "3.6" in str(remote) or "jy" in str(remote)


def test_an_import_does_not_wait_for_threads_that_receive(remote):
    waiting = [remote.remote_exec("channel.send(0); channel.receive()") for _ in range(3)]
    for channel in waiting:
        assert channel.receive(WAIT) == 0

    task = remote.remote_exec("import shed.wood; channel.send(shed.wood.__name__)")

    assert task.receive(WAIT) == "shed.wood"
    for channel in waiting:
        channel.close()


def test_threads_may_import_at_the_same_time(remote):
    source = """
        import threading, shed  # it imports in circles: threads that begin with it meet halfway
        told = []
        def load(name):
            told.append(__import__("shed." + name, None, None, ["x"]).__name__)
        names = ["both", "wood", "optional", "tools", "tools.saw"] * 4
        threads = [threading.Thread(target=load, args=(name,)) for name in names]
        for thread in threads: thread.start()
        for thread in threads: thread.join(20)
        channel.send(len(told))
    """
    assert run(remote, source) == 20


@pytest.mark.skipif("python2.7" not in FOUND, reason="there is no Python 2 here")
def test_source_for_python_3_is_a_syntax_error_of_python_2_at_its_line(group, shed):
    gateway = group.makegateway(f"popen//imports=shed//python={FOUND['python2.7']}")

    error = fail(gateway, "import shed.modern")

    assert error.type_name == "SyntaxError"
    assert f'File "{shed}/shed/modern.py", line 3' in error.formatted
    assert "def f(*, a)" in error.formatted


# ---- what is asked, and when ---------------------------------------------------------


def test_nothing_is_forwarded_by_default(group, shed, asked):
    gateway = group.makegateway(f"popen//python={FOUND[NEWEST]}//chdir=/")

    assert fail(gateway, "import shed").type_name == "ModuleNotFoundError"
    assert asked == []


def test_each_module_is_asked_for_once_and_absent_ones_of_a_package_never(asked, newest):
    source = """
        import shed, shed.wood, json.absent_of_its_own
    """
    fail(newest, source)
    fail(newest, "import shed.absent")
    fail(newest, "from shed.tools import absent")
    fail(newest, "import something.else_")

    assert asked == ["shed", "shed.tools", "shed.tools.saw", "shed.wood"]


def test_nothing_of_this_end_runs_because_a_remote_asks(group, here):
    grow(here, {"noisy/__init__.py": "import noisy_ran_here", "noisy/inner/leaf.py": "x = 1"})
    grow(here, {"noisy/inner/__init__.py": "import noisy_ran_here"})
    gateway = group.makegateway(f"popen//imports=noisy//python={FOUND[NEWEST]}")

    assert "noisy_ran_here" in fail(gateway, "import noisy.inner.leaf").formatted
    assert imports.find("noisy.inner.leaf", "noisy").source is not None
    assert [name for name in sys.modules if name.startswith("noisy")] == []


def test_a_package_that_is_being_imported_here_can_be_imported_there(here):
    half = """
        import sys
        if "_gatewaylib" not in sys.modules:  # so it is this end
            import gatewaylib
            with gatewaylib.Group() as group:
                gateway = group.makegateway("popen//imports=half//chdir=/")
                task = "import half.leaf; channel.send(half.leaf.X)"
                X = gateway.remote_exec(task).receive(10)
        """
    grow(here, {"half/__init__.py": half, "half/leaf.py": "X = 5"})
    top = os.path.dirname(os.path.dirname(gatewaylib.__file__))
    script = "import sys; sys.path[:0] = sys.argv[1:]; import half; print(half.X)"

    done = subprocess.run(
        [sys.executable, "-I", "-c", script, str(here), top],
        env={name: value for name, value in os.environ.items() if name != "PYTHONPATH"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )

    assert (done.stdout, done.stderr) == ("5\n", "")


def test_this_ends_main_thread_may_be_busy(newest):
    done = threading.Event()
    channel = newest.remote_exec("import shed.wood; channel.send(1)")
    channel.setcallback(lambda item: done.set())

    assert done.wait(WAIT)


def test_the_first_task_still_gets_the_main_thread(newest):
    source = "import threading; channel.send(threading.current_thread().name)"

    assert run(newest, source) == "MainThread"


@pytest.mark.parametrize("model", ["main_thread_only", *GREEN])
def test_every_execution_model_imports(group, shed, model):
    gateway = group.makegateway(f"popen//imports=shed//execmodel={model}//chdir=/")

    assert run(gateway, "import shed; channel.send(shed.wood.__name__)") == "shed.wood"


def test_many_gateways_get_ready_at_once(group, shed):
    gateways = group.makegateways(["3*popen//imports=shed//chdir=/", "popen//chdir=/"])

    names = [run(g, "import shed; channel.send(shed.__name__)") for g in gateways[:3]]

    assert names == ["shed"] * 3
    assert fail(gateways[3], "import shed").type_name == "ModuleNotFoundError"


@pytest.mark.parametrize("interpreter", [n for n in CHOSEN if n == "python2.7"] + [NEWEST])
def test_strings_that_are_reconfigured_do_not_disturb(group, shed, interpreter):
    gateway = group.makegateway(f"popen//imports=shed//python={FOUND[interpreter]}")
    gateway.reconfigure(py2str_as_py3str=False, py3str_as_py2str=True)
    source = """
        import pkgutil, shed.wood
        assert shed.wood.KIND == u"\\u00f6ak "
        channel.send(pkgutil.get_data("shed", "data/words.txt"))
    """

    assert run(gateway, source) == b"one\ntwo\n"
    assert "compiled" in fail(gateway, "import shed.fast").formatted


# ---- what is local's and what is the remote's --------------------------------------------


@pytest.fixture
def there(tmp_path):
    """A folder on the remote's sys.path, to be filled, and the end of a spec that says so."""
    folder = tmp_path / "there"
    folder.mkdir()
    return folder


def on_path(folder):
    return f"//python={FOUND[NEWEST]}//env:PYTHONPATH={folder}//chdir={folder}"


def test_what_is_named_is_this_ends_though_the_remote_has_it(group, here, there):
    grow(
        here, {"twice.py": "whose = 'here'", "pair/__init__.py": "", "pair/a.py": "whose = 'here'"}
    )
    grow(there, {"twice.py": "whose = 'there'", "pair/__init__.py": "", "pair/b.py": ""})
    gateway = group.makegateway("popen//imports=twice,pair" + on_path(there))

    source = "import twice, pair.a; channel.send((twice.whose, pair.a.whose))"
    assert run(gateway, source) == ("here", "here")
    # Of one package two versions are never mixed.
    assert fail(gateway, "import pair.b").type_name == "ModuleNotFoundError"


def test_of_everything_only_what_the_remote_has_not_is_taken(group, here, there, asked):
    grow(here, {"twice.py": "whose = 'here'", "once.py": "whose = 'here'", "pair/a.py": ""})
    grow(here, {"pair/__init__.py": ""})
    grow(there, {"twice.py": "whose = 'there'", "pair/__init__.py": ""})
    gateway = group.makegateway("popen//imports=*" + on_path(there))

    assert run(gateway, "import twice, once; channel.send((twice.whose, once.whose))") == (
        "there",
        "here",
    )
    assert fail(gateway, "import pair.a").type_name == "ModuleNotFoundError"
    assert asked == ["once"]


def test_the_standard_library_is_never_forwarded(group, here):
    grow(here, {"json5000.py": "", "wave.py": "", "_strptime.py": ""})
    gateway = group.makegateway("popen//imports=*//python=" + FOUND[NEWEST])
    forwarder = imports.Forwarder(gateway)

    assert forwarder._module("json5000", 0, 100)[0] == "source"
    for name in ("json", "json.decoder", "sys", "_strptime", "__main__", "zipimport"):
        assert forwarder._module(name, 0, 100) == ("missing",), name


def test_naming_the_standard_library_is_an_error_of_the_start(group):
    with pytest.raises(StartError) as caught:
        group.makegateway("popen//imports=json//id=j")

    assert "json is the standard library's" in str(caught.value)
    assert len(group) == 0


def test_a_package_named_and_missing_here_is_the_remotes(group, there):
    grow(there, {"only_there.py": "whose = 'there'"})
    gateway = group.makegateway("popen//imports=only_there,nowhere" + on_path(there))

    assert run(gateway, "import only_there; channel.send(only_there.whose)") == "there"
    assert fail(gateway, "import nowhere").type_name == "ModuleNotFoundError"


def test_a_compiled_module_that_the_remote_has_is_the_remotes(group, here, there):
    grow(here, {f"quick{COMPILED}": "", f"swift{COMPILED}": ""})
    grow(there, {"quick.py": "whose = 'there'"})
    gateway = group.makegateway("popen//imports=quick,swift" + on_path(there))

    assert run(gateway, "import quick; channel.send(quick.whose)") == "there"
    assert "swift can't be forwarded" in fail(gateway, "import swift").formatted


# ---- kinds of packages ---------------------------------------------------------------


def test_a_module_of_one_file_is_forwarded_and_nothing_beside_it(group, here):
    grow(here, {"lone.py": "x = 1", "beside.txt": "no", "beside_module.py": ""})
    gateway = group.makegateway(f"popen//imports=lone//python={FOUND[NEWEST]}")

    assert run(gateway, "import lone; channel.send(lone.x)") == 1
    assert fail(gateway, "import beside_module").type_name == "ModuleNotFoundError"
    error = fail(
        gateway, "import lone, pkgutil; channel.send(pkgutil.get_data('lone', 'beside.txt'))"
    )
    assert error.type_name == "FileNotFoundError"


def test_portions_of_a_namespace_package_are_one(group, tmp_path, monkeypatch):
    for name in ("one", "two"):
        grow(tmp_path, {f"{name}/space/{name}/__init__.py": f"x = '{name}'"})
        grow(tmp_path, {f"{name}/space/{name}.txt": name, f"{name}/space/deep/{name}.py": ""})
        monkeypatch.syspath_prepend(str(tmp_path / name))
    gateway = group.makegateway(f"popen//imports=space//python={FOUND[NEWEST]}")

    source = """
        import space.one, space.two, space.deep.one, space.deep.two
        from importlib.resources import files
        channel.send((space.one.x + space.two.x, getattr(space, "__file__", None),
            sorted(item.name for item in files("space").iterdir() if item.is_file())))
    """
    assert run(gateway, source) == ("onetwo", None, ["one.txt", "two.txt"])


@pytest.mark.parametrize("interpreter", [n for n in CHOSEN if n == "python2.7"] + [NEWEST])
def test_a_package_inside_another_may_be_named_alone(group, here, interpreter):
    grow(here, {"big/__init__.py": "raise RuntimeError", "big/part/__init__.py": "x = 1"})
    grow(here, {"big/part/leaf.py": "y = 2", "big/other.py": ""})
    gateway = group.makegateway(f"popen//imports=big.part//python={FOUND[interpreter]}")

    assert run(gateway, "import big.part.leaf as leaf; channel.send(leaf.y)") == 2
    assert "No module named" in fail(gateway, "import big.other").formatted


def test_packages_in_a_zip_file_are_forwarded_with_their_data(group, tmp_path, monkeypatch):
    with zipfile.ZipFile(tmp_path / "all.zip", "w") as archive:
        archive.writestr("zipped/__init__.py", "from .inner import x")
        archive.writestr("zipped/inner.py", "x = 1\ndef f(): raise ValueError(x)")
        archive.writestr("zipped/data/a.txt", "a" * 300000)
        archive.writestr("outside.txt", "no")
    monkeypatch.syspath_prepend(str(tmp_path / "all.zip"))
    gateway = group.makegateway(f"popen//imports=zipped//python={FOUND[NEWEST]}")

    source = """
        import zipped
        from importlib.resources import files
        data = files("zipped") / "data"
        channel.send((
            zipped.x,
            [item.name for item in data.iterdir()],
            len((data / "a.txt").read_bytes()),
            (files("zipped") / ".." / "outside.txt").is_file(),
        ))
    """
    assert run(gateway, source) == (1, ["a.txt"], 300000, False)
    error = fail(gateway, "import zipped; zipped.inner.f()")
    assert f'{tmp_path}/all.zip/zipped/inner.py", line 2, in f' in error.formatted


class EditableFinder:
    """Finds as the finders do that editable installs put into sys.meta_path."""

    def __init__(self, mapping):
        self.mapping = mapping

    def find_spec(self, name, path=None, target=None):
        if name not in self.mapping:
            return None
        file = os.path.join(self.mapping[name], "__init__.py")
        return importlib.util.spec_from_file_location(name, file)


def test_editable_installs_are_found_by_their_finders(group, tmp_path, monkeypatch):
    grow(tmp_path, {"src/other_name/__init__.py": "", "src/other_name/leaf.py": "x = 1"})
    finder = EditableFinder({"editable": str(tmp_path / "src/other_name")})
    monkeypatch.setattr(sys, "meta_path", [*sys.meta_path, finder])
    gateway = group.makegateway(f"popen//imports=editable//python={FOUND[NEWEST]}")

    assert run(gateway, "import editable.leaf as leaf; channel.send(leaf.x)") == 1


class NamespaceFinder(EditableFinder):
    """The same for a package in a namespace, of which only this finder knows."""

    def find_spec(self, name, path=None, target=None):
        if name == "roomy":
            spec = importlib.machinery.ModuleSpec(name, None, is_package=True)
            spec.submodule_search_locations.append("__editable__.roomy.finder")
            return spec
        return super().find_spec(name, path, target)


def test_editable_installs_in_a_namespace_are_found_too(group, tmp_path, monkeypatch):
    grow(tmp_path, {"src/inner/__init__.py": "", "src/inner/leaf.py": "x = 1"})
    finder = NamespaceFinder({"roomy.inner": str(tmp_path / "src/inner")})
    monkeypatch.setattr(sys, "meta_path", [finder, *sys.meta_path])
    gateway = group.makegateway(f"popen//imports=roomy//python={FOUND[NEWEST]}")

    assert run(gateway, "import roomy.inner.leaf as leaf; channel.send(leaf.x)") == 1
    assert fail(gateway, "import roomy.absent").type_name == "ModuleNotFoundError"
    sys.modules.pop("roomy", None)


class FailingFinder:
    def find_spec(self, name, path=None, target=None):
        if name == "unlucky":
            raise RuntimeError("this finder is broken")


def test_a_finder_of_this_end_that_fails_is_an_import_error_there(group, monkeypatch):
    monkeypatch.setattr(sys, "meta_path", [FailingFinder(), *sys.meta_path])
    gateway = group.makegateway(f"popen//imports=*//python={FOUND[NEWEST]}//chdir=/")

    assert "this finder is broken" in fail(gateway, "import unlucky").formatted


@pytest.mark.slow
def test_a_remote_that_does_not_get_ready_in_time_is_an_error_of_the_start(group, monkeypatch):
    monkeypatch.setattr(imports.Forwarder, "begin", lambda self, _: self._gateway.newchannel())

    with pytest.raises(StartError, match="did not get ready in the time for its start"):
        group.makegateway("popen//imports=shed", timeout=6.0)  # most of it for its start
    assert len(group) == 0


def test_what_is_larger_than_a_piece_arrives_whole(group, here):
    names = {f"large/data/{number}.txt": "" for number in range(imports.MAX_NAMES + 5)}
    grow(here, {"large/__init__.py": f"# {'x' * 600000}\nlast = 1", **names})
    grow(here, {"large/blob.bin": os.urandom(700000)})
    gateway = group.makegateway(f"popen//imports=large//window=5000//python={FOUND[NEWEST]}")

    source = """
        import large, pkgutil
        from importlib.resources import files
        channel.send(pkgutil.get_data("large", "blob.bin"))
        channel.send(len([*(files("large") / "data").iterdir()]))
        channel.send(large.last)
    """
    channel = gateway.remote_exec(textwrap.dedent(source))
    assert channel.receive(WAIT) == (here / "large/blob.bin").read_bytes()
    assert channel.receive(WAIT) == len(names)
    assert channel.receive(WAIT) == 1


def test_a_file_that_changes_while_it_is_read_is_an_error():
    class Changing(Line):
        def ask(self, *request):
            return ("file", b"more", 9)

    with pytest.raises(OSError, match="changed while it was read"):
        Changing(None, None).read_on("data", "package", ("file",), 8, b"some")


def test_a_file_of_the_same_name_at_the_remote_is_not_what_tracebacks_show(group, here):
    grow(here, {"moved.py": "def f():\n    raise ValueError  # true\n"})
    gateway = group.makegateway(f"popen//imports=moved//python={FOUND[NEWEST]}")
    run(gateway, "import moved; channel.send(None)")

    grow(here, {"moved.py": "# another\n# file\n"})

    assert "raise ValueError  # true" in fail(gateway, "import moved; moved.f()").formatted


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there are no forks here")
def test_a_fork_of_the_remote_is_told_that_it_can_not_ask(newest):
    source = """
        import os
        reading, writing = os.pipe()
        if os.fork() == 0:
            try:
                import shed
            except ImportError as error:
                os.write(writing, str(error).encode())
            os._exit(0)
        os.wait()
        channel.send(os.read(reading, 1000).decode())
    """
    assert "belongs to the parent process" in run(newest, source)


# ---- a hostile remote ----------------------------------------------------------------

ASK = """
import sys
line = next(f for f in sys.meta_path if hasattr(f, "refusals"))._importer._line
for request in channel:
    answers = channel.gateway.newchannel()
    line._requests.send((answers,) + request)
    channel.send(answers.receive())
"""
# What is asked for in vain: kind, name, steps
EVIL = [
    ("module", "unnamed", ()),
    ("module", "unnamed_package", ()),
    ("module", "os", ()),
    ("module", "__main__", ()),
    ("module", "__main__.unnamed", ()),
    ("module", "", ()),
    ("module", ".", ()),
    ("module", "..", ()),
    ("module", "shed..unnamed", ()),
    ("module", "shed.", ()),
    ("module", ".shed", ()),
    ("module", "shed/../unnamed", ()),
    ("module", "shed.../unnamed", ()),
    ("module", "/etc/passwd", ()),
    ("module", "shed\0", ()),
    ("module", "shed.evil", ()),
    ("module", "shed.leads_out", ()),
    ("module", "shed.leads_out.unnamed", ()),
    ("data", "shed", ("..", "secret.txt")),
    ("data", "shed", ("../secret.txt",)),
    ("data", "shed", ("..\\secret.txt",)),
    ("data", "shed", ("data/../../secret.txt",)),
    ("data", "shed", ("data", "..", "..", "secret.txt")),
    ("data", "shed", (".", "..", "secret.txt")),
    ("data", "shed", ("/etc/passwd",)),
    ("data", "shed", ("", "etc", "passwd")),
    ("data", "shed", ("", "")),
    ("data", "shed", ("wood.py\0",)),
    ("data", "shed", ("C:\\", "x")),
    ("data", "shed", ("leads_out", "secret.txt")),
    ("data", "shed", ("leads_to_file",)),
    ("data", "shed", ("pipe",)),
    ("data", "shed", ("dead_link",)),
    ("data", "shed.leads_out", ("secret.txt",)),
    ("data", "", ("secret.txt",)),
    ("data", "unnamed", ("secret.txt",)),
    ("data", "unnamed", ()),
    ("data", "shed.wood", ("secret.txt",)),
    ("data", "shed.wood", ()),
]


@pytest.fixture(scope="module")
def evil(shed):
    """A channel to a remote that may send any request."""
    (shed / "shed" / "leads_out").symlink_to(shed)
    (shed / "shed" / "leads_to_file").symlink_to(shed / "secret.txt")
    (shed / "shed" / "evil.py").symlink_to(shed / "unnamed.py")
    (shed / "shed" / "dead_link").symlink_to(shed / "nothing")
    (shed / "shed" / "wood_too.py").symlink_to(shed / "shed" / "wood.py")
    os.mkfifo(shed / "shed" / "pipe")
    with gatewaylib.Group() as group:
        gateway = group.makegateway(f"popen//imports=shed//python={FOUND[NEWEST]}")
        yield gateway.remote_exec(ASK)
    for name in ("leads_out", "leads_to_file", "evil.py", "dead_link", "wood_too.py", "pipe"):
        (shed / "shed" / name).unlink()


def ask(channel, *request):
    channel.send(request)
    return channel.receive(WAIT)


@pytest.mark.parametrize("request_", EVIL, ids=str)
def test_no_request_gets_what_was_not_named(evil, request_):
    assert ask(evil, *request_, 0, 1000) == ("missing",)


class NoGateway:
    """What a Forwarder has to know of its gateway to find things."""

    id = "none"

    class settings:  # noqa: N801 - it stands for an attribute
        imports = ("shed",)


STEPS = st.sampled_from(
    ["shed", "tools", "data", "..", ".", "", "/", "\\", "\0", "leads_out", "leads_to_file", "evil"]
    + ["secret.txt", "unnamed", "unnamed.py", "wood.py", "shed/..", "/etc/passwd", "~", "*"]
)


@given(st.lists(STEPS, max_size=4), st.lists(STEPS, max_size=4))
def test_whatever_is_asked_nothing_from_outside_is_answered(evil, name, parts):
    forwarder = imports.Forwarder(NoGateway)

    for answer in (
        forwarder._module(".".join(name), 0, 1000),
        forwarder._data(".".join(name), parts, 0, 1000),
        forwarder._data("shed", parts, 0, 1000),
    ):
        assert answer[0] in ("missing", "source", "file", "folder", "refused")
        assert b"secret" not in answer and b"unnamed" not in answer and b"root:" not in answer
        assert "unnamed" not in str(answer) and "secret" not in str(answer)


def test_a_folders_listing_names_nothing_that_leads_out(evil):
    names = {name for name, _ in ask(evil, "data", "shed", (), 0, 1000)[1]}

    assert {"wood.py", "wood_too.py", "data"} <= names
    assert names & {"leads_out", "leads_to_file", "evil.py", "dead_link", "pipe"} == set()
    assert "evil" not in ask(evil, "module", "shed", (), 0, 1000)[3]


def test_a_link_that_stays_inside_is_followed(evil):
    assert ask(evil, "module", "shed.wood_too", (), 0, 1000)[0] == "source"


def test_a_piece_is_never_larger_than_the_limit(group, here):
    grow(here, {"big_one.py": "#" * (imports.MAX_PIECE + 10)})
    channel = group.makegateway(f"popen//imports=big_one//python={FOUND[NEWEST]}").remote_exec(ASK)

    assert len(ask(channel, "module", "big_one", (), 0, 10**12)[1]) == imports.MAX_PIECE
    assert ask(channel, "module", "big_one", (), 10**12, 10)[1] == b""
    assert ask(channel, "module", "big_one", (), 10**30, 10)[0] == "refused"


def test_a_package_that_is_a_link_itself_is_where_it_leads(group, here, tmp_path):
    grow(tmp_path, {"elsewhere/real/__init__.py": "x = 1", "elsewhere/real/leaf.py": "y = 2"})
    (here / "linked").symlink_to(tmp_path / "elsewhere" / "real")
    gateway = group.makegateway(f"popen//imports=linked//python={FOUND[NEWEST]}")

    assert run(gateway, "import linked.leaf; channel.send(linked.leaf.y)") == 2


def test_a_package_inside_another_that_is_named_alone_is_its_own_fence(group, here, tmp_path):
    grow(tmp_path, {"elsewhere/real/__init__.py": "", "elsewhere/real/leaf.py": "y = 2"})
    grow(here, {"big/__init__.py": "", "big/private.py": "", "big/part/__init__.py": ""})
    (here / "big" / "linked").symlink_to(tmp_path / "elsewhere" / "real")
    (here / "big" / "part" / "up.py").symlink_to(here / "big" / "private.py")
    spec = f"popen//imports=big.linked,big.part//python={FOUND[NEWEST]}"
    channel = group.makegateway(spec).remote_exec(ASK)

    assert ask(channel, "module", "big.linked.leaf", (), 0, 10)[0] == "source"
    assert ask(channel, "module", "big.part", (), 0, 10)[0] == "source"
    for name in ("big", "big.private", "big.part.up"):
        assert ask(channel, "module", name, (), 0, 10) == ("missing",), name


def test_data_of_what_is_only_a_folder_beside_a_program_is_not_everything(group, here):
    grow(here, {"letters/private.txt": "no", "letters/code.py": "x = 1"})
    grow(here, {"proper/__init__.py": "", "proper/own/data.txt": "yes"})
    channel = group.makegateway(f"popen//imports=*,proper//python={FOUND[NEWEST]}").remote_exec(ASK)

    assert ask(channel, "data", "letters", ("private.txt",), 0, 10) == ("missing",)
    assert ask(channel, "data", "letters", (), 0, 10) == ("missing",)
    assert ask(channel, "module", "letters.code", (), 0, 10)[0] == "source"
    assert ask(channel, "data", "proper.own", ("data.txt",), 0, 10) == ("file", b"yes", 3)


NO_REQUESTS = [
    None,
    (),
    ("module", "shed", (), 0, 10),
    (None, "module", "shed", (), 0, 10),
    ("channel", "eval", "shed", (), 0, 10),
    ("channel", "module", b"shed", (), 0, 10),
    ("channel", "module", "shed", [], 0, 10),
    ("channel", "module", "shed", (1,), 0, 10),
    ("channel", "module", "shed", (), -1, 10),
    ("channel", "module", "shed", (), 0, -1),
    ("channel", "module", "shed", (), True, 10),
    ("channel", "module", "shed", (), 0.5, 10),
    ("channel", "module", "shed" + ".x" * 1000, (), 0, 10),
    ("channel", "data", "shed", ("leads_out",) * 1000, 0, 10),
]


@pytest.mark.parametrize("item", NO_REQUESTS, ids=lambda item: repr(item)[:60])
def test_what_is_no_request_ends_the_forwarding_and_nothing_else(newest, item):
    source = """
        import sys
        line = next(f for f in sys.meta_path if hasattr(f, "refusals"))._importer._line
        item, = channel.receive()
        if item and item[0] == "channel":
            item = (channel.gateway.newchannel(),) + item[1:]
        line._requests.send(item)
        try:
            line._requests.receive()
        except channel.RemoteError as error:
            channel.send("no request" in str(error))
    """
    channel = newest.remote_exec(textwrap.dedent(source))
    channel.send((item,))

    assert channel.receive(WAIT) is True
    assert run(newest, "channel.send(1)") == 1
    assert "cannot ask for shed" in fail(newest, "import shed").formatted
