"""An rsync between ends of which one lies: nothing leaves the tree, and nothing is believed."""

import os
import struct

import pytest

from gatewaylib import rsync as rsync_module
from gatewaylib.rsync import RSync
from gatewaylib.shipped.errors import ProtocolError, RemoteError
from gatewaylib.shipped.on_demand import rsync_files, rsync_receiver
from gatewaylib.shipped.on_demand.rsync_receiver import Receiver, Refused

MODE, MTIME = 0o644, 10**15


@pytest.fixture
def dest(tmp_path):
    """A destination with something beside it that is not to be touched."""
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "precious").write_text("as it was")
    yield tmp_path / "dest"
    assert (tmp_path / "outside" / "precious").read_text() == "as it was"
    assert sorted(os.listdir(tmp_path / "outside")) == ["precious"]
    assert set(os.listdir(tmp_path)) <= {"dest", "outside"}


@pytest.fixture
def receiver(dest):
    sent = []
    receiver = Receiver(sent.append, rsync_files)
    receiver.begin(os.fsencode(dest), True, True)
    receiver.directories([(b"", 0o755, MTIME, True)])
    receiver.sent = sent
    return receiver


@pytest.mark.parametrize(
    "name",
    [
        b"/etc/x", b"..", b"../outside/x", b"a/../../outside/x", b".", b"a/./b", b"a//b", b"a/",
        b"/", b"x\0y", b"a/..",
    ],
)  # fmt: skip
def test_a_name_that_leads_out_is_refused_by_the_receiver(receiver, name):
    receiver.directories([(b"a", 0o755, MTIME, True)])

    with pytest.raises(Refused):
        receiver.files(0, [(name, MODE, MTIME, 1)])
    with pytest.raises(Refused):
        receiver.directories([(name, 0o755, MTIME, True)])
    with pytest.raises(Refused):
        receiver.links([(name, b"/etc", False)])


def test_a_name_in_a_directory_that_was_not_announced_is_refused(receiver, dest):
    (dest / "link").symlink_to("../outside")

    with pytest.raises(Refused, match="no directory that was announced"):
        receiver.files(0, [(b"link/precious", MODE, MTIME, 1)])


def test_a_link_that_was_there_before_is_not_written_through(receiver, dest):
    (dest / "link").symlink_to("../outside")
    (dest / "file").symlink_to("../outside/precious")

    receiver.directories([(b"link", 0o755, MTIME, True)])
    receiver.files(0, [(b"link/precious", MODE, MTIME, 1), (b"file", MODE, MTIME, 9)])
    for number in (0, 1):
        receiver.file(number, MODE, MTIME, True)
        receiver.data(b"evil")
        receiver.end(b"wrong")
    receiver.finish()

    assert not (dest / "link").is_symlink()


def test_a_link_does_not_take_the_place_of_a_directory_of_the_same_run(receiver):
    receiver.directories([(b"a", 0o755, MTIME, True)])

    with pytest.raises(Refused, match="announced twice"):
        receiver.links([(b"a", b"../outside", False)])


def test_a_link_inside_is_to_lead_inside(receiver):
    with pytest.raises(Refused, match="leads out"):
        receiver.links([(b"a", b"../outside", True)])


def test_a_link_does_not_take_the_place_of_the_destination(receiver):
    with pytest.raises(Refused, match="in the place of the destination"):
        receiver.links([(b"", b"/etc", False)])


def test_the_destination_is_told_once(receiver):
    with pytest.raises(Refused, match="second destination"):
        receiver.begin(b"/", True, True)


def test_a_directory_is_not_sent_into_a_file(dest):
    receiver = Receiver(lambda item: None, rsync_files)
    receiver.begin(os.fsencode(dest), True, False)

    with pytest.raises(Refused):
        receiver.directories([(b"", 0o755, MTIME, True)])


def test_deleting_does_not_follow_links(receiver, dest):
    (dest / "old").mkdir()
    (dest / "old" / "link").symlink_to("../../outside")
    (dest / "link").symlink_to("../outside")

    receiver.finish()

    assert os.listdir(dest) == []


