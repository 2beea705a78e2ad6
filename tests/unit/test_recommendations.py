"""What to do about a job: each rule, and the rows that it cites."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from repositories.records.jobs import JobSpan, TaskTrace
from repositories.records.rows import Json
from services.bottlenecks import find_bottleneck, find_stragglers
from services.failure_sizes import GroupSize
from services.job_failures import gather_failures
from services.meanwhile import BadKpi
from services.parts import NotAvailable
from services.recommendations import (
    Facts,
    JobRow,
    KpiVerdict,
    Recommendation,
    Severity,
    TaskRow,
    recommend,
)
from services.timelines import draw_timeline
from tests.histories import JOB, job, moment, span, trace
from tests.unit.test_timelines import histories

NOT_ASKED = NotAvailable("not asked")


def facts(
    *traces: TaskTrace,
    end: float | None = None,
    now: float = 60,
    elsewhere: int | None = None,
    kpis: tuple[BadKpi, ...] = (),
    is_whole: bool = True,
    **columns: Any,
) -> Facts:
    one = job(**({"status": "processing" if end is None else "completed"} | columns))
    job_span = span(end, now=now)
    timeline = draw_timeline(job_span, traces, total_stages=one.total_stages or 1)

    def sizes_of(texts: Any) -> dict[str, GroupSize] | NotAvailable:
        if elsewhere is None:
            return NOT_ASKED
        size = GroupSize(fingerprint="", error_type=None, message="", count=elsewhere, jobs=1)
        return dict.fromkeys(texts, size)

    return Facts(
        job=one,
        span=job_span,
        timeline=timeline,
        is_whole=is_whole,
        bottleneck=find_bottleneck(timeline.critical_path),
        stragglers=find_stragglers(timeline),
        failures=gather_failures(timeline.tasks, one.error_details, sizes_of),
        kpis=kpis,
    )


def titled(title: str, found: Facts) -> Recommendation:
    (one,) = [one for one in recommend(found) if one.title == title]
    return one


def titles(found: Facts) -> list[str]:
    return [one.title for one in recommend(found)]


def failed(task_id: str, **columns: Any) -> TaskTrace:
    return trace(task_id, 0, 1, 2, **({"status": "failed", "error": "ValueError: no"} | columns))


def test_where_nothing_is_wrong_it_says_so_and_rests_on_the_job() -> None:
    (one,) = recommend(facts(trace("a", 0, 1, 9), end=9, now=9))
    assert (one.title, one.severity) == ("Nothing wrong was found", Severity.INFO)
    assert one.rests_on == [JobRow(job_id=JOB)]
    assert one.detail == "The job is completed in stage 1 of 1."


def test_a_healthy_job_that_runs_says_what_is_still_to_be_started() -> None:
    running = facts(
        trace("a", 0, 1, None, heartbeat=moment(50)),
        trace("b", 0, None, None, status="queued"),
    )
    assert recommend(running)[0].detail.endswith(", 1 task still to be started.")


def test_tasks_that_failed_again_after_retries_need_no_other_retry() -> None:
    one = titled("Retrying does not help", facts(failed("a", retry_count=3), failed("b"), end=9))
    assert one.rests_on == [TaskRow(task_id="a")]
    assert "1 task failed again after up to 3 times of trying anew" in one.detail
    assert one.severity is Severity.CRITICAL


def test_the_same_error_in_other_jobs_is_not_this_jobs_fault() -> None:
    one = titled("Other jobs fail in the same way", facts(failed("a"), failed("b"), elsewhere=7))
    assert one.rests_on == [TaskRow(task_id="a"), TaskRow(task_id="b")]
    assert "ValueError: no. 2 of its tasks failed so, and 7 of 1 other job" in one.detail


def test_an_error_that_only_this_job_has_points_at_its_input() -> None:
    one = titled("Only this job fails in this way", facts(failed("a"), elsewhere=0))
    assert (one.severity, one.rests_on) == (Severity.WARNING, [TaskRow(task_id="a")])


def test_of_a_job_of_days_ago_nobody_knows_whether_it_was_alone() -> None:
    old = facts(failed("a"), end=9, now=90_000, elsewhere=0)
    assert "Tasks failed" in titles(old)


def test_where_nobody_could_be_asked_about_others_nothing_is_said_of_them() -> None:
    one = titled("Tasks failed", facts(failed("a")))
    assert one.detail == "ValueError: no. One of its tasks failed so."


def test_a_job_that_failed_without_a_failed_task_cites_its_own_error() -> None:
    found = facts(
        trace("a", 0, 1, 2), status="failed", error_details="RuntimeError: no queue", end=9
    )
    one = titled("The job failed, and none of its tasks did", found)
    assert one.rests_on == [JobRow(job_id=JOB)]
    assert one.detail.endswith("It says: no queue.")
    assert "no error text" in recommend(facts(status="failed", end=9))[0].detail


def test_a_silent_task_is_stuck_and_one_that_is_slow_as_its_stage_is_not() -> None:
    silent = trace("a", 0, 1, None, heartbeat=moment(100))
    alive = trace("b", 0, 1, None, heartbeat=moment(900))
    one = titled("Tasks are stuck in processing", facts(silent, alive, now=1000))
    assert one.rests_on == [TaskRow(task_id="a")]
    assert "silent for up to 15 min" in one.detail
    slow_stage = [trace(f"t{number}", 0, 1, 901) for number in range(5)]
    assert "Tasks are stuck in processing" not in titles(facts(silent, *slow_stage, now=1000))


def test_a_stage_that_is_complete_and_was_left_wants_the_function_called() -> None:
    found = facts(trace("a", 0, 1, 5), trace("b", 0, 1, 9), now=1000, total_stages=3)
    one = titled("Stage 1 is complete, and the job did not move on", found)
    assert one.rests_on == [JobRow(job_id=JOB), TaskRow(task_id="b")]
    assert f"advance_job_stage('{JOB}', 1) to begin stage 2" in one.detail
    last = facts(trace("a", 0, 1, 5), now=1000)
    assert "to end the job" in recommend(last)[0].detail


@pytest.mark.parametrize(
    "found",
    [
        facts(trace("a", 0, 1, 9), now=30),
        facts(trace("a", 0, 1, 9), now=1000, end=1000),
        facts(trace("a", 0, 1, 9), trace("b", 0, 1, None, heartbeat=moment(990)), now=1000),
        facts(trace("a", 0, 1, 9), now=1000, is_whole=False),
    ],
    ids=["a moment ago", "the job has ended", "a task runs", "not all tasks are known"],
)
def test_a_stage_did_not_stall(found: Facts) -> None:
    assert not [title for title in titles(found) if "did not move on" in title]


def test_a_stage_that_nobody_made_a_task_for_can_never_end() -> None:
    found = facts(trace("a", 0, 1, 9), now=1000, stage=2, total_stages=2, updated_at=moment(10))
    one = titled("Stage 2 has no task", found)
    assert one.rests_on == [JobRow(job_id=JOB)]
    assert "for 16 min 30 s" in one.detail
    fresh = facts(now=20, stage=1, updated_at=moment(10))
    assert "Stage 1 has no task" not in titles(fresh)


def test_a_job_that_mostly_waited_wants_workers() -> None:
    found = facts(trace("a", 0, 50, 60), trace("b", 60, 90, 100, stage=2), end=100, now=100)
    one = titled("The job waits for workers", found)
    assert one.rests_on == [TaskRow(task_id="a"), TaskRow(task_id="b")]
    assert "For 1 min 20 s (80 % of its time)" in one.detail


def test_a_stage_that_came_late_cites_its_task() -> None:
    found = facts(trace("a", 0, 1, 40), trace("b", 90, 91, 100, stage=2), end=100, now=100)
    one = titled("Stage 2 came late", found)
    assert one.rests_on == [JobRow(job_id=JOB), TaskRow(task_id="b")]


def test_stragglers_are_cited() -> None:
    usual = [trace(f"t{number}", 0, 1, 4) for number in range(5)]
    one = titled(
        "Some tasks take much longer than the others of their stage",
        facts(*usual, trace("slow", 0, 1, 90), end=90, now=90),
    )
    assert one.rests_on == [TaskRow(task_id="slow")]


def test_statuses_that_the_functions_do_not_know_are_named() -> None:
    tasks = [trace("a", 0, 1, 2, status="skipped"), trace("b", 0, None, None, status="odd")]
    title = "Some tasks have a status that the stage functions do not know"
    one = titled(title, facts(*tasks))
    assert one.rests_on == [TaskRow(task_id="a"), TaskRow(task_id="b")]
    assert "2 tasks: odd, skipped." in one.detail
    assert one.severity is Severity.WARNING
    assert titled(title, facts(*tasks, end=60)).severity is Severity.INFO


def test_a_bad_kpi_of_that_time_is_cited() -> None:
    kpi = BadKpi(
        name="connections_used",
        connection="jobs",
        status="Critical",
        value=None,
        unit="%",
        checked_at=moment(5),
        message="98 %",
        times=2,
        first_checked_at=moment(1),
    )
    one = titled("The database was not well at that time", facts(kpis=(kpi, kpi)))
    assert one.rests_on == [KpiVerdict(kpi="connections_used")]
    assert one.detail == "connections_used; the newest, connections_used, was Critical: 98 %"


def test_the_worst_comes_first_and_every_one_rests_on_something() -> None:
    found = recommend(
        facts(
            failed("a", retry_count=2),
            trace("b", 0, 1, None, status="odd"),
            trace("c", 0, 1, None),
            now=5000,
            parameters=Json("{}"),
        )
    )
    severities = [one.severity for one in found]
    assert severities == sorted(severities, key=[*Severity].index)
    assert len(found) >= 4
    assert all(one.rests_on and one.ask.startswith("GET /api/") for one in found)


def test_what_is_cited_is_bounded() -> None:
    many = [failed(f"t{number}", retry_count=1) for number in range(50)]
    assert len(titled("Retrying does not help", facts(*many, end=9)).rests_on) == 10


@given(
    history=histories(),
    stage=st.integers(1, 4),
    total=st.integers(1, 4),
    elsewhere=st.none() | st.integers(0, 2),
    status=st.sampled_from(["queued", "processing", "completed", "failed", "odd"]),
)
def test_whatever_became_of_a_job_there_is_something_to_say_and_it_rests_on_its_rows(
    history: tuple[JobSpan, list[TaskTrace]],
    stage: int,
    total: int,
    elsewhere: int | None,
    status: str,
) -> None:
    job_span, traces = history
    found = facts(*traces, elsewhere=elsewhere, stage=stage, total_stages=total, status=status)
    rows = {TaskRow(task_id=one.task_id) for one in traces} | {JobRow(job_id=JOB)}
    for one in recommend(replace(found, span=job_span)):
        assert one.rests_on
        assert rows.issuperset(one.rests_on)
        assert len(one.rests_on) <= 10
