"""The documents keep their word: code prints what they say, and commands are those that run."""

import importlib.util
import os
import re
import shlex
import subprocess
import sys

import pytest
from documented import README, ROOT, blocks, pages_with_code, program, promised

import gatewaylib
from gatewaylib.shipped import frames

# The same gatewaylib that this process tests: the wheel's, or the tree's.
ENVIRON = {**os.environ, "PYTHONPATH": os.path.dirname(os.path.dirname(gatewaylib.__file__))}


def run(command, **kwargs):
    return subprocess.run(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        universal_newlines=True,
        timeout=120,
        check=False,
        env=ENVIRON,
        **kwargs,
    )


@pytest.mark.parametrize("page", [str(page.relative_to(ROOT)) for page in pages_with_code()])
def test_code_prints_what_its_page_says(page, tmp_path):
    code = program(ROOT / page)
    script = tmp_path / "page.py"
    script.write_text(code, encoding="utf-8")

    done = run([sys.executable, "-W", "error", str(script)], cwd=ROOT)

    assert (done.stdout.splitlines(), done.stderr) == (promised(code), "")
    assert promised(code) != []


def test_the_first_command_counts_words_over_two_gateways():
    first, _ = blocks(README, "sh")
    python = shlex.quote(sys.executable)
    command = first.strip().split(" && ")[-1].replace(".venv/bin/python", python)

    done = run(
        command.replace(".venv/bin/gatewaylib", f"{python} -m gatewaylib"), cwd=ROOT, shell=True
    )

    assert done.returncode == 0, done.stderr
    assert {"gw0", "gw1"} <= set(re.findall(r"\bgw\d\b", done.stdout + done.stderr))


def test_continuous_integration_runs_the_second_command():
    _, second = blocks(README, "sh")

    assert "\n" + second in (ROOT / ".ci" / "run").read_text(encoding="utf-8")


def test_the_drawing_of_the_states_is_of_the_table_in_the_code():
    spec = importlib.util.spec_from_file_location("draw_states", ROOT / "doc" / "draw_states.py")
    drawing = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(drawing)

    assert drawing.DRAWING.read_text(encoding="utf-8") == drawing.draw()


def test_every_page_that_the_code_names_is_there():
    named = {
        name
        for file in (ROOT / "gatewaylib").rglob("*.py")
        for name in re.findall(r"doc/[a-z_/]+\.rst", file.read_text(encoding="utf-8"))
    }

    assert named
    assert [name for name in sorted(named) if not (ROOT / name).exists()] == []


def test_the_wires_page_lists_the_kinds_of_frames_that_there_are():
    page = (ROOT / "doc" / "explanation" / "wire.rst").read_text(encoding="utf-8")
    rows = re.findall(r"^   \* - ([\d, ]+)\n     - ([A-Z_, ]+)\n", page, re.MULTILINE)

    listed = {
        name: int(number)
        for numbers, names in rows
        for number, name in zip(numbers.split(", "), names.split(", "))
    }

    assert listed == {
        name: value
        for name, value in vars(frames).items()
        if name.isupper()
        and isinstance(value, int)
        and value < 256
        and name not in ("MOST_PARTS", "RUN", "_SIZE")
    }
