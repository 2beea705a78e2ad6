"""What a bench prints, keeps and answers."""

import json
from io import StringIO
from pathlib import Path

import pytest

from tests.bench.report import Row, draw_table, publish

FAST, SLOW, TOLD = Row("fast", 0.5, 1.5), Row("slow", 12.25, 1.5), Row("told", 3.0)


def test_a_row_may_be_just_at_its_limit() -> None:
    assert Row("ratio", 1.5, 1.5).ok


def test_a_figure_that_is_no_number_is_over() -> None:
    assert not Row("ratio", float("nan"), 1.5).ok


def test_a_floor_is_the_least_that_a_row_may_be() -> None:
    assert Row("ratio", 0.9, 0.9, is_floor=True).ok
    assert not Row("ratio", 0.89, 0.9, is_floor=True).ok
    assert not Row("ratio", float("nan"), 0.9, is_floor=True).ok


def test_the_table_says_which_limit_is_a_floor() -> None:
    assert draw_table([Row("rate", 0.5, 0.9, is_floor=True)]) == (
        "name  value  limit\nrate  0.500  >=0.9  over\n"
    )


def test_a_row_without_a_limit_is_never_over() -> None:
    assert Row("ratio", 1e9).ok


def test_the_table_lines_its_columns_up() -> None:
    assert draw_table([FAST, SLOW, TOLD]) == (
        "name   value  limit\n"
        "fast   0.500    1.5  ok\n"
        "slow  12.250    1.5  over\n"
        "told   3.000      -  ok\n"
    )


def test_the_table_of_nothing_is_its_heading() -> None:
    assert draw_table([]) == "name  value  limit\n"


def test_the_rows_are_kept_as_json_with_their_verdict(tmp_path: Path) -> None:
    publish("bench", [SLOW, TOLD], StringIO(), tmp_path / "bench-results")
    assert json.loads((tmp_path / "bench-results" / "bench.json").read_text()) == [
        {"name": "slow", "value": 12.25, "limit": 1.5, "is_floor": False, "ok": False},
        {"name": "told", "value": 3.0, "limit": None, "is_floor": False, "ok": True},
    ]


def test_a_second_run_replaces_the_rows_of_the_first(tmp_path: Path) -> None:
    publish("bench", [SLOW], StringIO(), tmp_path)
    publish("bench", [FAST], StringIO(), tmp_path)
    kept = json.loads((tmp_path / "bench.json").read_text())
    assert [row["name"] for row in kept] == ["fast"]


@pytest.mark.parametrize(("rows", "code"), [([FAST, TOLD], 0), ([FAST, SLOW, TOLD], 1)])
def test_the_exit_code_is_1_where_a_row_is_over(rows: list[Row], code: int, tmp_path: Path) -> None:
    out = StringIO()
    assert publish("bench", rows, out, tmp_path) == code
    assert out.getvalue() == draw_table(rows)
