"""Files on channels read as files do, whatever pieces the items come in."""

import io
import time

import pytest
from settling import BOUND

from gatewaylib import RemoteError

# What stands for its bytes or text at the other end: read as a file by Python's own io.
CUTS = [["a\nbb\n", "ccc"], ["a", "\n", "bb", "\nc", "cc"], ["", "a\nbb\nccc", ""], ["a\nbb\nccc"]]


def sender(gateway, items):
    channel = gateway.remote_exec("for item in channel.receive(): channel.send(item)")
    channel.send(items)
    return channel


@pytest.mark.parametrize("items", CUTS)
@pytest.mark.parametrize("mode", ["r", "rb"])
def test_reading_is_that_of_a_file_wherever_the_items_are_cut(gateway, items, mode):
    if mode == "rb":
        items = [item.encode() for item in items]
    reads = [
        lambda file: list(file),
        lambda file: [file.readline() for _ in range(5)],
        lambda file: [file.read(2), file.readline(), file.read(1), file.read(), file.read()],
        lambda file: [file.read(0), file.read(100), file.read(1)],
        lambda file: [file.read(-1)],
    ]
    for read in reads:
        whole = items[0][:0].join(items)
        model = io.BytesIO(whole) if mode == "rb" else io.StringIO(whole)

        assert read(sender(gateway, items).makefile(mode)) == read(model)


def test_reading_lines_of_one_large_item_takes_time_by_its_length(gateway):
    def lines(count):
        file = sender(gateway, [(b"x" * 49 + b"\n") * count]).makefile("rb")
        begun = time.process_time()
        assert sum(1 for _ in file) == count
        return time.process_time() - begun

    # Quadratic, the larger takes 30 s and more.
    assert lines(200_000) < 5.0


def test_a_line_in_many_small_items_takes_time_by_its_length(gateway):
    channel = gateway.remote_exec("for i in range(30000): channel.send('x')\nchannel.send('\\n')")

    assert len(channel.makefile("r").readline()) == 30001


def test_what_is_written_is_sent(gateway):
    channel = gateway.remote_exec("for item in channel: channel.send(item)")
    with channel.makefile("w", proxyclose=True) as file:
        assert file.write("text") == 4
        file.writelines(["a", "b"])
        print("printed", file=file, flush=True)

        received = [channel.receive(BOUND) for _ in range(5)]

        assert received == ["text", "a", "b", "printed", "\n"]
        assert (file.isatty(), file.readable(), file.writable()) == (False, False, True)
    assert channel.isclosed()


def test_bytes_are_written_in_mode_wb_only_and_text_in_w_only(gateway):
    with gateway.remote_exec("for item in channel: channel.send(item)") as channel:
        channel.makefile("wb").write(b"\0")
        assert channel.receive(BOUND) == b"\0"
        for mode, wrong in (("w", b""), ("wb", "")):
            with pytest.raises(TypeError, match=f"opened with '{mode}'"):
                channel.makefile(mode).write(wrong)


def test_closing_a_file_leaves_the_channel_open_unless_asked(gateway):
    with gateway.remote_exec("for item in channel: channel.send(item)") as channel:
        file = channel.makefile()
        file.close()

        assert not channel.isclosed()
        with pytest.raises(ValueError, match="closed file"):
            file.write("x")


def test_an_unknown_mode_is_a_value_error(gateway):
    with pytest.raises(ValueError, match="mode 'a'"):
        gateway.newchannel().makefile("a")


def test_an_error_of_the_other_end_comes_out_of_reading(gateway):
    file = gateway.remote_exec("channel.send('ab'); 1/0").makefile("r")

    with pytest.raises(RemoteError, match="ZeroDivisionError"):
        file.readline()
    assert file.read() == "ab"


def test_a_remote_can_use_files_too(gateway):
    channel = gateway.remote_exec(
        "out = channel.makefile('w')\n"
        "for line in channel.makefile('r'): out.write(line.upper())\n"
    )
    channel.send("a\nb")
    channel.send("c\n")
    assert [channel.receive(BOUND), channel.receive(BOUND)] == ["A\n", "BC\n"]
    channel.close()
