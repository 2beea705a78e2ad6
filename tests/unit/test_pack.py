"""The checks that come with Watchkeeper: their files, and what they say of a real PostgreSQL."""

from collections.abc import Iterator, Sequence
from contextlib import closing
from decimal import Decimal
from pathlib import Path

import pytest

from devhost.postgres import EmbeddedPostgres
from devhost.postgres.account import server_account
from devhost.postgres.binaries import Binaries
from devhost.postgres.cluster import make_data
from devhost.postgres.home import locate_home, prepare_home
from devhost.postgres.scratch import scratch_folder
from repositories.contracts.store import Store
from repositories.migrations.__main__ import main as migrate
from repositories.postgres import PostgresDatabase
from repositories.records.definitions import KpiDefinition, QueryDefinition
from repositories.records.executions import Execution
from repositories.records.kpis import (
    OnEmpty,
    Operator,
    Result,
    ResultType,
    Rule,
    Verdict,
)
from repositories.store import SqlStore
from repositories.targets import open_target
from repositories.urls import parse
from services.checks import Checks
from services.judging.judge import Judge
from services.pack import ROOT, PackedCheck, read_check, read_pack, register
from services.schedules import interval_seconds
from services.targets import Targets
from tests.fake_secrets import addresses_of
from tests.fakes import FakeStore

FILES = sorted((ROOT / "postgres" / "kpis").glob("*.sql"))
POSTGRES_15 = Path("/usr/lib/postgresql/15/bin")


def test_there_are_at_least_twelve_checks() -> None:
    assert len(read_pack("postgres", "app")) >= 12


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_check_says_what_it_means_and_what_is_bad(path: Path) -> None:
    check = read_check(path, "app")
    kpi, query = check.kpi, check.query
    title, _, meaning = (kpi.description or "").partition(". ")
    assert title
    assert len(meaning) > 40, "no comment says what it means"
    assert query.rule.unit
    assert len(query.rule.unit) <= 20
    assert query.rule.warning_threshold is not None or "Without thresholds" in meaning
    assert 10 <= interval_seconds(kpi.schedule) <= 3600
    assert 1 <= kpi.priority <= 10
    assert query.sql.startswith("SELECT")
    assert "{" not in query.sql
    assert not query.sql.endswith(";")
    assert kpi.connection == ("jobs" if " app." in query.sql else "store")


def test_the_schema_of_the_jobs_is_filled_in() -> None:
    checks = {check.name: check.query.sql for check in read_pack("postgres", "work")}
    assert "FROM work.jobs" in checks["failed_jobs"]


def write(folder: Path, text: str) -> Path:
    path = folder / "mine.sql"
    path.write_text(text, "utf-8")
    return path


def test_every_header_is_read(tmp_path: Path) -> None:
    text = """-- title: Mine
-- unit: %
-- warning: 2.5
-- critical: 1
-- expected: 3
-- operator: gte
-- every: 45
-- priority: 3
-- on_empty: warning
-- timeout: 20
-- connection: jobs
-- result: DataSet
-- What it means,
--   and what: to do.

SELECT 1 -- one;
  FROM {schema}.tasks;
"""
    description = "Mine. What it means, and what: to do."
    assert read_check(write(tmp_path, text), "app") == PackedCheck(
        KpiDefinition(
            name="mine",
            description=description,
            connection="jobs",
            query="mine",
            schedule="45",
            priority=3,
        ),
        QueryDefinition(
            name="mine",
            description=description,
            query_type="Performance",
            sql="SELECT 1 -- one;\n  FROM app.tasks",
            timeout_seconds=20,
            rule=Rule(
                result_type=ResultType.DATA_SET,
                expected_value="3",
                comparison_operator=Operator.GTE,
                warning_threshold=Decimal("2.5"),
                critical_threshold=Decimal(1),
                on_empty=OnEmpty.WARNING,
                unit="%",
            ),
        ),
    )


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("SELECT 1", "no every"),
        ("-- every: 5\nSELECT 1", "no title"),
        ("-- title: A\n-- every: 5\n-- colour: red\nSELECT 1", "unknown header colour"),
        ("-- title: A\n-- every: 5\n-- operator: like\nSELECT 1", "like"),
        ("-- title: A\n-- every: 5\n-- result: Table\nSELECT 1", "Table"),
    ],
)
def test_a_header_that_is_wrong_is_named(tmp_path: Path, text: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        read_check(write(tmp_path, text), "app")


def register_postgres(store: Store) -> Sequence[str]:
    return register(store, "postgres", "postgres", jobs_schema="app", environment="Test")


def test_a_check_is_registered_once() -> None:
    store = FakeStore()
    assert len(register_postgres(store)) == len(FILES)
    assert register_postgres(store) == ()


@pytest.fixture(scope="module")
def older_store_url() -> Iterator[str]:
    """A migrated store on PostgreSQL 15, whose catalogue differs from the embedded one's."""
    if not (POSTGRES_15 / "postgres").exists():
        pytest.skip(f"no PostgreSQL 15 in {POSTGRES_15}: the pack was not run on an older one")
    with scratch_folder() as folder:
        account = server_account()
        home = locate_home(folder / "postgres", account)
        prepare_home(home, account)
        make_data(home, account, Binaries(POSTGRES_15, "15.0"), durable=False)
        with EmbeddedPostgres(folder / "postgres") as postgres:
            url = postgres.start(durable=False)
            assert migrate(["--url", url, "up"]) == 0
            yield url


def run_pack(url: str) -> dict[str, Result]:
    """Register the pack in a store, and run each check as it was stored."""
    settings = {"STORE_URL": url, "JOBS_URL": url}
    targets = Targets(addresses_of(settings), open_target)
    database = PostgresDatabase(parse(url), size=2, timeout_seconds=10, names={"schema": "app"})
    with closing(database):
        store, results = SqlStore(database), {}
        checks = Checks(targets, Judge(store.read), longest_seconds=30)
        for name in register_postgres(store):
            with store.read() as work:
                check = work.indicators.check(name)
            assert check is not None
            results[name] = checks.run(Execution(job_id="", lease_id="", check=check))
        targets.close()
        return results


def assert_sound(results: dict[str, Result]) -> None:
    assert results.keys() == {path.stem for path in FILES}
    failed = {
        name: one.message for name, one in results.items() if one.status is not Verdict.HEALTHY
    }
    assert failed == {}
    assert all(isinstance(one.value, Decimal) for one in results.values())


def test_every_check_finds_a_fresh_store_healthy(store_url: str) -> None:
    assert_sound(run_pack(store_url))


def test_every_check_runs_on_an_older_postgresql(older_store_url: str) -> None:
    assert_sound(run_pack(older_store_url))
