from repositories.contracts.store import Store
from repositories.records.overviews import WorkerOverview
from repositories.records.processes import Figure, Worker
from tests.contract.conftest import Lab

ID = "0b1f8f2e-6a55-4a53-9c6d-111111111111"
WORKER = Worker(
    worker_instance_id=ID,
    worker_name="watchkeeper",
    machine_name="here",
    process_id=4711,
    version="0.1.0",
    environment="Test",
)
FIGURES = [Figure(name="memory", value=1.5e8, unit="bytes")]


def test_nobody_beats_who_is_not_registered(store: Store) -> None:
    with store.single() as work:
        assert not work.workers.beat(ID, status="Running", figures=FIGURES)


def test_a_registered_worker_beats(store: Store) -> None:
    with store.single() as work:
        known = work.workers.register(WORKER)
        assert work.workers.beat(known, status="Running", figures=FIGURES)


def test_registering_twice_is_the_same_as_once(store: Store) -> None:
    with store.single() as work:
        assert [work.workers.register(WORKER) for _ in range(2)] == [ID, ID]


def test_a_silent_worker_is_retired_once(lab: Lab) -> None:
    with lab.store.single() as work:
        work.workers.register(WORKER)
        assert work.workers.retire(silent_seconds=900) == 0
    lab.let_time_pass(seconds=901)
    with lab.store.single() as work:
        assert work.workers.retire(silent_seconds=900) == 1
        assert work.workers.retire(silent_seconds=900) == 0


def shown(lab: Lab) -> WorkerOverview:
    with lab.store.read() as work:
        (worker,) = work.overviews.workers(limit=9)
    return worker


def test_a_worker_that_only_slept_runs_again_with_its_next_beat(lab: Lab) -> None:
    with lab.store.single() as work:
        work.workers.register(WORKER)
    lab.let_time_pass(seconds=901)
    with lab.store.single() as work:
        work.workers.retire(silent_seconds=900)
        assert (shown(lab).status, shown(lab).state) == ("Stopped", "down")
        work.workers.beat(ID, status="Running", figures=FIGURES)
    assert (shown(lab).status, shown(lab).state) == ("Running", "healthy")


def test_a_worker_that_says_that_it_ends_is_down_at_once(lab: Lab) -> None:
    with lab.store.single() as work:
        work.workers.register(WORKER)
        work.workers.beat(ID, status="Stopped", figures=())
    assert (shown(lab).status, shown(lab).state) == ("Stopped", "down")
