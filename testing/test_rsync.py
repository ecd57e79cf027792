"""``RSync`` on real gateways: what it brings, what it leaves, what travels."""

import os
import random
import signal
import socket
import stat
from pathlib import Path

import interpreters
import pytest
from machine import GREEN, import_quietly
from settling import settle

from gatewaylib import Group, rsync_target, rsync_tree
from gatewaylib.rsync import RSync, SyncError, SyncErrors
from gatewaylib.shipped.errors import GatewayLost, RemoteError, TimeoutError
from gatewaylib.shipped.on_demand import rsync_files

LONG = 40  # seconds: a hang, and nothing else


@pytest.fixture
def source(tmp_path):
    root = tmp_path / "source"
    root.mkdir()
    return root


@pytest.fixture
def dest(tmp_path):
    return tmp_path / "new" / "dest"


def sync(source, gateway, dest, delete=False, kind=RSync):
    """Send to one target; return its report."""
    rsync = kind(source, verbose=False)
    rsync.add_target(gateway, dest, delete=delete)
    (report,) = rsync.send(timeout=LONG)
    return report


def tree_of(root):
    """Return what a tree holds: name -> content, mode and time in microseconds, or a link."""
    found = {}
    for folder, folders, files in os.walk(os.fsencode(root)):
        for name in folders + files:
            path = os.path.join(folder, name)
            status = os.lstat(path)
            if stat.S_ISLNK(status.st_mode):
                what = os.readlink(path)
            else:
                content = None if stat.S_ISDIR(status.st_mode) else Path(os.fsdecode(path))
                what = (
                    content and content.read_bytes(),
                    stat.S_IMODE(status.st_mode),
                    status.st_mtime_ns // 1000,
                )
            found[os.path.relpath(path, os.fsencode(root))] = what
    return found


def fill(root, undecodable=True):
    """Make a tree with something of everything."""
    (root / "a" / "b" / "c").mkdir(parents=True)
    (root / "empty").mkdir()
    (root / "a" / "b" / "file").write_text("deep")
    (root / "nothing").write_text("")
    (root / "a" / "script").write_text("#!/bin/sh\n")
    (root / "a" / "script").chmod(0o755)
    (root / "secret").write_text("s")
    (root / "secret").chmod(0o400)
    (root / "sn\u2603w man").write_text("cold")
    (root / "two\nlines").write_text("2")
    (root / "link").symlink_to("a/b/file")
    (root / "a" / "up").symlink_to("../secret")
    (root / "outside").symlink_to("/etc/hostname")
    (root / "dangling").symlink_to("nowhere")
    (root / "large").write_bytes(random.Random(0).randbytes(300_000))
    if undecodable:
        Path(os.fsdecode(os.fsencode(root) + b"/\xff\xfe")).write_text("bytes")
    os.utime(root / "a" / "b", (1_000_000_000, 1_000_000_000.25))
    os.utime(root / "secret", ns=(10**18, 10**18 + 123_456_000))


@pytest.mark.parametrize("interpreter", interpreters.find())
def test_a_tree_arrives_as_it_is_and_is_changed_as_it_changes(interpreter, source, dest):
    fill(source, undecodable=interpreter != "jython")
    with Group() as group:
        gateway = group.makegateway(f"popen//python={interpreters.find()[interpreter]}")

        report = sync(source, gateway, dest)

        assert tree_of(dest) == tree_of(source)
        assert report.sent == report.size == sum(p.stat().st_size for p in files_of(source))
        assert sync(source, gateway, dest).files == 0

        (source / "a" / "b" / "file").write_text("other")
        (source / "nothing").unlink()
        (source / "link").unlink()
        (source / "link").symlink_to("secret")
        report = sync(source, gateway, dest, delete=True)

        assert tree_of(dest) == tree_of(source)
        assert (report.files, report.sent) == (1, 5)


def files_of(root):
    return [path for path in root.rglob("*") if path.is_file() and not path.is_symlink()]


