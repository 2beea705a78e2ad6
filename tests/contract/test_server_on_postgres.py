"""What a real PostgreSQL says of itself, beside what it says when asked otherwise."""

import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from threading import Thread
from urllib.parse import urlsplit, urlunsplit

import psycopg
import pytest

from repositories.jobs_database import SqlJobsDatabase
from repositories.layouts import EVERYTHING, flags_of
from repositories.postgres import PostgresDatabase
from repositories.records.server import MissingIndex
from repositories.statements import load
from repositories.urls import parse
from services.activity import Activity, ActivityService, ActivityType, Locks, RunningStatements
from services.caching import Cache
from services.parts import NotAvailable
from services.performance import PerformanceService, StatementsPart
from services.statistics import StatisticsService, TablesPart
from tests.hosts import wait_until

JOB = "a" * 64
INDEXES = """
SELECT indexname FROM pg_indexes
 WHERE schemaname = 'app' AND tablename IN ('jobs', 'tasks') AND indexname NOT LIKE 'pk_%'
 ORDER BY 1
"""


@contextmanager
def opened(url: str, schema: str = "app", seconds: float = 10) -> Iterator[SqlJobsDatabase]:
    database = PostgresDatabase(
        parse(url), size=2, timeout_seconds=seconds, names={"schema": schema}
    )
    try:
        yield SqlJobsDatabase(database)
    finally:
        database.close()


@pytest.fixture
def jobs(store_url: str) -> Iterator[SqlJobsDatabase]:
    with opened(store_url) as database:
        yield database


@pytest.fixture
def admin(store_url: str) -> Iterator[psycopg.Connection]:
    with psycopg.connect(store_url, autocommit=True) as connection:
        yield connection


def missing(jobs: SqlJobsDatabase) -> dict[str, MissingIndex]:
    """By the name in its DDL."""
    with jobs.read() as work:
        return {one.ddl.split()[3]: one for one in work.statistics.missing_indexes()}


def activity(jobs: SqlJobsDatabase, kind: ActivityType, min_ms: int | None = None) -> Activity:
    return ActivityService(jobs).activity(kind, min_ms=min_ms, limit=100)


def add_rows(admin: psycopg.Connection, number: int) -> None:
    """Jobs and tasks, one of each a minute into the past."""
    admin.execute(
        "INSERT INTO app.jobs (job_id, job_type, status, created_at, updated_at)"
        " SELECT lpad(to_hex(n), 64, '0'), 'x', 'completed', at, at"
        " FROM generate_series(1, %s) AS n, LATERAL (SELECT now() - n * interval '60 s') AS t(at)",
        [number],
    )
    admin.execute(
        "INSERT INTO app.tasks (task_id, parent_job_id, task_type, status, created_at, updated_at)"
        " SELECT 't' || n, lpad(to_hex(n), 64, '0'), 'x', 'completed', at, at"
        " FROM generate_series(1, %s) AS n, LATERAL (SELECT now() - n * interval '60 s') AS t(at)",
        [number],
    )


def test_tables_have_the_sizes_that_the_server_gives_for_each(
    jobs: SqlJobsDatabase, admin: psycopg.Connection
) -> None:
    add_rows(admin, 2000)
    admin.execute("ANALYZE app.jobs")
    with jobs.read() as work:
        tables = work.statistics.tables(limit=100)
    expected = admin.execute(
        "SELECT schemaname, relname, pg_total_relation_size(relid), pg_relation_size(relid),"
        " pg_indexes_size(relid) FROM pg_stat_user_tables"
    ).fetchall()
    assert {(t.schema, t.name, t.total_bytes, t.index_bytes) for t in tables} == {
        (schema, name, total, indexes) for schema, name, total, _, indexes in expected
    }
    jobs_table = next(table for table in tables if table.name == "jobs")
    assert (jobs_table.rows, jobs_table.last_vacuum) == (2000, None)
    assert jobs_table.last_analyze is not None
    for table in tables:
        parts = (table.table_bytes, table.index_bytes, table.toast_bytes)
        assert sum(part or 0 for part in parts) == table.total_bytes
    sizes = [table.total_bytes or 0 for table in tables]
    assert sizes == sorted(sizes, reverse=True)


