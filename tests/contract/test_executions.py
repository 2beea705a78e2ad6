"""Executions: each slot is taken by one, ended by whoever holds its lease, and tried again."""

import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from uuid import uuid4

import pytest

from repositories.contracts.store import Store
from repositories.records.definitions import (
    ConnectionDefinition,
    KpiDefinition,
    QueryDefinition,
)
from repositories.records.executions import (
    Due,
    Ended,
    JobStatus,
    NewJob,
    Overtaken,
    Postponed,
    Waiting,
    WorkerJob,
)
from repositories.records.kpis import Check, Result, Rule, StoredResult, Verdict
from services.ids import newest_id
from tests.contract.conftest import Lab, MemoryLab, PostgresLab, SqlServerLab
from tests.definitions import check_of, keep, worker_of

WORKER = str(uuid4())
QUERIES = "ALTER TABLE monitoring.database_queries"


@pytest.fixture(autouse=True)
def _somewhere(store: Store) -> None:
    with store.work() as work:
        for name in ("here", "there"):
            assert work.connections.add(
                ConnectionDefinition(
                    name=name, provider="PostgreSQL", environment="Test", address="setting:X"
                ),
                actor="t",
            )
        assert work.queries.add(QueryDefinition(name="one", sql="SELECT 1"), actor="t")
        work.workers.register(worker_of(WORKER))


def add_kpi(store: Store, name: str, **changes: object) -> None:
    fields: dict[str, object] = {"connection": "here", "query": "one", **changes}
    with store.work() as work:
        assert work.indicators.add(KpiDefinition(name=name, **fields), actor="t")  # type: ignore[arg-type]


def due(store: Store, *, limit: int = 10, busy: tuple[str, ...] = ()) -> list[Due]:
    with store.work() as work:
        return work.executions.due(limit=limit, busy=busy)


def waiting(store: Store, *, limit: int = 10, busy: tuple[str, ...] = ()) -> list[Waiting]:
    with store.work() as work:
        return work.executions.waiting(limit=limit, busy=busy)


def running(check: Check, lease_id: str, seconds: float = 60) -> NewJob:
    return NewJob(
        job_id=str(uuid4()),
        check=check,
        status=JobStatus.RUNNING,
        lease_id=lease_id,
        lease_seconds=seconds,
    )


def begin(store: Store, check: Check, lease_id: str, seconds: float = 60) -> NewJob:
    job = running(check, lease_id, seconds)
    with store.work() as work:
        work.executions.add([job], worker_instance_id=WORKER)
        work.executions.advance({check.indicator_id: check.claimed_at + timedelta(hours=1)})
    return job


def ended(job: NewJob, status: JobStatus = JobStatus.COMPLETED) -> Ended:
    assert job.lease_id is not None
    return Ended(
        job_id=job.job_id,
        lease_id=job.lease_id,
        status=status,
        duration_ms=12.4,
        result_status="Healthy",
        result_message="1",
        error_message=None,
        error_type=None,
        retry_count=0,
    )


def names(found: list[Due] | list[Waiting]) -> list[str]:
    return [one.check.name for one in found]


def test_what_is_due_comes_most_urgent_first_and_of_those_the_oldest(lab: Lab) -> None:
    for name, priority in (("late", 5), ("urgent", 1), ("later", 5), ("last", 9)):
        add_kpi(lab.store, name, priority=priority)
    assert names(due(lab.store)) == ["urgent", "late", "later", "last"]
    assert names(due(lab.store, limit=2)) == ["urgent", "late"]


def test_what_has_been_due_for_longest_comes_first_whenever_it_was_added(lab: Lab) -> None:
    names_by_age = ["c", "a", "d", "b"]
    for name in "abcd":
        add_kpi(lab.store, name)
    now = due(lab.store)[0].check.claimed_at
    ages = {name: now - timedelta(minutes=9 - age) for age, name in enumerate(names_by_age)}
    with lab.store.work() as work:
        work.indicators.schedule_at(ages)
    assert names(due(lab.store)) == names_by_age
    assert names(due(lab.store, limit=2)) == names_by_age[:2]


def test_whoever_asks_at_the_same_time_gets_others_and_waits_for_nobody(
    lab: Lab, with_locks: None
) -> None:
    if isinstance(lab, MemoryLab):
        pytest.skip("memory: has one thread and no transactions")
    for name in ("a", "b"):
        add_kpi(lab.store, name)
    with lab.store.work() as work:
        first = work.executions.due(limit=1, busy=())
        second = due(lab.store)
    assert sorted([*names(first), *names(second)]) == ["a", "b"]


