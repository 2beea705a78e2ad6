"""Ids of what is written all the time."""

import time
import uuid

from services.ids import newest_id


def test_an_id_is_a_uuid_of_version_7() -> None:
    made = uuid.UUID(newest_id())
    assert (made.version, made.variant) == (7, uuid.RFC_4122)


def test_an_id_begins_with_the_time_in_milliseconds() -> None:
    before = time.time_ns() // 1_000_000
    made = uuid.UUID(newest_id()).int >> 80
    assert before <= made <= time.time_ns() // 1_000_000


def test_no_two_ids_are_the_same() -> None:
    assert len({newest_id() for _ in range(100_000)}) == 100_000
