"""Rounds of due KPIs, on the fakes: who runs, how many at once, and what becomes of a slot."""

import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from repositories.contracts.databases import Answer
from repositories.errors import StatementTimeout, Unavailable
from repositories.records.kpis import Definition, ResultType, Rule
from services.checks import Checks
from services.errors import NotFound
from services.kpis import PARALLEL_KEY, KpiService
from services.settings import KpiMonitoring
from services.targets import Targets
from tests.fakes import FakeClock, FakeStore, FakeTarget

ONE = Answer(["n"], [[1]], 1)


def definition(name: str, **changes: object) -> Definition:
    made = Definition(
        name=name,
        description=name,
        connection_name="store",
        query_type="Custom",
        sql=f"SELECT {name}",
        timeout_seconds=5,
        schedule="30",
        priority=5,
        owner=None,
        rule=Rule(),
    )
    return replace(made, **changes)  # type: ignore[arg-type]


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def store(clock: FakeClock) -> FakeStore:
    store = FakeStore(clock)
    store.indicators.add_connection(
        "store", provider="PostgreSQL", address="postgresql://x/y", environment="Test", actor="t"
    )
    return store


def service(
    store: FakeStore, target: FakeTarget, prepare: Callable[[], object] = lambda: None
) -> KpiService:
    return KpiService(
        store,
        Checks(Targets({}, lambda url, seconds: target), longest_seconds=60),
        KpiMonitoring(),
        worker_instance_id=lambda: "w",
        prepare=prepare,
    )


def add(store: FakeStore, *names: str) -> FakeTarget:
    for name in names:
        store.indicators.add(definition(name), actor="t")
    return FakeTarget({f"SELECT {name}": ONE for name in names})


def test_what_is_due_runs_once_and_is_due_again_at_its_next_slot(
    store: FakeStore, clock: FakeClock
) -> None:
    kpis = service(store, add(store, "a", "b"))
    assert kpis.run_due().summary() == {"Healthy": 2, "lost": 0, "not_stored": 0}
    assert kpis.run_due().summary() == {"lost": 0, "not_stored": 0}
    clock.move(seconds=31)
    assert kpis.run_due().verdicts["Healthy"] == 2


def test_a_slot_missed_during_downtime_runs_once(store: FakeStore, clock: FakeClock) -> None:
    kpis = service(store, add(store, "a"))
    kpis.run_due()
    clock.move(hours=5)
    kpis.run_due()
    kpis.run_due()
    results = store.indicators.all["a"].results
    assert len(results) == 2
    assert store.indicators.all["a"].next_due_at > clock.now


def test_next_slots_keep_their_phase(store: FakeStore, clock: FakeClock) -> None:
    kpis = service(store, add(store, "a"))
    first = clock.now
    clock.move(seconds=47)
    kpis.run_due()
    assert store.indicators.all["a"].next_due_at == first + timedelta(seconds=60)


def test_an_ncrontab_schedule_sets_the_next_slot(store: FakeStore, clock: FakeClock) -> None:
    target = add(store, "a")
    store.indicators.all["a"].definition = definition("a", schedule="0 30 * * * *")
    service(store, target).run_due()
    due = store.indicators.all["a"].next_due_at
    assert (due.minute, due.second) == (30, 0)


def test_a_schedule_that_is_none_waits_an_hour(store: FakeStore, clock: FakeClock) -> None:
    target = add(store, "a")
    store.indicators.all["a"].definition = definition("a", schedule="whenever")
    service(store, target).run_due()
    assert store.indicators.all["a"].next_due_at >= clock.now + timedelta(hours=1)


def test_no_more_run_at_once_than_the_store_says(store: FakeStore) -> None:
    names = [f"k{number}" for number in range(12)]
    target = add(store, *names)
    store.config.put(PARALLEL_KEY, "3", description="", actor="t")
    running, most, guard = 0, 0, threading.Lock()
    together = threading.Barrier(3)

    class CountingTarget(FakeTarget):
        def ask(
            self, sql: str, *, result_type: ResultType, timeout_seconds: int, keep: int
        ) -> Answer:
            nonlocal running, most
            with guard:
                running += 1
                most = max(most, running)
            together.wait(5)
            with guard:
                running -= 1
            return ONE

    assert service(store, CountingTarget(target.answers)).run_due().verdicts["Healthy"] == 12
    assert most == 3


