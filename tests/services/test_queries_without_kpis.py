"""A query that no KPI runs is read as the databases understand it that there are connections to."""

from collections.abc import Sequence
from dataclasses import replace

import pytest

from services.definitions.changes import Author
from services.definitions.conditions import Condition
from services.definitions.documents import QueryDocument
from services.definitions.queries import QueryRegister
from services.errors import InvalidRequest
from tests.definitions import CONNECTION, QUERY
from tests.fakes import FakeStore

BATCH = "EXEC dbo.backlog @days = 7"


def put(sql: str, providers: Sequence[str]) -> None:
    store = FakeStore()
    with store.work() as work:
        for name in providers:
            assert work.connections.add(replace(CONNECTION, name=name, provider=name), actor="test")
    document = QueryDocument(sql=sql)
    QueryRegister(store, jobs_writable=False).put(QUERY.name, document, Condition(), Author("ann"))
    with store.read() as work:
        assert work.queries.find(QUERY.name) is not None


@pytest.mark.parametrize("providers", [(), ("SqlServer",), ("MySQL", "SqlServer")])
def test_what_one_of_the_databases_understands_is_stored(providers: Sequence[str]) -> None:
    put(BATCH, providers)


@pytest.mark.parametrize("providers", [("PostgreSQL",), ("MySQL", "Oracle")])
def test_what_none_of_the_databases_understands_is_refused(providers: Sequence[str]) -> None:
    with pytest.raises(InvalidRequest) as refused:
        put(BATCH, providers)
    assert [fault.parameter for fault in refused.value.faults] == ["sql"]
