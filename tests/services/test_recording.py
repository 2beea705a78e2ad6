"""What a process has counted reaches the store, once, and says what was far from normal."""

import logging
import threading

import pytest

from repositories.errors import Unavailable
from repositories.records.speeds import StoredBaseline
from services.heartbeats import HeartbeatService, describe_process
from services.metrics.recording import Recorder
from services.metrics.tallies import OLD_SECONDS, SAMPLING_SECONDS, Tally
from tests.fake_clocks import FakeClock
from tests.fakes import FakeStore

JOB = "http:list_jobs"


class Process:
    """A process that has registered, on a store of its own."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.store = FakeStore(self.clock)
        worker = describe_process(version="0.1.0", environment="Test")
        self.heartbeats = HeartbeatService(self.store, worker, service="watchkeeper")
        self.heartbeats.beat()
        self.tally = Tally(lambda: self.clock.now.timestamp())
        self.recorder = Recorder(
            self.store,
            self.tally,
            worker_instance_id=lambda: self.heartbeats.worker_instance_id,
        )

    def serve(self, times: int = 1, *, ms: float = 5) -> None:
        for _ in range(times):
            self.tally.note(JOB, succeeded=True, duration_ms=ms)

    def knows_normal(self, mean_ms: float, p95_ms: float) -> None:
        self.store.metrics.baselines[JOB] = StoredBaseline(
            mean_ms=mean_ms, p95_ms=p95_ms, sample_size=20, updated_at=self.clock.now
        )


@pytest.fixture
def process() -> Process:
    return Process()


def executions(process: Process) -> int:
    return sum(one.total_executions for one in process.store.metrics.totals())


def test_counts_reach_the_store_once(process: Process) -> None:
    process.serve(3)
    process.recorder.flush()
    process.recorder.flush()
    assert executions(process) == 3


def test_a_store_that_is_away_gets_them_the_next_time(
    process: Process, caplog: pytest.LogCaptureFixture
) -> None:
    process.serve(3)
    process.store.fail_with = Unavailable()
    process.recorder.flush()
    assert "executions not counted yet" in caplog.text
    process.serve(2)
    process.store.fail_with = None
    process.recorder.flush()
    assert executions(process) == 5


def test_speeds_that_could_not_be_stored_are_told_with_their_counts_the_next_time(
    process: Process, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The store goes away between the two."""
    process.knows_normal(20, 40)
    process.clock.move(seconds=SAMPLING_SECONDS)
    process.serve(ms=900)
    with monkeypatch.context() as patch:
        patch.setattr(process.store.metrics, "count", lambda runs: None)  # as if rolled back
        patch.setattr(process.store.metrics, "add_samples", away)
        process.recorder.flush()
    process.recorder.flush()
    assert executions(process) == 1
    assert [one.duration_ms for one in process.store.metrics.samples] == [900]
    assert process.store.metrics.regressions.keys() == {JOB}


def test_samples_become_figures_of_the_process_every_five_minutes(process: Process) -> None:
    process.serve(30, ms=7)
    process.tally.watch("timer:heartbeat", 3)
    process.recorder.flush()
    assert process.store.metrics.samples == []
    process.clock.move(seconds=SAMPLING_SECONDS)
    process.recorder.flush()
    samples = process.store.metrics.samples
    assert len(samples) == 21
    assert {one.duration_ms for one in samples if one.job_id == JOB} == {7}
    assert {one.worker_instance_id for one in samples} == {process.heartbeats.worker_instance_id}


def test_a_slow_execution_is_noted_and_logged_once_in_five_minutes(
    process: Process, caplog: pytest.LogCaptureFixture
) -> None:
    process.knows_normal(20, 40)
    process.serve(ms=25)
    process.recorder.flush()
    assert process.store.metrics.regressions == {}
    for _ in range(2):
        process.serve(ms=900)
        process.recorder.flush()
    noted = process.store.metrics.regressions[JOB]
    assert noted.duration_ms == 900
    assert [record.getMessage() for record in caplog.records] == ["job far slower than normal"]


def test_executions_are_far_faster_than_normal_where_all_of_them_are(process: Process) -> None:
    process.knows_normal(100, 120)
    process.serve(5, ms=0.5)
    process.serve(ms=90)
    process.recorder.flush()
    assert process.store.metrics.regressions == {}
    process.serve(5, ms=0.5)
    process.recorder.flush()
    noted = process.store.metrics.regressions[JOB]
    assert noted.regression == "faster"


def test_what_the_background_finds_is_logged_by_who_flushes_next(
    process: Process, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    process.knows_normal(20, 40)
    process.serve(ms=900)
    process.recorder.flush_soon()
    wait_for_background()
    assert executions(process) == 1
    assert caplog.records == []
    process.recorder.flush()
    assert [record.getMessage() for record in caplog.records] == ["job far slower than normal"]


def test_a_request_that_finds_old_counts_has_them_stored_behind_its_back(process: Process) -> None:
    process.tally.report_to(process.recorder.flush_soon)
    process.serve(2)
    process.clock.move(seconds=OLD_SECONDS)
    process.serve()
    wait_for_background()
    assert executions(process) == 3


def test_the_background_keeps_what_a_store_that_is_away_could_not_take(process: Process) -> None:
    process.store.fail_with = Unavailable()
    process.serve(2)
    process.recorder.flush_soon()
    wait_for_background()
    process.store.fail_with = None
    process.recorder.flush_soon()
    wait_for_background()
    assert executions(process) == 2


def away(*_: object, **__: object) -> None:
    raise Unavailable


def wait_for_background() -> None:
    for thread in threading.enumerate():
        if thread.name == "recorder":
            thread.join(10)
