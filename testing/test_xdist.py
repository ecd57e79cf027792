"""pytest-xdist, unmodified, on gatewaylib: as a user starts it, with workers on this machine."""

import json
import re
import subprocess
import sys

import pytest
import xdist_runs
from xdist_runs import run, write

pytestmark = pytest.mark.slow

# What must be true in every process: nothing of execnet's own files is imported.
NOT_IMPORTED = """
    import sys

    def of_execnet():
        files = [str(getattr(module, "__file__", "")) for module in sys.modules.values()]
        return [file for file in files if "/execnet/" in file]
"""
TWELVE = """
    import pytest

    @pytest.fixture(scope="module")
    def shared():
        return []

    class TestA:
        @pytest.mark.parametrize("n", range(4))
        def test_even_passes(self, n, shared):
            shared.append(n)
            assert n % 2 == 0

    @pytest.mark.parametrize("n", range(4))
    def test_b(n):
        pass

    @pytest.mark.skip(reason="not today")
    def test_skipped():
        pass

    @pytest.mark.xfail(reason="known")
    def test_expected_to_fail():
        assert False

    def test_setup_fails(no_such_fixture):
        pass

    @pytest.fixture
    def fails_late():
        yield
        raise ValueError("late")

    def test_teardown_fails(fails_late):
        pass
"""


def test_execnet_is_imported_neither_at_the_controller_nor_in_a_worker(tmp_path):
    write(
        tmp_path,
        names=NOT_IMPORTED,
        conftest="""
            from names import of_execnet

            def pytest_terminal_summary(terminalreporter):
                terminalreporter.write_line("controller: %r" % of_execnet())
        """,
        test_names="""
            import os
            import pytest
            from names import of_execnet

            @pytest.mark.parametrize("n", range(4))
            def test_name(n):
                import execnet
                import execnet.gateway_base
                from execnet import Channel, Group, RSync, XSpec, makegateway

                assert os.environ["PYTEST_XDIST_WORKER"].startswith("gw")
                assert of_execnet() == []
                assert Group.__module__ == "gatewaylib.multi"
                assert execnet.gateway_base.__name__ == "gatewaylib.gateway_base"
        """,
    )

    done = run(tmp_path, "-n", "2")

    assert done.returncode == 0, done.stdout + done.stderr
    assert "controller: []" in done.stdout
    assert "4 passed" in done.stdout
    assert done.stderr == ""


def test_with_execnet_the_same_question_has_another_answer(tmp_path):
    write(
        tmp_path,
        names=NOT_IMPORTED,
        test_names="from names import of_execnet\ndef test_it(): assert of_execnet() == []",
    )

    done = run(tmp_path, "-n", "1", plugin=False)

    assert done.returncode == 1
    assert "1 failed" in done.stdout


@pytest.mark.slow
@pytest.mark.parametrize("dist", ["load", "loadscope", "loadfile", "loadgroup", "worksteal"])
def test_each_way_to_distribute_gives_the_outcomes_that_a_serial_run_gives(tmp_path, dist):
    write(tmp_path, test_one=TWELVE, test_two=TWELVE, test_three=TWELVE)
    run(tmp_path, "-p", "no:xdist", "--junitxml=serial.xml", plugin=False)

    run(tmp_path, "-n", "3", "--dist", dist, "--junitxml=workers.xml")

    serial = xdist_runs.outcomes(tmp_path / "serial.xml")
    assert len(serial) == 36
    assert xdist_runs.outcomes(tmp_path / "workers.xml") == serial


@pytest.mark.slow
def test_dist_each_runs_every_test_in_every_worker(tmp_path):
    write(tmp_path, test_it="def test_1(): pass\ndef test_2(): pass")

    done = run(tmp_path, "--dist", "each", "--tx", "2*popen", "-v")

    assert done.returncode == 0, done.stdout + done.stderr
    assert "4 passed" in done.stdout
    for worker in ("gw0", "gw1"):
        for test in ("test_1", "test_2"):
            assert re.search(rf"\[{worker}\].* PASSED test_it.py::{test}", done.stdout)


