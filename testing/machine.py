"""What a test needs of its machine: it is skipped where that is missing, unless it was promised.

``.ci/run`` installs all that can be installed, and says so by ``GATEWAYLIB_EXPECT``: what is
missing there is an error, and not a test less.
"""

from __future__ import annotations

import importlib
import importlib.util
import os
import shutil
import warnings

import pytest

# Root's commands are not on everybody's PATH.
PATH = os.environ.get("PATH", os.defpath) + ":/usr/local/sbin:/usr/sbin:/sbin"


def find(command: str) -> str | None:
    """Return the path of a command; None where there is none."""
    return shutil.which(command, path=PATH)


def lacks(*names: str) -> list[str]:
    """Return those of these commands and Python modules that are missing.

    Raises LookupError where the machine was promised to have all of them.
    """
    missing = [name for name in names if not (find(name) or importlib.util.find_spec(name))]
    if missing and os.environ.get("GATEWAYLIB_EXPECT"):
        raise LookupError(f"this machine should have {', '.join(missing)}")
    return missing


def needs(*names: str) -> pytest.MarkDecorator:
    """Mark a test, or one of its parameters, that needs commands or Python modules."""
    missing = lacks(*names)
    return pytest.mark.skipif(bool(missing), reason=f"not installed: {', '.join(missing)}")


GREEN = [pytest.param(model, marks=needs(model)) for model in ("gevent", "eventlet")]


def import_quietly(module: str) -> None:
    """Import what warns when it is first imported, as eventlet does of itself."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        importlib.import_module(module)
