"""What the three functions must do, each case on rows made for it."""

import json
from collections.abc import Callable, Mapping, Sequence

from services.trial_calls import ADVANCE, CHECK, END, Calls

ERROR = "Watchkeeper tried how a task fails."
FIRST, SECOND, THIRD, FOURTH = (f"watchkeeper-self-test-{number}" for number in range(1, 5))
DONE = ("completed", "completed_with_errors")

Case = Callable[[Calls], None]


def end_both_tasks(calls: Calls) -> None:
    _begin(calls, stage=1, processing={FIRST: 1, SECOND: 1})
    calls.end_task("the first of two tasks", FIRST, wanted=(True, False, calls.job_id, 1, 1))
    calls.expect_task("the first of two tasks", FIRST, "completed")
    calls.end_task("a task that has ended already", FIRST, wanted=(False, False))
    calls.end_task("the last task of a stage", SECOND, wanted=(True, True, calls.job_id, 1, 0))


def fail_a_task(calls: Calls) -> None:
    _begin(calls, stage=1, processing={FIRST: 1})
    calls.end_task(
        "a task with an error", FIRST, error=ERROR, wanted=(True, True, calls.job_id, 1, 0)
    )
    calls.expect_task("a task with an error", FIRST, "failed", error=ERROR)


def leave_a_queued_task(calls: Calls) -> None:
    _begin(calls, stage=1, processing={SECOND: 1})
    calls.add_task(FIRST, stage=1, status="queued")
    calls.end_task("a task that nobody has taken", FIRST, wanted=(False, False))


def count_only_its_stage(calls: Calls) -> None:
    _begin(calls, stage=1, processing={FIRST: 1})
    calls.add_task(SECOND, stage=2, status="queued")
    calls.end_task(
        "the last task of a stage while others are queued in the next one",
        FIRST,
        wanted=(True, True, calls.job_id, 1, 0),
    )


def advance_once(calls: Calls) -> None:
    _begin(calls, stage=1, completed={FIRST: 1, SECOND: 1})
    calls.advance("the first of two stages", 1, wanted=(True, 2, False))
    calls.expect_job("the first of two stages", stage=2, statuses=("processing",), results="1")
    calls.advance("a stage that the job has left", 1, wanted=(False,))
    calls.expect_job("a stage that the job has left", stage=2, statuses=("processing",))


def advance_from_the_final_stage(calls: Calls) -> None:
    _begin(calls, stage=2, completed={FIRST: 1, SECOND: 2})
    calls.advance("the final stage", 2, wanted=(True, None, True))
    calls.expect_job("the final stage", stage=None, statuses=DONE)


def see_an_open_job(calls: Calls) -> None:
    _begin(calls, stage=2, completed={FIRST: 1}, processing={SECOND: 2})
    calls.check("a job with an unfinished task", wanted=(False, None, 2, 1))


def see_that_stages_are_to_come(calls: Calls) -> None:
    _begin(calls, stage=1, completed={FIRST: 1})
    calls.check("a job whose next stage has no tasks yet", wanted=(False, None, 1, 1))


def see_a_complete_job(calls: Calls) -> None:
    _begin(calls, stage=2, completed={FIRST: 1, SECOND: 2})
    answer = calls.check("a job whose tasks have all ended", wanted=(True, 2, 2, 2))
    if answer is not None and _length(answer[-1]) != 2:
        calls.blame(CHECK, "a job whose tasks have all ended", "task_results are not of two tasks")


def run_a_whole_job(calls: Calls) -> None:
    """Both stages in one session: each function goes on from what the others left."""
    _begin(calls, stage=1, processing={FIRST: 1, SECOND: 1})
    calls.end_task("whole job, first task", FIRST, wanted=(True, False, calls.job_id, 1, 1))
    calls.end_task("whole job, second task", SECOND, wanted=(True, True, calls.job_id, 1, 0))
    calls.check("whole job, after the first stage", wanted=(False,))
    calls.advance("whole job, first stage", 1, wanted=(True, 2, False))
    calls.add_task(THIRD, stage=2)
    calls.add_task(FOURTH, stage=2)
    calls.end_task("whole job, third task", THIRD, wanted=(True, False, calls.job_id, 2, 1))
    calls.end_task("whole job, last task", FOURTH, wanted=(True, True, calls.job_id, 2, 0))
    calls.check("whole job, after the last task", wanted=(True, 2, 4, 4))
    calls.advance("whole job, final stage", 2, wanted=(True, None, True))
    calls.expect_job("whole job, final stage", stage=None, statuses=DONE)


ALONE: Mapping[str, Sequence[Case]] = {
    END: (end_both_tasks, fail_a_task, leave_a_queued_task, count_only_its_stage),
    ADVANCE: (advance_once, advance_from_the_final_stage),
    CHECK: (see_an_open_job, see_that_stages_are_to_come, see_a_complete_job),
}
"""The cases of one function, in which it is the only one that is called."""


def _begin(
    calls: Calls,
    *,
    stage: int,
    processing: Mapping[str, int] | None = None,
    completed: Mapping[str, int] | None = None,
) -> None:
    """A job of two stages, with these tasks of these stages."""
    calls.add_job(stage=stage, total_stages=2)
    for task_id, task_stage in (completed or {}).items():
        calls.add_task(task_id, stage=task_stage, status="completed")
    for task_id, task_stage in (processing or {}).items():
        calls.add_task(task_id, stage=task_stage)


def _length(results: object) -> int | None:
    """Of JSON text, or of what a driver made of it."""
    try:
        found = json.loads(results) if isinstance(results, str) else results
    except ValueError:
        return None
    return len(found) if isinstance(found, list | dict) else None
