"""Interpreters that run are found, and no others; one that must be there is missed."""

import sys

import interpreters
import pytest


@pytest.fixture
def machine(tmp_path, monkeypatch):
    """A machine with nothing on PATH and no pyenv: a folder to put commands in."""
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("PYENV_ROOT", str(tmp_path / "pyenv"))
    monkeypatch.delenv("GATEWAYLIB_EXPECT", raising=False)
    return tmp_path


def add_command(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("#!/bin/sh\n" + text)
    path.chmod(0o755)


def test_the_one_that_runs_the_tests_is_found(machine):
    found = interpreters.search()

    assert list(found.values()) == [sys.executable]


def test_a_command_that_does_not_run_is_not_found(machine):
    add_command(machine / "python2.7", "echo 'pyenv: python2.7: command not found' >&2; exit 127")

    assert "python2.7" not in interpreters.search()


def test_names_come_from_what_an_interpreter_answers(machine):
    add_command(machine / "python3.6", "echo 'CPython (3, 6)'")
    add_command(machine / "pyenv/versions/2.7.18/bin/python", "echo 'CPython (2, 7)'")
    add_command(machine / "pypy3", "echo 'PyPy (3, 9)'")
    add_command(machine / "jython", "echo 'Jython (2, 7)'")

    found = interpreters.search()

    oldest_first = ["python2.7", "python3.6", "jython", "pypy3"]
    assert [name for name in found if name in oldest_first] == oldest_first
    assert found["python3.6"] == str(machine / "python3.6")


def test_one_that_the_machine_should_have_and_has_not_is_an_error(machine, monkeypatch):
    monkeypatch.setenv("GATEWAYLIB_EXPECT", "python2.7 jython")
    add_command(machine / "jython", "echo 'Jython (2, 7)'")

    with pytest.raises(LookupError, match=r"\['python2.7'\]"):
        interpreters.search()
