"""The bench runs: every part once, tiny, against gatewaylib alone. No time is asserted."""
import os
import sys
from xml.etree import ElementTree

import pytest

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
if ROOT not in sys.path:  # bench/ is never installed
    sys.path.insert(0, ROOT)

from bench import chart, command, layers, measure, report  # noqa: E402
from bench.peers import Gatewaylib, choose  # noqa: E402
from bench.raw import RawPipe  # noqa: E402

LESS, MORE, Figure, Row = measure.LESS, measure.MORE, measure.Figure, measure.Row


def rows():
    return [
        Row("round trip", Figure("int", "µs", LESS),
            {"execnet": [60.0, 66.0, 63.0], "gatewaylib": [15.0, 16.5, 21.0], "raw pipe": [3.0]}),
        Row("bulk", Figure("1 MiB", "MB/s", MORE), {"execnet": [500.0], "gatewaylib": [1500.0]}),
    ]


@pytest.mark.parametrize("part", sorted(command.PARTS))
def test_every_part_gives_figures_for_gatewaylib(part):
    found = command.run([part], [Gatewaylib()], measure.TINY)

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
    about = {"python": "CPython 3", "system": "Linux", "cores": "2", "processor": "x"}
    for form in (report.text, report.markdown, report.rst):
        table = form(about, rows())

        for shown in ("CPython 3", "63.0", "16.5", "0.25 ×", "1,500", "3.00 ×"):
            assert shown in table, (form, shown)


def test_results_come_back_from_json():
    about = {"python": "CPython 3"}

    assert report.from_json(report.to_json(about, rows())) == (about, rows())


def test_the_chart_is_svg_and_draws_better_to_the_right():
    drawn = ElementTree.fromstring(chart.svg(rows()).encode("utf-8"))

    assert drawn.tag.endswith("svg")
    assert chart.better(rows()[0], "gatewaylib") == 4.0
    assert chart.better(rows()[1], "gatewaylib") == 3.0


def test_a_peer_nobody_knows_is_named():
    with pytest.raises(ValueError, match="no peer is called telepathy"):
        choose(["telepathy"])


def test_the_layers_of_a_round_trip_can_be_told_apart(capsys):
    layers.main(["20"])

    assert "one direction, without a wake-up" in capsys.readouterr().out
