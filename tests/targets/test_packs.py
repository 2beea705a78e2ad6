"""The checks for SQL Server: their files, which engine gets which, and what a real one answers."""

import re
from pathlib import Path

import pytest

from repositories.migrations.__main__ import main as migrate
from repositories.records.kpis import Rule
from services.pack import ROOT, read_check, read_pack, read_packs, register
from services.schedules import interval_seconds
from tests.contract.sqlserver import scratch_database
from tests.fakes import FakeStore
from tests.targets.conftest import Run

FILES = sorted((ROOT / "sqlserver" / "kpis").glob("*.sql"))
ON_JOBS = {"failed_jobs", "stuck_tasks", "oldest_queued_task"}
ASKED_FOR = (
    "blocked_sessions longest_transaction deadlocks log_used cpu_used page_life_expectancy"
    " failed_agent_jobs database_size files_used backup_age availability_group_lag"
).split()
LOOKS_AT_THE_SERVER = re.compile(r"\bdm_\w+|\bmsdb\.dbo\.")


def test_what_an_engineer_on_call_asks_first_is_there() -> None:
    assert {*ASKED_FOR, *ON_JOBS} <= {path.stem for path in FILES}


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_check_says_what_it_means_and_what_is_bad(path: Path) -> None:
    check = read_check(path, "app")
    title, _, meaning = (check.query.description or "").partition(". ")
    assert title
    assert len(meaning) > 40, "no comment says what it means"
    assert check.query.rule.unit
    assert len(check.query.rule.unit) <= 20
    thresholds = {check.query.rule.warning_threshold, check.query.rule.critical_threshold}
    assert thresholds != {None} or "Without thresholds" in meaning
    assert 10 <= interval_seconds(check.kpi.schedule) <= 3600
    assert 1 <= check.kpi.priority <= 10
    assert check.kpi.connection == ("jobs" if path.stem in ON_JOBS else "store")
    assert "{" not in check.query.sql


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_check_that_may_not_look_says_so_by_itself(path: Path) -> None:
    text = path.read_text("utf-8")
    if LOOKS_AT_THE_SERVER.search(text):
        assert "AS not_available" in text
        assert "HAS_PERMS_BY_NAME" in text


@pytest.mark.parametrize(("engine", "jobs_engine"), [("postgres", "sqlserver"), ("sqlserver",) * 2])
def test_the_checks_of_the_jobs_are_those_of_their_own_engine(
    engine: str, jobs_engine: str
) -> None:
    found = {check.name: check for check in read_packs(engine, jobs_engine, "app")}
    theirs = {check.name: check for check in read_pack(jobs_engine, "app")}
    assert {name for name, check in found.items() if check.kpi.connection == "jobs"} == ON_JOBS
    assert all(found[name] == theirs[name] for name in ON_JOBS)
    assert {"wal_size"} & found.keys() == ({"wal_size"} if engine == "postgres" else set())


def test_a_store_on_sql_server_gets_the_checks_for_it() -> None:
    store = FakeStore()
    names = register(store, "sqlserver", "sqlserver", jobs_schema="app", environment="Test")
    assert sorted(names) == [path.stem for path in FILES]


@pytest.mark.slow
def test_every_check_answers_or_says_why_not_on_a_real_server(run: Run) -> None:
    with scratch_database() as url:
        assert migrate(["--url", url, "up"]) == 0
        results = {
            check.name: run(url, check.query.sql, check.query.rule)
            for check in read_pack("sqlserver", "app")
        }
    if results["blocked_sessions"].message.endswith("has no sys.dm_exec_requests"):
        # No SQL Server, only one that speaks its language: it has no files to look at either.
        del results["database_size"], results["files_used"]
    assert {one.error_type for one in results.values()} <= {None, "not_available"}
    assert all(results[name].value == 0 for name in ON_JOBS)


def test_thresholds_are_on_the_right_side() -> None:
    rules = {check.name: check.query.rule for check in read_pack("sqlserver", "app")}
    low_is_bad = {"page_life_expectancy", "volume_free"}
    assert {name for name, rule in rules.items() if falls(rule)} == low_is_bad


def falls(rule: Rule) -> bool:
    """Whether critical is below warning."""
    if rule.warning_threshold is None or rule.critical_threshold is None:
        return False
    return rule.critical_threshold < rule.warning_threshold
