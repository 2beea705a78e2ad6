"""What becomes of an execution: it ended, it is tried again, or it failed for good."""

import random
from dataclasses import dataclass, field
from datetime import timedelta

from repositories.records.executions import (
    Ended,
    Execution,
    JobStatus,
    NewDeadLetter,
    Postponed,
)
from repositories.records.kpis import Result
from repositories.records.rows import Json
from services.encoding import encode
from services.fingerprints import kind_of_text
from services.rounds.slots import next_due

PASSING = frozenset({"timeout", "connection_lost", "busy", "conflict", "database_error"})
"""What another try may mend."""
LASTING = frozenset(
    {"login_refused", "not_configured", "not_allowed", "bad_sql", "abandoned", "unexpected"}
)
"""What stays as it is until somebody changes something."""
FIRST_DELAY_SECONDS = 5.0
LONGEST_DELAY_SECONDS = 300.0
LONGEST_MESSAGE = 1000
TRIES_WHILE_BUSY = 3
"""What finds no connection free was not run at all: so often it is tried again in any case."""
MOST_ABANDONED = 5
"""How often an execution may be begun and not ended, by processes that were killed."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """An execution and its result; `chance` (0 to 1) spreads when it is tried again."""

    execution: Execution
    result: Result
    chance: float = field(default_factory=random.random)

    @property
    def has_failed(self) -> bool:
        """It could not be run at all; a value that cannot be judged is another matter."""
        return self.result.error_type in PASSING or self.result.error_type in LASTING

    @property
    def is_by_hand(self) -> bool:
        """Whoever runs it sees what came of it."""
        return self.execution.check.slot_at is None and self.execution.dead_letter_id is None

    @property
    def is_tried_again(self) -> bool:
        tries, kind = self.execution.check.max_retries, self.result.error_type
        if kind == "busy":
            tries = max(tries, TRIES_WHILE_BUSY)
        return kind in PASSING and self.execution.retry_count < tries and self._is_in_time

    @property
    def delay_seconds(self) -> float:
        return delay_seconds(self.execution.retry_count, self.chance)

    @property
    def _is_in_time(self) -> bool:
        """Another try would come before the next slot, which asks the same: so no retry hides from
        it that the KPI fails. That of a dead letter has all the time that it needs.
        """
        check = self.execution.check
        if check.slot_at is None:
            return not self.is_by_hand
        return self.result.checked_at + timedelta(seconds=self.delay_seconds) < next_due(check)


def was_abandoned(execution: Execution) -> bool:
    """Whoever began it was killed each time: perhaps by it."""
    check = execution.check
    return execution.attempts > check.max_retries + MOST_ABANDONED


def delay_seconds(retry_count: int, chance: float) -> float:
    """Twice as long each time, and anything from half of it to all of it."""
    longest = min(FIRST_DELAY_SECONDS * 2.0 ** min(retry_count, 16), LONGEST_DELAY_SECONDS)
    return longest * (0.5 + chance / 2)


def postponed(outcome: Outcome) -> Postponed:
    execution, result = outcome.execution, outcome.result
    return Postponed(
        job_id=execution.job_id,
        lease_id=execution.lease_id,
        retry_count=execution.retry_count + 1,
        delay_seconds=outcome.delay_seconds,
        error_message=result.message[:LONGEST_MESSAGE],
        error_type=result.error_type,
    )


def ended(outcome: Outcome) -> Ended:
    execution, result = outcome.execution, outcome.result
    return Ended(
        job_id=execution.job_id,
        lease_id=execution.lease_id,
        status=JobStatus.FAILED if outcome.has_failed else JobStatus.COMPLETED,
        duration_ms=result.duration_ms,
        result_status=result.status,
        result_message=result.message[:LONGEST_MESSAGE],
        error_message=result.message if outcome.has_failed else None,
        error_type=result.error_type,
        retry_count=execution.retry_count,
    )


def dead_letter(outcome: Outcome) -> NewDeadLetter:
    """What failed for good, with what is needed to run it once more."""
    check, result = outcome.execution.check, outcome.result
    return NewDeadLetter(
        job_id=f"kpi:{check.name}",
        fingerprint=kind_of_text(f"{result.error_type}: {result.message}").fingerprint,
        event_data=_json(
            {"kpi": check.name, "slot_at": check.slot_at, "connection": check.connection.name}
        ),
        error=result.message,
        error_type=result.error_type,
        metadata=_json(
            {
                "job_id": outcome.execution.job_id,
                "attempts": outcome.execution.attempts,
                "retry_count": outcome.execution.retry_count,
            }
        ),
    )


def _json(value: object) -> Json:
    return Json(encode(value).decode())
