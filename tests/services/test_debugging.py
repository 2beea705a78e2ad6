"""What is said of one job while something beside it cannot be asked."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from decimal import Decimal

import pytest

from repositories.errors import (
    BadStatement,
    LoginRefused,
    NotAllowed,
    StatementTimeout,
    StorageError,
    Unavailable,
)
from repositories.records.jobs import OtherCount, TaskTrace, Window
from repositories.records.kpis import Verdict
from services.debugging import DebugInfo, DebugService, list_retried
from services.encoding import encode
from services.errors import NotFound
from services.failure_sizes import GroupSize
from services.meanwhile import KpisMeanwhile, Meanwhile
from services.parts import NotAvailable
from services.timelines import draw_timeline
from tests.contract.conftest import MemoryLab
from tests.definitions import KPI, check_of, define, keep
from tests.fakes import FakeHistories
from tests.histories import JOB, span, trace

OTHER = "b" * 64


@dataclass
class FakeFailures:
    """Every text has failed seven times in two other jobs."""

    fail_with: Exception | None = None
    asked: list[tuple[int, str | None]] = field(default_factory=list)

    def sizes_of(
        self, error_texts: Iterable[str], *, hours: int, except_job: str | None
    ) -> Mapping[str, GroupSize]:
        self.asked.append((hours, except_job))
        if self.fail_with:
            raise self.fail_with
        size = GroupSize(fingerprint="f", error_type=None, message="m", count=7, jobs=2)
        return dict.fromkeys(error_texts, size)


@pytest.fixture
def lab() -> MemoryLab:
    lab = MemoryLab()
    lab.add_job(job_id=JOB, job_type="x", status="processing")
    lab.add_task(task_id="t", parent_job_id=JOB, task_type="t", status="failed", error_details="no")
    return lab


@pytest.fixture
def failures() -> FakeFailures:
    return FakeFailures()


@pytest.fixture
def explain(lab: MemoryLab, failures: FakeFailures) -> Callable[[], DebugInfo]:
    service = DebugService(
        lab.jobs, lab.store, failures, connections=("jobs",), logs_resource_id=None
    )
    return lambda: service.explain(JOB).debug_info


def add_verdicts(lab: MemoryLab, *statuses: Verdict) -> None:
    define(lab.store, replace(KPI, name="connections_used", connection="jobs"))
    for status in statuses:
        keep(
            lab.store,
            check_of(lab.store, "connections_used"),
            status=status,
            value=Decimal(98),
            checked_at=lab.clock(),
        )


def test_an_unknown_job_is_not_found(lab: MemoryLab, failures: FakeFailures) -> None:
    service = DebugService(
        lab.jobs, lab.store, failures, connections=("jobs",), logs_resource_id=None
    )
    with pytest.raises(NotFound, match=OTHER):
        service.explain(OTHER)


def test_others_are_asked_for_what_failed_like_it_but_for_the_job_itself(
    explain: Callable[[], DebugInfo], failures: FakeFailures
) -> None:
    info = explain()
    assert failures.asked == [(24, JOB)]
    assert info.failures.groups[0].elsewhere == 7
    assert info.recommendations[0].title == "Other jobs fail in the same way"


@pytest.mark.parametrize("error", [StatementTimeout(), NotAllowed(), BadStatement()])
def test_what_failed_elsewhere_may_not_be_had(
    explain: Callable[[], DebugInfo], failures: FakeFailures, error: StorageError
) -> None:
    failures.fail_with = error
    info = explain()
    assert info.failures.not_available == str(error)
    assert info.failures.total == 1
    assert info.recommendations[0].title == "Tasks failed"


@pytest.mark.parametrize("error", [Unavailable(), LoginRefused(), StatementTimeout()])
def test_a_store_that_is_gone_takes_only_what_it_knows_with_it(
    explain: Callable[[], DebugInfo], lab: MemoryLab, error: StorageError
) -> None:
    lab.store.fail_with = error
    info = explain()
    assert info.kpis == NotAvailable(str(error))
    assert info.retries.earlier_failures == NotAvailable(str(error))
    assert isinstance(info.meanwhile, Meanwhile)
    assert len(info.tasks) == 1


@pytest.mark.parametrize("error", [StatementTimeout(), NotAllowed()])
def test_what_else_ran_may_not_be_had(
    explain: Callable[[], DebugInfo], lab: MemoryLab, error: StorageError
) -> None:
    class Crowded(FakeHistories):
        def job_counts_meanwhile(
            self, job_id: str, window: Window, *, bound: int
        ) -> list[OtherCount]:
            raise error

    lab.jobs.histories = Crowded(lab.clock, lab.jobs.jobs)
    info = explain()
    assert info.meanwhile == NotAvailable(str(error))
    assert info.failures.total == 1


def test_a_kpi_that_was_bad_at_that_time_is_one_line_for_each_status(
    explain: Callable[[], DebugInfo], lab: MemoryLab
) -> None:
    add_verdicts(lab, Verdict.HEALTHY, Verdict.WARNING, Verdict.CRITICAL, Verdict.CRITICAL)
    kpis = explain().kpis
    assert isinstance(kpis, KpisMeanwhile)
    assert [(kpi.name, kpi.status, kpi.times) for kpi in kpis.kpis] == [
        ("connections_used", "Critical", 2),
        ("connections_used", "Warning", 1),
    ]
    assert kpis.kpis[0].first_checked_at < kpis.kpis[0].checked_at
    assert kpis.complete


def test_a_kpi_that_was_bad_at_another_time_is_none_of_the_jobs(
    explain: Callable[[], DebugInfo], lab: MemoryLab
) -> None:
    """A verdict a quarter of an hour before the job, and one of five minutes before it."""
    now = lab.clock()
    lab.jobs.jobs.all.clear()
    lab.add_job(job_id=JOB, job_type="x", created_at=now + timedelta(minutes=15))
    add_verdicts(lab, Verdict.CRITICAL)
    lab.let_time_pass(minutes=10)
    add_verdicts(lab, Verdict.WARNING)
    lab.let_time_pass(minutes=10)
    kpis = explain().kpis
    assert isinstance(kpis, KpisMeanwhile)
    assert [kpi.status for kpi in kpis.kpis] == ["Warning"]


def test_the_whole_answer_can_be_encoded(explain: Callable[[], DebugInfo]) -> None:
    assert encode(explain()).startswith(b'{"job_status":"processing"')


def test_the_tasks_that_were_retried_most_often_come_first() -> None:
    def retried(task_id: str, count: int) -> TaskTrace:
        return trace(task_id, 0, 1, 2, retry_count=count)

    tasks = draw_timeline(
        span(2), [retried("a", 1), retried("b", 3), retried("c", 0)], total_stages=1
    ).tasks
    assert [(one.task_id, one.retry_count) for one in list_retried(tasks)] == [("b", 3), ("a", 1)]