def test_what_waits_comes_most_urgent_first_and_of_those_what_has_waited_for_longest(
    lab: Lab,
) -> None:
    for name, priority in (("a", 5), ("b", 5), ("c", 1)):
        add_kpi(lab.store, name, priority=priority)
    checks = {one.check.name: one.check for one in due(lab.store)}
    for name, seconds in (("a", 30), ("b", 10), ("c", 50)):
        begin(lab.store, checks[name], str(uuid4()), seconds=seconds)
    lab.let_time_pass(minutes=1)
    assert names(waiting(lab.store)) == ["c", "b", "a"]
    assert names(waiting(lab.store, limit=2)) == ["c", "b"]


def test_a_kpi_that_is_due_comes_with_all_that_it_needs_to_run(lab: Lab) -> None:
    add_kpi(lab.store, "one", priority=3, max_retries=2, jitter_seconds=1)
    (found,) = due(lab.store)
    assert found.unfinished == 0
    check = found.check
    assert (check.is_active, check.is_enabled) == (True, True)
    assert (check.sql, check.priority, check.max_retries) == ("SELECT 1", 3, 2)
    assert (check.connection.name, check.connection.max_parallel) == ("here", 5)
    assert check.slot_at is not None
    assert check.slot_at <= check.claimed_at
    assert check.baseline is None


@pytest.fixture
def _unchecked_words(lab: Lab) -> Iterator[None]:
    """As on a server that compares without regard to case: that lets GT in for gt."""
    if isinstance(lab, SqlServerLab):
        pytest.skip("SQL Server: its constraints stay for the whole run")
    if isinstance(lab, PostgresLab):
        lab.execute(f"{QUERIES} DROP CONSTRAINT ck_database_queries_operator")
    yield
    if isinstance(lab, PostgresLab):
        lab.empty()
        lab.execute(
            f"{QUERIES} ADD CONSTRAINT ck_database_queries_operator"
            " CHECK (comparison_operator IN ('eq', 'ne', 'gt', 'lt', 'gte', 'lte', 'contains'))"
        )


@pytest.mark.usefixtures("_unchecked_words")
def test_a_word_that_means_nothing_is_told_of_its_kpi_and_keeps_nobody_from_being_due(
    lab: Lab,
) -> None:
    odd = Rule(comparison_operator="GT")  # type: ignore[arg-type]
    with lab.store.work() as work:
        assert work.queries.add(QueryDefinition(name="odd", sql="SELECT 1", rule=odd), actor="t")
    add_kpi(lab.store, "bad", query="odd")
    add_kpi(lab.store, "good")
    faults = {one.check.name: one.check.fault for one in due(lab.store)}
    assert faults == {
        "bad": "comparison_operator is GT, which is none of eq, ne, gt, lt, gte, lte, contains",
        "good": None,
    }
    with lab.store.read() as work:
        stored = work.queries.find("odd")
    assert stored is not None
    assert stored.definition.rule == odd


def test_what_is_switched_off_is_due_and_said_to_be_off(lab: Lab) -> None:
    add_kpi(lab.store, "off", is_active=False)
    (found,) = due(lab.store)
    assert (found.check.is_active, found.check.is_enabled) == (False, True)


def test_nothing_is_taken_for_connections_that_are_busy(lab: Lab) -> None:
    add_kpi(lab.store, "a", connection="here")
    add_kpi(lab.store, "b", connection="there")
    (first, _) = due(lab.store)
    busy = (first.check.connection.connection_id,)
    assert names(due(lab.store, busy=busy)) == ["b"]
    begin(lab.store, first.check, str(uuid4()), seconds=0)
    assert names(waiting(lab.store)) == ["a"]
    assert names(waiting(lab.store, busy=busy)) == []


def test_a_slot_that_was_advanced_is_due_no_more(lab: Lab) -> None:
    add_kpi(lab.store, "one")
    (found,) = due(lab.store)
    begin(lab.store, found.check, str(uuid4()))
    assert due(lab.store) == []
    lab.let_time_pass(hours=2)
    (again,) = due(lab.store)
    assert again.unfinished == 1


