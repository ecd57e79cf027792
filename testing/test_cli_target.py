"""What can be run is found as Python finds it, and read without being imported."""

import sys

import pytest

from gatewaylib.commandline import target
from gatewaylib.commandline.target import TargetError


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    return tmp_path


def test_a_script_is_sent_as_the_bytes_it_is(here):
    (here / "script.py").write_bytes(b"# coding: latin-1\n'\xe9'\n")

    job = target.any_job("script.py", ["a", "b"])

    assert job["kind"] == "script"
    assert job["source"] == b"# coding: latin-1\n'\xe9'\n"
    assert job["argv"] == ["script.py", "a", "b"]
    assert job["path"] == "script.py"


def test_a_module_is_found_in_the_current_directory_and_not_imported(here):
    (here / "old.py").write_text("def count(line): print 'python 2'\n")

    job = target.any_job("old:count", ["x"])

    assert (job["module"], job["function"], job["args"]) == ("old", "count", ["x"])
    assert job["source"].startswith(b"def count")
    assert "old" not in sys.modules


def test_a_module_in_a_package_is_found_by_its_dotted_name(here):
    (here / "outer" / "inner").mkdir(parents=True)
    (here / "outer" / "inner" / "work.py").write_text("def count(line): pass\n")

    job = target.function_job("outer.inner.work:count", ())

    assert job["filename"].endswith("work.py")


def test_a_module_of_the_standard_library_is_not_sent_as_the_other_end_has_its_own():
    assert target.function_job("platform:node", ())["source"] is None
    assert target.function_job("time:time", ())["source"] is None


@pytest.mark.parametrize(
    ("reference", "message"),
    [
        ("nowhere:count", "no module 'nowhere'"),
        ("nowhere.inner:count", "no module 'nowhere.inner'"),
        ("work:cuont", "did you mean 'count'"),
        ("work", "'work' is not module:function"),
        ("work:", "is not module:function"),
        ("folder:count", "'folder' is a directory without an __init__.py"),
    ],
)
def test_what_is_not_there_is_named(here, reference, message):
    (here / "work.py").write_text("def count(line): pass\n")
    (here / "folder").mkdir()

    with pytest.raises(TargetError, match=message):
        target.function_job(reference, ())


def test_a_script_that_is_not_there_is_named():
    with pytest.raises(TargetError, match="cannot read 'script.py': No such file"):
        target.any_job("script.py", ())


def test_a_function_for_this_end_is_imported(here):
    (here / "merge_here.py").write_text("class Merge:\n    all = staticmethod(sum)\n")

    try:
        assert target.load_here("merge_here:Merge.all")([1, 2]) == 3
        with pytest.raises(TargetError, match="has no 'Merge.none'"):
            target.load_here("merge_here:Merge.none")
    finally:
        sys.modules.pop("merge_here", None)
