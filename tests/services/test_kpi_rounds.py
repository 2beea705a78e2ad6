"""Rounds of due KPIs, on the fakes: who runs, how many at once, and what becomes of a slot."""

import threading
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from repositories.contracts.databases import Answer
from repositories.errors import BadStatement, Conflict, StatementTimeout, Unavailable
from repositories.records.definitions import ConnectionDefinition, KpiDefinition, QueryDefinition
from repositories.records.executions import Execution, JobStatus, NewJob, WorkerJob
from repositories.records.kpis import HistoryRule, ResultType, StoredResult
from services import patience
from services.checks import Checks
from services.errors import NotFound
from services.judging.judge import Judge
from services.kpis import PARALLEL_KEY, KpiService
from services.rounds import kpi_round, lanes
from services.rounds.claims import SKIPPED, SWITCHED_OFF
from services.rounds.overtaking import OVERTAKEN
from services.settings import KpiMonitoring
from services.targets import Targets
from tests.fake_clocks import FakeClock
from tests.fake_secrets import addresses_of
from tests.fakes import FakeStore, FakeTarget
from tests.hosts import wait_until

ONE = Answer(["n"], [[1]], 1)


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def store(clock: FakeClock) -> FakeStore:
    store = FakeStore(clock)
    add_connection(store, "store", "postgresql://x/y")
    return store


def add_connection(store: FakeStore, name: str, address: str, **changes: object) -> None:
    definition = ConnectionDefinition(
        name=name, provider="PostgreSQL", environment="Test", address=address
    )
    assert store.connections.add(replace(definition, **changes), actor="t")  # type: ignore[arg-type]


def service(
    store: FakeStore,
    target: FakeTarget,
    prepare: Callable[[], object] = lambda: None,
    **settings: object,
) -> KpiService:
    return KpiService(
        store,
        Checks(
            Targets(addresses_of(), lambda *_, **__: target),
            Judge(store.read),
            longest_seconds=60,
        ),
        KpiMonitoring.model_validate(settings),
        worker_instance_id=lambda: "w",
        prepare=prepare,
    )


def add(store: FakeStore, *names: str, timeout_seconds: int = 5, **changes: object) -> FakeTarget:
    for name in names:
        query = QueryDefinition(name=name, sql=f"SELECT {name}", timeout_seconds=timeout_seconds)
        assert store.queries.add(query, actor="t")
        kpi = KpiDefinition(name=name, connection="store", query=name, schedule="30")
        assert store.indicators.add(replace(kpi, **changes), actor="t")  # type: ignore[arg-type]
    return FakeTarget({f"SELECT {name}": ONE for name in names})


def results(store: FakeStore, name: str) -> list[StoredResult]:
    return store.kpis.indicators[name].results


def jobs(store: FakeStore, name: str) -> list[WorkerJob]:
    return [job.row for job in store.kpis.jobs.values() if job.row.job_name == name]


def next_due(store: FakeStore, name: str) -> datetime:
    return store.kpis.indicators[name].next_due_at


def test_what_is_due_runs_once_and_is_due_again_at_its_next_slot(
    store: FakeStore, clock: FakeClock
) -> None:
    kpis = service(store, add(store, "a", "b"))
    assert kpis.run_due().verdicts == {"Healthy": 2}
    assert kpis.run_due().verdicts == {}
    clock.move(seconds=31)
    assert kpis.run_due().verdicts == {"Healthy": 2}


def test_every_execution_is_a_worker_job(store: FakeStore, clock: FakeClock) -> None:
    slot = clock.now
    service(store, add(store, "a")).run_due()
    (job,) = jobs(store, "a")
    assert (job.status, job.result_status, job.slot_at) == ("Completed", "Healthy", slot)
    assert (job.worker_instance_id, job.attempts) == ("w", 1)
    assert store.metrics.all["kpi:a"].total_executions == 1


