"""The engine's own promises, on a real server."""

import socket
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from functools import cached_property
from typing import Any

import pytest

from repositories.errors import (
    BadStatement,
    Conflict,
    LoginRefused,
    StatementTimeout,
    StorageError,
    Unavailable,
)
from repositories.records.rows import Json
from repositories.revisions import known
from repositories.sqlserver import SqlServerDatabase
from repositories.sqlserver.connections import connect
from repositories.sqlserver.engine import SqlServerSession
from repositories.sqlserver.faults import translated
from repositories.sqlserver.statements import MARK
from repositories.statements import Catalogue, compile_statement
from repositories.urls import parse
from tests.contract.conftest import NAMES, SqlServerLab
from tests.contract.sqlserver import at_port, database_url, with_wrong_password
from tests.definitions import KPI, check_of, define, result_of

STATEMENTS = {
    "two": "SELECT 1 AS first; SELECT 2 AS second;",
    "late_fault": "SELECT 1 AS first; SELECT 1 / :zero AS never;",
    "echo": "SELECT :text AS text, :nothing AS nothing, :number AS number;",
    "put": "INSERT INTO monitoring.Config (ConfigKey, Description, ModifiedBy)"
    " VALUES (:key, 'test', 'test'); SELECT @@ROWCOUNT AS changed;",
    "touch": "UPDATE monitoring.Config SET ModifiedAt = SYSUTCDATETIME() WHERE ConfigKey = :key;"
    " SELECT @@ROWCOUNT AS changed;",
    "touch_both": "BEGIN TRANSACTION;"
    " UPDATE monitoring.Config SET ModifiedAt = SYSUTCDATETIME() WHERE ConfigKey = :first;"
    " UPDATE monitoring.Config SET ModifiedAt = SYSUTCDATETIME() WHERE ConfigKey = :second;"
    " COMMIT TRANSACTION; SELECT 1 AS changed;",
    "spin": "SELECT COUNT_BIG(*) AS pairs FROM sys.all_columns AS a CROSS JOIN sys.all_columns AS b"
    " CROSS JOIN sys.all_columns AS c;",
    "end_session": "DECLARE @kill nvarchar(50) = N'KILL ' + CAST(:session AS nvarchar(10));"
    " EXEC (@kill);",
    "session": "SELECT @@SPID AS session;",
    "unknown": "SELECT nothing FROM monitoring.Nowhere;",
}


class PlainDatabase(SqlServerDatabase):
    """The engine with statements of the test's own."""

    @cached_property
    def _catalogue(self) -> Catalogue:
        return Catalogue(STATEMENTS, lambda text: compile_statement(text, MARK, {}))


@pytest.fixture
def open_plain(
    sqlserver_lab: SqlServerLab, sqlserver_url: str
) -> Iterator[Callable[..., PlainDatabase]]:
    sqlserver_lab.empty()
    opened: list[PlainDatabase] = []

    def open_one(url: str = sqlserver_url, **options: Any) -> PlainDatabase:
        given = {"size": 4, "timeout_seconds": 30, "names": NAMES, **options}
        opened.append(PlainDatabase(parse(url), **given))
        return opened[-1]

    yield open_one
    for database in opened:
        database.close()


@pytest.fixture
def plain(open_plain: Callable[..., PlainDatabase]) -> PlainDatabase:
    return open_plain()


# Statements ------------------------------------------------------------------------------------


def test_the_first_result_of_a_batch_is_its_answer(plain: PlainDatabase) -> None:
    with plain.reading() as session:
        assert session.rows("two") == [{"first": 1}]


def test_a_fault_behind_the_first_result_is_a_fault(plain: PlainDatabase) -> None:
    with plain.single() as session:
        with pytest.raises(BadStatement):
            session.rows("late_fault", zero=0)
        assert session.rows("two") == [{"first": 1}]


@pytest.mark.parametrize("text", ["", "a'b?", "x" * 2000, "x" * 4001, "ü" * 9000, "🙂" * 3000])
def test_texts_of_any_length_come_back_as_they_went(plain: PlainDatabase, text: str) -> None:
    with plain.reading() as session:
        row = session.row("echo", text=text, nothing=None, number=2**40)
    assert row == {"text": text, "nothing": None, "number": 2**40}


def test_what_the_database_does_not_have_is_a_bad_statement(plain: PlainDatabase) -> None:
    with plain.reading() as session:
        with pytest.raises(BadStatement):
            session.row("unknown")
        assert session.row("two") is not None


