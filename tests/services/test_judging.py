"""Verdicts that depend on a KPI's past, on a past that is made here."""

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from repositories.contracts.databases import Answer
from repositories.records.definitions import KpiDefinition, Stored
from repositories.records.kpis import (
    Check,
    CompareTo,
    Connection,
    DeviationUnit,
    HistoryRule,
    OnEmpty,
    Rule,
    StoredResult,
    Verdict,
)
from services.encoding import encode
from services.judging.comparisons import tolerance
from services.judging.judge import Judge, Verdicts
from services.judging.verdicts import Judgement, judge
from tests.fake_clocks import FakeClock
from tests.fake_kpis import FakeIndicator, FakeKpis
from tests.fake_pasts import FakePasts

NOW = datetime(2026, 3, 4, 12, 30, tzinfo=UTC)
HEALTHY, WARNING, CRITICAL, ERROR = Verdict
CONNECTION = Connection(
    connection_id="1",
    name="store",
    provider="PostgreSQL",
    environment="Test",
    address="setting:STORE_URL",
    is_encrypted=False,
    timeout_seconds=5,
)
CHECK = Check(
    indicator_id="kpi",
    name="kpi",
    schedule="60",
    slot_at=NOW,
    claimed_at=NOW,
    connection=CONNECTION,
    sql="SELECT 1",
    timeout_seconds=5,
    rule=Rule(),
)


def scalar(value: object) -> Answer:
    return Answer(["value"], [[value]], 1)


@dataclass
class Past:
    """One KPI's results, the judge who reads them, and how often anybody asked for them."""

    kpis: FakeKpis = field(default_factory=lambda: FakeKpis(FakeClock(NOW)))
    seconds: float = 0
    asked: int = 0

    def __post_init__(self) -> None:
        definition = KpiDefinition(name="kpi", connection="store", query="kpi")
        stored = Stored(
            definition=definition,
            id="kpi",
            version=1,
            created_at=NOW,
            created_by="test",
            modified_at=NOW,
            modified_by="test",
        )
        self.kpis.indicators["kpi"] = FakeIndicator(stored, NOW)
        self.pasts = FakePasts(self.kpis)
        self.judge = Judge(self._open, clock=lambda: self.seconds)

    @contextmanager
    def _open(self) -> Iterator["Past"]:
        self.asked += 1
        yield self

    def add(self, found: Verdicts, at: datetime, *, slot_at: datetime | None) -> None:
        results = self.kpis.indicators["kpi"].results
        result_id = str(len(results) + 1)
        results.append(
            StoredResult(
                result_id=result_id,
                slot_at=slot_at,
                checked_at=at,
                status=found.status,
                raw_status=found.raw_status,
                value=found.value,
                message=found.message,
                error_type=found.error_type,
                duration_ms=1,
                details=None,
                environment="Test",
                provider="PostgreSQL",
            )
        )
        if found.raw_number is not None:
            self.kpis.counters[result_id] = found.raw_number

    def fill(self, values: Sequence[float], *, every: timedelta) -> None:
        """Healthy results up to now, the newest so long ago."""
        for back, value in enumerate(reversed(values), start=1):
            at = NOW - every * back
            healthy = Verdicts(status=HEALTHY, value=Decimal(str(value)), message="")
            self.add(healthy, at, slot_at=at)

    def run(self, check: Check, *values: object, by_hand: bool = False) -> list[Verdicts]:
        """One execution a minute, each stored before the next."""
        found = []
        for number, value in enumerate(values):
            at = NOW + timedelta(minutes=number)
            slot_at = None if by_hand else at
            one = replace(check, slot_at=slot_at)
            if isinstance(value, Judgement):
                found.append(self.judge.settle(one, value))
            else:
                found.append(self.judge.judge(one, scalar(value), now=at))
            self.add(found[-1], at, slot_at=slot_at)
        return found


def check(rule: Rule | None = None, **history: Any) -> Check:
    return replace(CHECK, rule=rule or Rule(), history=HistoryRule(**history))


LIMITS = Rule(warning_threshold=Decimal(80), critical_threshold=Decimal(90), unit="%")
COMPARED: dict[str, Any] = {"compare_to": CompareTo.PREVIOUS, "warning_deviation": Decimal(50)}


def told(found: Verdicts, name: str) -> dict[str, Any]:
    part = found.details[name]
    assert isinstance(part, dict)
    assert encode(found.details)
    return part


