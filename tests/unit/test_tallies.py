"""What a process counts by itself, between two times that it tells the store."""

import threading

import pytest

from services.metrics.tallies import OLD_SECONDS, SAMPLES, SAMPLING_SECONDS, Tally

JOB = "http:list_jobs"


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def tally(clock: Clock) -> Tally:
    return Tally(clock)


def test_executions_are_added_up_with_how_long_ago_they_were(tally: Tally, clock: Clock) -> None:
    tally.note(JOB, succeeded=True, duration_ms=3)
    clock.now += 2
    tally.note(JOB, succeeded=False, duration_ms=7)
    clock.now += 1
    (runs,) = tally.runs(tally.take().counts)
    assert (runs.job_id, runs.successes, runs.failures) == (JOB, 1, 1)
    assert (runs.total_duration_ms, runs.min_duration_ms, runs.max_duration_ms) == (10, 3, 7)
    assert (runs.success_age_seconds, runs.failure_age_seconds) == (3, 1)


def test_what_was_taken_is_gone(tally: Tally) -> None:
    tally.note(JOB, succeeded=True, duration_ms=3)
    assert tally.take().counts.keys() == {JOB}
    taken = tally.take()
    assert (taken.counts, taken.slowest) == ({}, {})


def test_what_was_put_back_is_counted_with_what_came_meanwhile(tally: Tally, clock: Clock) -> None:
    tally.note(JOB, succeeded=True, duration_ms=3)
    taken = tally.take()
    clock.now += 5
    tally.note(JOB, succeeded=False, duration_ms=9)
    tally.put_back(taken)
    (runs,) = tally.runs(tally.take().counts)
    assert (runs.successes, runs.failures, runs.total_duration_ms) == (1, 1, 12)
    assert (runs.success_age_seconds, runs.failure_age_seconds) == (5, 0)


def test_speeds_that_were_put_back_are_told_the_next_time(tally: Tally, clock: Clock) -> None:
    clock.now += SAMPLING_SECONDS
    tally.note(JOB, succeeded=True, duration_ms=9)
    taken = tally.take()
    tally.note(JOB, succeeded=True, duration_ms=3)
    tally.put_back(taken)
    again = tally.take()
    assert again.slowest == {JOB: 9}
    assert sorted(again.samples[JOB]) == [3, 9]


def test_the_slowest_that_shows_the_speed_is_remembered(tally: Tally) -> None:
    tally.note(JOB, succeeded=True, duration_ms=5)
    tally.note(JOB, succeeded=True, duration_ms=900, is_typical=False)
    tally.watch("timer:heartbeat", 8)
    taken = tally.take()
    assert taken.slowest == {JOB: 5, "timer:heartbeat": 8}
    assert taken.counts.keys() == {JOB}


def test_samples_are_few_and_due_every_five_minutes(tally: Tally, clock: Clock) -> None:
    for number in range(1000):
        tally.note(JOB, succeeded=True, duration_ms=number)
    assert tally.take().samples == {}
    clock.now += SAMPLING_SECONDS
    samples = tally.take().samples[JOB]
    assert len(set(samples)) == SAMPLES
    assert set(samples) <= set(range(1000))
    assert tally.take().samples == {}


def test_every_execution_is_as_likely_to_be_sampled(clock: Clock) -> None:
    """The mean of what is kept is that of all; 50 times 20 of 0..199 have a deviation of 1.8."""
    kept: list[float] = []
    for _ in range(50):
        tally = Tally(clock)
        for number in range(200):
            tally.watch(JOB, number)
        clock.now += SAMPLING_SECONDS
        kept += tally.take().samples[JOB]
    assert sum(kept) / len(kept) == pytest.approx(99.5, abs=12)


def test_whoever_finds_old_counts_has_them_reported_once(tally: Tally, clock: Clock) -> None:
    reports: list[float] = []
    tally.report_to(lambda: reports.append(clock.now))
    tally.note(JOB, succeeded=True, duration_ms=1)
    clock.now += OLD_SECONDS
    tally.note(JOB, succeeded=True, duration_ms=1, may_report=False)
    assert reports == []
    for _ in range(3):
        tally.note(JOB, succeeded=True, duration_ms=1)
    assert reports == [clock.now]
    clock.now += OLD_SECONDS - 1
    tally.take()
    clock.now += 1
    tally.note(JOB, succeeded=True, duration_ms=1)
    assert len(reports) == 1


def test_threads_that_note_while_others_take_lose_nothing(tally: Tally) -> None:
    total = 0
    stop = threading.Event()

    def note() -> None:
        for _ in range(5000):
            tally.note(JOB, succeeded=True, duration_ms=1)

    threads = [threading.Thread(target=note) for _ in range(4)]

    def take() -> None:
        nonlocal total
        while not stop.is_set():
            total += sum(one.successes for one in tally.take().counts.values())

    taker = threading.Thread(target=take)
    taker.start()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    stop.set()
    taker.join()
    total += sum(one.successes for one in tally.take().counts.values())
    assert total == 20_000
