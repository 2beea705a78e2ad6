"""Connections to PostgreSQL are kept, and nothing that one statement did shows to the next."""

import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager, suppress
from urllib.parse import urlsplit

import psutil
import psycopg
import pytest

from repositories.answers import MOST_ROWS_OF_A_SCALAR
from repositories.contracts.databases import Answer
from repositories.errors import (
    BadStatement,
    NotAllowed,
    StatementTimeout,
    StorageError,
    Unavailable,
)
from repositories.postgres.target import PostgresTarget
from repositories.records.kpis import ResultType
from repositories.urls import DatabaseUrl, parse
from tests.hosts import wait_until
from tests.targets.servers import Server

FUNCTIONS = """
CREATE FUNCTION locking() RETURNS int LANGUAGE plpgsql AS
    'BEGIN PERFORM pg_advisory_lock(4242); RETURN 1; END';
CREATE FUNCTION preparing() RETURNS int LANGUAGE plpgsql AS
    $$BEGIN EXECUTE 'PREPARE mine AS SELECT 1'; RETURN 1; END$$;
CREATE FUNCTION forgetting() RETURNS int LANGUAGE plpgsql AS
    $$BEGIN EXECUTE 'DEALLOCATE ALL'; RETURN 1; END$$;
CREATE FUNCTION listening() RETURNS int LANGUAGE plpgsql AS
    $$BEGIN EXECUTE 'LISTEN somebody'; RETURN 1; END$$;
CREATE FUNCTION writing() RETURNS int LANGUAGE plpgsql AS
    $$BEGIN INSERT INTO notes VALUES (1); RETURN 1; END$$;
CREATE FUNCTION setting() RETURNS text LANGUAGE sql AS
    $$SELECT set_config('default_transaction_read_only', 'off', false)
          || set_config('search_path', 'nowhere', false)
          || set_config('statement_timeout', '7', false)
          || set_config('timezone', 'Asia/Tokyo', false)
          || set_config('client_encoding', 'latin1', false)
          || set_config('application_name', 'somebody else', false)$$;
CREATE FUNCTION stubborn() RETURNS int LANGUAGE plpgsql AS
    $$BEGIN
        FOR n IN 1..3 LOOP
            BEGIN PERFORM pg_sleep(3); EXCEPTION WHEN query_canceled THEN NULL; END;
        END LOOP;
        RETURN 1;
    END$$;
CREATE PROCEDURE committing(INOUT n int) LANGUAGE plpgsql AS
    $$BEGIN INSERT INTO notes VALUES (1); COMMIT; END$$;
CREATE PROCEDURE told(INOUT n int) LANGUAGE plpgsql AS 'BEGIN n := 42; END';
"""
STATE = """
SELECT concat_ws(' ', current_setting('default_transaction_read_only'),
    current_setting('search_path'), current_setting('statement_timeout'),
    current_setting('timezone'), current_setting('client_encoding'),
    current_setting('application_name'), current_user, pg_backend_pid(),
    (SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'),
    (SELECT count(*) FROM pg_listening_channels()))
"""
LEAVING = [
    "SELECT setting()",
    "SELECT set_config('search_path', 'nowhere', false)",
    "SELECT pg_advisory_lock(1)",
    "SELECT pg_advisory_lock_shared(n) FROM generate_series(1, 50) AS n",
    "SELECT locking()",
    "SELECT listening()",
    "SELECT set_config('role', 'pg_read_all_data', false)",
    "SELECT locking(), 1 / 0",
    "SELECT setting() UNION SELECT nothing FROM nowhere",
    "SELECT 1; SELECT 2",
    "CALL told(1)",
    "EXPLAIN SELECT 1",
]


@pytest.fixture(scope="module")
def server(make_database: Callable[..., str], postgres_target: Server) -> Server:
    with psycopg.connect(postgres_target.url, autocommit=True) as connection:
        connection.execute(FUNCTIONS.encode())
    return postgres_target


