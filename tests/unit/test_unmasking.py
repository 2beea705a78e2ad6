"""What is read, edited and written back keeps its secrets, or is refused."""

import pytest

from repositories.records.definitions import QueryDefinition
from services.definitions.documents import QueryDocument
from services.definitions.unmasking import as_shown, unmask

SECRETS = [
    "SELECT count(*) FROM calls WHERE token = 'hunter2sesame'",
    "SELECT f(password => 'hunter2') -- pwd=hunter2",
    "SELECT * FROM openrowset('Server=h;PWD=hunter2;', 'x')",
    "SELECT 'postgresql://me:hunter2@db/x'",
    "SELECT 'Bearer hunter2hunter2hunter2'",
    "CREATE USER x IDENTIFIED BY 'hunter2'",
    "SELECT 'https://h/api?code=hunter2hunter2hunter2hunter2'",
]


def documented(sql: str, description: str | None = None) -> QueryDocument:
    return QueryDocument(sql=sql, description=description)


def stored(sql: str, description: str | None = None) -> QueryDefinition:
    return QueryDefinition(name="one", sql=sql, description=description)


@pytest.mark.parametrize("sql", SECRETS)
def test_what_comes_back_as_it_was_shown_is_left_as_it_is(sql: str) -> None:
    shown = as_shown(sql)
    assert "hunter2" not in shown
    document, faults = unmask(documented(shown, shown), stored(sql, sql))
    assert (document.sql, document.description, faults) == (sql, sql, [])


@pytest.mark.parametrize("sql", SECRETS)
@pytest.mark.parametrize("is_new", [True, False])
def test_a_mask_that_is_edited_or_new_is_refused(sql: str, is_new: bool) -> None:
    edited = as_shown(sql) + "\n-- edited"
    _, faults = unmask(documented(edited), None if is_new else stored(sql))
    assert [fault.parameter for fault in faults] == ["sql"]
    assert "write the secret itself" in faults[0].message


def test_a_mask_out_of_a_place_that_tells_nothing_is_refused_where_secrets_were_hidden() -> None:
    jwt = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl"
    sql = f"SELECT verify('{jwt}')"
    _, faults = unmask(documented(as_shown(sql) + " "), stored(sql))
    assert [fault.parameter for fault in faults] == ["sql"]


@pytest.mark.parametrize("sql", ["SELECT '***'", "SELECT 1 /*** stars ***/", "SELECT '****' AS a"])
@pytest.mark.parametrize("before", [None, "SELECT 1", "SELECT '***' AS b"])
def test_stars_that_hide_nothing_are_stars(sql: str, before: str | None) -> None:
    document, faults = unmask(documented(sql), stored(before) if before else None)
    assert (document.sql, faults) == (sql, [])


def test_a_secret_that_is_written_anew_is_taken() -> None:
    document, faults = unmask(documented("SELECT 2 -- pwd=other"), stored("SELECT 1 -- pwd=old"))
    assert (document.sql, faults) == ("SELECT 2 -- pwd=other", [])


def test_a_mask_that_is_stored_may_stay() -> None:
    document, faults = unmask(documented("SELECT 1 -- pwd=***"), stored("SELECT 1 -- pwd=***"))
    assert (document.sql, faults) == ("SELECT 1 -- pwd=***", [])