@pytest.mark.slow
def test_tests_run_in_the_main_thread_of_their_worker(tmp_path):
    write(
        tmp_path,
        test_it="""
            import asyncio, signal, threading

            def test_thread():
                assert threading.current_thread() is threading.main_thread()

            def test_signals_can_be_handled():
                signal.signal(signal.SIGALRM, signal.SIG_DFL)

            def test_asyncio_runs():
                assert asyncio.run(asyncio.sleep(0, "done")) == "done"
        """,
    )

    done = run(tmp_path, "-n", "2")

    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.slow
def test_what_tests_print_with_s_arrives_at_the_controller(tmp_path):
    write(
        tmp_path,
        test_it="""
            import os, subprocess, sys

            def test_print():
                print("printed")
                print("to stderr", file=sys.stderr)
                os.write(1, b"by the descriptor\\n")
                subprocess.run(["echo", "by a child"], check=True)
        """,
    )

    done = run(tmp_path, "-n", "1", "-s")

    for text in ("printed", "to stderr", "by the descriptor", "by a child"):
        assert text in done.stderr.splitlines()
    # The workers' own reports do not: there is one, the controller's.
    assert "passed" not in done.stderr
    assert "test session starts" not in done.stderr
    assert "1 passed" in done.stdout


@pytest.mark.slow
def test_lines_carry_the_name_of_their_worker_where_the_spec_asks_for_it(tmp_path):
    write(tmp_path, test_it="def test_print(): print('printed')")

    done = run(tmp_path, "-s", "--dist", "load", "--tx", "popen//stdio=forward")

    assert "[gw0] printed" in done.stderr


@pytest.mark.slow
def test_what_is_neither_a_builtin_nor_based_on_one_is_named_by_its_path(tmp_path):
    write(
        tmp_path,
        test_it="""
            from pathlib import Path

            def test_property(record_property):
                record_property("where", Path("here"))
        """,
    )

    done = run(tmp_path, "-n", "1")

    text = done.stdout + done.stderr
    assert "$[1]['data']['user_properties'][0][1]" in text
    assert "PosixPath" in text


@pytest.mark.slow
def test_instances_of_subclasses_of_builtins_arrive_as_what_they_are_based_on(tmp_path):
    write(
        tmp_path,
        test_it="""
            import enum

            class Color(enum.IntEnum):
                RED = 1

            class Name(str):
                pass

            def test_property(record_property):
                record_property("color", Color.RED)
                record_property(Name("name"), Name("value"))
        """,
    )

    done = run(tmp_path, "-n", "1", "--junitxml=report.xml")

    assert done.returncode == 0, done.stdout + done.stderr
    assert 'name="color" value="1"' in (tmp_path / "report.xml").read_text()
    assert 'name="name" value="value"' in (tmp_path / "report.xml").read_text()


@pytest.mark.slow
def test_a_conftest_can_register_a_type_that_both_ends_then_know(tmp_path):
    write(
        tmp_path,
        conftest="""
            import decimal
            import execnet

            execnet.register(decimal.Decimal, str, decimal.Decimal)
        """,
        test_it="""
            import decimal

            def test_property(record_property):
                record_property("price", decimal.Decimal("1.50"))
        """,
    )

    done = run(tmp_path, "-n", "1", "--junitxml=report.xml")

    assert done.returncode == 0, done.stdout + done.stderr
    assert 'name="price" value="1.50"' in (tmp_path / "report.xml").read_text()


@pytest.mark.slow
def test_a_warning_whose_arguments_cannot_travel_is_still_told(tmp_path):
    write(
        tmp_path,
        test_it="""
            import warnings

            def test_warns():
                warnings.warn(UserWarning("said", object()))
        """,
    )

    done = run(tmp_path, "-n", "1", "-W", "default")

    assert "1 passed, 1 warning" in done.stdout
    assert "said" in done.stdout


