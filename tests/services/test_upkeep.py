import pytest

from repositories.errors import Unavailable
from repositories.records.executions import NewDeadLetter
from repositories.records.processes import Figure, Worker
from repositories.records.retries import AuditEntry
from repositories.records.rows import Json
from services.settings import ScheduledTasks
from services.upkeep import RETENTION_KEY, UpkeepService
from tests.definitions import check_of, define, keep
from tests.fake_clocks import FakeClock
from tests.fake_overviews import whole_hour
from tests.fakes import FakeStore

FIGURE = Figure(name="memory", value=1.0, unit="bytes")
WORKER = Worker(
    worker_instance_id="w",
    worker_name="watchkeeper",
    machine_name="here",
    process_id=1,
    version="0.1.0",
    environment="Test",
)
ENTRY = AuditEntry(actor="kim", action="kpi.changed", entity_type="kpi", entity_id="one")
LETTER = NewDeadLetter(
    job_id="kpi:one",
    fingerprint="ab12",
    event_data=Json("{}"),
    error="lost",
    error_type=None,
    metadata=Json("{}"),
)


@pytest.fixture
def store() -> FakeStore:
    """Of each of the last hundred days: a beat, a worker's figure, a run by hand that is rolled up,
    and a dead letter that was given up.
    """
    store = FakeStore(FakeClock())
    store.workers.register(WORKER)
    define(store)
    for _ in range(100):
        store.heartbeats.beat("librarian", status="running")
        store.workers.beat(WORKER.worker_instance_id, status="Running", figures=[FIGURE])
        keep(store, check_of(store))
        store.hours.roll_up(whole_hour(store.clock()))
        store.dead_letters.add([LETTER])
        store.dead_letters.discard_of(LETTER.job_id, metadata=Json("{}"))
        store.clock.move(days=1)
    return store


def test_each_table_is_kept_as_long_as_its_setting_says(store: FakeStore) -> None:
    removed = UpkeepService(store, ScheduledTasks(), batches=(7, 7)).clean_up()
    assert removed == {
        "database_monitoring_results": 10,
        "database_monitoring_hours": 10,
        "worker_jobs": 0,
        "worker_metrics": 70,
        "system_status_history": 40,
        "worker_instances": 0,
        "audit_log": 0,
        "dead_letter_queue": 70,
        "job_metrics": 0,
    }


def test_who_changed_what_is_kept_for_as_long_as_its_own_setting_says(store: FakeStore) -> None:
    store.config.put(RETENTION_KEY, "1", description="", actor="t")
    store.audit.add([ENTRY])
    store.clock.move(days=364)
    assert UpkeepService(store, ScheduledTasks()).clean_up()["audit_log"] == 0
    shorter = ScheduledTasks(auditretentiondays=363)
    assert UpkeepService(store, shorter).clean_up()["audit_log"] == 1


def test_the_stores_own_config_is_stronger_for_all_but_heartbeats(store: FakeStore) -> None:
    store.config.put(RETENTION_KEY, "10", description="", actor="t")
    removed = UpkeepService(store, ScheduledTasks()).clean_up()
    assert removed == {
        "database_monitoring_results": 90,
        "database_monitoring_hours": 90,
        "worker_jobs": 0,
        "worker_metrics": 90,
        "system_status_history": 40,
        "worker_instances": 0,
        "audit_log": 0,
        "dead_letter_queue": 90,
        "job_metrics": 0,
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
    batch = [1.0] * 3  # is there time left, and when did it begin and end
    ticks = iter([0.0, *batch, *batch, *batch, *([1000.0] * 100)])
    upkeep = UpkeepService(store, ScheduledTasks(), batches=(2, 2), clock=lambda: next(ticks))
    assert upkeep.clean_up()["database_monitoring_results"] == 6
    assert UpkeepService(store, ScheduledTasks()).clean_up()["database_monitoring_results"] == 4


def test_chores_are_counted_and_one_that_cannot_be_done_is_put_off(store: FakeStore) -> None:
    def fail() -> int:
        raise Unavailable

    chores = {"away": fail, "rows": lambda: 3}
    removed = UpkeepService(store, ScheduledTasks(), chores=chores).clean_up()
    assert (removed["away"], removed["rows"]) == (0, 3)
    assert removed["worker_metrics"] == 70