@contextmanager
def target_of(url: str, *, size: int = 1, connect_seconds: int = 5) -> Iterator[PostgresTarget]:
    address = parse(url)
    assert isinstance(address, DatabaseUrl)
    with closing(PostgresTarget(address, connect_seconds=connect_seconds, size=size)) as target:
        yield target


@pytest.fixture
def target(server: Server) -> Iterator[PostgresTarget]:
    server.change("DELETE FROM notes")
    with target_of(server.url) as opened:
        yield opened


def ask(
    target: PostgresTarget,
    sql: str,
    result_type: ResultType = ResultType.SCALAR,
    *,
    timeout_seconds: int = 10,
    keep: int = 2,
) -> Answer:
    return target.ask(sql, result_type=result_type, timeout_seconds=timeout_seconds, keep=keep)


def value_of(target: PostgresTarget, sql: str, *, timeout_seconds: int = 10) -> object:
    return ask(target, sql, timeout_seconds=timeout_seconds).rows[0][0]


def backend_of(target: PostgresTarget) -> int:
    return int(str(value_of(target, "SELECT pg_backend_pid()")))


@pytest.mark.parametrize("result_type", [ResultType.SCALAR, ResultType.DATA_SET])
@pytest.mark.parametrize("sql", LEAVING)
def test_the_next_statement_has_the_connection_and_sees_nothing_of_the_one_before(
    target: PostgresTarget, sql: str, result_type: ResultType
) -> None:
    before = value_of(target, STATE)
    with suppress(StorageError):
        ask(target, sql, result_type)
    assert value_of(target, STATE) == before


@pytest.mark.parametrize("sql", ["SELECT setting()", "SELECT locking()"])
def test_a_statement_can_be_asked_again_and_again(target: PostgresTarget, sql: str) -> None:
    first = [ask(target, sql).rows for _ in range(3)]
    assert first[0] == first[1] == first[2]


def test_a_lock_of_the_session_is_free_when_the_statement_is_over(
    server: Server, target: PostgresTarget
) -> None:
    ask(target, "SELECT locking()")
    with psycopg.connect(server.url) as other:
        row = other.execute("SELECT pg_try_advisory_lock(4242)").fetchone()
    assert row == (True,)


@pytest.mark.parametrize("before", ["SELECT 1", "SELECT setting()"])
@pytest.mark.parametrize(
    "sql",
    [
        "SELECT writing()",
        "SELECT set_config('transaction_read_only', 'off', true), writing()",
        "WITH off AS (SELECT set_config('transaction_read_only', 'off', false)) SELECT writing()"
        " FROM off",
        "WITH gone AS (INSERT INTO notes VALUES (1) RETURNING id) SELECT id FROM gone",
        "EXPLAIN ANALYZE INSERT INTO notes VALUES (1)",
        "CALL committing(1)",
        "SELECT nextval('numbers')",
    ],
)
def test_nothing_can_be_written_whatever_was_set(
    server: Server, target: PostgresTarget, before: str, sql: str
) -> None:
    server.change("CREATE SEQUENCE IF NOT EXISTS numbers")
    ask(target, before)
    with pytest.raises(StorageError):
        ask(target, sql)
    assert server.count_notes() == 0


@pytest.mark.parametrize(
    "sql",
    [
        *("COMMIT", "ROLLBACK", "BEGIN", "END", "PREPARE TRANSACTION 'x'", "SET ROLE postgres"),
        *("DISCARD ALL", "LISTEN x", "PREPARE x AS SELECT 1", "COPY notes TO STDOUT"),
        *("-- SELECT\nCOMMIT", "/* SELECT */ COMMIT", "COPY (SELECT 1) TO PROGRAM 'true'"),
        *("DO 'BEGIN END'", "LOCK TABLE notes", "/* /* */ */ DECLARE c CURSOR FOR SELECT 1"),
    ],
)
def test_what_is_no_question_is_not_asked(target: PostgresTarget, sql: str) -> None:
    with pytest.raises(NotAllowed, match="begins with SELECT, WITH"):
        ask(target, sql)
    assert (target.use().in_use, target.use().idle) == (0, 0)


