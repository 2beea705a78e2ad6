"""What failed for good."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict
from datetime import datetime

from repositories.contracts.databases import Session
from repositories.counting import build_counted
from repositories.json_rows import json_rows
from repositories.records.executions import NewDeadLetter
from repositories.records.rows import Counted, Json, build
from repositories.records.trouble import DeadLetter


class SqlDeadLetters:
    def __init__(self, session: Session) -> None:
        self._session = session

    def add(self, letters: Sequence[NewDeadLetter]) -> None:
        if letters:
            self._session.run("dead_letters.add", letters=_each_once(letters))

    def find(self, dead_letter_id: str) -> DeadLetter | None:
        rows = self._session.rows("dead_letters.find", dead_letter_id=dead_letter_id)
        return next(iter(build(DeadLetter, rows)), None)

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
        before_at, before_id = before or (None, None)
        rows = self._session.rows(
            "dead_letters.list",
            status=status,
            job_id=job_id,
            fingerprint=fingerprint,
            hours=hours,
            before_at=before_at,
            before_id=before_id,
            limit=limit,
        )
        return build(DeadLetter, rows)

    def pending(self, *, hours: int | None = None, limit: int) -> Counted[DeadLetter]:
        rows = self._session.rows("dead_letters.pending", hours=hours, limit=limit)
        return build_counted(DeadLetter, rows)

    def take(self, dead_letter_ids: Collection[str]) -> Sequence[DeadLetter]:
        if not dead_letter_ids:
            return []
        rows = self._session.rows("dead_letters.take", dead_letter_ids=[*dead_letter_ids])
        return build(DeadLetter, rows)

    def settle(self, dead_letter_ids: Collection[str], *, succeeded: bool) -> None:
        statement = "dead_letters.succeed" if succeeded else "dead_letters.put_back"
        if dead_letter_ids:
            self._session.run(statement, dead_letter_ids=[*dead_letter_ids])

    def discard(self, dead_letter_id: str, *, metadata: Json) -> bool:
        changed = self._session.run(
            "dead_letters.discard", dead_letter_id=dead_letter_id, metadata=metadata
        )
        return changed > 0

    def discard_of(self, job_id: str, *, metadata: Json) -> int:
        return self._session.run("dead_letters.discard_of", job_id=job_id, metadata=metadata)

    def depth(self, *, fingerprint: str | None = None) -> Mapping[str, int]:
        rows = self._session.rows("dead_letters.depth", fingerprint=fingerprint)
        return {row["status"]: row["letters"] for row in rows}


def _each_once(letters: Sequence[NewDeadLetter]) -> str:
    """As JSON text: one for each job and fingerprint, with the newest input and how many it was."""
    occurrences: dict[tuple[str, str], int] = {}
    newest: dict[tuple[str, str], NewDeadLetter] = {}
    for letter in letters:
        key = letter.job_id, letter.fingerprint
        occurrences[key] = occurrences.get(key, 0) + 1
        newest[key] = letter
    merged = [{**asdict(one), "occurrences": occurrences[key]} for key, one in newest.items()]
    return json_rows(merged)
