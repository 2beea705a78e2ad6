"""What is managed, changed by several at once: no rule is lost, and nothing else is either."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from threading import Barrier, Event
from typing import Any

import pytest

from repositories.contracts.store import Store, Work
from repositories.errors import Unavailable
from repositories.records.definitions import EVERY
from services.definitions import removals
from services.definitions.changes import Author, changing, standing
from services.definitions.conditions import Condition
from services.definitions.connections import ConnectionRegister
from services.definitions.documents import ConnectionDocument, KpiDocument, QueryDocument
from services.definitions.files import read_file
from services.definitions.kpis import KpiRegister
from services.definitions.plans import Planner
from services.definitions.queries import QueryRegister
from services.errors import InvalidRequest, PreconditionFailed, ServiceError, WrongState
from tests.definitions import check_of, keep
from tests.fake_sealer import FakeSealer

ANN = Author("ann")
ANY = Condition(is_any=True)
NEW = Condition()
HERE = ConnectionDocument(provider="PostgreSQL", environment="Test", address="setting:HERE_URL")
WITH, WITHOUT = (
    QueryDocument(sql="SELECT 1", critical_threshold=1),
    QueryDocument(sql="SELECT 1"),
)
PLAIN = KpiDocument(connection="here", query="one")
FORECAST = KpiDocument(connection="here", query="one", forecast_hours=5)
ROUNDS = 8


class Desk:
    """All that changes what is managed, on one store."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.connections = ConnectionRegister(store, FakeSealer())
        self.queries = QueryRegister(store, jobs_writable=False)
        self.kpis = KpiRegister(store, pace=timedelta(seconds=10), jobs_writable=False)
        self.planner = Planner(store, self.connections, jobs_writable=False)

    def prepare(self, query: QueryDocument = WITH, kpi: KpiDocument | None = PLAIN) -> None:
        self.connections.put("here", HERE, NEW, ANN)
        self.queries.put("one", query, NEW, ANN)
        if kpi is not None:
            self.kpis.put("kpi", kpi, NEW, ANN)

    def apply(self, text: str) -> None:
        self.planner.apply(self.planner.plan(read_file(text)), ANN)

    def is_sayable(self) -> bool:
        return self.planner.plan(read_file(self.planner.export())).is_empty

    def results(self) -> int:
        with self.store.read() as work:
            return len(work.results.history("kpi", hours=None, before=None, limit=99))

    def names(self) -> list[str]:
        with self.store.read() as work:
            kinds: Sequence[Any] = (work.connections, work.queries, work.indicators)
            return [
                one.definition.name
                for kind in kinds
                for one in kind.list(EVERY, after=None, limit=99)
            ]


class Interrupted:
    """A store where something happens before a part of the results is removed."""

    def __init__(self, store: Store, act: Callable[[], object]) -> None:
        self._store, self._act = store, act

    @contextmanager
    def single(self) -> Iterator[Work]:
        self._act()
        with self._store.single() as work:
            yield work

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)


def _now() -> datetime:
    return datetime.now(UTC)


@pytest.fixture
def desk(store: Store) -> Desk:
    return Desk(store)


