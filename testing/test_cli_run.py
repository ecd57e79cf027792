"""``gatewaylib run``, the real command on real gateways."""

import json
import os
import re
import subprocess
import sys

import interpreters
import pytest
from command_line import call, environment, start

SCRIPT = """\
from __future__ import print_function
import sys
print("hello", " ".join(sys.argv), __name__, __file__)
sys.stderr.write("careful\\n")
"""


@pytest.fixture
def script(tmp_path):
    (tmp_path / "script.py").write_text(SCRIPT)
    return "script.py"


def rows(stdout):
    """Return the rows of the closing table: gateway -> the rest of the line."""
    lines = stdout.splitlines()
    header = next(i for i, line in enumerate(lines) if line.startswith("gateway "))
    return dict(line.split(None, 1) for line in lines[header + 1 :])


def test_a_script_runs_on_every_gateway_as_python_would_run_it(tmp_path, script):
    done = call("run", "--on", "2*popen", script, "a b", "--json", cwd=tmp_path)

    said = "hello script.py a b --json __main__ script.py"
    lines = done.stdout.splitlines()
    assert sorted(lines[:2]) == [f"[gw0] {said}", f"[gw1] {said}"]
    assert sorted(done.stderr.splitlines()) == ["[gw0] careful", "[gw1] careful"]
    assert re.split("  +", lines[2]) == [
        "gateway", "interpreter", "host", "result or error", "seconds",
    ]
    for gateway in ("gw0", "gw1"):
        assert re.fullmatch(r"\S+ \d+\.\d+\.\d+\S* +\S+ +ok +\d+\.\d\d", rows(done.stdout)[gateway])
    assert done.returncode == 0


def test_a_text_runs_as_with_python_c(tmp_path):
    code = "import sys; print(sys.argv, __name__, '__file__' in globals())"

    done = call("run", "-c", code, "x", cwd=tmp_path)

    assert done.stdout.splitlines()[0] == "[gw0] ['-c', 'x'] __main__ False"


def test_a_script_is_read_from_stdin_as_python_does(tmp_path):
    code = "import sys; print(sys.argv, __name__, '__file__' in globals()); 1 / 0"

    done = call("run", "-", "x", cwd=tmp_path, text=code)

    assert done.stdout.splitlines()[0] == "[gw0] ['-', 'x'] __main__ False"
    assert '[gw0]   File "<stdin>", line 1, in <module>' in done.stderr.splitlines()


def test_a_function_is_called_with_the_arguments_as_text_and_its_result_shown(tmp_path):
    (tmp_path / "work.py").write_text("def join(*words):\n    return {'joined': '+'.join(words)}\n")

    done = call("run", "--on", "2*popen", "work:join", "1", "2", cwd=tmp_path)

    assert "{'joined': '1+2'}" in rows(done.stdout)["gw0"]
    assert "{'joined': '1+2'}" in rows(done.stdout)["gw1"]
    assert done.returncode == 0


def test_a_modules_source_is_sent_wherever_the_gateway_is(tmp_path):
    (tmp_path / "package").mkdir()
    (tmp_path / "package" / "work.py").write_text("def name():\n    return __name__\n")

    done = call("run", "--on", "popen//chdir=/", "package.work:name", cwd=tmp_path)

    assert "'package.work'" in rows(done.stdout)["gw0"]


def test_a_script_that_exits_with_a_status_has_failed_with_it(tmp_path):
    code = "import os, sys; sys.exit(3 if os.environ.get('BAD') else 0)"

    done = call("run", "--on", "popen//env:BAD=1", "--on", "popen", "-c", code, cwd=tmp_path)

    assert "exit status 3" in rows(done.stdout)["gw0"]
    assert " ok " in rows(done.stdout)["gw1"]
    assert done.returncode == 1


def test_an_error_is_shown_with_the_traceback_of_the_script_alone(tmp_path):
    (tmp_path / "script.py").write_text("def f():\n    1 / 0\n\nf()\n")

    done = call("run", "script.py", cwd=tmp_path)

    tagged = done.stderr.splitlines()
    assert tagged[0] == "[gw0] Traceback (most recent call last):"
    assert tagged[1] == '[gw0]   File "script.py", line 4, in <module>'
    assert tagged[-1] == "[gw0] ZeroDivisionError: division by zero"
    assert "ZeroDivisionError: division by zero" in rows(done.stdout)["gw0"]
    assert done.returncode == 1


