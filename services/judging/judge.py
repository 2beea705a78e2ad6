"""A KPI's verdict, with what its own past has to do with it."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal

from repositories.contracts.databases import Answer
from repositories.records.kpis import Check, HistoryRule, Rule, Verdict
from services.judging.comparisons import Comparisons, OpenPasts
from services.judging.evidence import Evidence
from services.judging.outlooks import Outlooks
from services.judging.rates import rate_of, unit_of
from services.judging.streaks import has_streaks, stay, turn, verdicts_needed
from services.judging.verdicts import Judgement, Measured, Value, judge, judge_value, measure, plain

ALONE = HistoryRule()
Details = Mapping[str, object]


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdicts:
    """What is to be stored of an execution.

    `status` is what is shown, `raw_status` the verdict of this execution alone where that is
    another; `message` and `error_type` are of this execution. `raw_number` is the counter whose
    growth the value is. `details` has what the value was compared with: `rate`, `comparison`,
    `forecast`, `streak`, each where the KPI has such a rule.
    """

    status: Verdict
    value: Value | None
    message: str
    error_type: str | None = None
    raw_status: Verdict | None = None
    raw_number: Decimal | None = None
    details: Details = field(default_factory=dict)


class Judge:
    """Judges answers; asks the store for the past of those KPIs only whose rule needs it.

    Errors of the store are raised: they are no verdict on the target.
    """

    def __init__(self, pasts: OpenPasts, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._open = pasts
        self._comparisons = Comparisons(pasts, clock=clock)
        self._outlooks = Outlooks(pasts, clock=clock)

    def judge(self, check: Check, answer: Answer, *, now: datetime) -> Verdicts:
        """`now` is when it was executed, by the store's clock."""
        if check.history == ALONE:
            return _as_it_is(judge(check.rule, answer))
        measured = measure(check.rule, answer)
        if isinstance(measured, Judgement):
            return self.settle(check, measured)
        if check.history.per_second:
            return self._judge_growth(check, measured, now)
        judgement, details = self._weigh(check, check.rule, measured, now)
        return self.settle(check, judgement, details)

    def settle(
        self, check: Check, judgement: Judgement, details: Details | None = None
    ) -> Verdicts:
        """What is shown after the verdict of one execution, such as the Error of a failed one."""
        rule, details = check.history, details or {}
        if not has_streaks(rule):
            return replace(_as_it_is(judgement), details=details)
        with self._open() as work:
            past = work.pasts.verdicts(
                check.indicator_id, before=check.slot_at, limit=verdicts_needed(rule)
            )
        raw = judgement.status
        turned = turn(rule, raw, past) if check.slot_at else stay(raw, past)
        return replace(
            _as_it_is(judgement),
            status=turned.status,
            raw_status=None if turned.status is raw else raw,
            message=". ".join(filter(None, [judgement.message, turned.note])),
            details={**details, "streak": turned.details},
        )

    def _judge_growth(self, check: Check, measured: Measured, now: datetime) -> Verdicts:
        counter = measured.value
        if not isinstance(counter, Decimal):
            return self.settle(check, _not_a_number(counter, "the KPI's value is a counter"))
        with self._open() as work:
            before = work.pasts.previous_counter(check.indicator_id, until=now)
        rate = rate_of(counter, now, before)
        notes = (*([rate.note] if rate.note else ()), *measured.notes)
        judgement = Judgement(Verdict.HEALTHY, None, ". ".join(notes))
        details: Details = {}
        if rate.value is not None:
            rule = replace(check.rule, unit=unit_of(check.rule, check.history))
            judgement, details = self._weigh(check, rule, Measured(rate.value, notes), now)
        settled = self.settle(check, judgement, {"rate": rate.details, **details})
        return replace(settled, raw_number=counter)

    def _weigh(
        self, check: Check, rule: Rule, measured: Measured, now: datetime
    ) -> tuple[Judgement, Details]:
        """The verdict on a value, and what it was compared with."""
        value, history = measured.value, check.history
        if history.compare_to is None and history.forecast_hours is None:
            return judge_value(rule, measured), {}
        if not isinstance(value, Decimal):
            return _not_a_number(value, "the KPI is compared with its past"), {}
        evidence = self._look_back(check, value, now)
        findings = [finding for one in evidence for finding in one.findings]
        details = {name: told for one in evidence for name, told in one.details.items()}
        return judge_value(rule, measured, findings), details

    def _look_back(self, check: Check, value: Decimal, now: datetime) -> list[Evidence]:
        evidence = []
        if check.history.compare_to is not None:
            evidence.append(self._comparisons.compare(check, value, now))
        if (hours := check.history.forecast_hours) is not None:
            evidence.append(self._outlooks.forecast(check, value, hours, now))
        return evidence


def _as_it_is(judgement: Judgement) -> Verdicts:
    return Verdicts(
        status=judgement.status,
        value=judgement.value,
        message=judgement.message,
        error_type=judgement.error_type,
    )


def _not_a_number(value: Value, reason: str) -> Judgement:
    message = f"{plain(value)}: not a number, but {reason}"
    return Judgement(Verdict.ERROR, value, message, "not_a_number")