@pytest.mark.parametrize(
    ("sql", "value"),
    [
        ("  -- why\n /* and\n how */ SELECT 7", 7),
        ("(SELECT 7)", 7),
        ("((select 7)) -- COMMIT", 7),
        ("VALUES (7), (8)", 7),
        ("WITH one AS (SELECT 7 AS n) SELECT n FROM one;", 7),
        ("SHOW timezone", "UTC"),
        ("CALL told(1)", 42),
        ("SELECT 'ä€'", "ä€"),
        ("SELECT '%s %(x)s'", "%s %(x)s"),
    ],
)
def test_what_is_a_question_is(target: PostgresTarget, sql: str, value: object) -> None:
    assert value_of(target, sql) == value


@pytest.mark.parametrize(
    "sql", ["", " ", "SELECT 1\0", "SELECT '\ud800'", "SELECT", "SELECT 1 SELECT 2", "SELECT $1"]
)
def test_what_cannot_be_understood_is_a_bad_statement(target: PostgresTarget, sql: str) -> None:
    with pytest.raises((BadStatement, NotAllowed)):
        ask(target, sql)
    assert value_of(target, "SELECT 1") == 1


def test_a_server_in_another_encoding_is_asked_and_read_alike(
    make_database: Callable[..., str], postgres_server: str
) -> None:
    with psycopg.connect(postgres_server, autocommit=True) as connection:
        connection.execute(
            "CREATE DATABASE latin TEMPLATE template0 ENCODING latin1"
            " LOCALE_PROVIDER libc LOCALE 'C'"
        )
    url = urlsplit(postgres_server)._replace(path="/latin").geturl()
    with target_of(url) as target:
        assert ask(target, "SELECT 'ä' AS ö").rows == [("ä",)]
        assert ask(target, "SELECT 'ä' AS ö").columns == ["ö"]


def test_what_deallocates_the_connections_own_statements_still_gets_its_answer(
    target: PostgresTarget,
) -> None:
    first = backend_of(target)
    assert value_of(target, "SELECT forgetting()") == 1
    assert backend_of(target) != first


def test_a_value_that_python_does_not_have_is_a_text(target: PostgresTarget) -> None:
    first = backend_of(target)
    assert value_of(target, "SELECT 'infinity'::timestamptz") == "infinity"
    assert backend_of(target) == first


@pytest.mark.parametrize("rows", [1, 2, 3, 50, 51, MOST_ROWS_OF_A_SCALAR])
def test_a_scalar_of_some_rows_keeps_its_connection(target: PostgresTarget, rows: int) -> None:
    first = backend_of(target)
    assert ask(target, f"SELECT generate_series(1, {rows})").row_count == min(rows, 2)
    assert backend_of(target) == first


def test_a_scalar_of_endless_rows_stops_early_and_costs_its_connection(
    server: Server, target: PostgresTarget
) -> None:
    first = backend_of(target)
    answer = ask(target, "SELECT generate_series(1, 1000000000000)")
    assert (answer.rows, answer.row_count) == ([(1,), (2,)], 2)
    assert backend_of(target) != first
    wait_until(lambda: first not in backends(server))


@pytest.mark.parametrize("rows", [0, 1, 49, 50, 51, 100, 12_345])
def test_a_data_set_is_counted_to_its_end(
    server: Server, target: PostgresTarget, rows: int
) -> None:
    answer = ask(target, server.rows.format(count=rows), ResultType.DATA_SET, keep=60)
    assert (answer.row_count, answer.columns) == (rows, ["n", "word"])
    assert answer.rows == [(n, "word") for n in range(1, min(rows, 60) + 1)]


