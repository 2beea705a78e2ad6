"""What failed for good and waits for another try."""

import json
from datetime import datetime, timedelta

import pytest

from tests.contract.conftest import Lab


@pytest.fixture
def now(lab: Lab) -> datetime:
    with lab.jobs.read() as work:
        return work.failures.window(hours=1)[1]


def add(lab: Lab, at: datetime, error: str, **columns: object) -> None:
    lab.add_dead_letter(
        job_id="nightly", event_data='{"n": 1}', error=error, created_at=at, **columns
    )


def test_a_dead_letter_has_its_input_and_its_error(lab: Lab, now: datetime) -> None:
    at = now - timedelta(hours=1)
    add(lab, at, "lost", attempts=2, last_attempt_at=at)
    with lab.store.read() as work:
        (letter,) = work.dead_letters.pending(limit=5).items
    assert (letter.job_id, letter.error, letter.status) == ("nightly", "lost", "PENDING")
    assert json.loads(letter.event_data) == {"n": 1}
    assert json.loads(letter.metadata) == {}
    assert (letter.attempts, letter.last_attempt_at, letter.processed_at) == (2, at, None)
    assert len(letter.dead_letter_id) == 36


def test_those_that_are_pending_come_newest_first_and_are_all_counted(
    lab: Lab, now: datetime
) -> None:
    for hours in (3, 1, 30, 2):
        add(lab, now - timedelta(hours=hours), f"{hours} hours ago")
    add(lab, now, "done", status="SUCCEEDED")
    with lab.store.read() as work:
        every = work.dead_letters.pending(limit=2)
        recent = work.dead_letters.pending(hours=24, limit=9)
    assert [letter.error for letter in every.items] == ["1 hours ago", "2 hours ago"]
    assert every.total == 4
    assert [letter.error for letter in recent.items] == [f"{n} hours ago" for n in (1, 2, 3)]
    assert recent.total == 3
