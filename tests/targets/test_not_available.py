"""A check that can have no value here says why, in a second column."""

import pytest

from repositories.records.kpis import OnEmpty, ResultType, Rule
from tests.targets.conftest import Run
from tests.targets.servers import Server

REASON = "the login may not look there"
NO_VALUE = f"SELECT NULL AS n, '{REASON}' AS not_available"


def test_what_is_not_available_is_an_error_of_its_own_that_says_why(
    server: Server, run: Run
) -> None:
    result = run(server.url, NO_VALUE)
    assert (result.status, result.error_type, result.value, result.message) == (
        "Error",
        "not_available",
        None,
        f"not available: {REASON}",
    )


def test_on_empty_does_not_hide_it(server: Server, run: Run) -> None:
    result = run(server.url, NO_VALUE, Rule(on_empty=OnEmpty.HEALTHY))
    assert result.error_type == "not_available"


@pytest.mark.parametrize(
    ("sql", "error_type"),
    [
        ("SELECT 1 AS n, 'but why' AS not_available", None),
        ("SELECT NULL AS n, NULL AS not_available", "no_value"),
        ("SELECT NULL AS n, 'text' AS something", "no_value"),
        ("SELECT 'not available' AS n", None),
    ],
)
def test_a_value_stays_a_value_and_no_reason_is_no_value(
    server: Server, run: Run, sql: str, error_type: str | None
) -> None:
    assert run(server.url, sql).error_type == error_type


def test_a_data_set_may_have_a_column_of_the_name(server: Server, run: Run) -> None:
    result = run(server.url, NO_VALUE, Rule(result_type=ResultType.DATA_SET))
    assert result.error_type is None
    assert result.value == 1
