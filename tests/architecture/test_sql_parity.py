"""Both engines answer to the same names, but for what is declared missing on SQL Server."""

import re
from collections.abc import Iterable, Mapping
from pathlib import Path

import pytest
import sqlfluff

from repositories.statements import ROOT, load

DECLARED = Path(__file__).with_name("missing_on_sqlserver.txt")
NAMES = {"schema": "app", "jobs": "jobs", "tasks": "tasks"}
CHECKS_OF_JOBS = {"failed_jobs", "oldest_queued_task", "stuck_tasks"}
IDENTIFIER = re.compile(r"\{([a-z_]\w*)\}")
PARAMETER = re.compile(r"(?<![\w:]):(?=[a-z_])")
NOT_UNDERSTOOD = {"0001_monitoring.up.sql", "statistics.sql"}
"""Microsoft's parser takes these, and sqlfluff's does not."""
T_SQL = sorted(
    path for path in (ROOT / "sqlserver").rglob("*.sql") if path.name not in NOT_UNDERSTOOD
)


def declared() -> list[str]:
    lines = (line.strip() for line in DECLARED.read_text("utf-8").splitlines())
    return [line for line in lines if line and not line.startswith("#")]


def parameters(engine: str) -> Mapping[str, Iterable[str]]:
    """The parameters and flags of each statement."""
    return {
        name: sorted(statement.parameters | statement.flags)
        for name, statement in load(engine, "?", NAMES).items()
    }


def answers(engine: str) -> set[str]:
    """Every statement and migration of an engine, and its checks of the jobs.

    Its other checks are of what only this kind of server has: each engine has a set of its own.
    """
    files = (ROOT / engine / "migrations").glob("*.sql")
    checks = {path.stem for path in (ROOT / engine / "kpis").glob("*.sql")} & CHECKS_OF_JOBS
    return {
        *parameters(engine),
        *(f"migrations/{path.stem}" for path in files),
        *(f"kpis/{name}" for name in checks),
    }


def test_what_is_missing_on_sql_server_is_declared_and_nothing_else() -> None:
    missing = answers("postgres") - answers("sqlserver")
    assert sorted(missing) == declared(), f"{DECLARED.name} is to hold these lines, in this order"


def test_sql_server_has_nothing_of_its_own() -> None:
    assert answers("sqlserver") - answers("postgres") == set()


def test_statements_of_one_name_take_the_same_parameters() -> None:
    ours, theirs = parameters("postgres"), parameters("sqlserver")
    shared = ours.keys() & theirs.keys()
    assert "health.ping" in shared
    assert {name: ours[name] for name in shared} == {name: theirs[name] for name in shared}


@pytest.mark.parametrize("path", T_SQL, ids=lambda path: str(path.relative_to(ROOT)))
def test_t_sql_can_be_parsed(path: Path) -> None:
    text = PARAMETER.sub("@", path.read_text("utf-8"))
    sqlfluff.parse(IDENTIFIER.sub(r"\1", text), dialect="tsql")
