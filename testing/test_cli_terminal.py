"""What the command draws where its output is a terminal: a pseudo-terminal, here."""

import errno
import fcntl
import os
import pty
import re
import struct
import subprocess
import termios

import pytest
from command_line import COMMAND, TIMEOUT, environment

BAR = "\u2501"  # what rich draws progress bars with
COLOUR = re.compile("\x1b\\[[0-9;]*3[0-9]")


def draw(*args, cwd, width=80, **variables):
    """Run the command in a terminal; return (exit status, all that was drawn)."""
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, width, 0, 0))
    process = subprocess.Popen(
        [*COMMAND, *args],
        cwd=cwd,
        env=environment(**{"TERM": "xterm", "PYTHONUTF8": "1", **variables}),
        stdin=slave,
        stdout=slave,
        stderr=slave,
        start_new_session=True,
    )
    os.close(slave)
    chunks = []
    while True:
        try:
            chunk = os.read(master, 65536)
        except OSError as error:  # how Linux says that nobody has the other end any more
            assert error.errno == errno.EIO
            break
        if not chunk:
            break
        chunks.append(chunk)
    os.close(master)
    return process.wait(TIMEOUT), b"".join(chunks).decode("utf-8")


def final(drawn):
    """Return the text that stays on the screen when the cursor's moves are left out."""
    return re.sub("\x1b\\[[0-9;?]*[A-Za-z]", "", drawn)


@pytest.fixture
def work(tmp_path):
    (tmp_path / "work.py").write_text("def f(line):\n    print('got ' + line)\n    return line\n")
    (tmp_path / "in.txt").write_text("".join(f"item{i}\n" for i in range(20)))
    return tmp_path


def test_a_run_draws_a_progress_bar_tagged_lines_and_a_table(tmp_path):
    status, drawn = draw("run", "--on", "2*popen", "-c", "print('hello')", cwd=tmp_path)

    assert status == 0
    assert BAR in drawn and "waiting for gw0, gw1" in drawn
    assert "[gw0] hello" in final(drawn) and "[gw1] hello" in final(drawn)
    table = final(drawn)[final(drawn).rindex("gateway ") :]
    assert "\u2500" in table and "gw0 " in table and "ok" in table


def test_a_map_draws_how_many_items_are_done_and_its_results(work):
    status, drawn = draw("run", "--on", "2*popen", "--map", "in.txt", "work:f", cwd=work)

    assert status == 0
    assert BAR in drawn and "0/20" in drawn and "20/20" in drawn
    results = [line for line in final(drawn).splitlines() if re.fullmatch(r"item\d+\r?", line)]
    assert [line.strip() for line in results] == [f"item{i}" for i in range(20)]
    assert "10 items" in final(drawn) or "items" in final(drawn)


def test_the_progress_bar_is_gone_at_the_end(tmp_path):
    _, drawn = draw("run", "-c", "", cwd=tmp_path)

    after_the_bar = drawn[drawn.rindex(BAR) :]
    assert "\x1b[2K" in after_the_bar  # its line is cleared
    assert "\x1b[?25h" in after_the_bar  # the cursor is back


def test_colours_are_drawn_unless_no_color_is_set(tmp_path):
    _, with_colour = draw("run", "-c", "print('hello')", cwd=tmp_path)
    _, without = draw("run", "-c", "print('hello')", cwd=tmp_path, NO_COLOR="1")

    assert COLOUR.search(with_colour)
    assert not COLOUR.search(without)


@pytest.mark.parametrize("width", [20, 40])
def test_a_narrow_terminal_gets_each_row_as_lines(work, width):
    args = ["run", "--on", "2*popen", "--map", "in.txt", "work:f"]

    status, drawn = draw(*args, cwd=work, width=width)

    assert status == 0
    assert re.search(r"gw0\r?\n  interpreter ", final(drawn))


def test_a_dumb_terminal_gets_no_moves_of_the_cursor(tmp_path):
    status, drawn = draw("run", "-c", "print('hello')", cwd=tmp_path, TERM="dumb")

    assert status == 0
    assert "\x1b[2K" not in drawn


def test_json_on_a_terminal_is_drawn_after_the_progress_bar(tmp_path):
    status, drawn = draw("run", "--json", "-c", "print('hello')", cwd=tmp_path)

    assert status == 0
    assert final(drawn)[final(drawn).index("{") :].rstrip().endswith("}")
    assert BAR not in drawn[drawn.index("{") :]