def test_a_type_that_the_driver_cannot_read_is_a_bad_statement(sqlserver_url: str) -> None:
    with closing(connect(parse(sqlserver_url))) as connection:
        connection.clear_output_converters()
        with pytest.raises(BadStatement) as caught, translated():
            connection.execute("SELECT SYSDATETIMEOFFSET() AS now").fetchval()
    assert caught.value.code == "0 HY106"


def test_the_mean_time_is_that_of_the_statements(plain: PlainDatabase) -> None:
    assert plain.mean_query_ms() is None
    with plain.reading() as session:
        session.row("two")
    assert (plain.mean_query_ms() or 0) > 0


# Sessions --------------------------------------------------------------------------------------


def test_a_reading_session_keeps_nothing(plain: PlainDatabase) -> None:
    with plain.reading() as session:
        assert session.run("put", key="a") == 1
    with plain.single() as session:
        assert session.run("touch", key="a") == 0


def test_a_reading_session_sees_what_others_committed_meanwhile(plain: PlainDatabase) -> None:
    with plain.reading() as reader:
        assert reader.run("touch", key="a") == 0
        with plain.single() as writer:
            writer.run("put", key="a")
        assert reader.run("touch", key="a") == 1


def test_leaving_a_transaction_commits_and_an_error_undoes_all_of_it(plain: PlainDatabase) -> None:
    with plain.transaction() as session:
        session.run("put", key="kept")
    with pytest.raises(ZeroDivisionError):
        put_and_fail(plain)
    with plain.single() as session:
        assert session.run("touch", key="kept") == 1
        assert session.run("touch", key="lost") == 0


def put_and_fail(plain: PlainDatabase) -> None:
    with plain.transaction() as session:
        session.run("put", key="lost")
        raise ZeroDivisionError


def test_a_key_that_is_taken_is_a_conflict_and_the_session_goes_on(plain: PlainDatabase) -> None:
    with plain.single() as session:
        session.run("put", key="a")
        with pytest.raises(Conflict) as caught:
            session.run("put", key="a")
        assert caught.value.code == "2627 23000"
        assert session.run("touch", key="a") == 1


# Times and absences ----------------------------------------------------------------------------


def test_a_statement_that_takes_too_long_is_ended_in_time(
    open_plain: Callable[..., PlainDatabase],
) -> None:
    plain = open_plain(timeout_seconds=1)
    started = time.monotonic()
    with pytest.raises(StatementTimeout), plain.single() as session:
        session.row("spin")
    assert time.monotonic() - started < 5
    with plain.single() as session:
        assert session.rows("two") == [{"first": 1}]


def test_a_row_that_someone_else_holds_is_waited_for_no_longer_than_a_statement_may_take(
    open_plain: Callable[..., PlainDatabase],
) -> None:
    holder, waiter = open_plain(), open_plain(timeout_seconds=1)
    with holder.single() as session:
        session.run("put", key="a")
    with holder.transaction() as session:
        session.run("touch", key="a")
        with pytest.raises(StatementTimeout), waiter.single() as waiting:
            waiting.run("touch", key="a")
    with waiter.single() as session:
        assert session.run("touch", key="a") == 1


def test_a_wrong_password_is_said_at_once(
    open_plain: Callable[..., PlainDatabase], sqlserver_url: str
) -> None:
    plain = open_plain(with_wrong_password(sqlserver_url))
    started = time.monotonic()
    with pytest.raises(LoginRefused):
        plain.ping()
    assert time.monotonic() - started < 3


def test_a_database_that_is_not_there_refuses_the_login(
    open_plain: Callable[..., PlainDatabase], sqlserver_url: str
) -> None:
    with pytest.raises(LoginRefused):
        open_plain(database_url(sqlserver_url, "nowhere_at_all")).ping()


def test_a_port_where_nobody_listens_is_unavailable_at_once(
    open_plain: Callable[..., PlainDatabase], sqlserver_url: str
) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]
    plain = open_plain(at_port(sqlserver_url, port))
    started = time.monotonic()
    with pytest.raises(Unavailable):
        plain.ping()
    assert time.monotonic() - started < 1


