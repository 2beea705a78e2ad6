"""A round over all jobs, and one that has not time enough."""

from dataclasses import replace
from datetime import timedelta

from repositories.records.speeds import StoredBaseline
from services.metrics.baselines import LONGEST_SECONDS, BaselineService
from tests.definitions import KPI, check_of, define, result_of
from tests.fake_clocks import FakeClock
from tests.fakes import FakeStore

NAMES = [f"kpi{number}" for number in range(5)]


def store_with_kpis() -> FakeStore:
    """Five that ran twenty times each."""
    store = FakeStore(FakeClock())
    define(store, *(replace(KPI, name=name) for name in NAMES))
    for name in NAMES:
        check = check_of(store, name)
        store.results.add(
            [
                (check, result_of(check, checked_at=store.clock() + timedelta(seconds=number)))
                for number in range(20)
            ],
            worker_instance_id=None,
        )
    return store


def test_a_round_goes_over_everything_in_steps() -> None:
    store = store_with_kpis()
    done = BaselineService(store, batch=2, clock=lambda: 0).refresh()
    assert done == {"functions": 0, "kpis": 5, "forgotten": 0}
    assert store.metrics.baselines.keys() == {f"kpi:{name}" for name in NAMES}


def test_a_round_that_takes_too_long_is_gone_on_with_in_the_next() -> None:
    store = store_with_kpis()
    times = iter([0.0, LONGEST_SECONDS, 0.0, 1.0, 2.0, 3.0, 4.0])
    service = BaselineService(store, batch=2, clock=lambda: next(times))
    first = service.refresh()
    assert first["kpis"] == 2
    store.metrics.baselines.clear()
    assert service.refresh()["kpis"] == 3
    assert store.metrics.baselines.keys() == {f"kpi:{name}" for name in NAMES[2:]}


def test_what_has_not_run_for_a_week_is_forgotten() -> None:
    store = FakeStore(FakeClock())
    store.metrics.baselines["kpi:gone"] = StoredBaseline(
        mean_ms=1, p95_ms=1, sample_size=20, updated_at=store.clock() - timedelta(days=8)
    )
    assert BaselineService(store, clock=lambda: 0).refresh()["forgotten"] == 1