def test_an_execution_is_taken_over_once_its_lease_has_ended(lab: Lab) -> None:
    add_kpi(lab.store, "one")
    (found,) = due(lab.store)
    job = begin(lab.store, found.check, str(uuid4()), seconds=60)
    assert waiting(lab.store) == []
    lab.let_time_pass(seconds=61)
    (left,) = waiting(lab.store)
    assert (left.job_id, left.attempts, left.retry_count) == (job.job_id, 1, 0)
    assert left.check.slot_at is not None
    other = str(uuid4())
    with lab.store.work() as work:
        work.executions.resume({left.job_id: 60}, lease_id=other, worker_instance_id=WORKER)
    assert waiting(lab.store) == []
    with lab.store.work() as work:
        assert work.executions.end([ended(job)]) == frozenset()
        mine = ended(running(found.check, other))
        theirs = work.executions.end([_of(mine, job.job_id)])
    assert theirs == {job.job_id}


def test_an_execution_ends_once(lab: Lab) -> None:
    add_kpi(lab.store, "one")
    (found,) = due(lab.store)
    job = begin(lab.store, found.check, str(uuid4()))
    for expected in ({job.job_id}, set()):
        with lab.store.work() as work:
            assert work.executions.end([ended(job)]) == expected
    with lab.store.read() as work:
        (row,) = work.executions.jobs_of(WORKER, status=None, before=None, limit=5)
    assert (row.status, row.duration_ms, row.result_status) == ("Completed", 12, "Healthy")
    assert row.slot_at == found.check.slot_at
    assert row.completed_at is not None


def test_what_waits_comes_most_urgent_first_however_few_are_asked_for(lab: Lab) -> None:
    for name, priority in (("first", 9), ("second", 9), ("urgent", 1)):
        add_kpi(lab.store, name, priority=priority)
        (found,) = [one for one in due(lab.store) if one.check.name == name]
        begin(lab.store, found.check, str(uuid4()), seconds=0)
    assert names(waiting(lab.store)) == ["urgent", "first", "second"]
    assert names(waiting(lab.store, limit=1)) == ["urgent"]


def test_an_execution_that_is_postponed_waits_until_its_time(lab: Lab) -> None:
    add_kpi(lab.store, "one")
    (found,) = due(lab.store)
    job = begin(lab.store, found.check, str(uuid4()))
    assert job.lease_id is not None
    later = Postponed(
        job_id=job.job_id,
        lease_id=job.lease_id,
        retry_count=1,
        delay_seconds=30,
        error_message="away",
        error_type="connection_lost",
    )
    with lab.store.work() as work:
        not_ours = replace(later, lease_id=str(uuid4()))
        assert work.executions.postpone([not_ours]) == frozenset()
        assert work.executions.postpone([later]) == {job.job_id}
        assert work.executions.postpone([later]) == frozenset()
    assert waiting(lab.store) == []
    assert job_of(lab.store).next_retry_at is not None
    with lab.store.read() as work:
        assert work.executions.depth() == {"Queued": 1}
    lab.let_time_pass(seconds=31)
    (left,) = waiting(lab.store)
    assert (left.retry_count, left.attempts) == (1, 1)
    with lab.store.work() as work:
        work.executions.resume({job.job_id: 60}, lease_id=str(uuid4()), worker_instance_id=WORKER)
    assert job_of(lab.store).next_retry_at is None


def job_of(store: Store) -> WorkerJob:
    with store.read() as work:
        (row,) = work.executions.jobs_of(WORKER, status=None, before=None, limit=5)
    return row


def postpone(store: Store, job: NewJob, *, seconds: float = 30) -> None:
    assert job.lease_id is not None
    later = Postponed(
        job_id=job.job_id,
        lease_id=job.lease_id,
        retry_count=1,
        delay_seconds=seconds,
        error_message="away",
        error_type="connection_lost",
    )
    with store.work() as work:
        assert work.executions.postpone([later]) == {job.job_id}


def overtake(store: Store, found: Due, lease_id: str) -> list[Overtaken]:
    with store.work() as work:
        return work.executions.overtake(
            [found.check.indicator_id], lease_id=lease_id, worker_instance_id=WORKER
        )


def test_a_try_that_waits_is_overtaken_by_its_kpis_next_slot(lab: Lab) -> None:
    add_kpi(lab.store, "one")
    (found,) = due(lab.store)
    job = begin(lab.store, found.check, str(uuid4()))
    postpone(lab.store, job)
    with lab.store.read() as work:
        (before,) = work.executions.jobs_of(WORKER, status=None, before=None, limit=5)
    lease = str(uuid4())
    (one,) = overtake(lab.store, found, lease)
    assert (one.job_id, one.indicator_id) == (job.job_id, found.check.indicator_id)
    assert (one.slot_at, one.started_at) == (before.slot_at, before.started_at)
    assert (one.error_message, one.error_type) == ("away", "connection_lost")
    assert (one.retry_count, one.attempts) == (1, 1)
    assert overtake(lab.store, found, lease) == []
    with lab.store.work() as work:
        assert work.executions.end([replace(ended(job), lease_id=lease)]) == {job.job_id}


