"""What failed for good and waits for another try."""

import json
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from uuid import uuid4

import pytest

from repositories.contracts.store import Store
from repositories.records.executions import NewDeadLetter
from repositories.records.rows import Json
from repositories.records.trouble import DeadLetter
from tests.contract.conftest import Lab

NOTE = Json('{"actor": "kim", "reason": "gone"}')


@pytest.fixture
def now(lab: Lab) -> datetime:
    with lab.jobs.read() as work:
        return work.failures.window(hours=1)[1]


def add(lab: Lab, at: datetime, error: str, **columns: object) -> None:
    times = {"created_at": at, "last_occurred_at": at}
    lab.add_dead_letter(
        **{"job_id": "nightly", "event_data": '{"n": 1}', "error": error} | times | columns
    )


def failed(
    job_id: str = "kpi:orders", fingerprint: str = "ab12", error: str = "timeout"
) -> NewDeadLetter:
    return NewDeadLetter(
        job_id=job_id,
        fingerprint=fingerprint,
        event_data=Json(json.dumps({"kpi": job_id, "error": error})),
        error=error,
        error_type="timeout",
        metadata=Json('{"worker": "w1"}'),
    )


def write(store: Store, *letters: NewDeadLetter) -> Sequence[DeadLetter]:
    """All that there are afterwards, the oldest first."""
    with store.single() as work:
        work.dead_letters.add(letters)
    return read(store)


def read(store: Store) -> Sequence[DeadLetter]:
    with store.read() as work:
        return work.dead_letters.list(limit=1000)[::-1]


def take(store: Store, *letters: DeadLetter) -> Sequence[DeadLetter]:
    with store.work() as work:
        return work.dead_letters.take([letter.dead_letter_id for letter in letters])


def settle(store: Store, *letters: DeadLetter, succeeded: bool) -> None:
    with store.work() as work:
        work.dead_letters.settle([one.dead_letter_id for one in letters], succeeded=succeeded)


def test_what_failed_is_kept_as_it_was_given(store: Store) -> None:
    (letter,) = write(store, failed())
    assert (letter.job_id, letter.fingerprint, letter.status) == ("kpi:orders", "ab12", "PENDING")
    assert json.loads(letter.event_data) == {"kpi": "kpi:orders", "error": "timeout"}
    assert json.loads(letter.metadata) == {"worker": "w1"}
    assert (letter.error, letter.error_type) == ("timeout", "timeout")
    assert (letter.occurrences, letter.attempts, letter.last_attempt_at) == (1, 0, None)
    with store.read() as work:
        assert work.dead_letters.find(letter.dead_letter_id) == letter
        assert work.dead_letters.find(str(uuid4())) is None


def test_the_same_failure_of_a_job_waits_once_and_is_counted_with_its_newest_input(
    store: Store,
) -> None:
    (first,) = write(store, failed(error="first"))
    (again,) = write(store, failed(error="second"), failed(error="third"))
    assert (again.dead_letter_id, again.occurrences) == (first.dead_letter_id, 3)
    assert (again.error, json.loads(again.event_data)["error"]) == ("third", "third")
    assert again.created_at == first.created_at
    assert again.updated_at > first.updated_at
    assert again.last_occurred_at > first.last_occurred_at


def test_another_job_and_another_fingerprint_are_failures_of_their_own(store: Store) -> None:
    found = write(store, failed(), failed("kpi:stock"), failed(fingerprint="cd34"))
    assert [letter.occurrences for letter in found] == [1, 1, 1]


def test_a_failure_that_was_settled_or_discarded_may_come_again(store: Store) -> None:
    (done,) = write(store, failed())
    settle(store, *take(store, done), succeeded=True)
    _, given_up = write(store, failed())
    with store.single() as work:
        assert work.dead_letters.discard(given_up.dead_letter_id, metadata=NOTE)
    statuses = sorted((one.status, one.occurrences) for one in write(store, failed()))
    assert statuses == [("FAILED", 1), ("PENDING", 1), ("SUCCEEDED", 1)]


def test_nothing_is_written_of_no_failures(store: Store) -> None:
    assert write(store) == []
    assert take(store) == []
    settle(store, succeeded=False)