def test_nothing_of_the_past_is_read_for_a_kpi_that_has_no_use_for_it() -> None:
    past = Past()
    for value in (5, 85, 95, None, "NaN"):
        (found,) = past.run(check(LIMITS), value)
        alone = judge(LIMITS, scalar(value))
        assert (found.status, found.value, found.message, found.error_type) == (
            alone.status,
            alone.value,
            alone.message,
            alone.error_type,
        )
        assert (found.raw_status, found.raw_number, found.details) == (None, None, {})
    past.judge.settle(check(), Judgement(ERROR, None, "late", "timeout"))
    assert past.asked == 0


# Counters -----------------------------------------------------------------------------------------


def test_a_counter_is_judged_by_its_growth_in_a_second() -> None:
    counts = check(replace(LIMITS, unit="rows"), per_second=True)
    first, second, third = Past().run(counts, 100, 700, 6000)
    assert (first.status, first.value, first.message, first.raw_number) == (
        HEALTHY,
        None,
        "first value of the counter",
        Decimal(100),
    )
    assert (second.status, second.value, second.message, second.raw_number) == (
        HEALTHY,
        Decimal(10),
        "10 rows/s",
        Decimal(700),
    )
    assert third.status is WARNING
    assert third.message == "88.3333333333333 rows/s: too high, warning from 80"
    assert told(third, "rate")["previous"] == 700


def test_a_reset_is_said_and_the_growth_since_it_counts() -> None:
    *_, found = Past().run(check(per_second=True), 100, 60)
    assert (found.status, found.value) == (HEALTHY, Decimal(1))
    assert found.message.endswith(
        "the counter was reset: it was 100 at 2026-03-04 12:30Z and is 60"
    )


def test_a_failed_execution_between_two_counters_is_stepped_over() -> None:
    failed = Judgement(ERROR, None, "late", "timeout")
    *_, found = Past().run(check(per_second=True), 100, failed, None, 280)
    assert found.value == 1
    assert told(found, "rate")["seconds"] == 180


def test_the_same_moment_again_is_no_rate_and_no_error() -> None:
    past = Past()
    past.run(check(per_second=True), 100)
    (again,) = past.run(check(per_second=True), 150)
    assert (again.status, again.value) == (HEALTHY, None)


def test_a_text_is_no_counter() -> None:
    (found,) = Past().run(check(per_second=True), "up")
    assert (found.status, found.error_type, found.raw_number) == (ERROR, "not_a_number", None)


def test_rates_are_compared_with_rates() -> None:
    *_, steady, faster = Past().run(check(per_second=True, **COMPARED), 0, 60, 120, 300)
    assert (steady.status, faster.status) == (HEALTHY, WARNING)
    assert told(faster, "comparison")["deviation"] == 200
    assert told(faster, "comparison")["value"] == 1


# Comparisons --------------------------------------------------------------------------------------


def test_a_value_is_compared_with_the_one_before_it() -> None:
    first, second, third = Past().run(check(**COMPARED), 100, 149, 300)
    assert (first.status, second.status, third.status) == (HEALTHY, HEALTHY, WARNING)
    assert told(first, "comparison")["not_compared"] == "there is no value before"
    assert told(second, "comparison")["value"] == 100
    assert "above the previous value, 149 at 2026-03-04 12:31Z" in third.message


def test_errors_and_texts_are_no_values_to_compare_with() -> None:
    failed = Judgement(ERROR, None, "late", "timeout")
    *_, found = Past().run(check(**COMPARED), 100, failed, None, "up", 120)
    assert told(found, "comparison")["value"] == 100


def test_a_text_cannot_be_compared() -> None:
    (found,) = Past().run(check(**COMPARED), "up")
    assert (found.status, found.error_type) == (ERROR, "not_a_number")


@pytest.mark.parametrize(
    ("compare_to", "ago"),
    [
        (CompareTo.SAME_TIME_YESTERDAY, timedelta(days=1)),
        (CompareTo.SAME_TIME_LAST_WEEK, timedelta(weeks=1)),
    ],
)
def test_a_value_is_compared_with_that_of_the_same_time(
    compare_to: CompareTo, ago: timedelta
) -> None:
    past = Past()
    for minutes, value in ((-9, 1), (-2, 100), (3, 2), (60 * 11, 3)):
        at = NOW - ago + timedelta(minutes=minutes)
        past.add(Verdicts(status=HEALTHY, value=Decimal(value), message=""), at, slot_at=at)
    wanted = check(compare_to=compare_to, critical_deviation=Decimal(50))
    (found,) = past.run(wanted, 40)
    assert found.status is CRITICAL
    assert (told(found, "comparison")["value"], told(found, "comparison")["deviation"]) == (
        100,
        -60,
    )


