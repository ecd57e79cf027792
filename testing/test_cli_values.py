"""How results are written."""

import json

from gatewaylib.commandline.values import (
    CELL_WIDTH,
    as_cell,
    as_json,
    as_line,
    as_rows,
    plain_records,
    plain_table,
)


def test_text_is_a_line_as_it_is_and_all_else_is_its_repr():
    assert [as_line(value) for value in ("a b", 7, None, b"x", ["a"])] == [
        "a b", "7", "None", "b'x'", "['a']",
    ]


def test_a_cell_is_one_line_and_not_too_long():
    assert as_cell("several\n lines ") == "several lines"
    assert len(as_cell("x" * 1000)) == CELL_WIDTH


def test_json_says_what_it_can_and_gives_the_repr_of_the_rest():
    value = {"a": (1, 2.5, None, True), 3: {"y", "x"}, "b": b"\xff", "c": 1j, "n": float("nan")}

    told = as_json(value)

    assert told == {
        "a": [1, 2.5, None, True], "3": ["x", "y"], "b": r"b'\xff'", "c": "1j", "n": "nan",
    }
    json.dumps(told, allow_nan=False)


def test_a_list_of_dicts_with_the_same_keys_is_a_table():
    assert as_rows([{"a": 1, "b": 2}, {"a": 3, "b": 4}]) == (["a", "b"], [[1, 2], [3, 4]])


def test_any_other_value_is_no_table():
    for value in ([], {}, [1], [{}], [{"a": 1}, {"b": 1}], [{"a": 1}, 2], "text", None):
        assert as_rows(value) is None


def test_a_plain_table_has_aligned_columns_and_numbers_to_the_right():
    table = plain_table(["name", "n"], [["a", 1], ["longer", 100]])

    assert table == "name      n\na         1\nlonger  100\n"


def test_a_table_without_rows_is_its_header():
    assert plain_table(["a", "b"], []) == "a  b\n"


def test_records_say_each_cell_on_a_line_and_leave_out_empty_ones():
    records = plain_records(["gateway", "host", "error"], [["gw0", "here", ""], ["gw1", "", "bad"]])

    assert records == "gw0\n  host     here\ngw1\n  error    bad\n"