def test_a_single_file_can_be_sent_and_its_directory_is_made(gateway, source, dest):
    (source / "file").write_text("one")

    sync(source / "file", gateway, dest)

    assert dest.read_text() == "one"


def test_a_file_does_not_take_the_place_of_a_directory_it_was_to_be_sent_to(gateway, source, dest):
    (source / "file").write_text("one")
    dest.mkdir(parents=True)
    (dest / "precious").write_text("x")

    with pytest.raises(RemoteError, match="is a directory, the source a file"):
        sync(source / "file", gateway, dest, delete=True)

    assert (dest / "precious").exists()


def test_what_is_not_in_the_source_stays_unless_it_is_to_be_deleted(gateway, source, dest):
    (source / "kept").write_text("1")
    (dest / "old" / "deep").mkdir(parents=True)
    (dest / "old" / "deep" / "file").write_text("x")
    (dest / "old" / "deep").chmod(0o500)
    (dest / "link").symlink_to(source)

    sync(source, gateway, dest)
    assert sorted(os.listdir(dest)) == ["kept", "link", "old"]

    sync(source, gateway, dest, delete=True)
    assert os.listdir(dest) == ["kept"]
    assert (source / "kept").exists()


def test_files_directories_and_links_take_each_others_places(gateway, source, dest):
    (source / "file").write_text("f")
    (source / "directory").mkdir()
    (source / "directory" / "x").write_text("x")
    (source / "link").symlink_to("file")
    outside = source.parent / "outside"
    outside.mkdir()
    (outside / "x").write_text("not yours")
    (dest / "file").mkdir(parents=True)
    (dest / "file" / "y").write_text("y")
    (dest / "directory").symlink_to(outside)
    (dest / "link").mkdir()

    sync(source, gateway, dest)

    assert tree_of(dest) == tree_of(source)
    assert (outside / "x").read_text() == "not yours"


def test_a_destination_that_is_a_link_to_a_directory_is_that_directory(gateway, source, dest):
    (source / "file").write_text("f")
    real = dest.parent / "real"
    real.mkdir(parents=True)
    dest.symlink_to(real)

    sync(source, gateway, dest)

    assert dest.is_symlink()
    assert (real / "file").read_text() == "f"


def test_absolute_links_into_the_tree_point_into_the_destination(gateway, source, dest):
    (source / "directory").mkdir()
    (source / "in").symlink_to(source / "directory")
    (source / "root").symlink_to(source)
    (source / "beside").symlink_to(f"{source}-other/x")

    sync(source, gateway, dest)

    assert os.readlink(dest / "in") == str(dest / "directory")
    assert os.path.samefile(dest / "root", dest)
    assert os.readlink(dest / "beside") == f"{source}-other/x"


def test_a_relative_destination_is_in_the_current_directory_there(group, source, tmp_path):
    (source / "file").write_text("f")
    (source / "link").symlink_to(source / "file")
    gateway = group.makegateway(f"popen//chdir={tmp_path}")

    sync(f"{source}/", gateway, "x/y")

    assert (tmp_path / "x" / "y" / "file").read_text() == "f"
    assert (tmp_path / "x" / "y" / "link").read_text() == "f"


def test_the_filter_is_asked_for_all_but_the_root_and_not_inside_what_it_leaves_out(
    gateway, source, dest
):
    fill(source)
    asked = []

    class Filtered(RSync):
        def filter(self, path):
            asked.append(os.path.relpath(path, source))
            return os.path.basename(path) not in ("a", "secret")

    sync(source, gateway, dest, kind=Filtered)

    assert sorted(asked) == sorted(os.listdir(source))
    assert set(os.listdir(dest)) == set(os.listdir(source)) - {"a", "secret"}


# ---- what travels ------------------------------------------------------------------------