def test_a_value_that_comes_late_is_compared_with_that_of_its_own_time() -> None:
    """After downtime the slot is of hours ago."""
    past = Past()
    for hours, value in ((-5, 1), (0, 100)):
        at = NOW - timedelta(days=1) + timedelta(hours=hours)
        past.add(Verdicts(status=HEALTHY, value=Decimal(value), message=""), at, slot_at=at)
    wanted = check(compare_to=CompareTo.SAME_TIME_YESTERDAY, warning_deviation=Decimal(1))
    late = replace(wanted, slot_at=NOW - timedelta(hours=5))
    found = past.judge.judge(late, scalar(100), now=NOW)
    assert told(found, "comparison")["value"] == 100


def test_a_value_too_far_from_the_same_time_is_none() -> None:
    past = Past()
    at = NOW - timedelta(days=1, minutes=11)
    past.add(Verdicts(status=HEALTHY, value=Decimal(1), message=""), at, slot_at=at)
    wanted = check(compare_to=CompareTo.SAME_TIME_YESTERDAY, warning_deviation=Decimal(1))
    (found,) = past.run(wanted, 40)
    assert found.status is HEALTHY
    assert (
        "no value within 0:10:00 of 2026-03-03 12:30Z" in told(found, "comparison")["not_compared"]
    )


@pytest.mark.parametrize(
    ("schedule", "minutes"),
    [("whenever", 10), ("60", 10), ("3600", 120), ("0 0 * * * *", 120), ("0 0 3 * * *", 12 * 60)],
)
def test_how_near_is_near_enough_depends_on_the_schedule(schedule: str, minutes: int) -> None:
    found = tolerance(schedule, timedelta(days=1), NOW)
    assert found == min(timedelta(minutes=minutes), timedelta(hours=12, microseconds=-1))


BASELINE: dict[str, Any] = {
    "compare_to": CompareTo.BASELINE,
    "deviation_unit": DeviationUnit.DEVIATIONS,
    "warning_deviation": Decimal(4),
}


def daily(weeks: int, *, every: timedelta) -> list[float]:
    """Values that follow the hour of the day, with a little noise; the newest is a step ago."""
    count = timedelta(weeks=weeks) // every
    return [
        100 * ((NOW - every * back).hour + 1) + 7 * math.sin(back * 2.4)
        for back in range(count, 0, -1)
    ]


def test_a_baseline_is_of_the_same_hour_of_the_week_once_there_is_enough() -> None:
    past, every = Past(), timedelta(minutes=5)
    past.fill(daily(4, every=every), every=every)
    normal, odd = past.run(check(**BASELINE), 1300, 300)
    assert (normal.status, odd.status) == (HEALTHY, WARNING)
    found = told(odd, "comparison")
    assert (found["season"], found["sample_size"]) == ("hour_of_week", 36 + 6)
    assert 1290 < found["median"] < 1310


def test_before_that_it_is_of_the_same_hour_of_the_day() -> None:
    past, every = Past(), timedelta(minutes=15)
    past.fill(daily(2, every=every), every=every)
    (odd,) = past.run(check(**BASELINE), 300)
    assert odd.status is WARNING
    assert told(odd, "comparison")["season"] == "hour_of_day"


def test_before_that_it_is_of_all_there_is() -> None:
    past = Past()
    past.fill([9, 10, 11] * 10, every=timedelta(hours=2))
    normal, odd = past.run(check(**BASELINE), 10, 30)
    assert (normal.status, odd.status) == (HEALTHY, WARNING)
    assert told(odd, "comparison")["season"] == "any_time"


def test_without_enough_history_there_is_no_verdict() -> None:
    past = Past()
    past.fill([9, 10, 11] * 3, every=timedelta(hours=2))
    (found,) = past.run(check(**BASELINE), 1000)
    assert found.status is HEALTHY
    assert told(found, "comparison")["not_compared"] == "not enough history yet"


def test_what_is_normal_is_asked_for_once_in_ten_minutes() -> None:
    past = Past()
    past.fill([9, 10, 11] * 10, every=timedelta(hours=2))
    past.run(check(**BASELINE), 10, 11, 12)
    assert past.asked == 1
    past.seconds = 601
    past.run(check(**BASELINE), 10)
    assert past.asked == 2


def test_each_hour_has_what_is_normal_for_it() -> None:
    past = Past()
    past.fill([9, 10, 11] * 10, every=timedelta(hours=2))
    for minutes in (0, 1, 60):
        at = NOW + timedelta(minutes=minutes)
        past.judge.judge(check(**BASELINE), scalar(10), now=at)
    assert past.asked == 2


# Forecasts ----------------------------------------------------------------------------------------


def test_a_trend_that_reaches_the_critical_threshold_in_time_is_a_warning() -> None:
    past = Past()
    past.fill([70 + 0.02 * number for number in range(240)], every=timedelta(minutes=15))
    (found,) = past.run(check(LIMITS, forecast_hours=240), 74.8)
    assert found.status is WARNING
    assert "reaches 90 on" in found.message
    assert "at this rate (+1.92 a day)" in found.message
    assert told(found, "forecast")["points"] == 15