@pytest.fixture
def long(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> Desk:
    """With a KPI whose results do not go at once."""
    monkeypatch.setattr(removals, "REMOVED_AT_ONCE", 2)
    desk.prepare()
    for _ in range(5):
        keep(desk.store, check_of(desk.store, "kpi"))
    return desk


def interrupted(desk: Desk, act: Callable[[], object]) -> Desk:
    return Desk(Interrupted(desk.store, act))


def at_once(*acts: Callable[[], object]) -> list[object]:
    """What each gave, or what it was refused with."""
    together = Barrier(len(acts), timeout=30)

    def do(act: Callable[[], object]) -> object:
        together.wait()
        try:
            return act()
        except ServiceError as refused:
            return refused

    with ThreadPoolExecutor(len(acts)) as threads:
        return [*threads.map(do, acts)]


def test_a_kpi_never_asks_of_a_query_what_that_loses_at_the_same_time(desk: Desk) -> None:
    desk.prepare(kpi=None)
    for _ in range(ROUNDS):
        desk.queries.put("one", WITH, ANY, ANN)
        came = at_once(
            lambda: desk.queries.put("one", WITHOUT, ANY, ANN),
            lambda: desk.kpis.put("kpi", FORECAST, NEW, ANN),
        )
        assert sum(isinstance(one, InvalidRequest) for one in came) == 1
        assert desk.is_sayable()
        if "kpi" in desk.names():
            desk.kpis.remove("kpi", NEW, ANN)


def test_a_connection_never_changes_its_kind_under_a_new_kpi(desk: Desk) -> None:
    desk.prepare(QueryDocument(sql="SELECT $$;$$"), kpi=None)
    mysql = HERE.model_copy(update={"provider": "MySQL"})
    for _ in range(ROUNDS):
        desk.connections.put("here", HERE, ANY, ANN)
        came = at_once(
            lambda: desk.connections.put("here", mysql, ANY, ANN),
            lambda: desk.kpis.put("kpi", PLAIN, NEW, ANN),
        )
        assert sum(isinstance(one, InvalidRequest) for one in came) == 1
        assert desk.is_sayable()
        if "kpi" in desk.names():
            desk.kpis.remove("kpi", NEW, ANN)


def test_a_plan_is_not_applied_to_what_has_changed_even_where_it_changes_something_else(
    desk: Desk,
) -> None:
    desk.prepare(kpi=None)
    plan = desk.planner.plan(
        read_file("kpis: [{name: kpi, connection: here, query: one, forecast_hours: 5}]")
    )
    desk.queries.put("one", WITHOUT, ANY, ANN)
    with pytest.raises(PreconditionFailed):
        desk.planner.apply(plan, ANN)
    assert "kpi" not in desk.names()


def test_whoever_overwrites_whatever_there_is_is_never_refused(desk: Desk) -> None:
    desk.prepare()
    changes = [KpiDocument(connection="here", query="one", priority=1 + n % 10) for n in range(12)]
    came = at_once(*(lambda one=one: desk.kpis.put("kpi", one, ANY, ANN) for one in changes))
    assert [one for one in came if isinstance(one, Exception)] == []


def test_an_export_is_of_one_time(desk: Desk) -> None:
    """Each file has a query with a name of its own, which its KPI runs."""
    desk.prepare(kpi=None)
    is_over = Event()
    file = (
        "queries: [{{name: q{0}, sql: SELECT 1}}]\n"
        "kpis: [{{name: k, connection: here, query: q{0}}}]"
    )

    def go_on() -> None:
        for number in range(10):
            desk.apply(file.format(number))
        is_over.set()

    with ThreadPoolExecutor(1) as thread:
        applied = thread.submit(go_on)
        while not is_over.is_set() and not applied.done():
            written = read_file(desk.planner.export())
            queries = {query.name for query in written.queries or ()}
            assert {kpi.query for kpi in written.kpis or ()} <= queries
        applied.result()


def test_who_changes_waits_for_who_reads_and_who_reads_for_nobody_else_who_does(
    desk: Desk,
) -> None:
    is_read, is_changed = Event(), Event()

    def read() -> bool:
        with standing(desk.store):
            is_read.set()
            return is_changed.wait(0.3)

    def change() -> None:
        assert is_read.wait(30)
        with changing(desk.store):
            is_changed.set()

    with ThreadPoolExecutor(2) as threads:
        reading, changed = threads.submit(read), threads.submit(change)
        changed.result()
        assert not reading.result()
    with standing(desk.store), standing(desk.store):
        pass


def test_a_removal_that_is_refused_removes_nothing(long: Desk) -> None:
    stale = Condition(frozenset(['"nonsense"']))
    with pytest.raises(PreconditionFailed):
        long.kpis.remove("kpi", stale, ANN)
    assert long.results() == 5


def test_what_is_being_removed_cannot_be_changed_and_then_is_gone(long: Desk) -> None:
    refused: list[Exception] = []

    def overwrite() -> None:
        with pytest.raises(WrongState) as told:
            long.kpis.put("kpi", FORECAST, ANY, ANN)
        refused.append(told.value)

    interrupted(long, overwrite).kpis.remove("kpi", NEW, ANN)
    assert refused
    assert "kpi" not in long.names()
    assert long.kpis.put("kpi", PLAIN, NEW, ANN).is_new
    assert long.results() == 0


def test_two_who_remove_the_same_kpi_both_succeed(long: Desk) -> None:
    acts = [lambda: long.kpis.remove("kpi", NEW, ANN)]
    interrupted(long, lambda: acts.pop()() if acts else None).kpis.remove("kpi", NEW, ANN)
    assert "kpi" not in long.names()


def test_a_removal_that_was_cut_short_is_gone_on_with_and_nothing_else_is_possible(
    long: Desk,
) -> None:
    known = long.kpis.get("kpi").etag.strip('"')

    def die() -> None:
        raise Unavailable

    with pytest.raises(Unavailable):
        interrupted(long, die).kpis.remove("kpi", Condition(frozenset([known])), ANN)
    left = long.kpis.get("kpi")
    assert (left.view.is_active, left.view.version) == (False, 2)
    assert 0 < long.results() < 5
    with pytest.raises(WrongState):
        long.kpis.put("kpi", PLAIN, ANY, ANN)
    with pytest.raises(WrongState):
        long.apply("kpis: [{name: kpi, connection: here, query: one}]")
    with pytest.raises(PreconditionFailed):
        long.kpis.remove("kpi", Condition(frozenset([known])), ANN)
    long.kpis.remove("kpi", Condition(frozenset([left.etag.strip('"')])), ANN)
    assert "kpi" not in long.names()


@pytest.mark.parametrize("is_cut_short", [False, True])
def test_a_plan_removes_long_histories_and_what_they_were_of(
    long: Desk, is_cut_short: bool
) -> None:
    file = (
        "connections: [{name: there, provider: MySQL, environment: Test, address: 'setting:X'}]\n"
        "queries: []\nkpis: []"
    )

    def die() -> None:
        raise Unavailable

    if is_cut_short:
        with pytest.raises(Unavailable):
            interrupted(long, die).apply(file)
        assert long.names() == ["here", "there", "one", "kpi"]
    long.apply(file)
    assert long.names() == ["there"]
    with long.store.read() as work:
        actions = {entry.action for entry in work.audit.recent(limit=99)}
    assert actions >= {"remove_kpi", "remove_query", "remove_connection"}