def test_a_failure_of_another_application_has_no_fingerprint(lab: Lab) -> None:
    for number in range(2):
        lab.add_dead_letter(job_id="nightly", event_data=f"[{number}]", error="lost")
    found = read(lab.store)
    assert [(one.fingerprint, one.error_type, one.occurrences) for one in found] == [
        (None, None, 1)
    ] * 2
    settle(lab.store, *take(lab.store, *found), succeeded=False)
    assert [one.attempts for one in read(lab.store)] == [1, 1]


def test_the_list_goes_by_time_and_id_and_is_filtered(lab: Lab, now: datetime) -> None:
    for hours in (5, 3, 3, 3, 1):
        add(lab, now - timedelta(hours=hours), f"{hours}")
    write(lab.store, failed(), failed(fingerprint="cd34"))
    with lab.store.read() as work:
        letters = work.dead_letters
        every, walked = letters.list(limit=99), []
        before = None
        while page := letters.list(before=before, limit=2):
            walked += page
            before = page[-1].last_occurred_at, page[-1].dead_letter_id
        assert walked == every
        assert [one.error for one in every[2:]] == ["1", "3", "3", "3", "5"]
        assert len(letters.list(hours=2, limit=99)) == 3
        assert len(letters.list(job_id="nightly", limit=99)) == 5
        assert [one.fingerprint for one in letters.list(fingerprint="cd34", limit=9)] == ["cd34"]
        assert letters.list(status="PROCESSING", limit=99) == []
        assert len(letters.list(status="PENDING", limit=99)) == 7


def test_what_fails_again_is_recent_and_comes_to_the_front(lab: Lab, now: datetime) -> None:
    for hours in (9, 8, 7):
        at = now - timedelta(hours=hours)
        add(lab, at, f"{hours}", job_id="kpi:orders", fingerprint=f"{hours}")
    with lab.store.work() as work:
        work.dead_letters.add([failed(fingerprint="9", error="again")])
        letters = work.dead_letters
        assert [one.error for one in letters.list(limit=9)] == ["again", "7", "8"]
        assert [one.error for one in letters.list(hours=1, limit=9)] == ["again"]
        assert [one.error for one in letters.pending(hours=1, limit=9).items] == ["again"]


def test_who_turns_pages_meanwhile_sees_no_letter_twice(lab: Lab, now: datetime) -> None:
    for hours in (9, 8, 7):
        at = now - timedelta(hours=hours)
        add(lab, at, f"{hours}", job_id="kpi:orders", fingerprint=f"{hours}")
    with lab.store.read() as work:
        (last,) = work.dead_letters.list(limit=1)
    with lab.store.single() as work:
        work.dead_letters.add([failed(fingerprint="7"), failed(fingerprint="9")])
    with lab.store.read() as work:
        place = last.last_occurred_at, last.dead_letter_id
        assert [one.error for one in work.dead_letters.list(before=place, limit=9)] == ["8"]


def test_taken_letters_are_processing_and_come_oldest_first(lab: Lab, now: datetime) -> None:
    for hours in (1, 3, 2):
        add(lab, now - timedelta(hours=hours), f"{hours}")
    found = read(lab.store)
    taken = take(lab.store, *found[::-1])
    assert [(one.error, one.status) for one in taken] == [
        (error, "PROCESSING") for error in ("3", "2", "1")
    ]
    assert all(one.last_attempt_at is not None for one in taken)
    assert take(lab.store, *found) == []


def test_of_two_that_take_at_once_each_letter_goes_to_one(store: Store) -> None:
    letters = write(store, *(failed(f"kpi:{number}") for number in range(40)))
    start = threading.Barrier(4)

    def take_all(_: int) -> list[str]:
        start.wait()
        return [one.dead_letter_id for one in take(store, *letters)]

    with ThreadPoolExecutor(4) as threads:
        taken = [one for ids in threads.map(take_all, range(4)) for one in ids]
    assert sorted(taken) == sorted(one.dead_letter_id for one in letters)


@pytest.mark.usefixtures("with_locks")
def test_who_takes_does_not_wait_for_another_that_has_not_committed(store: Store) -> None:
    first, second = write(store, failed("kpi:a"), failed("kpi:b"))
    with store.work() as work:
        work.dead_letters.take([first.dead_letter_id])
        taken = take(store, first, second)
    assert [one.dead_letter_id for one in taken] == [second.dead_letter_id]


