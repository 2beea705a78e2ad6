"""What a KPI found before, as its verdict needs it."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Protocol

from repositories.records.pasts import PastVerdict, Reading

LOOK_BACK = 1000


class Pasts(Protocol):
    """The past of single KPIs; the cost of no question grows with how long that is.

    A value is a number that was no Error by itself. Runs by hand count among the values.
    """

    def previous(self, indicator_id: str, *, until: datetime) -> Reading | None:
        """The newest value up to then, if it is among the newest LOOK_BACK results."""
        ...

    def previous_counter(self, indicator_id: str, *, until: datetime) -> Reading | None:
        """As `previous`, of the counters whose growth the values are; those of Errors too."""
        ...

    def nearest(self, indicator_id: str, *, at: datetime, within: timedelta) -> Reading | None:
        """The value nearest to a time; of two as near the earlier."""
        ...

    def samples(
        self, indicator_id: str, *, starts: Sequence[datetime], span: timedelta
    ) -> list[Reading]:
        """The first value of each span that has one, by time."""
        ...

    def verdicts(
        self, indicator_id: str, *, before: datetime | None, limit: int
    ) -> list[PastVerdict]:
        """Of the slots before that one (None: of all), the newest first; no runs by hand."""
        ...
