"""Whether a KPI is to run, and when it is due again."""

from datetime import datetime, timedelta

from repositories.records.kpis import Check
from services.schedules import jitter_of, next_slot
from services.settings import KpiMonitoring

UNKNOWN_SCHEDULE_PAUSE = timedelta(hours=1)


def is_wanted(check: Check, settings: KpiMonitoring) -> bool:
    is_active = check.is_active or not settings.process_only_active_kpis
    return check.is_enabled and is_active


def next_due(check: Check) -> datetime:
    """The next slot after the one that is taken now; missed ones are not made up for."""
    now = check.claimed_at
    try:
        return next_slot(
            check.schedule,
            slot_at=check.slot_at or now,
            now=now,
            jitter=jitter_of(check.name, check.jitter_seconds),
        )
    except ValueError:
        return now + UNKNOWN_SCHEDULE_PAUSE
