"""What becomes of an execution."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from repositories.records.executions import JobStatus
from repositories.records.kpis import Result, Verdict
from services.checks import ERROR_TYPES
from services.rounds.attempts import (
    LASTING,
    LONGEST_DELAY_SECONDS,
    PASSING,
    Outcome,
    dead_letter,
    delay_seconds,
    ended,
    postponed,
    was_abandoned,
)
from tests.unit.test_lanes import execution

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def outcome(error_type: str | None, **changes: object) -> Outcome:
    one = execution(1)
    check = replace(one.check, **{"max_retries": 2, **changes})  # type: ignore[arg-type]
    result = Result(
        status=Verdict.ERROR if error_type else Verdict.HEALTHY,
        value=None,
        message="The database took too long.",
        error_type=error_type,
        duration_ms=7.6,
        checked_at=NOW,
    )
    return Outcome(replace(one, check=check), result)


def test_every_way_to_fail_is_one_that_passes_or_one_that_lasts() -> None:
    assert set(ERROR_TYPES.values()) | {"abandoned", "unexpected"} == PASSING | LASTING
    assert not PASSING & LASTING


@pytest.mark.parametrize("error_type", sorted(PASSING))
def test_what_may_pass_is_tried_again_as_often_as_the_kpi_says(error_type: str) -> None:
    one = outcome(error_type)
    assert one.is_tried_again
    assert postponed(one).retry_count == 1
    tries = 3 if error_type == "busy" else 2
    last = replace(one, execution=replace(one.execution, retry_count=tries), chance=0)
    assert not last.is_tried_again
    assert ended(last).status is JobStatus.FAILED
    assert ended(last).error_message == one.result.message


@pytest.mark.parametrize("error_type", sorted(LASTING))
def test_what_lasts_is_not_tried_again(error_type: str) -> None:
    one = outcome(error_type)
    assert not one.is_tried_again
    assert ended(one).status is JobStatus.FAILED


@pytest.mark.parametrize("error_type", [None, "no_value", "not_a_number", "not_available"])
def test_a_value_that_cannot_be_judged_is_a_completed_execution(error_type: str | None) -> None:
    one = outcome(error_type)
    assert not one.has_failed
    assert ended(one).status is JobStatus.COMPLETED


def test_what_would_be_tried_again_after_its_next_slot_has_failed_for_good() -> None:
    soon = outcome("timeout", schedule="10")
    assert soon.is_tried_again
    late = replace(soon, result=replace(soon.result, checked_at=NOW + timedelta(seconds=8)))
    assert not replace(late, chance=0.5).is_tried_again
    assert replace(late, chance=0).is_tried_again is False
    assert ended(late).status is JobStatus.FAILED
    letter = replace(late.execution, dead_letter_id="x")
    of_letter = replace(late, execution=replace(letter, check=replace(letter.check, slot_at=None)))
    assert of_letter.is_tried_again


def test_a_kpi_that_found_no_connection_free_is_tried_again_whatever_it_says_itself() -> None:
    assert outcome("busy", max_retries=0).is_tried_again
    assert not outcome("connection_lost", max_retries=0).is_tried_again


def test_a_run_by_hand_is_not_tried_again() -> None:
    assert not outcome("timeout", slot_at=None).is_tried_again


def test_another_try_of_a_dead_letter_is_tried_again_like_any_other() -> None:
    one = outcome("timeout", slot_at=None)
    assert replace(one, execution=replace(one.execution, dead_letter_id="x")).is_tried_again


@given(st.integers(0, 1000), st.floats(0, 1, exclude_max=True))
def test_each_delay_is_between_half_and_all_of_twice_the_one_before(
    retry_count: int, chance: float
) -> None:
    longest = min(5.0 * 2**retry_count, LONGEST_DELAY_SECONDS)
    assert longest / 2 <= delay_seconds(retry_count, chance) <= longest


def test_an_execution_that_was_begun_too_often_was_abandoned() -> None:
    one = outcome(None).execution
    assert not was_abandoned(replace(one, attempts=7))
    assert was_abandoned(replace(one, attempts=8))


def test_a_dead_letter_has_what_is_needed_to_run_the_kpi_once_more() -> None:
    letter = dead_letter(outcome("timeout"))
    assert letter.job_id == "kpi:kpi 1"
    assert json.loads(letter.event_data) == {
        "kpi": "kpi 1",
        "slot_at": "2026-01-01T00:00:00Z",
        "connection": "here",
    }
    assert dead_letter(outcome("bad_sql")).fingerprint != letter.fingerprint
    assert dead_letter(outcome("timeout")).fingerprint == letter.fingerprint
