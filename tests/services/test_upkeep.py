import pytest

from repositories.errors import Unavailable
from repositories.records.kpis import Definition, Result, Rule, Verdict
from repositories.records.processes import Figure, Worker
from services.settings import ScheduledTasks
from services.upkeep import RETENTION_KEY, UpkeepService
from tests.fakes import FakeClock, FakeStore

FIGURE = Figure(name="memory", value=1.0, unit="bytes")
WORKER = Worker(
    worker_instance_id="w",
    worker_name="watchkeeper",
    machine_name="here",
    process_id=1,
    version="0.1.0",
    environment="Test",
)
DEFINITION = Definition(
    name="one",
    description="",
    connection_name="store",
    query_type="Custom",
    sql="SELECT 1",
    timeout_seconds=5,
    schedule="30",
    priority=5,
    owner=None,
    rule=Rule(),
)


@pytest.fixture
def store() -> FakeStore:
    """A beat, a worker's figure and a run by hand on each of the last hundred days, and today's."""
    store = FakeStore(FakeClock())
    store.workers.register(WORKER)
    store.indicators.add_connection(
        "store", provider="PostgreSQL", address="setting:STORE_URL", environment="T", actor="t"
    )
    store.indicators.add(DEFINITION, actor="t")
    for _ in range(100):
        store.heartbeats.beat("librarian", status="running")
        store.workers.beat(WORKER.worker_instance_id, status="Running", figures=[FIGURE])
        check = store.indicators.find("one")
        assert check is not None
        result = Result(
            status=Verdict.HEALTHY,
            value=None,
            message="",
            error_type=None,
            duration_ms=1,
            executed_at=check.claimed_at,
        )
        store.results.add(check, result, worker_instance_id=None)
        store.clock.move(days=1)
    return store


def test_each_table_is_kept_as_long_as_its_setting_says(store: FakeStore) -> None:
    removed = UpkeepService(store, ScheduledTasks(), batch=7).clean_up()
    assert removed == {
        "database_monitoring_results": 10,
        "worker_jobs": 0,
        "worker_metrics": 70,
        "system_status_history": 40,
        "worker_instances": 0,
        "audit_log": 0,
    }


def test_the_stores_own_config_is_stronger_for_all_but_heartbeats(store: FakeStore) -> None:
    store.config.put(RETENTION_KEY, "10", description="", actor="t")
    removed = UpkeepService(store, ScheduledTasks()).clean_up()
    assert removed == {
        "database_monitoring_results": 90,
        "worker_jobs": 0,
        "worker_metrics": 90,
        "system_status_history": 40,
        "worker_instances": 0,
        "audit_log": 0,
    }


@pytest.mark.parametrize("nonsense", ["", "0", "-1", "soon", "1e3", "99999999", "²"])
def test_a_config_value_that_is_no_number_of_days_does_not_count(
    store: FakeStore, nonsense: str
) -> None:
    store.config.put(RETENTION_KEY, nonsense, description="", actor="t")
    assert UpkeepService(store, ScheduledTasks()).clean_up()["database_monitoring_results"] == 10


def test_a_second_run_removes_nothing(store: FakeStore) -> None:
    upkeep = UpkeepService(store, ScheduledTasks())
    upkeep.clean_up()
    assert sum(upkeep.clean_up().values()) == 0


def test_it_stops_when_its_time_is_over_and_goes_on_the_next_time(store: FakeStore) -> None:
    ticks = iter([0.0, *([1.0] * 3), *([1000.0] * 100)])
    upkeep = UpkeepService(store, ScheduledTasks(), batch=2, clock=lambda: next(ticks))
    assert upkeep.clean_up()["database_monitoring_results"] == 6
    assert UpkeepService(store, ScheduledTasks()).clean_up()["database_monitoring_results"] == 4


def test_chores_are_counted_and_one_that_cannot_be_done_is_put_off(store: FakeStore) -> None:
    def fail() -> int:
        raise Unavailable

    chores = {"away": fail, "rows": lambda: 3}
    removed = UpkeepService(store, ScheduledTasks(), chores=chores).clean_up()
    assert (removed["away"], removed["rows"]) == (0, 3)
    assert removed["worker_metrics"] == 70
