"""What pip installs is the whole package: sources to ship, stubs and py.typed."""

from pathlib import Path

import gatewaylib

TREE = Path(__file__).resolve().parent.parent / "gatewaylib"


def files_under(folder):
    paths = (path.relative_to(folder) for path in folder.rglob("*") if path.is_file())
    return {path.as_posix() for path in paths if "__pycache__" not in path.parts}


def test_every_file_of_the_tree_is_installed_and_no_other():
    installed = files_under(Path(gatewaylib.__file__).parent)

    assert installed == {name for name in files_under(TREE) if not name.endswith("$py.class")}