def test_a_file_of_the_same_size_and_time_is_not_looked_into(gateway, source, dest):
    (source / "file").write_text("one")
    sync(source, gateway, dest)
    status = (source / "file").stat()
    (source / "file").write_text("two")
    os.utime(source / "file", ns=(status.st_atime_ns, status.st_mtime_ns))

    report = sync(source, gateway, dest)

    assert report.files == 0
    assert (dest / "file").read_text() == "one"


def test_a_file_of_another_time_travels_only_if_its_checksum_differs(gateway, source, dest):
    (source / "same").write_text("one")
    (source / "other").write_text("one")
    sync(source, gateway, dest)
    (source / "other").write_text("two")
    for name in ("same", "other"):
        os.utime(source / name, (1e9, 1e9))

    report = sync(source, gateway, dest)

    assert (report.files, report.size, report.sent) == (2, 6, 3)
    assert tree_of(dest) == tree_of(source)


def test_another_mode_alone_needs_no_bytes(gateway, source, dest):
    (source / "file").write_text("one")
    sync(source, gateway, dest)
    (source / "file").chmod(0o751)

    assert sync(source, gateway, dest).files == 0
    assert stat.S_IMODE((dest / "file").stat().st_mode) == 0o751


@pytest.mark.parametrize("interpreter", interpreters.find())
def test_of_a_large_file_only_the_changed_blocks_travel(interpreter, source, dest):
    old = random.Random(1).randbytes(3_000_001)
    (source / "file").write_bytes(old)
    with Group() as group:
        gateway = group.makegateway(f"popen//python={interpreters.find()[interpreter]}")
        sync(source, gateway, dest)
        new = old[:1_000_000] + b"in between" + old[1_000_000:2_000_000] + old[2_000_100:]
        (source / "file").write_bytes(new)

        report = sync(source, gateway, dest)

    assert (dest / "file").read_bytes() == new
    assert report.sent < 20_000


def test_the_callback_hears_of_all_bytes_and_then_of_each_file(gateway, source, dest):
    (source / "a").write_text("1" * 10)
    (source / "b").write_text("2" * 100)
    heard = []
    rsync = RSync(source, callback=lambda *said: heard.append(said), verbose=False)
    rsync.add_target(gateway, dest)
    channel = next(iter(rsync._targets)).channel

    rsync.send()

    assert heard == [("list", 110, channel), ("ack", 10, channel), ("ack", 100, channel)]
    assert channel.gateway is gateway


def test_each_file_that_is_sent_is_printed_as_one_line(gateway, source, dest, capsys):
    fill(source)
    rsync = RSync(source)
    rsync.add_target(gateway, dest)

    rsync.send()

    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == len(files_of(source))
    assert lines[0].startswith("<Gateway id='shared' ")
    assert lines[0].endswith(" <= a/b/file")
    assert [line for line in lines if line.endswith(r" <= 'two\nlines'")]


