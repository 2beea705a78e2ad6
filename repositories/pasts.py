"""What a KPI found before."""

import json
from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal

from repositories.contracts.databases import Row, Session
from repositories.contracts.pasts import LOOK_BACK
from repositories.records.kpis import Verdict
from repositories.records.pasts import PastVerdict, Reading


class SqlPasts:
    def __init__(self, session: Session) -> None:
        self._session = session

    def previous(self, indicator_id: str, *, until: datetime) -> Reading | None:
        return self._newest("pasts.previous", indicator_id, until)

    def previous_counter(self, indicator_id: str, *, until: datetime) -> Reading | None:
        return self._newest("pasts.previous_counter", indicator_id, until)

    def nearest(self, indicator_id: str, *, at: datetime, within: timedelta) -> Reading | None:
        rows = self._session.rows(
            "pasts.nearest",
            indicator_id=indicator_id,
            at=at,
            earliest=at - within,
            latest=at + within,
        )
        found = sorted(map(_reading, rows), key=lambda reading: reading.at)
        return min(found, key=lambda reading: abs(reading.at - at), default=None)

    def samples(
        self, indicator_id: str, *, starts: Sequence[datetime], span: timedelta
    ) -> list[Reading]:
        rows = self._session.rows(
            "pasts.samples",
            indicator_id=indicator_id,
            starts=json.dumps([start.isoformat() for start in starts]),
            milliseconds=round(span / timedelta(milliseconds=1)),
        )
        return [*map(_reading, rows)]

    def verdicts(
        self, indicator_id: str, *, before: datetime | None, limit: int
    ) -> list[PastVerdict]:
        rows = self._session.rows(
            "pasts.verdicts", indicator_id=indicator_id, before=before, limit=limit
        )
        return [
            PastVerdict(status=Verdict(row["status"]), raw_status=Verdict(row["raw_status"]))
            for row in rows
        ]

    def _newest(self, statement: str, indicator_id: str, until: datetime) -> Reading | None:
        row = self._session.row(statement, indicator_id=indicator_id, until=until, bound=LOOK_BACK)
        return None if row is None else _reading(row)


def _reading(row: Row) -> Reading:
    return Reading(value=Decimal(row["value"]), at=row["at"])
