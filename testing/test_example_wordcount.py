"""The word count example gives, over two gateways, what one process gives."""

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

import interpreters
import pytest
from command_line import call

SCRIPT = Path(__file__).resolve().parent.parent / "examples" / "wordcount.py"


def load_example():
    spec = importlib.util.spec_from_file_location("wordcount", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def count_words(file_names, *options):
    names = "".join(f"{name}\n" for name in file_names)
    functions = ["--reduce", "wordcount:top", "wordcount:count"]

    done = call("run", *options, "--map", "-", *functions, cwd=SCRIPT.parent, text=names)

    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.slow
def test_two_gateways_count_the_words_of_the_standard_library_as_one_process_does():
    example = load_example()
    listed = subprocess.run(
        [sys.executable, str(SCRIPT)], stdout=subprocess.PIPE, timeout=120, check=True
    )
    file_names = os.fsdecode(listed.stdout).splitlines()
    expected = example.top([example.count(name) for name in file_names])

    found = json.loads(count_words(file_names, "--on", "2*popen", "--json"))

    assert len(file_names) > 100
    assert found["reduced"] == expected
    assert sum(gateway["items"] for gateway in found["gateways"]) == len(file_names)
    assert all(gateway["items"] > 0 for gateway in found["gateways"])


def test_the_word_count_is_shown_as_a_table_of_the_most_frequent_words(tmp_path):
    (tmp_path / "one").write_text("To be or not to be", encoding="utf-8")
    (tmp_path / "two").write_text("not TO", encoding="utf-8")

    table = count_words([tmp_path / "one", tmp_path / "two"], "--on", "2*popen")

    assert table == (
        "rank  word  count\n"
        "   1  to        3\n"
        "   2  be        2\n"
        "   3  not       2\n"
        "   4  or        1\n"
    )


@pytest.mark.slow
def test_every_interpreter_counts_the_same_words(tmp_path):
    example = load_example()
    file_names = [path for path in example.list_files() if "/json/" in path or "/email/" in path]
    expected = example.top([example.count(name) for name in file_names])
    specs = [f"popen//python={path}" for path in interpreters.find().values()]
    options = [word for spec in specs for word in ("--on", spec)]

    found = json.loads(count_words(file_names, *options, "--json"))

    assert found["reduced"] == expected
