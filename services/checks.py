"""Run one KPI against its target and judge the answer."""

import time
from collections.abc import Sequence
from datetime import timedelta
from decimal import Decimal

from repositories.contracts.databases import Answer
from repositories.errors import (
    BadStatement,
    BadUrl,
    Conflict,
    LoginRefused,
    NotAllowed,
    NotConfigured,
    StatementTimeout,
    StorageError,
    Unavailable,
)
from repositories.records.kpis import Check, Result, ResultType, Rule, Verdict
from repositories.records.rows import Json
from services.encoding import encode
from services.targets import Targets
from services.verdicts import Judgement, judge

KEPT_ROWS = 50
LONGEST_CELL = 500
NOT_AVAILABLE = "not_available"
ERROR_TYPES: dict[type[StorageError], str] = {
    StatementTimeout: "timeout",
    LoginRefused: "login_refused",
    NotConfigured: "not_configured",
    BadUrl: "not_configured",
    Unavailable: "connection_lost",
    NotAllowed: "not_allowed",
    BadStatement: "bad_sql",
    Conflict: "conflict",
    StorageError: "database_error",
}


class Checks:
    """Runs KPIs; no query may take longer than `longest_seconds`, whatever it asks for itself."""

    def __init__(self, targets: Targets, *, longest_seconds: int) -> None:
        self._targets, self._longest = targets, longest_seconds

    def run(self, check: Check) -> Result:
        """The result, an Error too; `executed_at` is by the store's clock, from the claim on."""
        started = time.monotonic()
        details = None
        try:
            answer = self._ask(check)
        except StorageError as error:
            judgement = _failure(error)
        else:
            judgement = _not_available(check.rule, answer) or judge(check.rule, answer)
            details = _details(check.rule.result_type, answer)
        seconds = time.monotonic() - started
        return Result(
            status=judgement.status,
            value=judgement.value,
            message=judgement.message,
            error_type=judgement.error_type,
            duration_ms=round(seconds * 1000, 3),
            executed_at=check.claimed_at + timedelta(seconds=seconds),
            details=details,
        )

    def _ask(self, check: Check) -> Answer:
        target = self._targets.open(check.connection)
        try:
            return target.ask(
                check.sql,
                result_type=check.rule.result_type,
                timeout_seconds=min(check.timeout_seconds, self._longest),
                keep=KEPT_ROWS if check.rule.result_type is ResultType.DATA_SET else 2,
            )
        finally:
            target.close()


def _not_available(rule: Rule, answer: Answer) -> Judgement | None:
    """A Scalar that can have no value here says why, in a second column of the name."""
    if rule.result_type is not ResultType.SCALAR or not answer.rows:
        return None
    row = dict(zip(answer.columns, answer.rows[0], strict=False))
    reason = row.get(NOT_AVAILABLE)
    if answer.rows[0][0] is not None or not isinstance(reason, str):
        return None
    return Judgement(Verdict.ERROR, None, f"not available: {reason[:LONGEST_CELL]}", NOT_AVAILABLE)


def _failure(error: StorageError) -> Judgement:
    kind = next(ERROR_TYPES[ours] for ours in type(error).__mro__ if ours in ERROR_TYPES)
    message = f"{error} ({error.code})" if error.code else str(error)
    return Judgement(Verdict.ERROR, None, message, kind)


def _details(result_type: ResultType, answer: Answer) -> Json | None:
    """The first rows of a DataSet, by column."""
    if result_type is not ResultType.DATA_SET:
        return None
    rows = [dict(zip(answer.columns, map(_cell, row), strict=False)) for row in answer.rows]
    return Json(encode({"rows": rows, "row_count": answer.row_count}).decode())


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
    return str(value).replace("\0", "\N{REPLACEMENT CHARACTER}")[:LONGEST_CELL]
