import pytest

from services.settings import ScheduledTasks
from services.upkeep import RETENTION_KEY, UpkeepService
from tests.fakes import FakeStore


@pytest.fixture
def store() -> FakeStore:
    store = FakeStore()
    for kind in ("results", "worker_metrics", "status_history"):
        store.retention.ages[kind] = [float(age) for age in range(100)]
    return store


def test_each_kind_is_kept_as_long_as_its_setting_says(store: FakeStore) -> None:
    removed = UpkeepService(store, ScheduledTasks(), batch=7).clean_up()
    assert removed == {
        "results": 9,
        "worker_jobs": 0,
        "worker_metrics": 69,
        "status_history": 39,
        "worker_instances": 0,
    }


def test_the_stores_own_config_is_stronger(store: FakeStore) -> None:
    store.config.put(RETENTION_KEY, "10", description="", actor="t")
    removed = UpkeepService(store, ScheduledTasks()).clean_up()
    assert (removed["results"], removed["worker_metrics"], removed["status_history"]) == (
        89,
        89,
        39,
    )


@pytest.mark.parametrize("nonsense", ["", "0", "-1", "soon", "1e3", "99999999", "²"])
def test_a_config_value_that_is_no_number_of_days_does_not_count(
    store: FakeStore, nonsense: str
) -> None:
    store.config.put(RETENTION_KEY, nonsense, description="", actor="t")
    assert UpkeepService(store, ScheduledTasks()).clean_up()["results"] == 9


def test_a_second_run_removes_nothing(store: FakeStore) -> None:
    upkeep = UpkeepService(store, ScheduledTasks())
    upkeep.clean_up()
    assert sum(upkeep.clean_up().values()) == 0


def test_it_stops_when_its_time_is_over_and_goes_on_the_next_time(store: FakeStore) -> None:
    ticks = iter([0.0, *([1.0] * 3), *([1000.0] * 100)])
    upkeep = UpkeepService(store, ScheduledTasks(), batch=2, clock=lambda: next(ticks))
    assert upkeep.clean_up()["results"] == 6
    assert UpkeepService(store, ScheduledTasks()).clean_up()["results"] == 3
