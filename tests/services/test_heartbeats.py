"""A process proves that it is alive, under the id that the store knows it by."""

from repositories.errors import Unavailable
from services.heartbeats import HeartbeatService, describe_process
from tests.fake_clocks import FakeClock
from tests.fakes import FakeStore

WORKER = describe_process(version="0.1.0", environment="Test")
ITS_ID = WORKER.worker_instance_id


def test_a_process_registers_once_and_beats_each_time() -> None:
    store = FakeStore(FakeClock())
    heartbeats = HeartbeatService(store, WORKER, service="watchkeeper")
    for _ in range(2):
        heartbeats.beat()
    assert [*store.workers.all] == [ITS_ID]
    assert len(store.workers.figures) == 2 * 3
    assert heartbeats.worker_instance_id == ITS_ID


def test_a_process_that_the_store_knows_by_another_id_goes_by_that() -> None:
    store = FakeStore(FakeClock())
    store.workers.renames = {ITS_ID: "theirs"}
    heartbeats = HeartbeatService(store, WORKER, service="watchkeeper")
    for _ in range(2):
        heartbeats.beat()
    assert [*store.workers.all] == ["theirs"]
    assert {worker for worker, _, _ in store.workers.figures} == {"theirs"}
    assert heartbeats.worker_instance_id == "theirs"


def test_a_process_that_was_killed_is_retired_by_anothers_beat() -> None:
    store = FakeStore(FakeClock())
    killed = HeartbeatService(store, describe_process(version="0", environment="Test"), service="w")
    heartbeats = HeartbeatService(store, WORKER, service="watchkeeper")
    killed.beat()
    for _ in range(4):
        heartbeats.beat()
        store.clock.move(seconds=60)
    heartbeats.beat()
    assert {one: status for one, (_, _, status) in store.workers.all.items()} == {
        killed.worker_instance_id: "Stopped",
        ITS_ID: "Running",
    }
    killed.beat()
    assert store.workers.all[killed.worker_instance_id][2] == "Running"


def test_a_process_that_ends_says_so_if_it_can() -> None:
    store = FakeStore(FakeClock())
    heartbeats = HeartbeatService(store, WORKER, service="watchkeeper")
    heartbeats.stop()
    assert store.workers.all == {}
    heartbeats.beat()
    heartbeats.stop()
    assert store.workers.all[ITS_ID][2] == "Stopped"
    store.fail_with = Unavailable()
    heartbeats.stop()


def test_a_process_whose_row_is_gone_registers_again() -> None:
    store = FakeStore(FakeClock())
    heartbeats = HeartbeatService(store, WORKER, service="watchkeeper")
    heartbeats.beat()
    store.workers.all.clear()
    heartbeats.beat()
    assert [*store.workers.all] == [ITS_ID]
