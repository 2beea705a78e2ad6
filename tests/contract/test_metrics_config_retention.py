import pytest

from repositories.contracts import Store
from repositories.records import Json
from repositories.retention import KINDS
from tests.contract.conftest import Lab


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


@pytest.mark.parametrize("kind", KINDS)
def test_nothing_is_removed_where_nothing_is_old(store: Store, kind: str) -> None:
    with store.single() as work:
        assert work.retention.remove(kind, days=1, batch=10) == 0


def test_a_lock_is_held_by_one_at_a_time(lab: Lab) -> None:
    with lab.store.lock("timer:clean_up") as first:
        assert first
        with lab.store.lock("timer:clean_up") as second:
            assert not second
        with lab.store.lock("timer:other") as other:
            assert other
    with lab.store.lock("timer:clean_up") as again:
        assert again