@pytest.mark.slow
def test_a_large_file_is_never_held_in_memory_at_either_end(gateway, source, dest):
    import tracemalloc

    size = 150 * 2**20
    with open(source / "file", "wb") as file:
        for _ in range(size // 2**20):
            file.write(os.urandom(2**20))
    peak = "import resource; channel.send(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)"
    before = gateway.remote_exec(peak).receive()
    tracemalloc.start()
    try:
        sync(source, gateway, dest)
        with open(source / "file", "r+b") as file:
            file.write(b"changed")
        report = sync(source, gateway, dest)
        here = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    there = (gateway.remote_exec(peak).receive() - before) * 1024

    assert report.sent < 2**20
    assert here < 40 * 2**20
    assert there < 60 * 2**20


# ---- what goes wrong here ----------------------------------------------------------------


class AfterTheWalk(RSync):
    """Does something between the walk and the sending."""

    def _read_tree(self, check_time):
        tree = super()._read_tree(check_time)
        self.change(tree)
        return tree


def test_a_file_that_vanishes_is_left_out_and_nothing_else(gateway, source, dest):
    for name in "abc":
        (source / name).write_text(name)

    class Vanishing(AfterTheWalk):
        def change(self, tree):
            (source / "b").unlink()

    report = sync(source, gateway, dest, kind=Vanishing)

    assert sorted(os.listdir(dest)) == ["a", "c"]
    assert report.left_out == []


def test_a_link_that_takes_a_files_place_is_not_followed(gateway, source, dest):
    (source / "a").write_text("a")

    class Replacing(AfterTheWalk):
        def change(self, tree):
            (source / "a").unlink()
            (source / "a").symlink_to("/etc/passwd")

    report = sync(source, gateway, dest, kind=Replacing)

    assert os.listdir(dest) == []
    assert [problem.name for problem in report.left_out] == ["a"]


def test_a_file_that_changed_since_the_walk_arrives_as_it_is_now(gateway, source, dest):
    (source / "a").write_text("a")

    class Growing(AfterTheWalk):
        def change(self, tree):
            (source / "a").write_text("a" * 10_000)

    sync(source, gateway, dest, kind=Growing)

    assert tree_of(dest) == tree_of(source)


@pytest.mark.parametrize("times", [1, 2])
def test_a_file_that_changes_while_it_is_sent_is_sent_again_once(
    gateway, source, dest, monkeypatch, times
):
    (source / "a").write_text("old")
    (source / "b").write_text("b")
    sync(source, gateway, dest)
    (source / "a").write_text("newer")
    read = rsync_tree.OpenFile.chunks
    changes = iter(["longer than it was", "short"][:times])

    def chunks(self, size):
        yield from read(self, size)
        text = next(changes, None)
        if text:
            (source / "a").write_text(text)

    monkeypatch.setattr(rsync_tree.OpenFile, "chunks", chunks)

    report = sync(source, gateway, dest)

    assert (dest / "a").read_text() == ("longer than it was" if times == 1 else "old")
    assert [problem.name for problem in report.left_out] == ([] if times == 1 else ["a"])
    assert sorted(os.listdir(dest)) == ["a", "b"]


@pytest.fixture
def unprivileged(tmp_path_factory):
    """A directory in which this process is not above permissions, even if root runs it."""
    if os.geteuid() != 0:
        yield tmp_path_factory.mktemp("unprivileged")
        return
    import shutil
    import tempfile

    folder = tempfile.mkdtemp()
    os.chown(folder, 65534, 65534)
    try:
        os.seteuid(65534)
        yield Path(folder)
    finally:
        os.seteuid(0)
        shutil.rmtree(folder)


def test_what_cannot_be_read_is_reported_and_the_rest_goes_on(group, unprivileged, capsys):
    with_all_rights = os.getuid()
    source, dest = unprivileged / "source", unprivileged / "dest"
    (source / "closed").mkdir(parents=True)
    (source / "closed").chmod(0)
    (source / "secret").write_text("s")
    (source / "secret").chmod(0)
    (source / "zebra").write_text("z")
    (dest / "closed").mkdir(parents=True)
    (dest / "closed" / "kept").write_text("k")
    (dest / "secret").write_text("as it was")
    rsync = RSync(source)
    os.seteuid(with_all_rights)  # the library itself may be where only its owner may look
    rsync.add_target(group.makegateway(), dest, delete=True)
    os.seteuid(unprivileged.stat().st_uid)
    try:
        (report,) = rsync.send(timeout=LONG)
        os.seteuid(with_all_rights)

        assert (dest / "zebra").read_text() == "z"
        assert (dest / "secret").read_text() == "as it was"
        assert (dest / "closed" / "kept").exists()
        reason = "cannot be read: Permission denied"
        assert report.left_out == [("closed", reason), ("secret", reason)]
        assert f"left out: secret: {reason}" in capsys.readouterr().out
    finally:
        os.seteuid(with_all_rights)
        (source / "closed").chmod(0o700)


def test_what_is_no_file_is_an_error_before_anything_is_sent(gateway, source, dest):
    (source / "a").write_text("a")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(source / "socket"))

        with pytest.raises(ValueError, match=r"cannot sync '.*/socket': it is no file"):
            sync(source, gateway, dest)

    assert not (dest / "a").exists()