def test_a_server_that_says_nothing_is_unavailable_in_a_few_seconds(
    open_plain: Callable[..., PlainDatabase], sqlserver_url: str
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        plain = open_plain(at_port(sqlserver_url, silent.getsockname()[1]))
        started = time.monotonic()
        with pytest.raises(Unavailable):
            plain.ping()
        assert time.monotonic() - started < 15


def test_the_next_user_of_a_connection_that_the_server_ended_gets_another(
    plain: PlainDatabase,
) -> None:
    with plain.single() as killer, suppress(StorageError), plain.single() as victim:
        row = victim.row("session")
        assert row is not None
        killer.row("end_session", session=row["session"])
        with pytest.raises(StorageError):
            victim.rows("two")
    with plain.single() as session:
        assert session.rows("two") == [{"first": 1}]


# Side by side ----------------------------------------------------------------------------------


def wait_until_locked(database: PlainDatabase, key: str) -> None:
    until = time.monotonic() + 20
    with database.single() as session:
        while not is_locked(session, key):
            assert time.monotonic() < until


def is_locked(session: SqlServerSession, key: str) -> bool:
    try:
        session.run("touch", key=key)
    except StatementTimeout:
        return True
    return False


def test_the_victim_of_a_deadlock_is_asked_again(
    plain: PlainDatabase, open_plain: Callable[..., PlainDatabase]
) -> None:
    """Which of two is the victim, the server chooses: the transaction has a conflict then."""
    with plain.single() as session:
        for key in ("a", "b"):
            session.run("put", key=key)

    def touch_both() -> bool:
        with plain.single() as session:
            session.row("session")
            is_ready.set()
            session.run("touch_both", first="b", second="a")
            return session.has_failed

    is_ready, has_conflict = threading.Event(), False
    with ThreadPoolExecutor(1) as thread:
        try:
            with plain.transaction() as holder:
                holder.run("touch", key="a")
                other = thread.submit(touch_both)
                assert is_ready.wait(20)
                wait_until_locked(open_plain(timeout_seconds=1), "b")
                holder.run("touch", key="b")
        except Conflict:
            has_conflict = True
        was_asked_again = other.result(60)
    assert was_asked_again is not has_conflict


def test_in_a_transaction_the_victim_of_a_deadlock_has_a_conflict(plain: PlainDatabase) -> None:
    with plain.single() as session:
        for key in ("a", "b"):
            session.run("put", key=key)
    together = threading.Barrier(2, timeout=20)

    def touch(keys: Sequence[str]) -> str:
        try:
            with plain.transaction() as session:
                session.run("touch", key=keys[0])
                together.wait()
                session.run("touch", key=keys[1])
        except Conflict as error:
            return error.code or ""
        return "done"

    with ThreadPoolExecutor(2) as threads:
        ends = sorted(threads.map(touch, ["ab", "ba"]))
    assert ends[1] == "done"
    assert ends[0].startswith("1205 ")


def test_of_many_who_claim_at_once_each_kpi_has_one(
    sqlserver_lab: SqlServerLab, sqlserver_url: str
) -> None:
    sqlserver_lab.empty()
    store = sqlserver_lab.store
    define(store, *(replace(KPI, name=f"kpi {number:02}") for number in range(60)))
    together = threading.Barrier(4, timeout=30)

    def claim_all(lane: int) -> list[str]:
        claimed = []
        together.wait()
        for _ in range(40):
            with store.work() as work:
                checks = [due.check for due in work.executions.due(limit=5, busy=())]
                later = {one.indicator_id: one.claimed_at + timedelta(hours=1) for one in checks}
                work.executions.advance(later)
            claimed += [check.name for check in checks]
        return claimed

    with ThreadPoolExecutor(4) as threads:
        lanes = [*threads.map(claim_all, range(4))]
    claims = Counter(name for lane in lanes for name in lane)
    assert claims == Counter(f"kpi {number:02}" for number in range(60))


def test_of_many_results_for_one_slot_one_is_stored(sqlserver_lab: SqlServerLab) -> None:
    sqlserver_lab.empty()
    store = sqlserver_lab.store
    define(store)
    with store.work() as work:
        (due,) = work.executions.due(limit=1, busy=())
        check = due.check
    together = threading.Barrier(4, timeout=30)

    def store_result(_: int) -> int:
        together.wait()
        try:
            with store.single() as work:
                results = [(check, result_of(check))]
                return work.results.add(results, worker_instance_id=None)
        except Conflict:  # a server that takes the hints as mere advice says so instead
            return False

    with ThreadPoolExecutor(4) as threads:
        assert sum(threads.map(store_result, range(4))) == 1
    with store.read() as work:
        assert len(work.results.history("one", hours=None, before=None, limit=10)) == 1


def test_beats_of_one_service_at_once_are_all_kept(sqlserver_lab: SqlServerLab) -> None:
    sqlserver_lab.empty()
    store = sqlserver_lab.store
    with store.single() as work:
        work.heartbeats.beat("librarian", status="starting")

    def beat(_: int) -> datetime:
        with store.single() as work:
            return work.heartbeats.beat("librarian", status="running").last_heartbeat

    with ThreadPoolExecutor(4) as threads:
        beaten = [*threads.map(beat, range(40))]
    with store.read() as work:
        (listed,) = work.heartbeats.services(after=None, limit=2)
    assert listed.last_heartbeat == max(beaten)
    assert sqlserver_lab.count("monitoring.SystemStatusHistory") == 41


def test_a_lock_holds_among_databases_of_one_server_and_ends_with_its_connection(
    open_plain: Callable[..., PlainDatabase], sqlserver_lab: SqlServerLab, sqlserver_url: str
) -> None:
    one, other = (
        SqlServerDatabase(parse(sqlserver_url), size=2, timeout_seconds=5, names=NAMES)
        for _ in range(2)
    )
    with one.lock("timer:x") as first, other.lock("timer:x") as second:
        assert (first, second) == (True, False)
    with one._writers.loan() as loan:  # as if the process had died with the lock in hand
        session = SqlServerSession(loan.connection, one._catalogue, one._timings, repeats=False)
        assert session.row("locks.take", name="timer:x") == {"held": True}
        loan.is_last = True
    deadline = time.monotonic() + 5
    held = False
    while not held and time.monotonic() < deadline:
        with other.lock("timer:x") as held:
            pass
    assert held
    one.close()
    other.close()


# What is stored --------------------------------------------------------------------------------


def test_pages_of_times_that_differ_by_less_than_a_microsecond_neither_repeat_nor_skip(
    sqlserver_lab: SqlServerLab,
) -> None:
    sqlserver_lab.empty()
    for number in range(8):
        sqlserver_lab.add_job(job_id=f"{number:064x}", job_type="x")
        sqlserver_lab.execute(
            "UPDATE app.jobs SET created_at = DATEADD(nanosecond, ?, CAST(? AS datetime2(7)))"
            " WHERE job_id = ?",
            100 * (number % 5),
            "2026-01-01T12:00:00.123456",
            f"{number:064x}",
        )
    with sqlserver_lab.jobs.read() as work:
        seen, after = [], None
        while page := work.jobs.newest(after=after, limit=3):
            seen += [int(job.job_id, 16) for job in page]
            after = (page[-1].created_at, page[-1].job_id)
    assert sorted(seen) == [*range(8)]


def test_tasks_are_counted_by_status_as_json(sqlserver_lab: SqlServerLab) -> None:
    sqlserver_lab.empty()
    sqlserver_lab.add_job(job_id="a" * 64, job_type="x")
    for number, status in enumerate(("failed", "queued", "failed")):
        sqlserver_lab.add_task(
            task_id=f"t{number}", parent_job_id="a" * 64, task_type="x", status=status
        )
    with sqlserver_lab.jobs.read() as work:
        job = work.jobs.find("a" * 64)
    assert job is not None
    assert type(job.task_counts) is Json
    assert type(job.parameters) is Json
    assert job.task_counts in (
        '{"failed": 2, "queued": 1, "total": 3}',
        '{"queued": 1, "failed": 2, "total": 3}',
    )


@pytest.mark.parametrize(
    ("value", "kept"),
    [
        (Decimal("1E-10"), Decimal("1E-10")),
        (Decimal(1) / 3, Decimal("0.3333333333")),
        (Decimal("9" * 28), Decimal("9" * 28)),
        (Decimal("1E+30"), "1" + "0" * 30),
        (Decimal("1." + "3" * 60), Decimal("1.3333333333")),
    ],
)
def test_a_number_is_kept_to_ten_places_and_as_text_where_it_is_too_big(
    sqlserver_lab: SqlServerLab, value: Decimal, kept: Decimal | str
) -> None:
    sqlserver_lab.empty()
    define(sqlserver_lab.store)
    check = check_of(sqlserver_lab.store)
    with sqlserver_lab.store.work() as work:
        work.results.add([(check, result_of(check, value=value))], worker_instance_id=None)
        (stored,) = work.results.history("one", hours=None, before=None, limit=1)
    assert stored.value == kept


def test_the_store_says_which_server_it_is_on(sqlserver_lab: SqlServerLab) -> None:
    with sqlserver_lab.store.read() as work:
        server = work.facts.server()
        assert server.version
        assert server.connections >= 1
        assert server.max_connections >= server.connections
        assert work.facts.revision() == known("sqlserver")[-1]