@pytest.mark.parametrize(
    ("answer", "failures"), [(ONE, 0), (Answer(["n"], [[None]], 1), 1), (BadStatement("no"), 1)]
)
def test_an_execution_that_ends_in_error_is_counted_as_a_failure(
    store: FakeStore, answer: Answer | Exception, failures: int
) -> None:
    """Whether it could not be run, or came to nothing that can be judged."""
    target = add(store, "a", history=HistoryRule(max_consecutive=3))
    target.answers["SELECT a"] = answer
    service(store, target).run_due()
    assert store.metrics.all["kpi:a"].failure_count == failures


def test_a_slot_missed_during_downtime_runs_once(store: FakeStore, clock: FakeClock) -> None:
    kpis = service(store, add(store, "a"))
    kpis.run_due()
    clock.move(hours=5)
    kpis.run_due()
    kpis.run_due()
    assert len(results(store, "a")) == 2
    assert next_due(store, "a") > clock.now


def test_next_slots_keep_their_phase(store: FakeStore, clock: FakeClock) -> None:
    kpis = service(store, add(store, "a"))
    first = clock.now
    clock.move(seconds=47)
    kpis.run_due()
    assert next_due(store, "a") == first + timedelta(seconds=60)


def test_an_ncrontab_schedule_sets_the_next_slot(store: FakeStore) -> None:
    service(store, add(store, "a", schedule="0 30 * * * *")).run_due()
    due = next_due(store, "a")
    assert (due.minute, due.second) == (30, 0)


def test_kpis_of_one_schedule_are_spread_by_their_jitter(
    store: FakeStore, clock: FakeClock
) -> None:
    names = [f"k{number}" for number in range(50)]
    kpis = service(store, add(store, *names, schedule="0 30 * * * *", jitter_seconds=600))
    kpis.run_due()
    slots = {name: next_due(store, name) for name in names}
    late = [slot - slot.replace(minute=30, second=0, microsecond=0) for slot in slots.values()]
    assert len(set(late)) > 40
    assert all(timedelta() <= one <= timedelta(minutes=10) for one in late)
    clock.move(hours=1)
    kpis.run_due()
    assert {name: next_due(store, name) - slots[name] for name in names} == dict.fromkeys(
        names, timedelta(hours=1)
    )


def test_a_schedule_that_is_none_waits_an_hour(store: FakeStore, clock: FakeClock) -> None:
    service(store, add(store, "a", schedule="whenever")).run_due()
    assert next_due(store, "a") >= clock.now + timedelta(hours=1)


def test_a_kpi_whose_definition_has_an_unknown_word_is_an_error_of_its_own(
    store: FakeStore, clock: FakeClock
) -> None:
    target = add(store, "good")
    add(store, "bad", history=HistoryRule(compare_to="PREVIOUS"))  # type: ignore[arg-type]
    assert service(store, target).run_due().verdicts == {"Error": 1, "Healthy": 1}
    (result,) = results(store, "bad")
    assert result.error_type == "not_configured"
    assert result.message.startswith("compare_to is PREVIOUS, which is none of previous, ")
    assert next_due(store, "bad") > clock.now
    assert len(target.asked) == 1


def test_no_more_run_at_once_than_the_store_says(store: FakeStore) -> None:
    names = [f"k{number}" for number in range(12)]
    target = add(store, *names)
    store.config.put(PARALLEL_KEY, "3", description="", actor="t")
    running, most, guard = 0, 0, threading.Lock()
    together = threading.Barrier(3)

    class CountingTarget(FakeTarget):
        def ask(
            self, sql: str, *, result_type: ResultType, timeout_seconds: int, keep: int
        ) -> Answer:
            nonlocal running, most
            with guard:
                running += 1
                most = max(most, running)
            together.wait(5)
            with guard:
                running -= 1
            return ONE

    assert service(store, CountingTarget(target.answers)).run_due().verdicts["Healthy"] == 12
    assert most == 3


