"""Who changed what, and the failures of tasks that were put back, as they are kept."""

import json
import uuid
from datetime import timedelta

import pytest

from repositories.contracts.store import Store
from repositories.records.retries import AuditEntry, PlannedRetry
from repositories.records.rows import Json
from tests.contract.conftest import Lab

JOB = "a" * 64
ENTRY = AuditEntry(
    actor="eve@example.com",
    action="retry.done",
    entity_type="task",
    entity_id="t1",
    old_values=Json('{"status": "failed", "retry_count": 3}'),
    new_values=Json('{"status": "queued", "words": "über \\"alles\\""}'),
    reason="disk is back",
    correlation_id="c-1",
)


def planned(lab: Lab, **changes: object) -> PlannedRetry:
    with lab.jobs.read() as work:
        now = work.jobs.now()
    values = {
        "retry_id": str(uuid.uuid4()),
        "job_id": JOB,
        "task_id": "t1",
        "task_type": "copy",
        "stage": 2,
        "fingerprint": "0123456789abcdef",
        "error_details": "no room on 'disk'\n  at copy() \N{SNOWMAN}",
        "retry_count": 3,
        "failed_at": now - timedelta(hours=1),
        "actor": "api",
        "reason": "disk is back",
        "correlation_id": "c-1",
    }
    return PlannedRetry(**{**values, **changes})  # type: ignore[arg-type]


def test_an_entry_is_read_as_it_was_written(store: Store) -> None:
    with store.work() as work:
        work.audit.add([ENTRY])
    with store.read() as work:
        (found,) = work.audit.recent(limit=10)
    assert found.old_values is not None
    assert found.new_values is not None
    assert json.loads(found.old_values) == {"status": "failed", "retry_count": 3}
    assert json.loads(found.new_values) == {"status": "queued", "words": 'über "alles"'}
    assert (found.actor, found.action, found.entity_type, found.entity_id) == (
        "eve@example.com",
        "retry.done",
        "task",
        "t1",
    )
    assert (found.reason, found.correlation_id) == ("disk is back", "c-1")
    assert found.happened_at.utcoffset() == timedelta()


def test_entries_come_newest_first_and_page_by_page(store: Store) -> None:
    entries = [
        AuditEntry(actor="api", action="x", entity_type="job", entity_id=f"{n}") for n in "12345"
    ]
    with store.work() as work:
        work.audit.add(entries)
        work.audit.add([])
    with store.read() as work:
        first = work.audit.recent(limit=3)
        rest = work.audit.recent(before=first[-1].audit_id, limit=3)
    assert [one.entity_id for one in (*first, *rest)] == ["5", "4", "3", "2", "1"]
    assert first[0].old_values is None


def test_entries_are_found_by_what_they_are_about(store: Store) -> None:
    with store.work() as work:
        work.audit.add(
            [ENTRY, AuditEntry(actor="a", action="x", entity_type="job", entity_id="t1")]
        )
    with store.read() as work:
        (task,) = work.audit.recent(entity_type="task", entity_id="t1", limit=9)
        assert task.action == "retry.done"
        assert work.audit.recent(entity_type="task", entity_id="t2", limit=9) == []


def test_what_a_transaction_that_fails_has_noted_is_not_kept(lab: Lab) -> None:
    if not hasattr(lab, "database"):
        pytest.skip("memory: nothing is rolled back there")
    with pytest.raises(ZeroDivisionError):
        note_and_fail(lab)
    with lab.store.read() as work:
        assert work.audit.recent(limit=1) == []
        assert work.retries.of_job(JOB, limit=1) == []


def note_and_fail(lab: Lab) -> None:
    with lab.store.work() as work:
        work.audit.add([ENTRY])
        work.retries.plan([planned(lab)])
        raise ZeroDivisionError


def test_old_entries_are_removed_and_new_ones_stay(lab: Lab) -> None:
    for days in (31, 0):
        with lab.store.work() as work:
            work.audit.add([ENTRY])
        lab.let_time_pass(days=days)
    with lab.store.single() as work:
        assert work.retention.remove("audit_log", days=30, batch=10) == 1
        assert len(work.audit.recent(limit=9)) == 1


def test_a_failure_is_read_as_it_was_written(lab: Lab) -> None:
    plan = planned(lab)
    with lab.store.work() as work:
        work.retries.plan([plan, planned(lab, task_id="t2", fingerprint=None, error_details=None)])
        work.retries.plan([])
    with lab.store.read() as work:
        found = {one.task_id: one for one in work.retries.of_job(JOB, limit=9)}
    assert found["t2"].error_details is None
    for name in PlannedRetry.__dataclass_fields__:
        assert getattr(found["t1"], name) == getattr(plan, name), name
    assert (found["t1"].state, found["t1"].settled_at) == ("planned", None)


def test_of_two_plans_for_one_failure_one_is_carried_out(lab: Lab) -> None:
    one = planned(lab)
    other = planned(lab, failed_at=one.failed_at)
    later = planned(lab, retry_count=4, failed_at=one.failed_at + timedelta(minutes=5))
    with lab.store.work() as work:
        work.retries.plan([one, other, later])
        assert list(work.retries.finish([one.retry_id])) == [one.retry_id]
        assert list(work.retries.finish([other.retry_id, later.retry_id])) == [later.retry_id]
        assert list(work.retries.finish([one.retry_id])) == []
        assert work.retries.drop([one.retry_id, other.retry_id, later.retry_id]) == 1
    with lab.store.read() as work:
        states = {row.retry_id: row.state for row in work.retries.of_job(JOB, limit=9)}
    assert states == {one.retry_id: "done", other.retry_id: "dropped", later.retry_id: "done"}


def test_a_plan_that_was_dropped_too_early_may_still_be_done(lab: Lab) -> None:
    plan = planned(lab)
    with lab.store.work() as work:
        work.retries.plan([plan])
        work.retries.drop([plan.retry_id])
        assert list(work.retries.finish([plan.retry_id])) == [plan.retry_id]


def test_what_nobody_finished_is_found_after_a_while(lab: Lab) -> None:
    with lab.store.work() as work:
        work.retries.plan([planned(lab), planned(lab, job_id="b" * 64)])
        done = planned(lab, task_id="t3")
        work.retries.plan([done])
        work.retries.finish([done.retry_id])
    with lab.store.read() as work:
        assert work.retries.unsettled(older_than_seconds=60, limit=9) == []
    lab.let_time_pass(seconds=90)
    with lab.store.read() as work:
        found = work.retries.unsettled(older_than_seconds=60, limit=9)
        assert {one.job_id for one in found} == {JOB, "b" * 64}
        assert len(work.retries.unsettled(older_than_seconds=60, limit=1)) == 1
        (of_job,) = work.retries.unsettled(job_id=JOB, older_than_seconds=60, limit=9)
        assert of_job.task_id == "t1"
