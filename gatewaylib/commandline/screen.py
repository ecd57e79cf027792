"""What the user sees: tagged lines, a progress bar, tables, and JSON.

Where a stream is a terminal, rich draws on it; where it is not, plain text goes to it.
Results belong to stdout. Everything said on the way belongs to stderr; with JSON, that is
all but the one document.
"""

from __future__ import annotations

import contextlib
import json
import sys
from collections.abc import Iterator, Sequence
from types import TracebackType
from typing import TextIO

from rich import box
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Column, Table
from rich.text import Text

from . import OutputFailed, ReaderGone
from .values import as_cell, as_line, numeric_columns, plain_records, plain_table

COLOURS = ("cyan", "green", "magenta", "yellow", "blue")
STDOUT, STDERR = "out", "err"
COLUMN_WIDTH = 12  # a terminal with less for each column gets the table as records
BAR_WIDTH = 50  # a terminal with less gets a progress bar without its clock


class Screen:
    """Writes for one command; used by one thread.

    One progress bar is drawn at the bottom of the terminal while the screen is open. So that
    lines go above it, both streams are written through its console if both are terminals.
    """

    def __init__(self, as_json: bool = False) -> None:
        self._as_json = as_json
        self._files = {STDOUT: sys.stdout, STDERR: sys.stderr}
        self._consoles = {name: console_for(file) for name, file in self._files.items()}
        out, err = self._consoles[STDOUT], self._consoles[STDERR]
        if as_json:
            out = None
        if out is not None and err is not None:
            self._consoles[STDERR] = out
        bar_console = out or err
        self._progress = None if bar_console is None else make_progress(bar_console)
        self._task = None if self._progress is None else self._progress.add_task("", total=None)

    def __enter__(self) -> Screen:
        if self._progress is not None:
            self._progress.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop_progress()
        self.flush()

    def progress(self, text: str, done: int, total: int) -> None:
        """Say in the progress bar what is waited for."""
        if self._progress is not None and self._task is not None:
            self._progress.update(self._task, description=text, completed=done, total=total)

    def stop_progress(self) -> None:
        """Take the progress bar away; what comes now is the end."""
        if self._progress is not None:
            self._progress.stop()
            self._progress = None

    def tagged(self, number: int, gateway: str, stream: str, text: str) -> None:
        """Write lines of a gateway, each with its id before it."""
        stream = STDERR if self._as_json else stream
        console = self._consoles[stream]
        if console is None:
            lines = [f"[{gateway}] {line}\n" for line in split_lines(text)]
            self._write(stream, "".join(lines))
            return
        colour = COLOURS[number % len(COLOURS)]
        for line in split_lines(text):
            tag = (f"[{gateway}] ", colour if stream == STDOUT else f"bold {colour}")
            console.print(Text.assemble(tag, Text.from_ansi(line)), soft_wrap=True)

    def line(self, text: str, stream: str = STDOUT) -> None:
        """Write a line, or some."""
        console = self._consoles[stream]
        if console is None:
            self._write(stream, text + "\n")
        else:
            console.print(Text.from_ansi(text), soft_wrap=True)

    def note(self, text: str) -> None:
        """Say something on stderr that is no result."""
        self.line(text, STDERR)

    def table(
        self,
        header: Sequence[str],
        rows: Sequence[Sequence[object]],
        stream: str = STDOUT,
        failed: Sequence[bool] = (),
    ) -> None:
        """Show a table; ``failed`` says which rows tell of something that went wrong."""
        stream = STDERR if self._as_json else stream
        console = self._consoles[stream]
        if console is None:
            self._write(stream, plain_table(header, rows))
            self.flush()
            return
        if console.width < COLUMN_WIDTH * len(header):
            console.print(Text(plain_records(header, rows)), end="")
        else:
            console.print(rich_table(header, rows, failed))

    def json(self, document: object) -> None:
        """Write the one JSON document, which is all of stdout."""
        self._write(STDOUT, json.dumps(document, indent=2) + "\n")
        self.flush()

    def _write(self, stream: str, text: str) -> None:
        if stream == STDERR:
            self.flush()  # both may go to the same file
        with output_errors(stream):
            self._files[stream].write(text)

    def flush(self) -> None:
        """See to it that all lines have left: nothing more comes for now."""
        with output_errors(STDOUT):
            self._files[STDOUT].flush()


@contextlib.contextmanager
def output_errors(stream: str) -> Iterator[None]:
    """Raise ReaderGone or OutputFailed for an error of writing to a stream."""
    try:
        yield
    except BrokenPipeError:
        raise ReaderGone from None
    except OSError as error:
        raise OutputFailed(f"cannot write to std{stream}: {error.strerror}") from None


def console_for(file: TextIO) -> Console | None:
    """Return a console that draws on a terminal; None where the file is none."""
    console = Console(file=file, markup=False, emoji=False, highlight=False)
    return console if console.is_terminal else None


def make_progress(console: Console) -> Progress:
    """Return the progress bar; it leaves nothing behind when it stops."""
    return Progress(
        TextColumn("{task.description}", table_column=Column(no_wrap=True, overflow="ellipsis")),
        BarColumn(),
        MofNCompleteColumn(),
        *([TimeElapsedColumn()] if console.width >= BAR_WIDTH else []),
        console=console,
        transient=True,
        redirect_stdout=False,
        redirect_stderr=False,
    )


def rich_table(
    header: Sequence[str], rows: Sequence[Sequence[object]], failed: Sequence[bool]
) -> Table:
    """Return a table for a terminal."""
    columns = [
        Column(name, justify="right" if number else "left", overflow="fold")
        for name, number in zip(header, numeric_columns(header, rows))
    ]
    table = Table(*columns, box=box.SIMPLE_HEAD, pad_edge=False)
    for number, row in enumerate(rows):
        bad = number < len(failed) and failed[number]
        table.add_row(*[Text(as_cell(as_line(c))) for c in row], style="red" if bad else "")
    return table


def split_lines(text: str) -> list[str]:
    """Return the lines of a text, cut at newlines only."""
    return text[:-1].split("\n") if text.endswith("\n") else text.split("\n")