def test_indexes_have_their_definition_and_use(
    jobs: SqlJobsDatabase, admin: psycopg.Connection
) -> None:
    with jobs.read() as work:
        listed = {one.name: one for one in work.statistics.indexes(limit=200)}
        unused = {one.name for one in work.statistics.indexes(unused=True, limit=200)}
    expected = admin.execute(
        "SELECT indexrelname, indisunique, indisprimary, pg_get_indexdef(indexrelid), idx_scan"
        " FROM pg_stat_user_indexes JOIN pg_index USING (indexrelid)"
    ).fetchall()
    assert {
        name: (one.is_unique, one.is_primary, one.definition) for name, one in listed.items()
    } == {name: tuple(rest) for name, *rest, _ in expected}
    assert unused == {name for name, unique, _, _, scans in expected if not unique and not scans}


def test_a_table_that_somebody_holds_is_not_waited_for(store_url: str) -> None:
    with (
        opened(store_url, seconds=2) as jobs,
        psycopg.connect(store_url) as holder,
    ):
        with jobs.read():
            holder.execute("LOCK TABLE app.tasks IN ACCESS EXCLUSIVE MODE")
        started = time.monotonic()
        found = StatisticsService(jobs, cache=Cache(0)).statistics().value
        assert time.monotonic() - started < 4
        assert isinstance(found.tables, TablesPart)
        assert {table.name for table in found.tables.tables if table.total_bytes is None} == {
            "tasks"
        }
        assert isinstance(found.activity_by_hour, NotAvailable)
        assert found.activity_by_hour.reason == "The database took too long."


def test_each_index_that_is_dropped_is_missing_until_its_ddl_is_run(
    jobs: SqlJobsDatabase, admin: psycopg.Connection
) -> None:
    names = [name for (name,) in admin.execute(INDEXES.encode())]
    assert len(names) > 12
    definitions = definitions_of(admin)
    for name in names:
        admin.execute(f"DROP INDEX app.{name}".encode())
    found = missing(jobs)
    assert sorted(found) == names
    for one in found.values():
        admin.execute(one.ddl.encode())
    assert missing(jobs) == {}
    assert definitions_of(admin) == definitions


def definitions_of(admin: psycopg.Connection) -> dict[str, str]:
    listed = "SELECT indexname, indexdef FROM pg_indexes WHERE schemaname = 'app'"
    found: dict[str, str] = dict(admin.execute(listed))
    return found


def test_another_index_that_begins_the_same_is_enough(
    jobs: SqlJobsDatabase, admin: psycopg.Connection
) -> None:
    admin.execute("DROP INDEX app.ix_tasks_status")
    admin.execute("CREATE INDEX own ON app.tasks (status, created_at)")
    assert missing(jobs) == {}
    admin.execute("DROP INDEX app.own")
    admin.execute("CREATE INDEX own ON app.tasks (status, created_at) WHERE stage > 1")
    admin.execute("CREATE INDEX ix_tasks_status ON app.tasks (stage)")
    assert [*missing(jobs)] == ["ix_tasks_status_new"]


def test_an_earlier_system_is_told_only_of_indexes_that_help_there(
    jobs: SqlJobsDatabase, admin: psycopg.Connection, store_url: str
) -> None:
    make_earlier_system(admin)
    with opened(store_url, schema="work") as earlier:
        found = missing(earlier)
        columns = {(one.table, one.columns) for one in found.values()}
        assert not any("status" in keys and table == "tasks" for table, keys in columns)
        assert "ix_jobs_parameters" not in found
        assert ("tasks", "updated_at DESC, task_id") in columns
        assert ("jobs", "status, created_at DESC, job_id") in columns
        assert all(" ON work." in one.ddl for one in found.values())
        for one in found.values():
            admin.execute(one.ddl.encode())
        assert missing(earlier) == {}


