"""Clocks for the fakes."""

from datetime import UTC, datetime, timedelta


class FakeClock:
    """A clock that stands still until it is moved."""

    def __init__(self, now: datetime = datetime(2026, 1, 1, 12, tzinfo=UTC)) -> None:
        self.now = now

    def __call__(self) -> datetime:
        return self.now

    def move(self, **by: float) -> None:
        self.now += timedelta(**by)


class RunningClock(FakeClock):
    """A clock that goes, as a server's does, and can be moved ahead; it never reads the same."""

    def __init__(self) -> None:
        super().__init__(datetime.now(UTC))
        self._ahead = timedelta()

    def __call__(self) -> datetime:
        now = datetime.now(UTC) + self._ahead
        self.now = max(now, self.now + timedelta(microseconds=1))
        return self.now

    def move(self, **by: float) -> None:
        self._ahead += timedelta(**by)
