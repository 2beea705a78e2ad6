import pytest

from repositories.contracts.store import Store
from repositories.records.rows import Json
from repositories.retention import TABLES
from tests.contract.conftest import Lab
from tests.contract.test_indicators import DEFINITION, add, result_of
from tests.contract.test_workers import FIGURES, ID, WORKER


def test_executions_add_up(store: Store) -> None:
    with store.single() as work:
        for milliseconds, succeeded in ((30.0, True), (10.0, False), (20.0, True)):
            work.metrics.count(
                "timer:x", succeeded=succeeded, duration_ms=milliseconds, metadata=Json("{}")
            )
    with store.read() as work:
        (metric,) = work.metrics.totals()
    assert (metric.total_executions, metric.success_count, metric.failure_count) == (3, 2, 1)
    assert (metric.total_duration_ms, metric.min_duration_ms, metric.max_duration_ms) == (
        60,
        10,
        30,
    )
    assert metric.last_execution_at is not None
    assert metric.last_failure_at is not None
    assert metric.last_success_at is not None
    assert metric.last_failure_at < metric.last_success_at <= metric.last_execution_at


def test_the_last_success_is_when_the_last_execution_was_one(store: Store) -> None:
    with store.single() as work:
        work.metrics.count("timer:x", succeeded=True, duration_ms=1, metadata=Json("{}"))
        (metric,) = work.metrics.totals()
        assert metric.last_success_at == metric.last_execution_at
        work.metrics.count("timer:x", succeeded=False, duration_ms=1, metadata=Json("{}"))
        (metric,) = work.metrics.totals()
        assert metric.last_failure_at == metric.last_execution_at
        assert metric.last_success_at != metric.last_execution_at


def test_config_is_found_as_it_was_put(store: Store) -> None:
    with store.work() as work:
        assert work.config.find("A.Key") is None
        work.config.put("A.Key", "1", description="a key", actor="test")
        work.config.put("A.Key", "2", description="a key", actor="test")
        assert work.config.find("A.Key") == "2"


def test_what_is_not_set_in_config_leaves_the_settings_in_force(store: Store) -> None:
    with store.read() as work:
        assert work.config.find("MonitoringWorker.RetentionDays") is None


@pytest.mark.parametrize("table", TABLES)
def test_nothing_is_removed_where_nothing_is_old(store: Store, table: str) -> None:
    with store.single() as work:
        assert work.retention.remove(table, days=1, batch=10) == 0


def test_old_heartbeats_are_removed_a_batch_at_a_time_and_new_ones_stay(lab: Lab) -> None:
    with lab.store.single() as work:
        for _ in range(3):
            work.heartbeats.beat("librarian", status="running")
    lab.let_time_pass(days=61)
    with lab.store.single() as work:
        work.heartbeats.beat("librarian", status="running")
        removed = [
            work.retention.remove("system_status_history", days=60, batch=2) for _ in range(3)
        ]
        assert removed == [2, 1, 0]
        (service,) = work.heartbeats.services(after=None, limit=2)
        assert service.service == "librarian"


def test_old_results_are_removed_and_new_ones_stay(lab: Lab) -> None:
    add(lab.store, DEFINITION)
    for days in (91, 0):
        with lab.store.work() as work:
            check = work.indicators.find("one")
            assert check is not None
            work.results.add(check, result_of(check), worker_instance_id=None)
        lab.let_time_pass(days=days)
    with lab.store.single() as work:
        assert work.retention.remove("database_monitoring_results", days=90, batch=10) == 1
        assert len(work.results.history("one", hours=None, before=None, limit=10)) == 1


def test_a_worker_goes_after_it_was_retired_and_its_figures_are_gone(lab: Lab) -> None:
    with lab.store.single() as work:
        work.workers.register(WORKER)
        work.workers.beat(ID, status="Running", figures=FIGURES)
    lab.let_time_pass(days=31)
    with lab.store.single() as work:

        def remove(table: str) -> int:
            return work.retention.remove(table, days=30, batch=10)

        assert remove("worker_instances") == 0
        work.workers.retire(silent_seconds=900)
        assert remove("worker_instances") == 0
        assert remove("worker_metrics") == len(FIGURES)
        assert remove("worker_instances") == 1


def test_a_lock_is_held_by_one_at_a_time(lab: Lab) -> None:
    with lab.store.lock("timer:clean_up") as first:
        assert first
        with lab.store.lock("timer:clean_up") as second:
            assert not second
        with lab.store.lock("timer:other") as other:
            assert other
    with lab.store.lock("timer:clean_up") as again:
        assert again