def test_wrong_calls_say_what_is_wrong(gateway, source, dest):
    with pytest.raises(OSError, match=r"needs its own add_target"):
        RSync(source).send()
    assert RSync(source).send(raises=False) == []
    with pytest.raises(TypeError, match="can't be called"):
        RSync(source, callback=3)
    with pytest.raises(TypeError, match="wrong"):
        RSync(source).add_target(gateway, dest, wrong=1)
    with pytest.raises(FileNotFoundError, match="nowhere"):
        sync(source / "nowhere", gateway, dest)
    rsync = RSync(source, verbose=False)
    rsync.add_target(gateway, dest)
    rsync.send()
    with pytest.raises(OSError, match="no targets"):
        rsync.send()


# ---- many targets ------------------------------------------------------------------------


def test_a_target_that_stands_still_does_not_hold_up_the_others(group, source, tmp_path):
    (source / "file").write_bytes(os.urandom(20 * 2**20))
    slow, fast = group.makegateway(), group.makegateway()
    pid = slow._rinfo().pid
    finished = []
    rsync = RSync(source, verbose=False)

    def fast_is_done():
        finished.append("fast")
        os.kill(pid, signal.SIGCONT)

    rsync.add_target(slow, tmp_path / "slow", finishedcallback=lambda: finished.append("slow"))
    rsync.add_target(fast, tmp_path / "fast", finishedcallback=fast_is_done)
    os.kill(pid, signal.SIGSTOP)

    reports = rsync.send(timeout=LONG)

    assert finished == ["fast", "slow"]
    assert [report.gateway for report in reports] == [slow.id, fast.id]
    assert tree_of(tmp_path / "slow") == tree_of(tmp_path / "fast") == tree_of(source)


def test_a_target_that_fails_is_raised_when_the_others_are_done(group, source, tmp_path):
    (source / "file").write_text("f")
    finished = []
    rsync = RSync(source, verbose=False)
    for number, path in enumerate([tmp_path / "0", Path("/proc/no"), tmp_path / "2"]):
        rsync.add_target(
            group.makegateway(), path, finishedcallback=lambda n=number: finished.append(n)
        )

    with pytest.raises(RemoteError, match="/proc/no"):
        rsync.send(timeout=LONG)

    assert sorted(finished) == [0, 2]
    assert (tmp_path / "2" / "file").read_text() == "f"


def test_more_than_one_target_that_fails_is_told_of(group, source):
    rsync = RSync(source, verbose=False)
    gateways = [group.makegateway(), group.makegateway()]
    for gateway in gateways:
        rsync.add_target(gateway, "/proc/no")

    with pytest.raises(SyncErrors, match="2 of the targets failed") as caught:
        rsync.send(timeout=LONG)

    assert [name for name, _ in caught.value.errors] == [gateway.id for gateway in gateways]


def test_files_that_cannot_be_written_there_are_named_and_the_others_are(group, source, dest):
    (source / "huge").write_bytes(bytes(100_000))
    (source / "small").write_text("s")
    (dest).mkdir(parents=True)
    (dest / "huge").write_text("old")
    gateway = group.makegateway()
    limit = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (50000, 50000))"
    gateway.remote_exec(limit).waitclose(LONG)

    with pytest.raises(SyncError, match="huge: File too large") as caught:
        sync(source, gateway, dest)

    assert caught.value.report.failed == [("huge", "File too large")]
    assert (dest / "small").read_text() == "s"
    assert (dest / "huge").read_text() == "old"
    assert sorted(os.listdir(dest)) == ["huge", "small"]


def test_two_targets_may_be_the_same_directory(group, source, dest):
    fill(source)
    rsync = RSync(source, verbose=False)
    for _ in range(4):
        rsync.add_target(group.makegateway(), dest, delete=True)

    rsync.send(timeout=LONG)

    assert tree_of(dest) == tree_of(source)


