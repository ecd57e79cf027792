"""The leak check finds what it is for: a check that sees nothing also says "no leaks"."""

import subprocess
import sys
import threading

import leaks

SLEEPER = "import sys; print(flush=True); sys.stdin.read()"


def start_sleeper():
    command = [sys.executable, "-c", SLEEPER]
    child = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    child.stdout.readline()  # before, it may not be what it is going to be
    return child


def test_a_child_left_running_is_named_and_killed():
    watch = leaks.Watch()
    with start_sleeper() as child:
        left = watch.left_behind(grace=0)

        assert [line for line in left if f"process {child.pid}" in line and SLEEPER in line]
        assert child.wait(timeout=10) < 0


def test_a_child_nobody_waited_for_is_a_zombie():
    watch = leaks.Watch()
    with subprocess.Popen([sys.executable, "-c", ""], stdout=subprocess.PIPE) as child:
        assert child.stdout.read() == b""  # it has ended, or is about to

        left = watch.left_behind(grace=0)

        assert [line for line in left if f"process {child.pid}" in line]
    assert watch.left_behind() == []


def test_a_grandchild_is_found_though_its_parent_is_gone():
    watch = leaks.Watch()
    parent = (
        "import subprocess, sys\n"
        f"command = [sys.executable, '-c', {SLEEPER!r}]\n"
        "child = subprocess.Popen(command, stdout=subprocess.DEVNULL)\n"
        "print(child.pid)\n"
    )
    command = [sys.executable, "-W", "ignore", "-c", parent]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
        pid = int(child.stdout.readline())
        child.wait(timeout=10)

        left = watch.left_behind(grace=0)

        assert [line for line in left if f"process {pid}" in line]


def test_a_thread_left_running_is_named():
    watch = leaks.Watch()
    go = threading.Event()
    thread = threading.Thread(target=go.wait, name="left-over")
    thread.start()

    left = watch.left_behind(grace=0)

    go.set()
    thread.join()
    assert left == ["thread left-over"]


def test_an_open_descriptor_is_counted(tmp_path):
    before = leaks.descriptors()
    with open(tmp_path / "file", "w"):
        opened = leaks.descriptors().items() - before.items()

        assert [path for _, path in opened] == [str(tmp_path / "file")]
    assert leaks.descriptors() == before
