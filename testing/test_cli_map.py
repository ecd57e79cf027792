"""``gatewaylib run --map``, the real command on real gateways."""

import json
import os
import re
import sys

import pytest
from command_line import call, start


@pytest.fixture
def work(tmp_path):
    """Write a module of functions to map with; return the directory it is in."""
    (tmp_path / "work.py").write_text(
        "import os, sys\n"
        "def upper(line):\n"
        "    if line == 'bad':\n"
        "        raise ValueError('no good')\n"
        "    return line.upper()\n"
        "def pid(line):\n"
        "    return os.getpid()\n"
        "def wait_for_last(line):\n"
        "    if line == 'first':\n"
        "        open('gate').read()\n"
        "    if line == 'last':\n"
        "        open('gate', 'w').close()\n"
        "    return line\n"
        "def die_once(line):\n"
        "    if line == 'deadly' and not os.path.exists('died'):\n"
        "        open('died', 'w').close()\n"
        "        os.kill(os.getpid(), 9)\n"
        "    return line.upper()\n"
        "def die(line):\n"
        "    if line == 'deadly':\n"
        "        os.kill(os.getpid(), 9)\n"
        "    return line.upper()\n"
        "def talk(line):\n"
        "    sys.stdout.write('about ' + line)\n"
        "    return line\n"
        "def values(line):\n"
        "    return {'line': [line]}\n"
        "def leave(line):\n"
        "    sys.exit(4)\n"
        "def join(results):\n"
        "    return ' '.join(results)\n"
        "def table(results):\n"
        "    return [{'result': result, 'length': len(result)} for result in results]\n"
        "def wrong(results):\n"
        "    raise KeyError('reduced')\n"
    )
    return tmp_path


def map_lines(work, function, lines, *options):
    (work / "in.txt").write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return call("run", *options, "--map", "in.txt", f"work:{function}", cwd=work)


def test_results_are_written_in_the_order_of_the_lines(work):
    os.mkfifo(work / "gate")
    lines = ["first", "a", "b", "c", "last"]

    done = map_lines(work, "wait_for_last", lines, "--on", "2*popen")

    assert done.stdout.splitlines() == lines
    assert done.returncode == 0


def test_a_gateway_that_is_free_takes_the_next_line(work):
    os.mkfifo(work / "gate")
    lines = ["first", *"abcdefgh", "last"]

    done = map_lines(work, "wait_for_last", lines, "--on", "2*popen", "--json")

    told = json.loads(done.stdout)
    assert sorted(gateway["items"] for gateway in told["gateways"]) == [1, 9]


def test_a_failed_item_is_reported_with_its_traceback_and_the_rest_is_done(work):
    done = map_lines(work, "upper", ["a", "bad", "c"], "--on", "2*popen")

    assert done.stdout == "A\nC\n"
    assert "item 2 (bad) failed on gw" in done.stderr
    assert "in upper\n" in done.stderr
    assert "ValueError: no good" in done.stderr
    assert "2 of 3 items are done; failed: 2" in done.stderr
    assert done.returncode == 1


def test_an_exit_with_a_status_fails_the_item_alone(work):
    done = map_lines(work, "leave", ["a", "b"])

    assert "exit status 4" in done.stderr
    assert "0 of 2 items are done; failed: 1, 2" in done.stderr
    assert done.returncode == 1


def test_lines_come_from_stdin_too(work):
    done = call("run", "--map", "-", "work:upper", cwd=work, text="one\n\ntwo three\nlast")

    assert done.stdout == "ONE\n\nTWO THREE\nLAST\n"


def test_lines_are_utf_8_and_lose_their_newline_only(work):
    (work / "in.txt").write_bytes("\ufeff\u00e9t\u00e9 \r\n\u2603\n".encode())

    done = call("run", "--json", "--map", "in.txt", "work:upper", cwd=work)

    items = json.loads(done.stdout)["items"]
    assert [item["result"] for item in items] == ["\u00c9T\u00c9 ", "\u2603"]


def test_a_file_that_is_not_utf_8_is_refused(work):
    (work / "in.txt").write_bytes(b"\xff\n")

    done = call("run", "--map", "in.txt", "work:upper", cwd=work)

    assert "in.txt" in done.stderr and "utf-8" in done.stderr
    assert done.returncode == 2


def test_an_empty_file_has_no_results(work):
    done = map_lines(work, "upper", [])

    assert (done.returncode, done.stdout) == (0, "")


def test_a_function_is_loaded_once_and_keeps_its_module(work):
    done = map_lines(work, "pid", "abcdef", "--on", "popen")

    assert len(done.stdout.splitlines()) == 6
    assert len(set(done.stdout.splitlines())) == 1


def test_what_is_printed_does_not_mix_with_the_results(work):
    done = map_lines(work, "talk", ["a", "b"])

    assert done.stdout == "a\nb\n"
    assert "[gw0] about a\n[gw0] about b\n" in done.stderr


def test_results_that_are_no_text_are_written_as_python_writes_them(work):
    assert map_lines(work, "values", ["a"]).stdout == "{'line': ['a']}\n"


def test_the_item_of_a_gateway_that_died_is_given_to_another(work):
    lines = ["a", "deadly", "b", "c"]

    done = map_lines(work, "die_once", lines, "--on", "2*popen")

    assert done.stdout == "A\nDEADLY\nB\nC\n"
    assert re.search("item 2 is given once more, to gw[01]\n", done.stderr)
    assert done.returncode == 1  # all items are done, and yet a gateway was lost


