"""How runs with workers end: crashes, Ctrl-C, --maxfail, pytest.exit, and what is done last."""

import os
import signal
import subprocess

import pytest
import xdist_runs
from settling import SLACK, gone
from xdist_runs import run, write

pytestmark = pytest.mark.slow

# A test that is still running when something happens to it; whoever reads ``started`` knows.
WAITS = """
    import os, pytest, threading

    @pytest.mark.parametrize("n", range({workers}))
    def test_waits(n):
        with open("started", "w") as fifo:
            fifo.write(str(os.getpid()) + "\\n")
        threading.Event().wait(600)
"""


def start_waiting(tmp_path, workers, *args, **files):
    """Start a run whose tests all wait; return it and the pids of the workers."""
    write(tmp_path, test_waits=WAITS.format(workers=workers), **files)
    os.mkfifo(tmp_path / "started")
    process = xdist_runs.start(tmp_path, "-n", str(workers), *args)
    # Open for both: who writes finds it open whenever it comes, and who reads sees no end.
    with open(os.open(tmp_path / "started", os.O_RDWR)) as fifo:
        return process, [int(fifo.readline()) for _ in range(workers)]


def end_of(process, timeout=xdist_runs.TIMEOUT):
    """Return (exit status, stdout, stderr) of a process, which is killed if it hangs."""
    try:
        out, err = process.communicate(timeout=timeout)
    except subprocess.TimeoutExpired:
        process.kill()
        out, err = process.communicate()
        raise AssertionError("it hangs:\n" + out + err)
    return process.returncode, out, err


@pytest.mark.parametrize("how", ["os._exit(7)", "os.kill(os.getpid(), 9)", "os.abort()"])
def test_a_worker_that_crashes_is_reported_with_its_reason_and_replaced(tmp_path, how):
    write(
        tmp_path,
        test_it=f"""
            import os

            def test_crashes():
                {how}

            def test_1(): pass
            def test_2(): pass
            def test_3(): pass
        """,
    )

    done = run(tmp_path, "-n", "2")

    assert done.returncode == 1, done.stdout + done.stderr
    assert "1 failed, 3 passed" in done.stdout
    assert "replacing crashed worker" in done.stdout
    assert "crashed while running 'test_it.py::test_crashes'" in done.stdout
    why = {"7": "its process ended with exit status 7", "9": "SIGKILL", "t": "SIGABRT"}
    assert next(text for key, text in why.items() if key in how[-12:]) in done.stdout


def test_what_a_worker_said_last_stands_in_the_report_of_its_crash(tmp_path):
    write(
        tmp_path,
        test_it="""
            import os

            def test_crashes():
                os.write(2, b"the famous last words\\n")
                os._exit(3)
        """,
    )

    done = run(tmp_path, "-n", "1", "-s", "--max-worker-restart=0")

    assert "its last words" in done.stdout
    assert "the famous last words" in done.stdout
    assert "worker gw0 crashed and worker restarting disabled" in done.stdout


def test_a_worker_that_somebody_kills_is_replaced(tmp_path):
    process, [victim] = start_waiting(tmp_path, 1)

    os.kill(victim, signal.SIGKILL)

    status, out, err = end_of(process)
    assert status == 1, out + err
    assert "crashed while running 'test_waits.py::test_waits[0]'" in out
    assert "out of memory" in out


def test_maxfail_stops_all_workers(tmp_path):
    write(
        tmp_path,
        test_it="""
            import pytest

            @pytest.mark.parametrize("n", range(200))
            def test_fails(n):
                assert False
        """,
    )

    done = run(tmp_path, "-n", "2", "--maxfail=3", "--tb=no")

    assert done.returncode == 2, done.stdout + done.stderr
    assert "stopping after 3 failures" in done.stdout
    assert "200 failed" not in done.stdout


@pytest.mark.parametrize("whom", ["the controller", "the terminal's processes"])
def test_ctrl_c_ends_everything_soon(tmp_path, whom):
    process, pids = start_waiting(tmp_path, 2)

    if whom == "the controller":
        process.send_signal(signal.SIGINT)
    else:
        os.killpg(process.pid, signal.SIGINT)

    status, out, err = end_of(process, 5.0 + SLACK)
    assert status == 2, out + err
    assert "KeyboardInterrupt" in out
    assert gone(*pids)


def test_ctrl_c_ends_workers_that_do_not_listen_too(tmp_path):
    deaf = """
        import signal

        def pytest_collection_finish(session):
            if hasattr(session.config, "workerinput"):
                signal.signal(signal.SIGINT, signal.SIG_IGN)
                signal.signal(signal.SIGTERM, signal.SIG_IGN)
    """
    process, pids = start_waiting(tmp_path, 2, conftest=deaf)

    process.send_signal(signal.SIGINT)

    status, out, err = end_of(process, 5.0 + SLACK)
    assert status == 2, out + err
    assert gone(*pids)


def test_workers_end_soon_after_a_controller_that_was_killed(tmp_path):
    process, pids = start_waiting(tmp_path, 2)

    process.kill()

    end_of(process, 5.0 + SLACK)
    assert gone(*pids, within=2.0)


@pytest.mark.parametrize("leaving", ["pytest.exit('enough')", "raise KeyboardInterrupt"])
def test_a_test_that_wants_to_leave_ends_the_run(tmp_path, leaving):
    write(
        tmp_path,
        test_it=f"""
            import pytest

            def test_leaves():
                {leaving}
        """,
    )

    done = run(tmp_path, "-n", "1")

    assert done.returncode == 2, done.stdout + done.stderr


def test_system_exit_in_a_test_is_a_failure_as_without_workers(tmp_path):
    write(
        tmp_path,
        test_it="""
            import sys

            def test_exits():
                sys.exit(3)

            def test_passes():
                pass
        """,
    )

    done = run(tmp_path, "-n", "1")

    assert "1 failed, 1 passed" in done.stdout


def test_an_error_inside_pytest_in_a_worker_is_told(tmp_path):
    write(
        tmp_path,
        conftest="""
            def pytest_runtest_protocol(item):
                raise RuntimeError("inside pytest")
        """,
        test_it="def test_it(): pass",
    )

    done = run(tmp_path, "-n", "1", "--max-worker-restart=0")

    assert "RuntimeError: inside pytest" in done.stdout + done.stderr


def test_pdb_is_refused_with_workers(tmp_path):
    write(tmp_path, test_it="def test_it(): pass")

    done = run(tmp_path, "-n", "1", "--pdb")

    assert done.returncode == 4
    assert "--pdb is incompatible with distributing tests" in done.stderr


def test_a_breakpoint_in_a_worker_is_a_failure_and_no_hang(tmp_path):
    write(tmp_path, test_it="def test_it(): breakpoint()\ndef test_other(): pass")

    done = run(tmp_path, "-n", "1")

    assert "1 failed, 1 passed" in done.stdout, done.stdout + done.stderr


def test_workers_finish_what_they_do_last(tmp_path):
    # Longer than a remote has after a goodbye: the end of a session is not the end of work.
    write(
        tmp_path,
        conftest="""
            import pathlib, threading

            def pytest_unconfigure(config):
                if hasattr(config, "workerinput"):
                    threading.Event().wait(2.5)
                    name = config.workerinput["workerid"]
                    pathlib.Path(str(config.rootpath), name + ".done").write_text("")
        """,
        test_it="def test_1(): pass\ndef test_2(): pass",
    )

    done = run(tmp_path, "-n", "2")

    assert done.returncode == 0, done.stdout + done.stderr
    assert sorted(path.name for path in tmp_path.glob("*.done")) == ["gw0.done", "gw1.done"]