def test_a_result_that_cannot_travel_is_an_error_of_that_gateway(tmp_path):
    (tmp_path / "work.py").write_text("def f():\n    return {'it': object()}\n")

    done = call("run", "work:f", cwd=tmp_path)

    assert "the result can't be sent: $['it']" in rows(done.stdout)["gw0"]
    assert done.returncode == 1


def test_a_gateway_that_does_not_start_is_a_row_and_the_others_run(tmp_path):
    specs = ["--on", "popen//python=/bin/false", "--on", "popen"]

    done = call("run", *specs, "-c", "print('here')", cwd=tmp_path)

    assert "[gw1] here" in done.stdout
    assert "/bin/false" in rows(done.stdout)["gw0"]
    assert done.returncode == 1


def test_without_any_gateway_the_status_says_so(tmp_path):
    done = call("run", "--on", "popen//python=/bin/false", "-c", "", cwd=tmp_path)

    assert done.returncode == 3


def test_a_process_that_ends_in_the_middle_is_an_error_that_says_how(tmp_path):
    done = call("run", "-c", "import os; print('one'); os._exit(7)", cwd=tmp_path)

    assert "[gw0] one" in done.stdout
    assert "7" in re.split("  +", rows(done.stdout)["gw0"])[2]
    assert done.returncode == 1


def test_json_is_all_of_stdout(tmp_path, script):
    done = call("run", "--json", "--on", "2*popen", script, cwd=tmp_path)

    told = json.loads(done.stdout)
    assert told["exit_status"] == done.returncode == 0
    assert [gateway["gateway"] for gateway in told["gateways"]] == ["gw0", "gw1"]
    first = told["gateways"][0]
    assert first["spec"] == "popen"
    assert first["ok"] is True and first["error"] is None and first["exit_status"] == 0
    assert first["stdout"] == "hello script.py __main__ script.py\n"
    assert first["stderr"] == "careful\n"
    assert "[gw0] hello" in done.stderr


def test_a_line_is_shown_when_it_is_printed_and_not_at_the_end(tmp_path):
    os.mkfifo(tmp_path / "gate")
    (tmp_path / "script.py").write_text("print('before')\nopen('gate').read()\nprint('after')\n")
    process = start("run", "script.py", cwd=tmp_path)
    with process:
        first = process.stdout.readline()
        (tmp_path / "gate").write_text("go on")  # waits until the script has opened it

        rest, _ = process.communicate(timeout=120)

    assert first == "[gw0] before\n"
    assert rest.startswith("[gw0] after\n")


def test_what_goes_around_sys_stdout_is_shown_before_the_table_too(tmp_path):
    code = (
        "import os, subprocess, sys\n"
        "os.write(1, b'from the descriptor\\n')\n"
        "subprocess.check_call([sys.executable, '-c', 'print(\"from a child\")'])\n"
        "subprocess.check_call([sys.executable, '-c', 'print(\"as told\")'], stdout=sys.stdout)\n"
        "os.write(2, b'an error\\n')\n"
    )

    done = call("run", "-c", code, cwd=tmp_path)

    lines = done.stdout.splitlines()
    assert lines[:3] == ["[gw0] from the descriptor", "[gw0] from a child", "[gw0] as told"]
    assert lines[3].startswith("gateway ")
    assert done.stderr.splitlines() == ["[gw0] an error"]


def test_a_fork_of_the_script_prints_too_and_has_no_result(tmp_path):
    code = (
        "import os, warnings\nwarnings.simplefilter('ignore')\npid = os.fork()\n"
        "if pid:\n    os.waitpid(pid, 0)\n    print('parent')\nelse:\n    print('child')\n"
    )

    done = call("run", "-c", code, cwd=tmp_path)

    lines = done.stdout.splitlines()
    assert sorted(lines[:2]) == ["[gw0] child", "[gw0] parent"]
    assert lines[2].startswith("gateway ")
    assert done.returncode == 0