def test_an_item_that_kills_two_gateways_has_failed_and_the_rest_is_done(work):
    done = map_lines(work, "die", ["deadly", "b", "c"], "--on", "3*popen", "--json")

    told = json.loads(done.stdout)
    assert [item["result"] for item in told["items"]] == [None, "B", "C"]
    assert told["items"][0]["tries"] == 2
    assert "given 2 times, and each time the gateway died" in told["items"][0]["error"]
    assert done.returncode == 1


@pytest.mark.parametrize("gateways", ["popen", "2*popen"])
def test_a_gateway_that_dies_is_started_again_while_there_are_items(work, gateways):
    lines = ["deadly", "b", "deadly", "deadly", "e"]

    done = map_lines(work, "die", lines, "--on", gateways, "--json")

    told = json.loads(done.stdout)
    assert [item["result"] for item in told["items"]] == [None, "B", None, None, "E"]
    assert [item["tries"] for item in told["items"] if not item["ok"]] == [2, 2, 2]
    assert 4 <= sum(gateway["restarts"] for gateway in told["gateways"]) <= 6
    assert done.returncode == 1


def test_when_no_gateway_can_be_started_again_the_rest_is_not_waited_for(work):
    (work / "once").write_text(f'#!/bin/sh\nmkdir begun && exec {sys.executable} "$@"\n')
    (work / "once").chmod(0o755)
    specs = ["--on", f"popen//python={work}/once"]

    done = map_lines(work, "die", ["a", "deadly", "b", "c"], *specs)

    assert done.stdout == "A\n"
    assert "given once more" not in done.stderr
    assert "no gateway is left; 1 of 4 items are done" in done.stderr
    assert done.returncode == 3


def test_a_gateway_that_does_not_start_leaves_its_work_to_the_others_and_has_failed(work):
    specs = ["--on", "popen//python=/bin/false", "--on", "popen"]

    done = map_lines(work, "upper", ["a", "b"], *specs)

    assert done.stdout == "A\nB\n"
    assert "/bin/false" in done.stderr
    assert done.returncode == 1


def test_a_gateway_that_fails_to_start_when_all_is_done_is_told_too(work):
    (work / "late").write_text("#!/bin/sh\nread line <gate; exit 9\n")
    (work / "late").chmod(0o755)
    os.mkfifo(work / "gate")
    args = ["--on", "popen", "--on", f"popen//python={work}/late", "--map", "in.txt", "work:upper"]
    (work / "in.txt").write_text("a\n")
    with start("run", *args, cwd=work) as process:
        result = process.stdout.readline()
        (work / "gate").write_text("go on\n")

        _, err = process.communicate(timeout=120)

    assert result == "A\n"
    assert "exit status 9" in err
    assert process.returncode == 1


def test_a_gateway_that_got_no_item_has_a_row_that_says_what_it_is(work):
    done = map_lines(work, "upper", ["a"], "--on", "2*popen", "--json")

    told = json.loads(done.stdout)
    assert sorted(gateway["items"] for gateway in told["gateways"]) == [0, 1]
    assert all(gateway["interpreter"] and gateway["host"] for gateway in told["gateways"])


def test_a_function_that_cannot_be_loaded_is_said_so_and_not_waited_for(work):
    (work / "broken.py").write_text("import not_there_at_all\ndef f(line): pass\n")

    done = call("run", "--map", "-", "broken:f", cwd=work, text="a\n")

    assert "not_there_at_all" in done.stderr
    assert done.returncode == 3


def test_json_tells_of_every_item_and_every_gateway(work):
    done = map_lines(work, "upper", ["a", "bad"], "--on", "2*popen", "--json")

    told = json.loads(done.stdout)
    assert told["exit_status"] == done.returncode == 1
    assert told["items"][0] == {
        "item": 1, "input": "a", "gateway": told["items"][0]["gateway"], "tries": 1, "ok": True,
        "result": "A", "error": None, "traceback": None,
    }
    assert told["items"][1]["error"] == "ValueError: no good"
    assert "in upper" in told["items"][1]["traceback"]
    assert sum(gateway["items"] for gateway in told["gateways"]) == 2


def test_reduce_makes_one_value_of_the_results_in_order(work):
    done = map_lines(work, "upper", ["a", "b", "c"], "--on", "2*popen", "--reduce", "work:join")

    assert (done.returncode, done.stdout) == (0, "A B C\n")


def test_reduced_rows_are_shown_as_a_table(work):
    done = map_lines(work, "upper", ["a", "bcd"], "--reduce", "work:table")

    assert done.stdout == "result  length\nA            1\nBCD          3\n"


def test_an_error_of_the_reducing_function_is_shown_and_the_status_tells(work):
    done = map_lines(work, "upper", ["a"], "--reduce", "work:wrong")

    assert "KeyError: 'reduced'" in done.stderr
    assert done.returncode == 1


def test_a_reducing_function_that_is_not_there_is_found_out_before_the_start(work):
    done = map_lines(work, "upper", ["a"], "--reduce", "work:nothing")

    assert "module 'work' has no 'nothing'" in done.stderr
    assert (done.returncode, done.stdout) == (2, "")
