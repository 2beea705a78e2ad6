"""The databases that the tests make on a SQL Server go away again."""

from contextlib import closing

from repositories.sqlserver.connections import connect
from repositories.urls import parse
from tests.contract.sqlserver import scratch_database, server_url


def test_a_session_that_is_left_open_leaves_no_database_behind() -> None:
    with scratch_database() as url:
        left = connect(parse(url), read_only=True)
        left.execute("CREATE TABLE notes (id int NOT NULL)")
        name = left.execute("SELECT DB_NAME()").fetchval()
    with closing(connect(parse(server_url()))) as connection:
        assert connection.execute("SELECT DB_ID(?)", name).fetchval() is None