def test_many_lines_all_arrive_in_order_before_the_table(tmp_path):
    code = "for i in range(20000): print('line %d' % i)"

    done = call("run", "-c", code, cwd=tmp_path)

    lines = done.stdout.splitlines()
    assert lines[:20000] == [f"[gw0] line {i}" for i in range(20000)]
    assert len(lines) == 20002


@pytest.mark.slow
def test_one_run_spans_every_interpreter_of_this_machine(tmp_path):
    (tmp_path / "script.py").write_text(
        "# -*- coding: utf-8 -*-\n"
        "from __future__ import print_function\n"
        "import platform, sys\n"
        'print("snow: \u2603", sys.argv[1])\n'
        "print(platform.python_implementation(), platform.python_version())\n"
        "sys.exit(5)\n",
        encoding="utf-8",
    )
    found = interpreters.find()
    options = []
    for name, path in found.items():
        options += ["--on", f"popen//id={name}//python={path}"]

    done = call("run", *options, "script.py", "arg", cwd=tmp_path)

    lines = done.stdout.splitlines()
    for name in found:
        assert f"[{name}] snow: \u2603 arg" in lines
        said = [line.partition("] ")[2] for line in lines if line.startswith(f"[{name}] ")]
        assert rows(done.stdout)[name].startswith(said[1])
        assert "exit status 5" in rows(done.stdout)[name]
    assert done.returncode == 1


@pytest.mark.parametrize(
    ("args", "message"),
    [
        ([], "what is to run"),
        (["nothing.py"], "cannot read 'nothing.py'"),
        (["nothing:here"], "no module 'nothing'"),
        (["--on", "poepn", "-c", ""], "popen"),
        (["--on", "popen//pyhton=x", "-c", ""], "python"),
        (["--on", "popen//id=a", "--on", "popen//id=a", "-c", ""], "id=a is given to more than"),
        (["--timeout", "0", "-c", ""], "--timeout"),
        (["--reduce", "a:b", "-c", ""], "--reduce needs --map"),
        (["--map", "nothing.txt", "platform:node"], "cannot read 'nothing.txt'"),
        (["--map", "-", "platform:node", "more"], "--map takes one module:function"),
        (["--map", "-", "script.py"], "'script.py' is not module:function"),
    ],
)
def test_a_wrong_argument_is_named_and_nothing_is_started(tmp_path, args, message):
    done = call("run", *args, cwd=tmp_path)

    assert message in done.stderr
    assert (done.returncode, done.stdout) == (2, "")


@pytest.mark.parametrize("missing", ["click", "rich"])
def test_without_its_extra_the_command_names_it_in_one_line(tmp_path, missing):
    program = (
        f"import sys; sys.modules[{missing!r}] = None\n"
        "from gatewaylib.cli import main; sys.exit(main(['info']))"
    )

    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=tmp_path,
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
        timeout=120,
        check=False,
    )

    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == (
        f"gatewaylib: the command line needs {missing}, which is not installed:"
        " pip install 'gatewaylib[cli]'\n"
    )


def test_help_shows_examples_and_the_exit_statuses(tmp_path):
    done = call("run", "--help", cwd=tmp_path)

    assert "gatewaylib run --on '4*popen' script.py" in done.stdout
    assert "Exit status:" in done.stdout
    assert done.returncode == 0


def test_info_says_what_is_at_the_other_end(tmp_path):
    done = call("info", "--on", "2*popen//chdir=/", "--json", cwd=tmp_path)

    told = json.loads(done.stdout)
    assert [gateway["gateway"] for gateway in told] == ["gw0", "gw1"]
    assert told[0]["version"][:2] == list(sys.version_info[:2])
    assert told[0]["directory"] == "/"
    assert told[0]["pid"] != told[1]["pid"]


def test_info_is_a_table_with_a_row_for_what_is_not_there(tmp_path):
    specs = ["--on", "popen", "--on", "popen//python=/bin/false"]

    done = call("info", *specs, cwd=tmp_path)

    table = rows(done.stdout)
    assert table["gw0"].startswith("popen ") and str(tmp_path) in table["gw0"]
    assert table["gw1"].startswith("popen//python=/bin/false ")
    assert done.returncode == 1
