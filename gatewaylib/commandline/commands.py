"""The commands and their options, as click reads them."""

from __future__ import annotations

import errno
import importlib
import sys
from collections.abc import Sequence
from typing import Any, Callable

import click

from ..shipped.errors import SpecError
from ..spec import Spec, expand
from . import OutputFailed
from .info import show_info
from .map import Map, read_items
from .run import Run
from .screen import Screen
from .sync import Sync, read_source
from .target import TargetError, any_job, function_job, load_here, text_job

# By its name, as the package itself comes last in the order of imports.
VERSION: str = importlib.import_module("gatewaylib").__version__
CONTEXT = {"help_option_names": ["-h", "--help"]}

RUN_EPILOG = """
\b
Examples:
  gatewaylib run --on '4*popen' script.py input.txt
  gatewaylib run --on popen --on popen//python=python2.7 -c 'print("hello")'
  gatewaylib run --on '2*popen' platform:python_version
  gatewaylib run --on '4*popen' --map names.txt package.module:function
  find . -name '*.py' | gatewaylib run --on '2*popen' --map - counting:count

\b
Exit status:
  0    all is done, and no gateway failed
  1    a script, a function or an item failed, or a gateway did
  2    nothing was started: an argument is wrong
  3    no gateway could be started, or none is left
  124  --timeout is over
  130  interrupted by Ctrl-C (143: by SIGTERM)
  141  nobody reads the output any more
"""

INFO_EPILOG = """
\b
Examples:
  gatewaylib info --on popen//python=pypy3 --on '2*popen'
  gatewaylib info --on popen --json
"""

SYNC_EPILOG = """
\b
Examples:
  gatewaylib sync project --on ssh=user@host --on ssh=other /srv/project
  gatewaylib sync --delete --on '2*popen//chdir=/tmp' data copy/of/data

\b
Exit status: as for run; 1 also if a file could not be read or written.
"""