def test_beyond_the_threshold_the_forecast_says_nothing_more() -> None:
    past = Past()
    past.fill([70 + 0.1 * number for number in range(240)], every=timedelta(minutes=15))
    (found,) = past.run(check(LIMITS, forecast_hours=240), 94)
    assert (found.status, "reaches" in found.message) == (CRITICAL, False)


def test_a_new_kpi_has_no_forecast_yet() -> None:
    past = Past()
    past.fill([70.0, 80.0], every=timedelta(minutes=15))
    (found,) = past.run(check(LIMITS, forecast_hours=240), 75)
    assert found.status is HEALTHY
    assert told(found, "forecast")["no_forecast"] == "not enough history yet"


def test_a_trend_is_asked_for_once_in_five_minutes() -> None:
    past = Past()
    past.fill([70.0] * 100, every=timedelta(minutes=15))
    past.run(check(LIMITS, forecast_hours=24), 70, 71, 70)
    assert past.asked == 1


def test_a_trend_is_of_as_much_time_as_it_is_to_tell_ahead() -> None:
    past = Past()
    past.fill([70.0] * 100, every=timedelta(minutes=15))
    for hours in (24, 48, 24):
        past.judge.judge(check(LIMITS, forecast_hours=hours), scalar(70), now=NOW)
    assert past.asked == 2


def test_a_kpi_that_runs_once_a_day_has_a_forecast_of_a_month() -> None:
    past = Past()
    past.fill([50 + number for number in range(30)], every=timedelta(days=1))
    (found,) = past.run(replace(check(LIMITS, forecast_hours=720), schedule="86400"), 79.5)
    assert found.status is WARNING


# In a row -----------------------------------------------------------------------------------------


def test_a_verdict_turns_after_three_bad_ones_and_keeps_what_was_found() -> None:
    found = Past().run(check(LIMITS, max_consecutive=3), 95, 85, 95, 85, 10)
    assert [one.status for one in found] == [HEALTHY, HEALTHY, CRITICAL, WARNING, HEALTHY]
    assert [one.raw_status for one in found] == [CRITICAL, WARNING, None, None, None]
    assert found[1].message == (
        "85 %: too high, warning from 80. bad 2 of 3 times in a row; still Healthy"
    )
    assert told(found[1], "streak")["in_a_row"] == 2


def test_errors_and_what_is_not_available_are_bad_in_a_row() -> None:
    failed = Judgement(ERROR, None, "late", "timeout")
    absent = Judgement(ERROR, None, "not available: no such view", "not_available")
    first, second, third = Past().run(check(LIMITS, max_consecutive=3), failed, absent, 95)
    assert (first.status, first.raw_status, first.error_type) == (HEALTHY, ERROR, "timeout")
    assert (second.status, third.status) == (HEALTHY, CRITICAL)


def test_an_empty_answer_counts_as_what_the_kpi_says() -> None:
    empty = check(Rule(on_empty=OnEmpty.WARNING), max_consecutive=2)
    found = Past().run(empty, None, None)
    assert [one.status for one in found] == [HEALTHY, WARNING]


def test_a_run_by_hand_is_neither_counted_nor_shown_as_a_change() -> None:
    past, wanted = Past(), check(LIMITS, max_consecutive=2)
    past.run(wanted, 10)
    (by_hand,) = past.run(wanted, 95, by_hand=True)
    assert (by_hand.status, by_hand.raw_status) == (HEALTHY, CRITICAL)
    assert by_hand.message.endswith("which does not count; still Healthy")
    (after,) = past.run(replace(wanted, slot_at=NOW), 95)
    assert after.status is HEALTHY


def test_any_process_goes_on_where_another_stopped() -> None:
    past, wanted = Past(), check(LIMITS, max_consecutive=2, recover_after=2)
    past.run(wanted, 95)
    past.judge = Judge(past._open)
    later = replace(wanted, slot_at=NOW + timedelta(minutes=1))
    found = past.judge.judge(later, scalar(95), now=NOW + timedelta(minutes=1))
    assert found.status is CRITICAL


# All together -------------------------------------------------------------------------------------


def test_the_worst_of_all_wins() -> None:
    everything = check(LIMITS, forecast_hours=24, max_consecutive=1, **COMPARED)
    past = Past()
    past.fill([10.0] * 40, every=timedelta(minutes=30))
    far, beyond = past.run(everything, 20, 95)
    assert (far.status, beyond.status) == (WARNING, CRITICAL)
    assert beyond.message == "95 %: too high, critical from 90"
    assert {*beyond.details} == {"comparison", "forecast"}
