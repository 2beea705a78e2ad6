"""The frame around every timer: its lock, its time, its record and its log line."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import TYPE_CHECKING

import azure.functions as func

from repositories.errors import StorageError
from services.stopwatch import Stopwatch
from triggers.logs import correlation

if TYPE_CHECKING:
    from services.timers import TimerService

logger = logging.getLogger(__name__)


def tick(
    timers: TimerService,
    name: str,
    timer: func.TimerRequest,
    act: Callable[[], object],
    *,
    alone: bool,
) -> None:
    """Run one tick. A failure is recorded, logged and raised again, so that the host sees it too.

    `alone` is for what only one process may do at a time: elsewhere the tick ends at once.
    """
    with correlation():
        if not alone:
            _run(timers, name, timer, act)
            return
        with timers.alone(name) as held:
            if held:
                _run(timers, name, timer, act)
            else:
                logger.info("tick skipped: another process is in it", extra={"timer": name})


def _run(
    timers: TimerService, name: str, timer: func.TimerRequest, act: Callable[[], object]
) -> None:
    watch = Stopwatch.start()
    facts = {"timer": name, "late": timer.past_due}
    _note(name, lambda: timers.begin(name))

    def record(*, succeeded: bool) -> None:
        took, late = watch.elapsed_ms, timer.past_due
        _note(name, lambda: timers.record(name, succeeded=succeeded, duration_ms=took, late=late))

    try:
        outcome = act()
    except Exception:
        record(succeeded=False)
        logger.exception("tick failed", extra={**facts, "duration_ms": watch.elapsed_ms})
        raise
    record(succeeded=True)
    logger.info("tick", extra={**facts, "duration_ms": watch.elapsed_ms, "outcome": outcome})


def _note(name: str, write: Callable[[], None]) -> None:
    """Where the store is away, the tick's own outcome matters more than its record."""
    try:
        write()
    except StorageError as error:
        logger.warning("tick not recorded: %s", error, extra={"timer": name})