def test_a_kpi_that_outlives_its_round_holds_up_no_other_and_is_stored_when_it_ends(
    store: FakeStore, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kpi_round, "CLAIMING_SECONDS", 1.0)
    add_connection(store, "far", "postgresql://x/y", max_parallel=1)
    add(store, "slow", "behind", connection="far")
    add(store, "quick", schedule="1")
    begun, may_end = threading.Event(), threading.Event()

    class SlowTarget(FakeTarget):
        def ask(
            self, sql: str, *, result_type: ResultType, timeout_seconds: int, keep: int
        ) -> Answer:
            if sql == "SELECT slow" and not begun.is_set():
                begun.set()
                may_end.wait(30)
            return ONE

    kpis = service(store, SlowTarget({}))
    try:
        first = kpis.run_due()
        assert (first.left_running, first.given_back) == (1, 1)
        clock.move(seconds=1)
        second = kpis.run_due()
        assert (second.verdicts["Healthy"], second.left_running) == (1, 1)
        assert results(store, "slow") == results(store, "behind") == []
    finally:
        may_end.set()
    wait_until(lambda: len(results(store, "slow")) == 1)
    assert kpis.run_due().left_running == 0
    assert len(results(store, "behind")) == 1


def test_what_ends_after_its_round_and_cannot_be_stored_is_logged(
    store: FakeStore, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(kpi_round, "CLAIMING_SECONDS", 1.0)
    monkeypatch.setattr(patience, "LONGEST_AWAY_SECONDS", 0.0)
    add(store, "slow")
    may_end = threading.Event()

    class SlowTarget(FakeTarget):
        def ask(
            self, sql: str, *, result_type: ResultType, timeout_seconds: int, keep: int
        ) -> Answer:
            may_end.wait(30)
            store.fail_with = Unavailable()
            return ONE

    try:
        assert service(store, SlowTarget({})).run_due().left_running == 1
    finally:
        may_end.set()
    wait_until(lambda: "results not stored" in caplog.text)


def test_an_error_is_a_verdict_and_holds_up_nobody(store: FakeStore) -> None:
    target = add(store, "a", "b", "c")
    target.answers["SELECT a"] = StatementTimeout()
    target.answers["SELECT b"] = Unavailable()
    assert service(store, target).run_due().verdicts == {"Error": 2, "Healthy": 1}
    assert results(store, "a")[0].error_type == "timeout"
    assert results(store, "b")[0].error_type == "connection_lost"
    assert jobs(store, "a")[0].status == "Failed"


def test_what_may_pass_is_tried_again_before_it_has_a_result(
    store: FakeStore, clock: FakeClock
) -> None:
    target = add(store, "a", max_retries=2, schedule="3600")
    target.answers["SELECT a"] = Unavailable()
    kpis = service(store, target)
    assert kpis.run_due().retried == 1
    assert results(store, "a") == []
    (job,) = jobs(store, "a")
    assert (job.status, job.retry_count) == ("Queued", 1)
    assert job.next_retry_at is not None
    assert kpis.run_due().retried == 0
    clock.move(seconds=11)
    target.answers["SELECT a"] = ONE
    assert kpis.run_due().verdicts == {"Healthy": 1}
    (job,) = jobs(store, "a")
    assert (job.status, job.retry_count, job.attempts) == ("Completed", 1, 2)
    assert [one.slot_at for one in results(store, "a")] == [job.slot_at]


def test_what_fails_for_good_is_a_dead_letter_once_its_tries_are_over(
    store: FakeStore, clock: FakeClock
) -> None:
    target = add(store, "a", max_retries=1, schedule="3600")
    target.answers["SELECT a"] = Unavailable()
    kpis = service(store, target)
    kpis.run_due()
    assert store.dead_letters.depth() == {}
    clock.move(seconds=11)
    assert kpis.run_due().verdicts == {"Error": 1}
    assert store.dead_letters.depth() == {"PENDING": 1}
    assert jobs(store, "a")[0].status == "Failed"


def test_a_try_that_waits_when_the_next_slot_comes_ends_as_it_failed_and_the_slot_runs(
    store: FakeStore, clock: FakeClock
) -> None:
    slot = clock.now
    target = add(store, "a", max_retries=20, schedule="10")
    target.answers["SELECT a"] = Unavailable()
    kpis = service(store, target)
    assert kpis.run_due().retried == 1
    target.answers["SELECT a"] = ONE
    clock.move(seconds=10)
    assert kpis.run_due().summary()["skipped"] == 0
    first, second = jobs(store, "a")
    assert (first.status, first.result_message) == ("Failed", OVERTAKEN)
    assert (second.status, second.slot_at) == ("Completed", slot + timedelta(seconds=10))
    failed, well = results(store, "a")
    assert (failed.status, failed.error_type, failed.slot_at) == ("Error", "connection_lost", slot)
    assert failed.checked_at < well.checked_at
    assert well.status == "Healthy"
    assert store.dead_letters.depth() == {"PENDING": 1}
    assert store.metrics.all["kpi:a"].total_executions == 2


def test_a_try_that_ends_for_its_next_slot_counts_in_a_row_like_any_other(
    store: FakeStore, clock: FakeClock
) -> None:
    in_a_row = HistoryRule(max_consecutive=2)
    target = add(store, "a", max_retries=20, schedule="10", history=in_a_row)
    target.answers["SELECT a"] = Unavailable()
    kpis = service(store, target)
    for _ in range(3):
        kpis.run_due()
        clock.move(seconds=10)
    assert [(one.status, one.raw_status) for one in results(store, "a")] == [
        ("Healthy", "Error"),
        ("Error", "Error"),
    ]


def test_however_often_a_kpi_may_be_tried_it_shows_by_its_next_slot_that_it_fails(
    store: FakeStore, clock: FakeClock
) -> None:
    target = add(store, "a", max_retries=20)
    target.answers["SELECT a"] = Unavailable()
    kpis = service(store, target)
    skipped = 0
    for _ in range(4):
        skipped += kpis.run_due().skipped
        clock.move(seconds=10)
    assert results(store, "a")[0].status == "Error"
    assert skipped == 0


def test_slots_of_what_is_switched_off_leave_a_try_that_waits_as_it_is(
    store: FakeStore, clock: FakeClock
) -> None:
    target = add(store, "a", max_retries=20, schedule="10")
    target.answers["SELECT a"] = Unavailable()
    kpis = service(store, target)
    kpis.run_due()
    switch_off(store, "kpi")
    clock.move(seconds=10)
    kpis.run_due()
    assert results(store, "a") == []
    assert jobs(store, "a")[0].result_message == SWITCHED_OFF


def test_another_try_of_a_dead_letter_keeps_no_slot_from_running(
    store: FakeStore, clock: FakeClock
) -> None:
    target = add(store, "a", max_retries=20)
    target.answers["SELECT a"] = Unavailable()
    kpis = service(store, target)
    check = store.indicators.check("a")
    assert check is not None
    letter = NewJob(job_id="again", check=check, status=JobStatus.QUEUED, dead_letter_id="x")
    store.executions.add([letter], worker_instance_id=None)
    store.kpis.indicators["a"].next_due_at = clock.now + timedelta(seconds=30)
    kpis.run_due()
    assert store.kpis.jobs["again"].row.status == "Queued"
    clock.move(seconds=30)
    kpis.run_due()
    assert [job.status for job in jobs(store, "a") if job.slot_at] == ["Queued"]


def test_the_same_failure_of_a_kpi_waits_once(store: FakeStore, clock: FakeClock) -> None:
    target = add(store, "a")
    target.answers["SELECT a"] = BadStatement()
    kpis = service(store, target)
    for _ in range(3):
        kpis.run_due()
        clock.move(seconds=31)
    (letter,) = store.dead_letters.list(limit=5)
    assert (letter.job_id, letter.occurrences) == ("kpi:a", 3)


def test_a_kpi_that_still_runs_is_skipped_and_said_to_be(
    store: FakeStore, clock: FakeClock
) -> None:
    target = add(store, "a")
    kpis = service(store, target)

    class SlowTarget(FakeTarget):
        def ask(
            self, sql: str, *, result_type: ResultType, timeout_seconds: int, keep: int
        ) -> Answer:
            clock.move(seconds=31)
            skipped.append(kpis.run_due().skipped)
            return ONE

    skipped: list[int] = []
    assert service(store, SlowTarget(target.answers)).run_due().verdicts == {"Healthy": 1}
    assert skipped == [1]
    by_status = {job.status: job for job in jobs(store, "a")}
    assert by_status[JobStatus.CANCELLED].result_message == SKIPPED
    assert len(results(store, "a")) == 1


def test_a_kpi_that_still_runs_runs_again_where_that_is_wanted(
    store: FakeStore, clock: FakeClock
) -> None:
    target = add(store, "a")
    kpis = service(store, target, skiprunningkpis=False)

    class SlowTarget(FakeTarget):
        def ask(
            self, sql: str, *, result_type: ResultType, timeout_seconds: int, keep: int
        ) -> Answer:
            clock.move(seconds=31)
            beside.append(kpis.run_due().verdicts["Healthy"])
            return ONE

    beside: list[int] = []
    service(store, SlowTarget(target.answers)).run_due()
    assert beside == [1]
    assert len({one.slot_at for one in results(store, "a")}) == 2


@pytest.mark.parametrize("of", ["kpi", "query", "connection"])
def test_slots_of_what_is_switched_off_pass(store: FakeStore, clock: FakeClock, of: str) -> None:
    kpis = service(store, add(store, "a"))
    switch_off(store, of)
    assert kpis.run_due().summary() == dict.fromkeys(kpis.run_due().summary(), 0)
    assert next_due(store, "a") > clock.now
    assert jobs(store, "a") == []


def test_a_kpi_that_is_not_active_runs_where_that_is_wanted(store: FakeStore) -> None:
    kpis = service(store, add(store, "a"), processonlyactivekpis=False)
    switch_off(store, "kpi")
    assert kpis.run_due().verdicts == {"Healthy": 1}


def test_another_try_of_what_was_switched_off_meanwhile_is_cancelled(
    store: FakeStore, clock: FakeClock
) -> None:
    target = add(store, "a", max_retries=5, schedule="3600")
    target.answers["SELECT a"] = Unavailable()
    kpis = service(store, target)
    kpis.run_due()
    switch_off(store, "connection")
    clock.move(seconds=11)
    kpis.run_due()
    (job,) = jobs(store, "a")
    assert (job.status, job.result_message) == ("Cancelled", SWITCHED_OFF)


def test_a_dead_letter_whose_kpi_was_switched_off_meanwhile_waits_again(
    store: FakeStore, clock: FakeClock
) -> None:
    target = add(store, "a", schedule="3600")
    target.answers["SELECT a"] = BadStatement()
    kpis = service(store, target)
    kpis.run_due()
    (letter,) = store.dead_letters.list(limit=5)
    check = store.indicators.check("a")
    assert check is not None
    store.dead_letters.take([letter.dead_letter_id])
    job = NewJob(
        job_id="again",
        check=check,
        status=JobStatus.QUEUED,
        dead_letter_id=letter.dead_letter_id,
    )
    store.executions.add([job], worker_instance_id=None)
    switch_off(store, "kpi")
    kpis.run_due()
    assert store.dead_letters.depth() == {"PENDING": 1}
    assert store.kpis.jobs["again"].row.status == "Cancelled"


def switch_off(store: FakeStore, of: str) -> None:
    if of == "connection":
        connection = store.kpis.connections["store"]
        off = replace(connection.definition, is_enabled=False)
        assert store.connections.replace(off, version=connection.version, actor="t")
    elif of == "query":
        query = store.kpis.queries["a"]
        without = replace(query.definition, is_enabled=False)
        assert store.queries.replace(without, version=query.version, actor="t")
    else:
        kpi = store.kpis.indicators["a"].stored
        inactive = replace(kpi.definition, is_active=False)
        assert store.indicators.replace(inactive, version=kpi.version, actor="t")


def test_an_execution_that_someone_else_took_over_is_lost(store: FakeStore) -> None:
    target = add(store, "a")

    class StealingTarget(FakeTarget):
        def ask(
            self, sql: str, *, result_type: ResultType, timeout_seconds: int, keep: int
        ) -> Answer:
            for job in store.kpis.jobs.values():
                job.lease_id = "someone else"
            return ONE

    assert service(store, StealingTarget(target.answers)).run_due().lost == 1
    assert results(store, "a") == []


def test_an_execution_whose_process_is_gone_is_taken_over(
    store: FakeStore, clock: FakeClock
) -> None:
    target = add(store, "a", schedule="3600")
    service(store, target).run_due()
    (job,) = store.kpis.jobs.values()
    results(store, "a").clear()
    job.row, job.available_at = replace(job.row, status=JobStatus.RUNNING), clock.now
    assert service(store, target).run_due().verdicts == {"Healthy": 1}
    assert [one.slot_at for one in results(store, "a")] == [job.row.slot_at]


def test_an_execution_that_kills_its_process_each_time_is_given_up(
    store: FakeStore, clock: FakeClock
) -> None:
    target = add(store, "a", schedule="3600")
    service(store, target).run_due()
    (job,) = store.kpis.jobs.values()
    results(store, "a").clear()
    job.row = replace(job.row, status=JobStatus.RUNNING, attempts=5)
    job.available_at = clock.now
    assert service(store, target).run_due().verdicts == {"Error": 1}
    assert results(store, "a")[0].error_type == "abandoned"
    assert len(target.asked) == 1


def test_what_cannot_be_stored_for_long_is_raised_after_the_round_and_keeps_its_slot(
    store: FakeStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(patience, "LONGEST_AWAY_SECONDS", 0.2)
    monkeypatch.setattr(patience, "PAUSE_SECONDS", 0.05)
    target = add(store, "a")

    class BreakingTarget(FakeTarget):
        def ask(
            self, sql: str, *, result_type: ResultType, timeout_seconds: int, keep: int
        ) -> Answer:
            store.fail_with = Unavailable()
            return ONE

    with pytest.raises(Unavailable):
        service(store, BreakingTarget(target.answers)).run_due()
    (job,) = jobs(store, "a")
    assert job.status == "Running"


def test_a_store_that_is_away_for_a_moment_loses_nothing(
    store: FakeStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(patience, "PAUSE_SECONDS", 0.05)
    target = add(store, "a")

    class BlinkingTarget(FakeTarget):
        def ask(
            self, sql: str, *, result_type: ResultType, timeout_seconds: int, keep: int
        ) -> Answer:
            store.fail_with = Conflict()
            threading.Timer(0.2, setattr, (store, "fail_with", None)).start()
            return ONE

    assert service(store, BlinkingTarget(target.answers)).run_due().verdicts == {"Healthy": 1}


def test_a_store_that_is_away_while_it_is_judged_loses_no_answer(
    store: FakeStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(patience, "PAUSE_SECONDS", 0.05)
    add(store, "a", history=HistoryRule(max_consecutive=2))
    asked: list[str] = []

    class BlinkingTarget(FakeTarget):
        def ask(
            self, sql: str, *, result_type: ResultType, timeout_seconds: int, keep: int
        ) -> Answer:
            asked.append(sql)
            store.fail_with = Unavailable()
            threading.Timer(0.2, setattr, (store, "fail_with", None)).start()
            return ONE

    assert service(store, BlinkingTarget({})).run_due().verdicts == {"Healthy": 1}
    assert asked == ["SELECT a"]


def test_what_fails_in_a_way_that_nobody_foresaw_is_an_error_of_its_kpi_alone(
    store: FakeStore, caplog: pytest.LogCaptureFixture
) -> None:
    target = add(store, "a", "b", max_retries=3)
    target.answers["SELECT a"] = UnicodeDecodeError("utf-8", b"\xd8", 0, 1, "secret words")
    assert service(store, target).run_due().verdicts == {"Error": 1, "Healthy": 1}
    (result,) = results(store, "a")
    assert (result.error_type, "UnicodeDecodeError" in result.message) == ("unexpected", True)
    assert "secret words" not in result.message
    assert "KPI a failed in a way that nobody foresaw" in caplog.text
    assert [job.status for job in jobs(store, "a")] == ["Failed"]


def test_where_more_is_due_than_a_connection_can_do_the_others_do_not_wait_for_it(
    store: FakeStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lanes, "BEHIND_SECONDS", 0.2)
    add_connection(store, "far", "postgresql://x/far", max_parallel=1)
    add(store, *(f"far{number}" for number in range(200)), connection="far", priority=1)
    add(store, "near")
    ended: list[str] = []

    class SlowTarget(FakeTarget):
        def ask(
            self, sql: str, *, result_type: ResultType, timeout_seconds: int, keep: int
        ) -> Answer:
            time.sleep(0.02 if "far" in sql else 0)
            ended.append(sql)
            return ONE

    assert service(store, SlowTarget({})).run_due().verdicts == {"Healthy": 201}
    assert ended.index("SELECT near") < 100


def test_a_result_is_of_when_it_was_found_and_not_of_when_the_kpi_was_taken(
    store: FakeStore, clock: FakeClock
) -> None:
    target = add(store, "a")
    check = store.indicators.check("a")
    assert check is not None
    waited = Execution(job_id="1", lease_id="1", check=check, taken_at=time.monotonic() - 4)
    checks = Checks(
        Targets(addresses_of(), lambda *_, **__: target),
        Judge(store.read),
        longest_seconds=60,
    )
    result = checks.run(waited)
    assert timedelta(seconds=4) <= result.checked_at - clock.now < timedelta(seconds=5)
    assert result.duration_ms < 1000


@pytest.mark.parametrize(
    ("of_query", "of_connection", "expected"), [(5, 30, 5), (600, 30, 30), (600, 600, 60)]
)
def test_a_statement_has_the_least_of_what_query_connection_and_setting_allow(
    store: FakeStore, of_query: int, of_connection: int, expected: int
) -> None:
    add_connection(store, "slow", "postgresql://x/y", command_timeout_seconds=of_connection)
    target = add(store, "a", timeout_seconds=of_query, connection="slow")
    service(store, target).run_due()
    assert target.asked == [("SELECT a", ResultType.SCALAR, expected)]


def test_preparing_happens_once_and_again_only_after_a_failure(store: FakeStore) -> None:
    tries: list[int] = []

    def prepare() -> None:
        tries.append(1)
        if len(tries) == 1:
            raise Unavailable

    kpis = service(store, add(store, "a"), prepare)
    with pytest.raises(Unavailable):
        kpis.run_due()
    kpis.run_due()
    kpis.run_due()
    assert len(tries) == 2


def test_a_run_by_hand_leaves_the_schedule_as_it_is(store: FakeStore) -> None:
    kpis = service(store, add(store, "a"))
    due = next_due(store, "a")
    assert kpis.run_now("a").status == "Healthy"
    assert next_due(store, "a") == due
    assert results(store, "a")[-1].status == "Healthy"
    (job,) = jobs(store, "a")
    assert (job.status, job.slot_at) == ("Completed", None)


def test_a_run_by_hand_that_fails_is_neither_tried_again_nor_a_dead_letter(
    store: FakeStore,
) -> None:
    target = add(store, "a", max_retries=5)
    target.answers["SELECT a"] = Unavailable()
    assert service(store, target).run_now("a").error_type == "connection_lost"
    assert [job.status for job in jobs(store, "a")] == ["Failed"]
    assert store.dead_letters.depth() == {}


def test_an_unknown_kpi_is_not_found(store: FakeStore) -> None:
    kpis = service(store, FakeTarget({}))
    with pytest.raises(NotFound, match="no KPI nobody"):
        kpis.run_now("nobody")
    with pytest.raises(NotFound):
        kpis.history("nobody", hours=None, before=None, limit=1)


def test_a_connection_without_its_setting_is_an_error_that_names_it(store: FakeStore) -> None:
    add_connection(store, "jobs", "setting:JOBS_URL")
    add(store, "a", connection="jobs")
    result = service(store, FakeTarget({})).run_now("a")
    assert (result.error_type, result.message) == ("not_configured", "JOBS_URL is not set")