def test_only_a_try_that_has_failed_and_waits_for_a_slot_is_overtaken(lab: Lab) -> None:
    add_kpi(lab.store, "one")
    add_kpi(lab.store, "other")
    found, other = due(lab.store)
    lease = str(uuid4())
    under_way = begin(lab.store, found.check, lease)
    not_begun = begin(lab.store, found.check, lease)
    of_another = begin(lab.store, other.check, lease)
    by_hand = begin(lab.store, replace(found.check, slot_at=None), lease)
    letter = replace(running(found.check, lease), dead_letter_id=str(uuid4()))
    with lab.store.work() as work:
        work.executions.give_back([not_begun.job_id], lease_id=lease)
        work.executions.add([letter], worker_instance_id=WORKER)
    for job in (of_another, by_hand, letter):
        postpone(lab.store, job)
    assert overtake(lab.store, found, str(uuid4())) == []
    with lab.store.work() as work:
        assert work.executions.end([ended(under_way)]) == {under_way.job_id}


def test_a_try_that_somebody_takes_at_this_moment_is_left_to_them(
    lab: Lab, with_locks: None
) -> None:
    if isinstance(lab, MemoryLab):
        pytest.skip("memory: has one thread and no transactions")
    add_kpi(lab.store, "one")
    (found,) = due(lab.store)
    postpone(lab.store, begin(lab.store, found.check, str(uuid4())))
    lab.let_time_pass(seconds=31)
    with lab.store.work() as work:
        assert len(work.executions.waiting(limit=1, busy=())) == 1
        assert overtake(lab.store, found, str(uuid4())) == []
    assert len(overtake(lab.store, found, str(uuid4()))) == 1


def test_another_try_of_a_dead_letter_is_no_execution_that_a_slot_waits_for(lab: Lab) -> None:
    add_kpi(lab.store, "one")
    (found,) = due(lab.store)
    letter = replace(running(found.check, str(uuid4())), dead_letter_id=str(uuid4()))
    with lab.store.work() as work:
        work.executions.add([letter], worker_instance_id=WORKER)
    (again,) = due(lab.store)
    assert again.unfinished == 0
    postpone(lab.store, begin(lab.store, found.check, str(uuid4())))
    lab.let_time_pass(hours=2)
    (again,) = due(lab.store)
    assert again.unfinished == 1


def test_dead_letters_of_one_kpi_are_tried_one_after_another(lab: Lab) -> None:
    add_kpi(lab.store, "one")
    add_kpi(lab.store, "other")
    found, other = due(lab.store)
    letters = [
        NewJob(
            job_id=newest_id(),
            check=replace(check, slot_at=None),
            status=JobStatus.QUEUED,
            dead_letter_id=str(uuid4()),
        )
        for check in (found.check, found.check, other.check)
    ]
    for letter in letters:
        with lab.store.work() as work:
            work.executions.add([letter], worker_instance_id=None)
        time.sleep(0.002)
    first, second, of_another = (letter.job_id for letter in letters)
    assert {one.job_id for one in waiting(lab.store)} == {first, of_another}
    lease = str(uuid4())
    with lab.store.work() as work:
        work.executions.resume({first: 60}, lease_id=lease, worker_instance_id=WORKER)
    assert {one.job_id for one in waiting(lab.store)} == {of_another}
    with lab.store.work() as work:
        assert work.executions.end([_of(ended(running(found.check, lease)), first)])
    assert {one.job_id for one in waiting(lab.store)} == {second, of_another}


def test_what_is_given_back_is_there_at_once_and_was_not_begun(lab: Lab) -> None:
    add_kpi(lab.store, "one")
    (found,) = due(lab.store)
    lease = str(uuid4())
    job = begin(lab.store, found.check, lease)
    with lab.store.work() as work:
        assert work.executions.give_back([job.job_id], lease_id=str(uuid4())) == 0
        assert work.executions.give_back([job.job_id], lease_id=lease) == 1
    (left,) = waiting(lab.store)
    assert left.attempts == 0