def with_common_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options that every command has."""
    for option in reversed(
        [
            click.option(
                "--on",
                "specs",
                metavar="SPEC",
                multiple=True,
                default=["popen"],
                show_default=True,
                help="Gateways to start, as in '4*popen//python=python3.9'. May be repeated.",
            ),
            click.option(
                "--timeout",
                type=click.FloatRange(min=0, min_open=True),
                metavar="SECONDS",
                help="End everything after this time; what is not done then has failed.",
            ),
            click.option(
                "--json",
                "as_json",
                is_flag=True,
                help="Write one JSON document to stdout, and all else to stderr.",
            ),
        ]
    ):
        command = option(command)
    return command


@click.group(context_settings=CONTEXT)
@click.version_option(version=VERSION)
def gatewaylib() -> None:
    """Run Python code on many interpreters at once, with nothing installed there."""


@gatewaylib.command(
    epilog=RUN_EPILOG,
    context_settings={**CONTEXT, "allow_interspersed_args": False},
    options_metavar="[OPTIONS]",
)
@with_common_options
@click.option("-c", "text", metavar="CODE", help="Run this text instead of a script.")
@click.option(
    "--map",
    "items",
    metavar="FILE",
    help="Call MODULE:FUNCTION with each line of FILE ('-' is stdin), each on a gateway that is"
    " free, and write the results in order.",
)
@click.option(
    "--reduce",
    "reduce_by",
    metavar="MODULE:FUNCTION",
    help="With --map: call this function here, once, with the list of results, and show what it"
    " returns instead of them; a list of dicts is shown as a table.",
)
@click.argument("target", metavar="[SCRIPT | MODULE:FUNCTION] [ARGS]...", nargs=-1)
def run(
    specs: Sequence[str],
    timeout: float | None,
    as_json: bool,
    text: str | None,
    items: str | None,
    reduce_by: str | None,
    target: Sequence[str],
) -> int:
    """Run a script, a text or a function on every gateway at once.

    Options come before the script or function; what comes after belongs to it. A script is
    run as python would, with sys.argv, __file__ and __name__ set; '-' is stdin. A function's
    module is sent, and the function called with ARGS as text. What is printed arrives line
    by line, tagged with the gateway's id.
    """
    gateways = read_specs(specs)
    if items is None:
        if reduce_by is not None:
            raise click.UsageError("--reduce needs --map: there are no results to be reduced")
        if text is None and not target:
            raise click.UsageError("what is to run? Give a script, -c CODE or module:function")
        try:
            job = text_job(text, target) if text is not None else any_job(target[0], target[1:])
        except TargetError as error:
            raise click.UsageError(str(error)) from None
        return Run(gateways, job, Screen(as_json), as_json, timeout).run()
    if text is not None or len(target) != 1:
        raise click.UsageError("--map takes one module:function, and nothing after it")
    try:
        job = function_job(target[0], (), map_items=True)
        reduce = None if reduce_by is None else load_here(reduce_by)
        lines = read_items(items)
    except TargetError as error:
        raise click.UsageError(str(error)) from None
    except UnicodeDecodeError as error:
        raise click.UsageError(f"{items!r} is not UTF-8: {error}") from None
    except OSError as error:
        raise click.UsageError(f"cannot read {items!r}: {error.strerror}") from None
    return Map(gateways, job, lines, reduce, Screen(as_json), as_json, timeout).run()


@gatewaylib.command(epilog=INFO_EPILOG)
@with_common_options
def info(specs: Sequence[str], timeout: float | None, as_json: bool) -> int:
    """Show what is at the other end of each gateway."""
    return show_info(read_specs(specs), Screen(as_json), as_json, timeout)


@gatewaylib.command(epilog=SYNC_EPILOG)
@with_common_options
@click.option("--delete", is_flag=True, help="Delete in DEST what is not in SRC.")
@click.argument("source", metavar="SRC")
@click.argument("destination", metavar="DEST")
def sync(
    specs: Sequence[str],
    timeout: float | None,
    as_json: bool,
    delete: bool,
    source: str,
    destination: str,
) -> int:
    """Make DEST on every gateway like SRC here, all of them at once.

    SRC is a directory, whose content is sent, or a single file. Only what differs travels,
    and of large files only the blocks that do. DEST is a path there; its parents are made.
    """
    if not destination:
        raise click.UsageError("DEST is empty: write . for the current directory there")
    gateways = read_specs(specs)
    try:
        tree = read_source(source)
    except OSError as error:
        raise click.UsageError(f"cannot read {source!r}: {error.strerror}") from None
    return Sync(gateways, tree, destination, delete, Screen(as_json), as_json, timeout).run()


@gatewaylib.command(
    add_help_option=False,  # it has a parser of its own, as a script that runs without click
    context_settings={"ignore_unknown_options": True},
    options_metavar="[OPTIONS]",
)
@click.argument("arguments", metavar="[HOST:PORT]", nargs=-1, type=click.UNPROCESSED)
def serve(arguments: Sequence[str]) -> int:
    """Give each connection that knows the token a fresh interpreter of this machine."""
    from .serve import serve as run_server

    return run_server(arguments, "gatewaylib serve")


def read_specs(texts: Sequence[str]) -> list[Spec]:
    """Return the specs of all ``--on``."""
    try:
        specs = expand(texts)
    except SpecError as error:
        raise click.UsageError(str(error)) from None
    ids = [spec.id for spec in specs if spec.id is not None]
    twice = sorted({name for name in ids if ids.count(name) > 1})
    if twice:
        raise click.UsageError(f"id={twice[0]} is given to more than one gateway")
    return specs


def call(args: Sequence[str]) -> int:
    """Run the command that ``args`` name; return its exit status."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):  # what the terminal can't show is no reason to fail
            stream.reconfigure(errors="backslashreplace")
    try:
        status = gatewaylib.main(list(args), prog_name="gatewaylib", standalone_mode=False)
    except click.Abort:  # which click makes of a KeyboardInterrupt
        raise KeyboardInterrupt from None
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except OSError as error:
        if error.errno != errno.ENOSPC:
            raise
        # click writes --help and --version itself
        raise OutputFailed(f"cannot write to stdout: {error.strerror}") from None
    return int(status or 0)
