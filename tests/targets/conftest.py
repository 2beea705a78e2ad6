"""Each test of a target runs against every kind of server that is there."""

import os
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Protocol

import pytest

from repositories.records.executions import Execution
from repositories.records.kpis import Check, Connection, Result, ResultType, Rule
from repositories.targets import open_target
from repositories.urls import parse_target
from services.checks import Checks
from services.definitions.addresses import PROVIDERS
from services.judging.judge import Judge
from services.targets import Targets
from tests.fake_clocks import FakeClock
from tests.fake_secrets import addresses_of
from tests.fakes import FakeStore
from tests.targets.servers import NOTES, Server, mysql, postgres, sqlserver

NOW = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture(scope="session")
def postgres_target(make_database: Callable[..., str]) -> Server:
    server = postgres(make_database())
    server.change(NOTES)
    return server


@pytest.fixture(scope="session")
def sqlserver_target() -> Iterator[Server]:
    with sqlserver() as server:
        server.change(NOTES)
        yield server


@pytest.fixture(scope="session")
def mysql_target() -> Iterator[Server]:
    with mysql() as server:
        server.change(NOTES)
        yield server


@pytest.fixture(params=["postgres", "sqlserver", "mysql"])
def server(request: pytest.FixtureRequest) -> Server:
    found: Server = request.getfixturevalue(f"{request.param}_target")
    found.change("DELETE FROM notes")
    return found


class Run(Protocol):
    def __call__(
        self,
        url: str,
        sql: str,
        rule: Rule | None = None,
        *,
        timeout_seconds: int = 20,
        connect_seconds: int = 5,
    ) -> Result: ...


@pytest.fixture
def run() -> Iterator[Run]:
    """Runs a KPI as a round of KPIs does."""
    targets = Targets(addresses_of(os.environ), open_target)
    checks = Checks(targets, Judge(FakeStore(FakeClock()).read), longest_seconds=60)

    def run_one(
        url: str,
        sql: str,
        rule: Rule | None = None,
        *,
        timeout_seconds: int = 20,
        connect_seconds: int = 5,
    ) -> Result:
        connection = Connection(
            connection_id=url,
            name="target",
            provider=PROVIDERS[parse_target(url).engine],
            environment="Test",
            address=url,
            is_encrypted=False,
            timeout_seconds=connect_seconds,
        )
        check = Check(
            indicator_id="1",
            name="one",
            schedule="60",
            slot_at=None,
            claimed_at=NOW,
            connection=connection,
            sql=sql,
            timeout_seconds=timeout_seconds,
            rule=rule or Rule(),
        )
        return checks.run(Execution(job_id="1", lease_id="1", check=check))

    yield run_one
    targets.close()


def of_type(result_type: ResultType) -> Rule:
    return Rule(result_type=result_type)
