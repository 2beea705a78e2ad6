"""Run one KPI against its target and judge the answer."""

import logging
import time
from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal

from repositories.contracts.databases import Answer
from repositories.errors import (
    BadStatement,
    BadUrl,
    Busy,
    Conflict,
    LoginRefused,
    NotAllowed,
    NotConfigured,
    StatementTimeout,
    StorageError,
    Unavailable,
)
from repositories.records.executions import Execution
from repositories.records.kpis import Check, Result, ResultType, Rule, Verdict
from repositories.records.rows import Json
from services.definitions.jobs_access import JOBS_ARE_READ, is_unwanted_write
from services.encoding import encode
from services.judging.judge import Details, Judge, Verdicts
from services.judging.verdicts import Judgement
from services.patience import patiently
from services.rounds.attempts import was_abandoned
from services.targets import Targets

logger = logging.getLogger(__name__)

KEPT_ROWS = 50
LONGEST_CELL = 500
NOT_AVAILABLE = "not_available"
NOTHING: Details = {}
REPLACEMENT = "\N{REPLACEMENT CHARACTER}"
ABANDONED = Judgement(
    Verdict.ERROR,
    None,
    "begun again and again, and each time its process was gone before it ended",
    "abandoned",
)
ERROR_TYPES: dict[type[StorageError], str] = {
    StatementTimeout: "timeout",
    LoginRefused: "login_refused",
    NotConfigured: "not_configured",
    BadUrl: "not_configured",
    Busy: "busy",
    Unavailable: "connection_lost",
    NotAllowed: "not_allowed",
    BadStatement: "bad_sql",
    Conflict: "conflict",
    StorageError: "database_error",
}


class Checks:
    """Runs KPIs; no query may take longer than `longest_seconds`, whatever it asks for itself."""

    def __init__(
        self, targets: Targets, judge: Judge, *, longest_seconds: int, jobs_writable: bool = False
    ) -> None:
        self._targets, self._judge, self._longest = targets, judge, longest_seconds
        self._jobs_writable = jobs_writable

    def run(self, execution: Execution) -> Result:
        """The result, an Error too; `checked_at` is by the store's clock, from the claim on."""
        check = execution.check
        if was_abandoned(execution):
            verdicts = patiently(lambda: self._judge.settle(check, ABANDONED))
            return _result(verdicts, checked_at=check.claimed_at)
        started = time.monotonic()
        try:
            answer = self._ask(check)
        except Exception as error:
            ended = time.monotonic()
            failure = _failure(check, error)
            return _result(
                patiently(lambda: self._judge.settle(check, failure)),
                checked_at=_time_at(ended, execution),
                seconds=ended - started,
            )
        ended = time.monotonic()
        checked_at = _time_at(ended, execution)
        return _result(
            patiently(lambda: self._verdicts(check, answer, checked_at)),
            checked_at=checked_at,
            seconds=ended - started,
            details=_first_rows(check.rule.result_type, answer),
        )

    def _verdicts(self, check: Check, answer: Answer, checked_at: datetime) -> Verdicts:
        if not_available := _not_available(check.rule, answer):
            return self._judge.settle(check, not_available)
        return self._judge.judge(check, answer, now=checked_at)

    def close_idle(self) -> None:
        self._targets.close_idle()

    def _ask(self, check: Check) -> Answer:
        if is_unwanted_write(check.connection, check.rule, jobs_writable=self._jobs_writable):
            raise NotAllowed(JOBS_ARE_READ)
        if check.fault:
            raise NotConfigured(check.fault)
        return self._targets.open(check.connection).ask(
            check.sql,
            result_type=check.rule.result_type,
            timeout_seconds=min(check.longest_seconds, self._longest),
            keep=KEPT_ROWS if check.rule.result_type is ResultType.DATA_SET else 2,
        )


def _result(
    verdicts: Verdicts, *, checked_at: datetime, seconds: float = 0, details: Details = NOTHING
) -> Result:
    kept = {**details, **verdicts.details}
    return Result(
        status=verdicts.status,
        raw_status=verdicts.raw_status,
        value=verdicts.value,
        raw_number=verdicts.raw_number,
        message=_storable(verdicts.message),
        error_type=verdicts.error_type,
        duration_ms=round(seconds * 1000, 3),
        checked_at=checked_at,
        details=Json(encode(kept).decode()) if kept else None,
    )


def _time_at(instant: float, execution: Execution) -> datetime:
    """By the store's clock: however long it waited for its turn since it was taken."""
    return execution.check.claimed_at + timedelta(seconds=instant - execution.taken_at)


def _storable(text: str) -> str:
    """Without what no database takes as text: NUL, and halves of characters."""
    if text.isascii():
        return text.replace("\0", REPLACEMENT)
    return text.replace("\0", REPLACEMENT).encode("utf-8", "replace").decode()


def _not_available(rule: Rule, answer: Answer) -> Judgement | None:
    """A Scalar that can have no value here says why, in a second column of the name."""
    if rule.result_type is not ResultType.SCALAR or not answer.rows:
        return None
    row = dict(zip(answer.columns, answer.rows[0], strict=False))
    reason = row.get(NOT_AVAILABLE)
    if answer.rows[0][0] is not None or not isinstance(reason, str):
        return None
    return Judgement(Verdict.ERROR, None, f"not available: {reason[:LONGEST_CELL]}", NOT_AVAILABLE)


def _failure(check: Check, error: Exception) -> Judgement:
    """An error that nobody foresaw, of a driver or of ours, is of this KPI alone."""
    if isinstance(error, StorageError):
        return failure_of(error)
    logger.error("KPI %s failed in a way that nobody foresaw", check.name, exc_info=error)
    message = f"it failed in a way that nobody foresaw ({type(error).__name__}); the log says more"
    return Judgement(Verdict.ERROR, None, message, "unexpected")


def failure_of(error: StorageError) -> Judgement:
    """What keeps a KPI from having a value."""
    kind = next(ERROR_TYPES[ours] for ours in type(error).__mro__ if ours in ERROR_TYPES)
    message = f"{error} ({error.code})" if error.code else str(error)
    return Judgement(Verdict.ERROR, None, message, kind)


def _first_rows(result_type: ResultType, answer: Answer) -> Details:
    """The first rows of a DataSet, by column."""
    if result_type is not ResultType.DATA_SET:
        return NOTHING
    names = _each_once(answer.columns)
    rows = [dict(zip(names, map(_cell, row), strict=False)) for row in answer.rows]
    return {"rows": rows, "row_count": answer.row_count}


def _each_once(columns: Sequence[str]) -> Sequence[str]:
    """Of two columns a, the second is a_2, or with the next number that makes it another name."""
    names: list[str] = []
    taken, numbers = {*columns}, dict.fromkeys(columns, 0)
    for column in columns:
        numbers[column] += 1
        name = column
        if numbers[column] > 1:
            while (name := f"{column}_{numbers[column]}") in taken:
                numbers[column] += 1
        taken.add(name)
        names.append(name)
    return names


def _cell(value: object) -> object:
    """What a driver gave, as JSON can hold it; long texts are cut."""
    if value is None or isinstance(value, bool | Json):
        return value
    if isinstance(value, int) and abs(value) < 2**63:
        return value
    if isinstance(value, Decimal | float):
        return value if Decimal(value).is_finite() else str(value)
    if isinstance(value, bytes | bytearray | memoryview):
        return f"{len(value)} bytes"
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [_cell(item) for item in value]
    return _storable(str(value))[:LONGEST_CELL]
