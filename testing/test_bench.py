"""The bench runs: every part once, tiny, against gatewaylib alone. No time is asserted."""

import importlib
import os
import sys
from xml.etree import ElementTree

import pytest

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
if ROOT not in sys.path:  # bench/ is never installed
    sys.path.insert(0, ROOT)

from bench import chart, command, curves, forms, layers, measure, report, results, score  # noqa: E402
from bench.effort import TINY  # noqa: E402
from bench.gateways import Gatewaylib  # noqa: E402
from bench.peers import choose  # noqa: E402
from bench.raw import RawPipe  # noqa: E402
from bench.targets import AT_LEAST, AT_MOST, TARGETS, Target  # noqa: E402

LESS, MORE, Figure, Row = measure.LESS, measure.MORE, measure.Figure, measure.Row
MACHINE = {"python": "CPython 3.11.7", "system": "Linux", "cores": "2", "processor": "x"}


def rows():
    return [
        Row(
            "round trip",
            Figure("int, one core", "µs", LESS),
            {"execnet": [60.0, 66.0, 63.0], "gatewaylib": [15.0, 16.5, 21.0], "raw pipe": [3.0]},
        ),
        Row(
            "bulk",
            Figure("bytes of 64 MiB, to the remote, one core", "MB/s", MORE),
            {"execnet": [500.0], "gatewaylib": [1500.0], "raw socketpair": [2000.0]},
        ),
    ]


def growing(at, ours):
    return Row("growth", Figure("round trip, by channels", "µs", LESS, at), {"gatewaylib": [ours]})


@pytest.mark.parametrize("part", sorted(command.PARTS))
def test_every_part_gives_figures_for_gatewaylib(part):
    found = command.run([part], [Gatewaylib()], TINY)

    assert found
    assert all(row.values["gatewaylib"] for row in found)


def test_raw_links_answer_like_every_other_peer():
    team = RawPipe().start(2)
    try:
        link = team.links[1]

        assert len(link.echo(1, 3)) == 3
        assert link.push(bytes(100000), 2) > 0
        assert link.pull(1, 10) > 0
    finally:
        team.end()


def test_a_contender_that_cannot_is_left_out_and_a_slow_one_runs_once():
    figure = Figure("x", "s", LESS)

    def cannot():
        raise measure.Unsupported

    contenders = {"cannot": cannot, "slow": lambda: {figure: 1.0}, "other": lambda: {figure: 2.0}}
    every = measure.paired("part", contenders, 3)
    once = measure.paired("part", contenders, 3, once=-1.0)

    assert [row.values for row in every] == [{"slow": [1.0] * 3, "other": [2.0] * 3}]
    assert [row.values for row in once] == [{"slow": [1.0], "other": [2.0]}]


def test_a_ratio_is_the_median_of_the_ratios_of_the_rounds():
    assert rows()[0].ratio("gatewaylib", "execnet") == 0.25
    assert rows()[0].ratio("gatewaylib", "mp.Pipe") is None


def test_tables_show_medians_and_the_ratio_in_every_format():
    for form in (forms.text, forms.markdown, forms.rst):
        table = form(report.tables(results.Result(MACHINE, rows())))

        for shown in ("CPython 3", "63.0", "16.5", "0.25 ×", "1,500", "3.00 ×"):
            assert shown in table, (form, shown)


def test_results_come_back_from_json():
    result = results.Result(MACHINE, [*rows(), growing(10, 20.0)])

    assert results.from_json(results.to_json(result)) == result


def test_a_target_holds_if_the_ratio_to_its_peer_is_on_its_side_of_the_bound():
    trip, bulk = rows()

    def holds(target):
        return score.score(target, rows()).holds

    assert holds(Target(trip.part, trip.figure.name, "execnet", AT_MOST, 0.25))
    assert not holds(Target(trip.part, trip.figure.name, "execnet", AT_MOST, 0.24))
    assert holds(Target(bulk.part, "bytes of * MiB, *", "execnet", AT_LEAST, 3.0))
    assert not holds(Target(bulk.part, "bytes of * MiB, *", "raw socketpair", AT_LEAST, 0.85))
    assert holds(Target(trip.part, trip.figure.name, None, AT_MOST, 16.5))


def test_a_target_that_was_not_measured_is_not_in_the_table():
    assert score.score(Target("bulk", "int", "execnet", AT_MOST, 1.0), rows()) is None
    assert score.score(Target("bulk", "bytes *", "pyzmq", AT_MOST, 1.0), rows()) is None
    assert score.table([results.Result(MACHINE, [])]) == []


def test_the_table_of_targets_has_columns_for_each_python():
    older = results.Result(MACHINE, rows())
    newer = results.Result({**MACHINE, "python": "CPython 3.13.0"}, rows()[:1])
    newest = results.Result({**MACHINE, "python": "CPython 3.14.0"}, [])

    (table,) = score.table([older, newer, newest])

    assert "ours, CPython 3.11" in table.lines[0]
    assert "ours, CPython 3.13" in table.lines[0]
    assert ["yes", report.NONE] in [[line[6], line[10]] for line in table.lines[1:]]


def test_every_target_is_about_a_part_of_the_bench():
    modules = [importlib.import_module(part.__module__) for part in command.PARTS.values()]
    parts = {module.PART for module in modules}

    assert {target.part for target in TARGETS} <= parts
    assert {target.sign for target in TARGETS} <= {AT_MOST, AT_LEAST}


def test_a_curve_that_is_steeper_than_its_work_is_named():
    level = curves.tables([growing(1, 20.0), growing(10, 21.0)])
    steep = curves.tables([growing(1, 20.0), growing(10, 200.0)])
    falls_first = curves.tables([growing(1, 20.0), growing(10, 5.0), growing(100, 20.0)])

    assert "no faster than its work" in forms.text(level)
    assert "no faster than its work" in forms.text(falls_first)
    assert "FASTER, from 1 to 10" in forms.text(steep)


def test_the_charts_are_svg_and_draw_better_to_the_right():
    result = results.Result(MACHINE, [*rows(), growing(1, 20.0), growing(10, 20.0)])
    drawn = (
        chart.against_execnet(result.rows),
        chart.against_targets([result, result]),
        curves.drawn(result.rows),
    )

    assert all(ElementTree.fromstring(each.encode("utf-8")).tag.endswith("svg") for each in drawn)
    assert chart.better(rows()[0], "gatewaylib") == 4.0
    assert chart.better(rows()[1], "gatewaylib") == 3.0


def test_the_page_gets_every_file_that_it_includes(tmp_path):
    with open(os.path.join(ROOT, "doc", "explanation", "speed.rst"), encoding="utf-8") as page:
        lines = [line.split() for line in page if line.startswith((".. include::", ".. image::"))]

    command.write_doc([results.Result(MACHINE, rows())], tmp_path)

    assert {line[-1] for line in lines} <= set(os.listdir(str(tmp_path)))
    assert (tmp_path / "speed-cpython-3.11.json").exists()


def test_a_peer_nobody_knows_is_named():
    with pytest.raises(ValueError, match="no peer is called telepathy"):
        choose(["telepathy"])


def test_the_layers_of_a_round_trip_can_be_told_apart(capsys):
    layers.main(["20"])

    assert "one direction, without a wake-up" in capsys.readouterr().out
