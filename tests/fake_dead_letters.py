"""An in-memory stand-in for what failed for good."""

import json
import uuid
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from repositories.records.executions import NewDeadLetter
from repositories.records.rows import Counted, Json
from repositories.records.trouble import DeadLetter

Clock = Callable[[], datetime]


class FakeDeadLetters:
    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.all: list[DeadLetter] = []

    def add(self, letters: Sequence[NewDeadLetter]) -> None:
        for letter in letters:
            waiting = self._waiting(letter.job_id, letter.fingerprint)
            if waiting is None:
                self.all.append(self._made(letter))
            else:
                self._change(
                    waiting,
                    event_data=letter.event_data,
                    error=letter.error,
                    error_type=letter.error_type,
                    occurrences=waiting.occurrences + 1,
                    last_occurred_at=self._clock(),
                )

    def find(self, dead_letter_id: str) -> DeadLetter | None:
        return next((one for one in self.all if one.dead_letter_id == dead_letter_id), None)

    def list(
        self,
        *,
        status: str | None = None,
        job_id: str | None = None,
        fingerprint: str | None = None,
        hours: int | None = None,
        before: tuple[datetime, str] | None = None,
        limit: int,
    ) -> list[DeadLetter]:
        found = [
            one
            for one in self._recent(hours)
            if status in {None, one.status}
            and job_id in {None, one.job_id}
            and fingerprint in {None, one.fingerprint}
        ]
        place = None if before is None else (-before[0].timestamp(), before[1])
        return [one for one in sorted(found, key=_place) if place is None or _place(one) > place][
            :limit
        ]

    def pending(self, *, hours: int | None = None, limit: int) -> Counted[DeadLetter]:
        found = [one for one in self._recent(hours) if one.status == "PENDING"]
        return Counted(sorted(found, key=_place)[:limit], len(found))

    def take(self, dead_letter_ids: Collection[str]) -> Sequence[DeadLetter]:
        found = [
            one
            for one in self.all
            if one.dead_letter_id in dead_letter_ids and one.status == "PENDING"
        ]
        found.sort(key=lambda one: (one.created_at, one.dead_letter_id))
        now = self._clock()
        return [self._change(one, status="PROCESSING", last_attempt_at=now) for one in found]

    def settle(self, dead_letter_ids: Collection[str], *, succeeded: bool) -> None:
        found = [
            one
            for one in self.all
            if one.dead_letter_id in dead_letter_ids and one.status == "PROCESSING"
        ]
        for one in sorted(found, key=lambda one: (one.created_at, one.dead_letter_id)):
            tried = self._change(one, attempts=one.attempts + 1)
            if succeeded:
                self._change(tried, status="SUCCEEDED", processed_at=self._clock())
            else:
                self._put_back(tried, dead_letter_ids)

    def discard(self, dead_letter_id: str, *, metadata: Json) -> bool:
        letter = self.find(dead_letter_id)
        if letter is None or letter.status != "PENDING":
            return False
        self._discard(letter, metadata)
        return True

    def discard_of(self, job_id: str, *, metadata: Json) -> int:
        found = [
            one
            for one in self.all
            if one.job_id == job_id and one.status in {"PENDING", "PROCESSING"}
        ]
        for letter in found:
            self._discard(letter, metadata)
        return len(found)

    def depth(self, *, fingerprint: str | None = None) -> Mapping[str, int]:
        return Counter(one.status for one in self.all if fingerprint in {None, one.fingerprint})

    def _recent(self, hours: int | None) -> Sequence[DeadLetter]:
        since = self._clock() - timedelta(hours=hours or 0)
        return [one for one in self.all if hours is None or one.last_occurred_at >= since]

    def _waiting(self, job_id: str, fingerprint: str | None) -> DeadLetter | None:
        return next(
            (
                one
                for one in self.all
                if fingerprint is not None
                and (one.job_id, one.fingerprint, one.status) == (job_id, fingerprint, "PENDING")
            ),
            None,
        )

    def _made(self, letter: NewDeadLetter) -> DeadLetter:
        now = self._clock()
        return DeadLetter(
            dead_letter_id=str(uuid.uuid4()),
            job_id=letter.job_id,
            fingerprint=letter.fingerprint,
            event_data=letter.event_data,
            error=letter.error,
            error_type=letter.error_type,
            metadata=letter.metadata,
            status="PENDING",
            attempts=0,
            last_occurred_at=now,
            last_attempt_at=None,
            processed_at=None,
            created_at=now,
            updated_at=now,
        )

    def _put_back(self, tried: DeadLetter, all_tried: Collection[str]) -> None:
        waiting = self._waiting(tried.job_id, tried.fingerprint)
        if waiting is None:
            self._change(tried, status="PENDING", last_occurred_at=self._clock())
            return
        self.all.remove(tried)
        oldest = waiting if waiting.dead_letter_id in all_tried else tried
        self._change(
            waiting,
            dead_letter_id=oldest.dead_letter_id,
            metadata=oldest.metadata,
            attempts=waiting.attempts + tried.attempts,
            occurrences=waiting.occurrences + tried.occurrences,
            last_occurred_at=self._clock(),
            last_attempt_at=oldest.last_attempt_at,
            created_at=min(waiting.created_at, tried.created_at),
        )

    def _discard(self, letter: DeadLetter, metadata: Json) -> None:
        kept = json.loads(letter.metadata) | {"discarded": json.loads(metadata)}
        self._change(
            letter, status="FAILED", metadata=Json(json.dumps(kept)), processed_at=self._clock()
        )

    def _change(self, letter: DeadLetter, **changes: object) -> DeadLetter:
        changed = replace(letter, updated_at=self._clock(), **changes)  # type: ignore[arg-type]
        self.all[self.all.index(letter)] = changed
        return changed


def _place(letter: DeadLetter) -> tuple[float, str]:
    return -letter.last_occurred_at.timestamp(), letter.dead_letter_id
