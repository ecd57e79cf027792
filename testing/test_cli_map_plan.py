"""Which gateway gets which item: the plan of a map, without a gateway."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatewaylib.commandline.map_plan import MapPlan


def results(plan):
    return [item.error or item.result for item in plan.release()]


def test_items_are_given_in_order_to_whoever_is_free():
    plan = MapPlan(["a", "b", "c"])

    assert [plan.take("gw0").text, plan.take("gw1").text] == ["a", "b"]
    plan.succeed("gw1", "B")

    assert plan.take("gw1").text == "c"
    assert plan.waiting == 0


def test_a_gateway_has_one_item_at_a_time():
    plan = MapPlan(["a", "b"])
    plan.take("gw0")

    with pytest.raises(ValueError, match="gw0 has item 1"):
        plan.take("gw0")


def test_results_come_out_in_the_order_of_the_items_as_soon_as_they_can():
    plan = MapPlan(["a", "b", "c"])
    for gateway in ("gw0", "gw1", "gw2"):
        plan.take(gateway)

    plan.succeed("gw1", "B")
    assert results(plan) == []
    plan.succeed("gw0", "A")
    assert results(plan) == ["A", "B"]
    plan.fail("gw2", "wrong")
    assert results(plan) == ["wrong"]
    assert plan.complete


def test_the_item_of_a_gateway_that_died_is_the_next_to_be_given():
    plan = MapPlan(["a", "b", "c"])
    plan.take("gw0")
    plan.take("gw1")

    lost = plan.lose("gw0", "killed")

    assert not lost.finished
    plan.succeed("gw1", "B")
    assert plan.take("gw1") is lost


def test_an_item_that_two_gateways_died_of_has_failed():
    plan = MapPlan(["a", "b"])
    plan.take("gw0")
    plan.lose("gw0", "killed")
    plan.take("gw1")

    lost = plan.lose("gw1", "killed by signal 9")

    assert lost.finished
    assert lost.error == "given 2 times, and each time the gateway died: killed by signal 9"
    assert plan.waiting == 1


def test_a_gateway_that_dies_without_an_item_takes_nothing_with_it():
    plan = MapPlan(["a"])

    assert plan.lose("gw0", "killed") is None
    assert plan.take("gw1").tries == 1


def test_giving_up_fails_what_has_no_end_yet_and_nothing_else():
    plan = MapPlan(["a", "b", "c"])
    plan.take("gw0")
    plan.succeed("gw0", "A")
    plan.take("gw0")

    plan.give_up("no gateway is left")

    assert results(plan) == ["A", "no gateway is left", "no gateway is left"]
    assert plan.complete


def test_a_map_of_nothing_is_complete():
    assert MapPlan([]).complete


@given(st.integers(0, 20), st.lists(st.tuples(st.integers(0, 2), st.integers(0, 3))))
def test_every_item_comes_out_once_and_in_order_whatever_happens(count, moves):
    plan = MapPlan([str(number) for number in range(count)])
    busy, out = set(), []

    for gateway, move in moves:
        name = f"gw{gateway}"
        if name not in busy:
            if plan.take(name) is not None:
                busy.add(name)
        else:
            busy.discard(name)
            (plan.succeed, plan.fail, plan.lose, plan.succeed)[move](name, "said")
        out += plan.release()
    plan.give_up("over")
    out += plan.release()

    assert out == plan.items
    assert all(item.finished and item.tries <= 2 for item in out)
