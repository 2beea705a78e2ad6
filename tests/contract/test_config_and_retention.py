import pytest

from repositories.contracts.store import Store
from repositories.records.processes import JobRuns
from repositories.retention import TABLES
from tests.contract.conftest import Lab
from tests.contract.test_workers import FIGURES, ID, WORKER
from tests.definitions import check_of, define, keep


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
    define(lab.store)
    for days in (91, 0):
        keep(lab.store, check_of(lab.store))
        lab.let_time_pass(days=days)
    with lab.store.single() as work:
        assert work.retention.remove("database_monitoring_results", days=90, batch=10) == 1
        assert len(work.results.history("one", hours=None, before=None, limit=10)) == 1


def test_what_has_not_run_for_long_is_counted_no_longer(lab: Lab) -> None:
    with lab.store.single() as work:
        work.metrics.count([JobRuns.one("kpi:gone", succeeded=True, duration_ms=1)])
    lab.let_time_pass(days=91)
    with lab.store.single() as work:
        work.metrics.count([JobRuns.one("kpi:here", succeeded=True, duration_ms=1)])
        assert work.retention.remove("job_metrics", days=90, batch=10) == 1
        assert [one.job_id for one in work.metrics.totals()] == ["kpi:here"]


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