def test_an_error_among_the_rows_is_an_error(target: PostgresTarget) -> None:
    with pytest.raises(BadStatement, match="does not understand"):
        ask(target, "SELECT 1 / (300 - n) FROM generate_series(1, 500) n", ResultType.DATA_SET)
    assert value_of(target, "SELECT 1") == 1


def test_a_refusal_of_a_server_that_answers_is_no_lost_connection(target: PostgresTarget) -> None:
    with pytest.raises(StorageError) as refused:
        ask(target, "SELECT lastval()")
    assert type(refused.value) is StorageError
    assert refused.value.code == "55000 ObjectNotInPrerequisiteState"


def test_what_writes_is_the_last_on_its_connection(server: Server, target: PostgresTarget) -> None:
    first = backend_of(target)
    answer = ask(target, "INSERT INTO notes VALUES (1), (2) RETURNING id", ResultType.NON_QUERY)
    assert answer.row_count == 2
    assert server.count_notes() == 2
    assert backend_of(target) != first


@pytest.mark.parametrize(
    "sql", ["SELECT pg_advisory_lock(7)", "SELECT set_config('search_path', 'x', false)"]
)
def test_what_a_non_query_leaves_goes_with_its_connection(
    server: Server, target: PostgresTarget, sql: str
) -> None:
    ask(target, sql, ResultType.NON_QUERY)
    with psycopg.connect(server.url, autocommit=True) as other:
        wait_until(
            lambda: other.execute("SELECT pg_try_advisory_xact_lock(7)").fetchone() == (True,)
        )
    assert value_of(target, "SHOW search_path") == '"$user", public'


def test_a_non_query_may_be_copied_nowhere(target: PostgresTarget) -> None:
    with pytest.raises(StorageError):
        ask(target, "COPY notes TO STDOUT", ResultType.NON_QUERY)
    assert value_of(target, "SELECT 1") == 1


def test_a_constraint_that_is_checked_at_the_end_counts(
    server: Server, target: PostgresTarget
) -> None:
    server.change("DROP TABLE IF EXISTS pairs")
    server.change("CREATE TABLE pairs (id int UNIQUE DEFERRABLE INITIALLY DEFERRED)")
    with pytest.raises(StorageError):
        ask(target, "INSERT INTO pairs VALUES (1), (1)", ResultType.NON_QUERY)


@pytest.mark.slow
def test_a_timeout_is_the_servers_and_costs_the_connection(target: PostgresTarget) -> None:
    first = backend_of(target)
    started = time.monotonic()
    with pytest.raises(StatementTimeout):
        ask(target, "SELECT pg_sleep(60)", timeout_seconds=1)
    assert 0.9 < time.monotonic() - started < 2
    assert backend_of(target) != first


def test_each_statement_has_its_own_time(target: PostgresTarget) -> None:
    shown = [
        value_of(target, "SHOW statement_timeout", timeout_seconds=seconds)
        for seconds in (7, 7, 9, 7)
    ]
    assert shown == ["7s", "7s", "9s", "7s"]


@pytest.mark.slow
def test_what_the_server_cannot_end_is_given_up_and_cancelled_from_here(
    server: Server, target: PostgresTarget
) -> None:
    started = time.monotonic()
    with pytest.raises(Unavailable):
        ask(target, "SELECT stubborn()", timeout_seconds=1)
    assert 1.9 < time.monotonic() - started < 3
    assert (target.use().in_use, target.use().idle) == (0, 0)
    assert value_of(target, "SELECT 1") == 1
    wait_until(lambda: running(server, "stubborn") == 0, within=8)