def test_content_whose_checksum_is_another_replaces_nothing(receiver, dest):
    (dest / "file").write_text("old")
    receiver.files(0, [(b"file", MODE, MTIME, 5)])
    receiver.file(0, MODE, MTIME, True)
    receiver.data(b"12345")

    receiver.end(b"x" * 32)

    assert "changed while the new one was made" in receiver.sent[-1][2]
    assert (dest / "file").read_text() == "old"
    assert os.listdir(dest) == ["file"]


def test_a_leftover_goes_and_a_partial_file_of_a_living_process_stays(dest, receiver):
    living = f".gatewaylib-rsync-{os.getppid()}-{'a' * 16}"
    dead = f".gatewaylib-rsync-{2**22 + 1}-{'b' * 16}"  # above what Linux gives out
    alike = ".gatewaylib-rsync-notes"
    for name in (living, dead, alike):
        (dest / name).write_text("x")

    kept = rsync_files.remove_leftovers(str(dest), os.listdir(dest))

    assert kept == [alike]
    assert sorted(os.listdir(dest)) == sorted([living, alike])


def test_an_unknown_message_is_an_error_that_names_it(gateway):
    task = gateway.remote_exec(rsync_receiver)
    line = gateway.newchannel()
    with open(rsync_files.__file__, encoding="ascii") as file:
        task.send((file.read(), "rsync_files.py", line))

    line.send(("__init__", None))

    with pytest.raises(RemoteError, match="unknown message: '__init__'"):
        task.waitclose(20)


# ---- the sender, whose receiver lies -------------------------------------------------------

LIAR = """
_, _, line = channel.receive()
for answer in channel.receive():
    line.send(answer)
line.waitclose()
"""
READY = [("ready", None)]
SUMS = struct.pack("!I", 1)


@pytest.fixture
def source(tmp_path):
    root = tmp_path / "source"
    root.mkdir()
    (root / "large").write_bytes(bytes(100_000))
    (root / "small").write_text("small")
    return root


LIES = {
    "no tuple": ["ready"],
    "an answer to something else": [("finished", [])],
    "an answer that is too long": [("ready", None, None)],
    "a file that was not offered": [*READY, ("need", [(2, -1, b"")])],
    "a negative number": [*READY, ("need", [(-1, -1, b"")])],
    "a number that is none": [*READY, ("need", [(True, -1, b"")])],
    "a name instead of a number": [*READY, ("need", [("/etc/passwd", -1, b"")])],
    "the same file twice": [*READY, ("need", [(0, -1, b""), (0, -1, b"")])],
    "a size that is none": [*READY, ("need", [(0, -2, b"")])],
    "a checksum that is none": [*READY, ("need", [(0, 5, b"x")])],
    "no list": [*READY, ("need", None)],
    "checksums of another file": [
        *READY, ("need", [(0, 70_000, b"")]), ("sums", 1, 4096, SUMS, b"x" * 16),
    ],
    "too few strong checksums": [
        *READY, ("need", [(0, 70_000, b"")]), ("sums", 0, 4096, SUMS, b"x" * 15),
    ],
    "checksums that end in a block": [
        *READY, ("need", [(0, 70_000, b"")]), ("sums", 0, 4096, b"abc", b""),
    ],
    "a last block that is larger than a block": [
        *READY, ("need", [(0, 70_000, b"")]), ("sums", 0, 99_999, SUMS, b"x" * 16),
    ],
    "more blocks than asked for": [
        *READY, ("need", [(0, 70_000, b"")]),
        ("sums", 0, 4096 * 2**17, SUMS * 2**17, b"x" * 16 * 2**17),
    ],
    "an end of another file": [*READY, ("need", [(1, -1, b"")]), ("done", 0, "")],
    "a problem that is none": [*READY, ("need", []), ("finished", [(b"x", b"y")])],
}  # fmt: skip


@pytest.mark.parametrize("answers", LIES.values(), ids=LIES)
def test_a_lying_receiver_is_given_up(gateway, source, monkeypatch, answers):
    monkeypatch.setattr(rsync_module, "rsync_receiver", LIAR)
    rsync = RSync(source, verbose=False)
    rsync.add_target(gateway, "anywhere")
    next(iter(rsync._targets)).channel.send(answers)

    with pytest.raises(ProtocolError):
        rsync.send(timeout=20)