def test_a_queued_job_may_be_taken_at_once(lab: Lab) -> None:
    add_kpi(lab.store, "one")
    (found,) = due(lab.store)
    letter = str(uuid4())
    job = NewJob(
        job_id=str(uuid4()), check=found.check, status=JobStatus.QUEUED, dead_letter_id=letter
    )
    with lab.store.work() as work:
        work.executions.add([job], worker_instance_id=None)
    (left,) = waiting(lab.store)
    assert (left.dead_letter_id, left.attempts) == (letter, 0)


def test_a_skipped_slot_is_written_down_and_over(lab: Lab) -> None:
    add_kpi(lab.store, "one")
    (found,) = due(lab.store)
    skipped = NewJob(
        job_id=str(uuid4()), check=found.check, status=JobStatus.CANCELLED, message="skipped"
    )
    with lab.store.work() as work:
        work.executions.add([skipped], worker_instance_id=WORKER)
    assert waiting(lab.store) == []
    with lab.store.read() as work:
        (row,) = work.executions.jobs_of(WORKER, status="Cancelled", before=None, limit=5)
    assert (row.result_message, row.attempts) == ("skipped", 0)


def test_the_unfinished_executions_of_a_kpi_can_be_cancelled(lab: Lab) -> None:
    add_kpi(lab.store, "one")
    (found,) = due(lab.store)
    job = begin(lab.store, found.check, str(uuid4()))
    with lab.store.work() as work:
        assert work.executions.cancel_of(found.check.indicator_id, message="gone") == 1
        assert work.executions.cancel_of(found.check.indicator_id, message="gone") == 0
        assert work.executions.end([ended(job)]) == frozenset()
    with lab.store.read() as work:
        assert work.executions.depth() == {}


def test_jobs_of_a_process_are_listed_page_by_page_the_newest_first(lab: Lab) -> None:
    add_kpi(lab.store, "one")
    (found,) = due(lab.store)
    jobs = [running(found.check, str(uuid4())) for _ in range(5)]
    with lab.store.work() as work:
        work.executions.add(jobs, worker_instance_id=WORKER)
    with lab.store.read() as work:
        everything = work.executions.jobs_of(WORKER, status=None, before=None, limit=10)
        first = work.executions.jobs_of(WORKER, status=None, before=None, limit=2)
        place = (first[-1].scheduled_at, first[-1].job_id)
        rest = work.executions.jobs_of(WORKER, status=None, before=place, limit=10)
        nobody = work.executions.jobs_of(str(uuid4()), status=None, before=None, limit=10)
    assert {row.job_id for row in everything} == {job.job_id for job in jobs}
    assert [*first, *rest] == everything
    assert nobody == []


def test_a_slot_has_one_result_and_a_kpi_that_is_gone_has_none(lab: Lab) -> None:
    add_kpi(lab.store, "one")
    (found,) = due(lab.store)
    gone = _of_indicator(found.check, str(uuid4()))
    with lab.store.work() as work:
        rows = [(found.check, result(found.check)), (gone, result(gone))]
        assert work.results.add(rows, worker_instance_id=WORKER) == 1
        assert work.results.add(rows, worker_instance_id=WORKER) == 0
    with lab.store.read() as work:
        (row,) = work.results.history("one", hours=None, before=None, limit=5)
    assert (row.status, row.raw_status) == ("Healthy", "Warning")


def test_results_are_found_by_what_they_say(store: Store) -> None:
    add_kpi(store, "one")
    check = check_of(store)
    for number, status in enumerate([*Verdict, *Verdict]):
        at = check.claimed_at - timedelta(minutes=number)
        keep(store, check, status=status, message=str(number), checked_at=at)

    def found(status: str | None, before: tuple[datetime, str] | None = None) -> list[StoredResult]:
        with store.read() as work:
            return work.results.history("one", status=status, hours=1, before=before, limit=9)

    assert len(found(None)) == 8
    for number, status in enumerate(Verdict):
        newer, older = found(status)
        assert (newer.message, older.message) == (str(number), str(number + 4))
        assert found(status, (newer.checked_at, newer.result_id)) == [older]


def result(check: Check) -> Result:
    return Result(
        status=Verdict.HEALTHY,
        raw_status=Verdict.WARNING,
        value="text",
        message="m",
        error_type=None,
        duration_ms=1,
        checked_at=check.claimed_at,
    )


def _of(one: Ended, job_id: str) -> Ended:

    return replace(one, job_id=job_id)


def _of_indicator(check: Check, indicator_id: str) -> Check:

    return replace(check, indicator_id=indicator_id)
