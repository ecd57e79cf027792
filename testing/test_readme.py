"""README keeps its word: its tour prints what it says, and its commands are those that run."""

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")


def blocks(language):
    return re.findall(rf"^```{language}\n(.*?)^```", README, flags=re.MULTILINE | re.DOTALL)


def run(command, **kwargs):
    return subprocess.run(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        universal_newlines=True,
        timeout=50,
        check=False,
        **kwargs,
    )


def test_the_tour_prints_what_it_says(tmp_path):
    tour = tmp_path / "tour.py"
    tour.write_text("\n".join(blocks("python")), encoding="utf-8")
    promised = re.findall(r"^ *print\(.*\)  # (.*)$", tour.read_text(), flags=re.MULTILINE)

    done = run([sys.executable, "-W", "error", str(tour)], cwd=tmp_path)

    assert (done.stdout.splitlines(), done.stderr) == (promised, "")
    assert len(promised) == 5


def test_the_first_command_counts_words_over_two_gateways():
    first, _ = blocks("sh")
    command = first.strip().split(" && ")[-1]
    program, _, arguments = command.partition(" ")

    done = run(f"'{sys.executable}' -m gatewaylib {arguments}", cwd=ROOT, shell=True)

    assert program == ".venv/bin/gatewaylib"
    assert done.returncode == 0, done.stderr
    assert {"gw0", "gw1"} <= set(re.findall(r"\bgw\d\b", done.stdout + done.stderr))


def test_continuous_integration_runs_the_second_command():
    _, second = blocks("sh")

    assert (ROOT / ".ci" / "run").read_text(encoding="utf-8").endswith("\n" + second)