def make_earlier_system(admin: psycopg.Connection) -> None:
    """Without our indexes; times without zone, an enum, last_pulse, parameters as json."""
    admin.execute("ALTER SCHEMA app RENAME TO work")
    for (name,) in admin.execute(INDEXES.replace("'app'", "'work'").encode()).fetchall():
        admin.execute(f"DROP INDEX work.{name}".encode())
    for statement in (
        "DROP TRIGGER IF EXISTS note_task_start ON work.tasks",
        "ALTER TABLE work.tasks DROP COLUMN started_at",
        "ALTER TABLE work.tasks RENAME heartbeat TO last_pulse",
        "CREATE TYPE work.task_status AS ENUM"
        " ('queued', 'processing', 'completed', 'failed', 'pending_retry')",
        "ALTER TABLE work.tasks DROP CONSTRAINT ck_tasks_status",
        "ALTER TABLE work.tasks ALTER status DROP DEFAULT,"
        " ALTER status TYPE work.task_status USING status::work.task_status",
        "ALTER TABLE work.tasks"
        " ALTER created_at TYPE timestamp USING created_at AT TIME ZONE 'UTC',"
        " ALTER updated_at TYPE timestamp USING updated_at AT TIME ZONE 'UTC'",
        "ALTER TABLE work.jobs ALTER parameters DROP DEFAULT,"
        " ALTER parameters TYPE json USING parameters::json",
    ):
        admin.execute(statement.encode())


def test_an_earlier_systems_tasks_are_measured_as_its_own_server_has_it(
    admin: psycopg.Connection, store_url: str
) -> None:
    make_earlier_system(admin)
    admin.execute(
        "INSERT INTO work.jobs (job_id, job_type, parameters) VALUES (%s, 'x', '{}')", [JOB]
    )
    admin.execute(
        "INSERT INTO work.tasks (task_id, parent_job_id, task_type, status, created_at, updated_at)"
        " SELECT 't' || n, %s, 'x', CASE n %% 3 WHEN 0 THEN 'failed' WHEN 1 THEN 'pending_retry'"
        " ELSE 'completed' END::work.task_status,"
        " (now() AT TIME ZONE 'UTC') - n * n * interval '1 second',"
        " (now() AT TIME ZONE 'UTC') - n * interval '1 second' FROM generate_series(1, 100) AS n",
        [JOB],
    )
    expected = admin.execute(
        "SELECT count(*), count(*) FILTER (WHERE status = 'failed'),"
        " percentile_cont(0.95) WITHIN GROUP (ORDER BY extract(epoch FROM updated_at - created_at))"
        " FROM work.tasks WHERE status IN ('failed', 'completed')"
    ).fetchone()
    assert expected is not None
    with opened(store_url, schema="work") as jobs:
        found = PerformanceService(jobs, cache=Cache(0)).performance(hours=24).value
        assert not isinstance(found.task_types, NotAvailable)
        (kind,) = found.task_types.task_types
        assert (kind.count, kind.failed) == expected[:2]
        assert kind.working_ms.p95 == pytest.approx(1000 * float(expected[2]))
        assert (kind.queue_wait_ms, kind.queue_wait_known, kind.verdict) == (None, 0, "unknown")
        with jobs.read() as work:
            hours = work.statistics.activity_by_hour(hours=4)
        assert sum(one.tasks_completed + one.tasks_failed for one in hours) == expected[0]
        assert sum(one.tasks_created for one in hours) == 100


@contextmanager
def waiting(url: str, statement: str) -> Iterator[int]:
    """A session that waits within a statement; its pid."""
    with psycopg.connect(url) as connection:
        thread = Thread(target=lambda: run_until_cancelled(connection, statement))
        thread.start()
        try:
            yield connection.info.backend_pid
        finally:
            connection.cancel_safe()
            thread.join()


def run_until_cancelled(connection: psycopg.Connection, statement: str) -> None:
    with suppress(psycopg.errors.QueryCanceled):
        connection.execute(statement.encode())