def test_an_error_is_a_verdict_and_holds_up_nobody(store: FakeStore) -> None:
    target = add(store, "a", "b", "c")
    target.answers["SELECT a"] = StatementTimeout()
    target.answers["SELECT b"] = Unavailable()
    assert service(store, target).run_due().verdicts == {"Error": 2, "Healthy": 1}
    assert store.indicators.all["a"].results[0].error_type == "timeout"
    assert store.indicators.all["b"].results[0].error_type == "connection_lost"


def test_a_slot_that_someone_else_took_meanwhile_is_lost(
    store: FakeStore, clock: FakeClock
) -> None:
    target = add(store, "a")

    class StealingTarget(FakeTarget):
        def ask(
            self, sql: str, *, result_type: ResultType, timeout_seconds: int, keep: int
        ) -> Answer:
            store.indicators.all["a"].lease_id = "someone else"
            store.indicators.all["a"].next_due_at = clock.now + timedelta(seconds=30)
            return ONE

    assert service(store, StealingTarget(target.answers)).run_due().lost == 1
    assert store.indicators.all["a"].results == []


def test_what_cannot_be_stored_is_raised_after_the_round_and_keeps_its_slot(
    store: FakeStore,
) -> None:
    target = add(store, "a")
    due = store.indicators.all["a"].next_due_at

    class BreakingTarget(FakeTarget):
        def ask(
            self, sql: str, *, result_type: ResultType, timeout_seconds: int, keep: int
        ) -> Answer:
            store.fail_with = Unavailable()
            return ONE

    with pytest.raises(Unavailable):
        service(store, BreakingTarget(target.answers)).run_due()
    assert store.indicators.all["a"].next_due_at == due


def test_a_query_gets_no_more_time_than_the_setting_allows(store: FakeStore) -> None:
    target = add(store, "a")
    store.indicators.all["a"].definition = definition("a", timeout_seconds=600)
    service(store, target).run_due()
    assert target.asked == [("SELECT a", ResultType.SCALAR, 60)]


def test_preparing_happens_once_and_again_only_after_a_failure(store: FakeStore) -> None:
    tries: list[int] = []

    def prepare() -> None:
        tries.append(1)
        if len(tries) == 1:
            raise Unavailable

    kpis = service(store, add(store, "a"), prepare)
    with pytest.raises(Unavailable):
        kpis.run_due()
    kpis.run_due()
    kpis.run_due()
    assert len(tries) == 2


def test_a_run_by_hand_leaves_the_schedule_as_it_is(store: FakeStore) -> None:
    kpis = service(store, add(store, "a"))
    due = store.indicators.all["a"].next_due_at
    assert kpis.run_now("a").status == "Healthy"
    assert store.indicators.all["a"].next_due_at == due
    assert kpis.get("a").status == "Healthy"


def test_an_unknown_kpi_is_not_found(store: FakeStore) -> None:
    kpis = service(store, FakeTarget({}))
    for ask in (kpis.run_now, kpis.get):
        with pytest.raises(NotFound, match="no KPI nobody"):
            ask("nobody")
    with pytest.raises(NotFound):
        kpis.history("nobody", hours=None, before=None, limit=1)


def test_a_connection_without_its_setting_is_an_error_that_names_it(store: FakeStore) -> None:
    store.indicators.add_connection(
        "jobs", provider="PostgreSQL", address="setting:JOBS_URL", environment="T", actor="t"
    )
    store.indicators.add(definition("a", connection_name="jobs"), actor="t")
    result = service(store, FakeTarget({})).run_now("a")
    assert (result.error_type, result.message) == ("not_configured", "JOBS_URL is not set")
