"""A try that waits when its KPI's next slot comes ends as it failed the last time.

So whoever looks at the KPI sees by its next slot at the latest that it fails, however often it may
be tried.
"""

from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import replace

from repositories.contracts.store import Work
from repositories.records.executions import Execution, Overtaken
from repositories.records.kpis import Check, Result, Verdict
from repositories.records.rows import Json
from services.encoding import encode
from services.judging.judge import Judge
from services.judging.verdicts import Judgement
from services.rounds.attempts import Outcome, ended
from services.rounds.outcomes import Outcomes

OVERTAKEN = "not tried again: the next slot has come"


def overtake(
    work: Work,
    outcomes: Outcomes,
    checks: Mapping[str, Check],
    *,
    lease_id: str,
    worker_instance_id: str,
) -> Sequence[Overtaken]:
    """What waited for earlier slots of these KPIs (by indicator_id), and is stored as failed."""
    found = work.executions.overtake(
        [*checks], lease_id=lease_id, worker_instance_id=worker_instance_id
    )
    if not found:
        return found
    failed = [
        _outcome(work, one, replace(checks[one.indicator_id], slot_at=one.slot_at), lease_id)
        for one in found
    ]
    work.executions.end([replace(ended(one), result_message=OVERTAKEN) for one in failed])
    outcomes.keep(work, failed)
    return found


def _outcome(work: Work, one: Overtaken, check: Check, lease_id: str) -> Outcome:
    execution = Execution(
        job_id=one.job_id,
        lease_id=lease_id,
        check=check,
        retry_count=one.retry_count,
        attempts=one.attempts,
    )
    failure = Judgement(Verdict.ERROR, None, one.error_message, one.error_type)
    verdicts = Judge(lambda: nullcontext(work)).settle(check, failure)
    result = Result(
        status=verdicts.status,
        raw_status=verdicts.raw_status,
        value=None,
        message=verdicts.message,
        error_type=verdicts.error_type,
        duration_ms=0,
        checked_at=one.started_at or one.slot_at,
        details=Json(encode(verdicts.details).decode()) if verdicts.details else None,
    )
    return Outcome(execution, result)