def test_a_letter_whose_retry_worked_is_done(store: Store) -> None:
    (letter,) = take(store, *write(store, failed()))
    settle(store, letter, succeeded=True)
    (done,) = read(store)
    assert (done.status, done.attempts) == ("SUCCEEDED", 1)
    assert done.processed_at is not None
    settle(store, done, succeeded=False)
    assert read(store) == [done]


def test_a_letter_whose_retry_failed_waits_once_more(store: Store) -> None:
    (letter,) = take(store, *write(store, failed(), failed()))
    settle(store, letter, succeeded=False)
    (waiting,) = read(store)
    assert (waiting.dead_letter_id, waiting.status) == (letter.dead_letter_id, "PENDING")
    assert (waiting.attempts, waiting.occurrences, waiting.processed_at) == (1, 2, None)
    assert waiting.last_occurred_at > letter.last_occurred_at
    assert (waiting.created_at, waiting.last_attempt_at) == (
        letter.created_at,
        letter.last_attempt_at,
    )


def test_a_letter_that_waits_once_more_takes_in_what_came_meanwhile(store: Store) -> None:
    (tried,) = take(store, *write(store, failed(error="old")))
    write(store, failed(error="new"), failed(error="newest"))
    settle(store, tried, succeeded=False)
    (waiting,) = read(store)
    assert (waiting.dead_letter_id, waiting.created_at) == (tried.dead_letter_id, tried.created_at)
    assert (waiting.occurrences, waiting.attempts, waiting.error) == (3, 1, "newest")
    assert waiting.last_occurred_at > tried.last_occurred_at


def test_several_tries_of_one_failure_that_end_together_wait_as_one(store: Store) -> None:
    (first,) = take(store, *write(store, failed()))
    second = next(one for one in write(store, failed()) if one.status == "PENDING")
    take(store, second)
    write(store, failed(), failed("kpi:other"))
    settle(store, first, second, succeeded=False)
    waiting = next(one for one in read(store) if one.job_id == "kpi:orders")
    assert (waiting.dead_letter_id, waiting.status) == (first.dead_letter_id, "PENDING")
    assert (waiting.occurrences, waiting.attempts) == (3, 2)
    assert len(read(store)) == 2


@pytest.mark.usefixtures("with_locks")
def test_failures_and_settled_tries_at_once_lose_none_and_break_nothing(store: Store) -> None:
    (letter,) = write(store, failed())

    def fail(_: int) -> None:
        with store.single() as work:
            work.dead_letters.add([failed()])

    def try_again(_: int) -> None:
        settle(store, *take(store, *read(store)), succeeded=False)

    with ThreadPoolExecutor(4) as threads:
        done = [threads.submit(one, number) for number in range(40) for one in (fail, try_again)]
    assert [one.result() for one in done] == [None] * 80
    try_again(0)
    (waiting,) = read(store)
    assert (waiting.occurrences, waiting.status) == (41, "PENDING")
    assert waiting.created_at == letter.created_at


def test_a_letter_that_waits_can_be_given_up_once(store: Store) -> None:
    (letter,) = write(store, failed())
    with store.single() as work:
        assert work.dead_letters.discard(letter.dead_letter_id, metadata=NOTE)
        assert not work.dead_letters.discard(letter.dead_letter_id, metadata=NOTE)
        assert not work.dead_letters.discard(str(uuid4()), metadata=NOTE)
    (given_up,) = read(store)
    assert given_up.status == "FAILED"
    assert json.loads(given_up.metadata) == {"worker": "w1", "discarded": json.loads(NOTE)}
    assert given_up.processed_at is not None


def test_a_letter_that_is_being_retried_cannot_be_given_up(store: Store) -> None:
    (letter,) = take(store, *write(store, failed()))
    with store.single() as work:
        assert not work.dead_letters.discard(letter.dead_letter_id, metadata=NOTE)


def test_all_letters_of_a_job_that_goes_are_given_up(store: Store) -> None:
    take(store, write(store, failed())[0])
    write(store, failed(), failed(fingerprint="cd34"), failed("kpi:stock"))
    with store.single() as work:
        assert work.dead_letters.discard_of("kpi:orders", metadata=NOTE) == 3
        assert work.dead_letters.discard_of("kpi:orders", metadata=NOTE) == 0
        assert work.dead_letters.depth() == {"FAILED": 3, "PENDING": 1}


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