@pytest.mark.slow
@pytest.mark.parametrize("model", GREEN)
def test_green_threads_can_serve_targets(model, source, tmp_path):
    import_quietly(model)
    (source / "file").write_text("f")
    with Group(["2*popen//execmodel=thread"], execmodel=model) as group:
        rsync = RSync(source, verbose=False)
        for gateway in group:
            rsync.add_target(gateway, tmp_path / gateway.id)
        rsync.send(timeout=LONG)

    assert tree_of(tmp_path / "gw0") == tree_of(tmp_path / "gw1") == tree_of(source)


def test_a_callback_that_raises_ends_all(group, source, tmp_path):
    fill(source)
    rsync = RSync(source, callback=lambda *said: 1 / 0, verbose=False)
    rsync.add_target(group.makegateway(), tmp_path / "0")
    rsync.add_target(group.makegateway(), tmp_path / "1")

    with pytest.raises(ZeroDivisionError):
        rsync.send(timeout=LONG)


def test_a_timeout_is_for_the_whole_call(group, source, dest):
    (source / "file").write_bytes(os.urandom(20 * 2**20))
    gateway = group.makegateway()
    rsync = RSync(source, verbose=False)
    rsync.add_target(gateway, dest)
    pid = gateway._rinfo().pid
    os.kill(pid, signal.SIGSTOP)
    try:
        with pytest.raises(TimeoutError):
            rsync.send(timeout=0.2)
    finally:
        os.kill(pid, signal.SIGCONT)

    assert sync(source, gateway, dest).files == 1
    rsync.add_target(gateway, dest)
    with pytest.raises(TimeoutError, match="not done within 0 s"):
        rsync.send(timeout=0)
    with pytest.raises(ValueError, match="-1"):
        RSync(source).send(timeout=-1)


# ---- what is half done -------------------------------------------------------------------


def kill_in_the_middle(group, source, dest, monkeypatch):
    """Sync to a gateway whose process is killed while a file is half there."""
    gateway = group.makegateway()
    pid = gateway._rinfo().pid
    read = rsync_tree.OpenFile.chunks

    def chunks(self, size):
        for number, chunk in enumerate(read(self, size)):
            if number == 40:
                assert settle(lambda: any(p.stat().st_size for p in partial_files(dest)))
                os.kill(pid, signal.SIGKILL)
            yield chunk

    with monkeypatch.context() as patch:
        patch.setattr(rsync_tree.OpenFile, "chunks", chunks)
        with pytest.raises(GatewayLost):
            sync(source, gateway, dest)


def partial_files(dest):
    return [p for p in dest.iterdir() if rsync_files.PARTIAL_NAME.match(p.name)]


def test_a_file_that_is_half_there_replaces_none_and_is_cleaned_up(
    group, source, dest, monkeypatch
):
    (source / "file").write_text("old")
    gateway = group.makegateway()
    sync(source, gateway, dest)
    (source / "file").write_bytes(os.urandom(20 * 2**20))

    kill_in_the_middle(group, source, dest, monkeypatch)

    assert (dest / "file").read_text() == "old"
    assert len(partial_files(dest)) == 1
    sync(source, gateway, dest)
    assert tree_of(dest) == tree_of(source)


def test_a_channel_that_is_closed_in_the_middle_leaves_no_partial_file(group, source, dest):
    (source / "file").write_bytes(os.urandom(2**20))
    gateway = group.makegateway()
    target = rsync_target.Target

    class Closing(target):
        def _send(self, *message):
            super()._send(*message)
            if message[0] == "data":
                self.close()

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("gatewaylib.rsync.Target", Closing)
        with pytest.raises(OSError):
            sync(source, gateway, dest)
    while gateway.remote_status(LONG).numexecuting:
        pass

    assert os.listdir(dest) == []


def test_an_empty_destination_is_refused(gateway, source):
    with pytest.raises(ValueError, match="current directory"):
        RSync(source).add_target(gateway, "", delete=True)