@pytest.mark.slow
def test_a_backend_that_stands_still_is_given_up_in_time(
    server: Server, target: PostgresTarget
) -> None:
    backend = psutil.Process(backend_of(target))
    backend.send_signal(signal.SIGSTOP)
    try:
        started = time.monotonic()
        assert value_of(target, "SELECT 1", timeout_seconds=1) == 1
        took = time.monotonic() - started
    except StorageError:
        took = time.monotonic() - started
    finally:
        backend.send_signal(signal.SIGCONT)
    assert took < 3


@pytest.mark.slow
def test_one_that_stands_still_while_idle_is_replaced(
    server: Server, target: PostgresTarget
) -> None:
    backend = psutil.Process(backend_of(target))
    time.sleep(1.1)
    backend.send_signal(signal.SIGSTOP)
    try:
        assert backend_of(target) != backend.pid
    finally:
        backend.send_signal(signal.SIGCONT)


@pytest.mark.slow
def test_one_that_ended_while_idle_is_replaced(server: Server, target: PostgresTarget) -> None:
    first = backend_of(target)
    with psycopg.connect(server.url, autocommit=True) as other:
        other.execute("SELECT pg_terminate_backend(%s)", [first])
    time.sleep(1.1)
    assert backend_of(target) != first


def test_a_statement_that_ends_its_own_connection_harms_no_other(target: PostgresTarget) -> None:
    with pytest.raises(StorageError):
        ask(target, "SELECT pg_terminate_backend(pg_backend_pid())")
    assert value_of(target, "SELECT 1") == 1


@pytest.mark.slow
def test_a_server_that_accepts_and_says_nothing_is_given_up_within_the_time_to_connect() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"postgresql://u:p@127.0.0.1:{silent.getsockname()[1]}/d"
        with target_of(url, connect_seconds=1) as target:
            started = time.monotonic()
            with pytest.raises(Unavailable):
                ask(target, "SELECT 1")
            assert time.monotonic() - started < 2
    for thread in threading.enumerate():
        if thread.name == "target":
            thread.join(5)


def test_no_more_connections_are_opened_than_are_allowed(server: Server) -> None:
    wait_until(lambda: opened(server) == 0)
    with target_of(server.url, size=3) as target, ThreadPoolExecutor(12) as threads:
        most = max(threads.map(lambda _: int(str(value_of(target, OPEN))), range(60)))
        assert most == 3
        assert (target.use().in_use, target.use().idle) == (0, 3)


def test_threads_never_share_a_connection(server: Server) -> None:
    with target_of(server.url, size=4) as target, ThreadPoolExecutor(8) as threads:
        answers = threads.map(lambda n: value_of(target, f"SELECT {n}"), range(500))
        assert list(answers) == list(range(500))


def test_closing_closes_what_is_in_use_when_it_comes_back(server: Server) -> None:
    with target_of(server.url) as target, ThreadPoolExecutor(1) as threads:
        asked = threads.submit(value_of, target, "SELECT pg_sleep(0.5), 1")
        wait_until(lambda: target.use().in_use == 1)
        target.close()
        assert asked.result() == ""
        assert (target.use().in_use, target.use().idle) == (0, 0)


OPEN = """
SELECT count(*)
  FROM pg_stat_activity, pg_sleep(0.02)
 WHERE application_name = 'watchkeeper-kpi' AND datname = current_database()
"""


def opened(server: Server) -> int:
    with psycopg.connect(server.url, autocommit=True) as connection:
        row = connection.execute(OPEN.encode()).fetchone()
    return int(row[0]) if row else 0


def backends(server: Server) -> set[int]:
    with psycopg.connect(server.url, autocommit=True) as connection:
        found = connection.execute("SELECT pid FROM pg_stat_activity").fetchall()
    return {row[0] for row in found}


def running(server: Server, word: str) -> int:
    with psycopg.connect(server.url, autocommit=True) as connection:
        row = connection.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE state = 'active'"
            " AND query LIKE %s AND pid <> pg_backend_pid()",
            [f"%{word}%"],
        ).fetchone()
    return int(row[0]) if row else 0
