"""Runs timer functions on their schedules, by the rules of the host's timer listener."""

import asyncio
import logging
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final, Protocol

from azure.functions.timer import TimerRequest

from devhost.functions import Function, TimerBinding
from devhost.invocation import Failed, Invoker
from devhost.settings import read_time_span, resolve_setting
from devhost.timer_state import NEVER, Status, TimerState
from services import ncrontab

log = logging.getLogger("devhost.timers")

ONE_MINUTE: Final = timedelta(minutes=1)
LONGEST_SLEEP: Final = 30.0  # seconds: the wall clock may be set, or the machine suspended
Clock = Callable[[], datetime]


class Schedule(Protocol):
    def next_after(self, instant: datetime) -> datetime: ...

    @property
    def more_than_once_a_minute(self) -> bool: ...


@dataclass(frozen=True)
class Period:
    """A schedule that is a time span: so long after each run comes the next."""

    length: timedelta

    def next_after(self, instant: datetime) -> datetime:
        return instant + self.length

    @property
    def more_than_once_a_minute(self) -> bool:
        return self.length < ONE_MINUTE


def read_schedule(text: str) -> Schedule:
    """Raises ValueError, in the host's words, for a missing setting or a bad expression."""
    expression = resolve_setting(text).strip()
    if length := read_time_span(expression):
        return Period(length)
    try:
        return ncrontab.parse(expression)
    except ValueError as error:
        raise ValueError(
            f"The schedule expression '{expression}' was not recognized as a valid cron expression"
            f" or timespan string: {error}."
        ) from error


class Timer:
    """One timer function. Its scheduled runs never overlap: the next is awaited after the last."""

    def __init__(
        self, function: Function, invoker: Invoker, state: TimerState, clock: Clock
    ) -> None:
        assert isinstance(function.trigger, TimerBinding)  # noqa: S101
        self.function = function
        self._binding = function.trigger
        self._schedule = read_schedule(self._binding.schedule)
        self._monitored = self._binding.use_monitor and not self._schedule.more_than_once_a_minute
        self._invoker = invoker
        self._state = state
        self._clock = clock
        self._status: Status | None = None
        self._stopping = asyncio.Event()

    @property
    def next(self) -> datetime | None:
        """When it is to run, once it is scheduled."""
        return self._status.next if self._status else None

    async def run(self) -> None:
        """Goes on until it is told to stop."""
        status, past_due = self._begin()
        if past_due:
            status = await self._tick(status, unscheduled=True, past_due=True)
        elif self._binding.run_on_startup:
            status = await self._tick(status, unscheduled=True)
        while await self._wait_until(status.next):
            status = await self._tick(status)

    def stop(self) -> None:
        """Starts no further run; the one under way ends in its own time."""
        self._stopping.set()

    async def fire(self, *, past_due: bool = False) -> None:
        """Runs it once, now, and beside a scheduled run if there is one, as the host does."""
        status = self._status or self._state.find(self.function.name)
        request = TimerRequest(
            past_due=past_due,
            schedule_status=status.as_json() if status and self._monitored else {},
            schedule={"AdjustForDST": True},
        )
        try:
            await self._invoker.call(self.function, request, _refuse_result)
        except Failed:
            return

    def _begin(self) -> tuple[Status, bool]:
        """Where the schedule goes on from, and whether a run was missed since."""
        now = self._clock()
        kept = self._state.find(self.function.name) if self._monitored else None
        if kept is None or kept.next != self._expected_next(kept):
            kept = Status(last=NEVER, next=self._schedule.next_after(now), last_updated=now)
        self._remember(kept)
        return kept, now > kept.next

    def _expected_next(self, kept: Status) -> datetime:
        """Other than the one kept if the schedule was changed meanwhile."""
        basis = kept.last_updated if kept.last == NEVER else kept.last
        return self._schedule.next_after(basis)

    async def _tick(
        self, status: Status, *, unscheduled: bool = False, past_due: bool = False
    ) -> Status:
        began = self._clock()
        if past_due:
            log.info("Timer '%s' missed its run of %s", self.function.name, status.next)
        await self.fire(past_due=past_due)
        basis = began if unscheduled else max(began, status.next)
        following = self._schedule.next_after(basis)
        return self._remember(Status(last=basis, next=following, last_updated=basis))

    def _remember(self, status: Status) -> Status:
        self._status = status
        if self._monitored:
            self._state.keep(self.function.name, status)
        return status

    async def _wait_until(self, instant: datetime) -> bool:
        """Whether `instant` came before the order to stop."""
        while (left := (instant - self._clock()).total_seconds()) > 0:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), min(left, LONGEST_SLEEP))
            if self._stopping.is_set():
                return False
        return not self._stopping.is_set()


def _refuse_result(result: object) -> None:
    if result is not None:
        raise RuntimeError("a function without a $return binding returned a non-None value")


def utc_now() -> datetime:
    return datetime.now(UTC)
