"""`auth=entra`: no password in the URL, a token for each new connection."""

import time
from collections.abc import Iterator
from urllib.parse import urlsplit, urlunsplit

import psycopg
import pytest
from azure.core.exceptions import ClientAuthenticationError

from repositories import entra
from repositories.contracts.databases import Target
from repositories.errors import LoginRefused
from repositories.postgres import PostgresDatabase, PostgresTarget, connections
from repositories.records.kpis import ResultType
from repositories.urls import parse


@pytest.fixture
def entra_url(store_url: str) -> Iterator[str]:
    """The store for a login whose password is what a token would be."""
    parts = urlsplit(store_url)
    role = f"entra_{parts.path[1:]}"
    with psycopg.connect(store_url, autocommit=True) as connection:
        connection.execute(f"CREATE ROLE {role} LOGIN PASSWORD 'token-1'".encode())
        host = parts.netloc.rpartition("@")[2]
        yield urlunsplit(parts._replace(netloc=f"{role}@{host}", query="auth=entra"))
        connection.execute(f"DROP OWNED BY {role}; DROP ROLE {role}".encode())


def test_each_new_connection_asks_for_a_token(
    entra_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[int] = []

    def token(scope: str) -> str:
        assert scope == connections.ENTRA_SCOPE
        asked.append(1)
        return "token-1"

    monkeypatch.setattr(connections, "entra_token", token)
    database = PostgresDatabase(
        parse(entra_url), size=2, timeout_seconds=5, names={"schema": "app"}
    )
    try:
        database.ping()
        database.ping()
        assert len(asked) == 1
        with database.single() as session:
            session.row("health.ping")
        assert len(asked) == 2
    finally:
        database.close()


def test_a_token_that_the_server_does_not_take_is_a_refused_login(
    entra_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connections, "entra_token", lambda scope: "expired")
    database = PostgresDatabase(
        parse(entra_url), size=1, timeout_seconds=5, names={"schema": "app"}
    )
    try:
        with pytest.raises(LoginRefused):
            database.ping()
    finally:
        database.close()


class NoIdentity:
    def get_token(self, scope: str) -> None:
        raise ClientAuthenticationError("nobody is logged in here")


def test_without_an_identity_a_login_is_refused_at_once(
    entra_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(entra, "credential", NoIdentity)
    database = PostgresDatabase(
        parse(entra_url), size=1, timeout_seconds=5, names={"schema": "app"}
    )
    started = time.monotonic()
    try:
        with pytest.raises(LoginRefused, match="no Entra token"):
            database.ping()
    finally:
        database.close()
    assert time.monotonic() - started < connections.PATIENCE_SECONDS


def test_a_target_without_an_identity_is_a_refused_login_too(
    entra_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(entra, "credential", NoIdentity)
    target: Target = PostgresTarget(parse(entra_url), connect_seconds=5, size=1)
    with pytest.raises(LoginRefused, match="no Entra token"):
        target.ask("SELECT 1", result_type=ResultType.SCALAR, timeout_seconds=5, keep=1)