def test_who_blocks_whom_is_told_with_the_root_first(store_url: str) -> None:
    lock = "LOCK TABLE app.jobs IN {} MODE /* token=sesame */"
    with (
        opened(store_url) as jobs,
        psycopg.connect(store_url) as holder,
    ):
        holder.execute(lock.format("SHARE ROW EXCLUSIVE").encode())
        root = str(holder.info.backend_pid)
        with (
            waiting(store_url, lock.format("EXCLUSIVE")) as first,
            wait_for_blocked(jobs, {first}),
            waiting(store_url, lock.format("ROW EXCLUSIVE")) as second,
            wait_for_blocked(jobs, {first, second}),
        ):
            found = activity(jobs, "locks").activity
            assert isinstance(found, Locks)
            by_id = {one.session_id: one for one in found.blocked}
            assert by_id[str(first)].blocked_by == [root]
            assert str(first) in by_id[str(second)].blocked_by
            assert by_id[str(first)].relation == "app.jobs"
            assert by_id[str(first)].lock_mode == "ExclusiveLock"
            assert (by_id[str(first)].waiting_ms or 0) >= (by_id[str(second)].waiting_ms or 0)
            ours = [one for one in found.blockers if one.session_id in {root, str(first)}]
            assert [(one.session_id, one.is_root) for one in ours] == [
                (root, True),
                (str(first), False),
            ]
            assert ours[0].session is not None
            assert ours[0].session.state == "idle in transaction"
            assert "sesame" not in repr(found)


@contextmanager
def wait_for_blocked(jobs: SqlJobsDatabase, pids: set[int]) -> Iterator[None]:
    def blocked() -> set[str]:
        with jobs.read() as work:
            return {one.session_id for one in work.activity.blocked(limit=100)}

    wait_until(lambda: {str(pid) for pid in pids} <= blocked())
    yield


def running(jobs: SqlJobsDatabase, kind: ActivityType, min_ms: int | None = None) -> dict[str, str]:
    found = activity(jobs, kind, min_ms).activity
    assert isinstance(found, RunningStatements)
    return {one.session_id: one.query or "" for one in found.statements}


def test_what_runs_is_shown_without_the_session_that_asks(
    jobs: SqlJobsDatabase, store_url: str
) -> None:
    secret = "SELECT pg_sleep(30), 'sesame' AS password -- and 'sesame'"
    with waiting(store_url, secret) as pid:
        wait_until(lambda: str(pid) in running(jobs, "running"))
        query = running(jobs, "running")[str(pid)]
        assert (query.startswith("SELECT pg_sleep(30)"), "sesame" in query) == (True, False)
        assert not any("pg_stat_activity" in text for text in running(jobs, "running").values())
        assert str(pid) not in running(jobs, "slow", 60_000)
        assert str(pid) not in running(jobs, "slow")
        wait_until(lambda: str(pid) in running(jobs, "slow"))


def test_a_long_statement_is_cut(jobs: SqlJobsDatabase, store_url: str) -> None:
    with waiting(store_url, f"SELECT pg_sleep(30), {'1 + ' * 1000} 1") as pid:
        wait_until(lambda: str(pid) in running(jobs, "running"))
        query = running(jobs, "running")[str(pid)]
        assert len(query) < 2001
        assert query.startswith("SELECT pg_sleep(30), 1 + 1")


@pytest.fixture
def poor_url(store_url: str, admin: psycopg.Connection) -> Iterator[str]:
    """A login that may read the jobs, and see no more of others than anybody."""
    parts = urlsplit(store_url)
    role = f"poor_{parts.path[1:]}"
    admin.execute(f"CREATE ROLE {role} LOGIN PASSWORD 'x'".encode())
    admin.execute(f"GRANT USAGE ON SCHEMA app TO {role}".encode())
    admin.execute(f"GRANT SELECT ON ALL TABLES IN SCHEMA app TO {role}".encode())
    yield urlunsplit(parts._replace(netloc=f"{role}:x@{parts.netloc.rpartition('@')[2]}"))
    admin.execute(f"DROP OWNED BY {role}".encode())
    admin.execute(f"DROP ROLE {role}".encode())


