"""Results, rolled up by the hour."""

from datetime import datetime, timedelta

from repositories.contracts.databases import Session
from repositories.records.overviews import Unrolled


class SqlHours:
    def __init__(self, session: Session) -> None:
        self._session = session

    def unrolled(self, *, since: datetime | None = None) -> Unrolled:
        row = self._session.row("hours.unrolled", since=since)
        assert row is not None  # noqa: S101 - the one row was made with its table
        return Unrolled(**row)

    def roll_up(self, hour: datetime) -> int:
        self._session.run("hours.remove", hour=hour)
        added = self._session.run("hours.add", hour=hour)
        self.close(hour + timedelta(hours=1))
        return added

    def close(self, until: datetime) -> None:
        self._session.run("hours.close", until=until)