@pytest.mark.slow
def test_a_test_in_a_worker_can_use_gatewaylib_itself_by_either_name(tmp_path):
    write(
        tmp_path,
        test_it="""
            import importlib, pytest

            @pytest.mark.parametrize("name", ["execnet", "gatewaylib"])
            def test_remote(name):
                library = importlib.import_module(name)
                with library.Group() as group:
                    channel = group.makegateway("popen").remote_exec("1/0")
                    with pytest.raises(library.RemoteError, match="ZeroDivisionError"):
                        channel.receive()
        """,
    )

    done = run(tmp_path, "-n", "1")

    assert done.returncode == 0, done.stdout + done.stderr


# ---- what goes wrong at the start ------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize(
    "where",
    [{"conftest": "pytest_plugins = ['gatewaylib.xdist']"}, {"PYTEST_PLUGINS": "gatewaylib.xdist"}],
)
def test_a_plugin_that_comes_after_execnet_says_so(tmp_path, where):
    write(tmp_path, test_it="def test_it(): pass")
    if "conftest" in where:
        write(tmp_path, **where)
        where = {}

    done = run(tmp_path, "-n", "1", plugin=False, **where)

    assert done.returncode == 4
    assert "execnet is imported already, from" in done.stderr
    assert "Give it as -p gatewaylib.xdist" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.slow
def test_a_worker_that_does_not_start_is_one_clear_error(tmp_path):
    write(tmp_path, test_it="def test_it(): pass")

    done = run(tmp_path, "--dist", "load", "--tx", "popen", "--tx", "popen//python=/bin/false")

    assert done.returncode == 4
    assert "/bin/false ended before it said hello (exit status 1)" in done.stderr
    assert "Traceback" not in done.stdout + done.stderr


@pytest.mark.slow
def test_without_workers_the_plugin_changes_nothing(tmp_path):
    write(tmp_path, test_it="import execnet\ndef test_it(): assert execnet.Group().defaultspec")

    assert run(tmp_path).returncode == 0
    assert run(tmp_path, "-n", "0").returncode == 0


def test_the_extra_names_what_it_needs():
    # Without pytest-xdist the plugin says which extra has it.
    program = (
        "import importlib.util as u, sys; real = u.find_spec\n"
        "u.find_spec = lambda name, *a: None if name == 'xdist' else real(name, *a)\n"
        "import gatewaylib.xdist"
    )

    done = subprocess.run(
        [sys.executable, "-c", program],
        env=xdist_runs.environment(),
        capture_output=True,
        encoding="utf-8",
        timeout=120,
        check=False,
    )

    assert "pip install gatewaylib[xdist]" in done.stderr


@pytest.mark.slow
def test_all_workers_are_started_together(tmp_path):
    # Each interpreter waits until all four are there: one after another, none would start.
    python = tmp_path / "python"
    python.write_text(
        "#!/bin/sh\n"
        f"cd {tmp_path} && : > $$.here\n"
        "while [ $(ls *.here | wc -l) -lt 4 ]; do :; done\n"
        f'exec {sys.executable} "$@"\n'
    )
    python.chmod(0o755)
    write(tmp_path, test_it="def test_it(): pass")

    done = run(tmp_path, "--dist", "load", "--tx", f"4*popen//python={python}")

    assert done.returncode == 0, done.stdout + done.stderr


COVERED = """
    def f(n):
        if n == 0:
            return "zero"
        if n == 1:
            return "one"
        return "never"

    def g():
        return "never"
"""


@pytest.mark.slow
def test_the_coverage_of_all_workers_together_is_that_of_a_serial_run(tmp_path):
    write(
        tmp_path,
        covered=COVERED,
        test_a="from covered import f\ndef test_a(): assert f(0) == 'zero'",
        test_b="from covered import f\ndef test_b(): assert f(1) == 'one'",
    )
    args = ("--cov=covered", "--cov-branch", "--cov-report=json:%s.json")
    texts = {}
    for name, more in {"serial": ("-n", "0"), "workers": ("-n", "2")}.items():
        done = run(tmp_path, *args[:2], args[2] % name, *more)

        assert done.returncode == 0, done.stdout + done.stderr
        report = json.loads((tmp_path / f"{name}.json").read_text())
        texts[name] = (report["files"], report["totals"])
    assert texts["workers"] == texts["serial"]
    assert texts["serial"][0]["covered.py"]["missing_lines"] == [7, 10]