def test_a_login_without_the_right_is_told_which_it_is(
    poor_url: str, store_url: str, admin: psycopg.Connection
) -> None:
    admin.execute("CREATE EXTENSION pg_stat_statements")
    secret = "SELECT pg_sleep(30), 'of another login'"
    with opened(poor_url) as jobs, waiting(store_url, secret) as pid:
        for kind in ("running", "slow", "locks", "connections"):
            found = activity(jobs, kind)
            assert (found.restricted, found.missing_right) == (True, "pg_read_all_stats")
            assert not isinstance(found.activity, NotAvailable)
        assert str(pid) not in running(jobs, "running")
        statistics = StatisticsService(jobs, cache=Cache(0)).statistics().value
        assert not isinstance(statistics.connections, NotAvailable)
        assert statistics.connections.restricted
        assert {one.name for one in statistics.connections.by_state} >= {None, "active"}
        performance = PerformanceService(jobs, cache=Cache(0)).performance(hours=1).value
        assert isinstance(performance.slow_statements, StatementsPart)
        assert performance.slow_statements.missing_right == "pg_read_all_stats"


def slow_statements(jobs: SqlJobsDatabase) -> StatementsPart | NotAvailable:
    return PerformanceService(jobs, cache=Cache(0)).performance(hours=1).value.slow_statements


def test_slow_statements_are_those_of_pg_stat_statements(
    jobs: SqlJobsDatabase, admin: psycopg.Connection
) -> None:
    admin.execute("CREATE EXTENSION pg_stat_statements")
    admin.execute("SELECT pg_sleep(0.3)")
    admin.execute("CREATE ROLE nobody_at_all PASSWORD 'sesame'")
    admin.execute("DROP ROLE nobody_at_all")
    found = slow_statements(jobs)
    assert isinstance(found, StatementsPart)
    assert (found.source, found.restricted) == ("pg_stat_statements", False)
    slept = next(one for one in found.statements if one.query == "SELECT pg_sleep($1)")
    assert (slept.calls, slept.rows) == (1, 1)
    assert 300 <= slept.mean_ms == slept.max_ms == slept.total_ms
    created = next(one for one in found.statements if "nobody_at_all PASS" in (one.query or ""))
    assert created.query == "CREATE ROLE nobody_at_all PASSWORD '***'"
    times = [one.total_ms for one in found.statements]
    assert times == sorted(times, reverse=True)


def test_without_the_extension_it_is_said_what_to_do(
    jobs: SqlJobsDatabase, admin: psycopg.Connection
) -> None:
    without = slow_statements(jobs)
    assert isinstance(without, NotAvailable)
    assert "CREATE EXTENSION pg_stat_statements" in without.reason
    admin.execute("CREATE SCHEMA extensions")
    admin.execute("CREATE EXTENSION pg_stat_statements SCHEMA extensions")
    elsewhere = slow_statements(jobs)
    assert isinstance(elsewhere, NotAvailable)
    assert "schema extensions" in elsewhere.reason


@pytest.mark.parametrize(
    ("statement", "values"),
    [
        ("performance.task_times", {"hours": 2, "limit": 1000}),
        ("performance.job_times", {"hours": 2, "limit": 1000}),
        ("statistics.activity_by_hour", {"hours": 2}),
    ],
)
def test_no_window_reads_a_whole_table(
    admin: psycopg.Connection, statement: str, values: dict[str, int]
) -> None:
    add_rows(admin, 20_000)
    admin.execute("ANALYZE app.jobs, app.tasks")
    catalogue = load("postgres", "%s", {"schema": "app"})
    names = {"schema": "app", **catalogue.relations(flags_of(EVERYTHING))}
    text, parameters = load("postgres", "%s", names)[statement].bind(values)
    plan = "\n".join(line for (line,) in admin.execute(f"EXPLAIN {text}".encode(), parameters))
    assert "Index" in plan
    assert "Seq Scan" not in plan
