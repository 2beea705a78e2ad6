"""KPIs go with their results: all at once where these are few, else a part at a time.

A KPI whose results go in parts is switched off for good before the first of them: it is never due
again, nobody can change it, and it can only be removed. Where that ends halfway, removing it once
more goes on with the rest.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime

from repositories.contracts.store import Store, Work
from repositories.records.definitions import EVERY, KpiDefinition, Stored
from services.definitions.changes import KPIS, Author, changing
from services.definitions.members import as_json
from services.errors import WrongState

Kpi = Stored[KpiDefinition]
REMOVED_AT_ONCE = 4000
"""A statement that locks 5,000 rows makes SQL Server lock the table."""
NEVER = datetime(9999, 12, 31, tzinfo=UTC)


def remove_histories(work: Work, kpis: Sequence[Kpi], author: Author) -> Sequence[Kpi]:
    """Those that have more results than can go at once; the others can go now."""
    room = REMOVED_AT_ONCE
    for number, stored in enumerate(kpis):
        room -= work.results.remove_of(stored.id, batch=room)
        if not room:
            return kpis[number:]
        _give_up_unfinished(work, stored, author)
    return ()


def switch_off(work: Work, kpis: Iterable[Kpi], author: Author) -> None:
    """For good: their results are about to go."""
    for stored in kpis:
        KPIS.write(work, stored, replace(stored.definition, is_active=False), author)
        work.indicators.schedule_at({stored.definition.name: NEVER})


def finish_removals(store: Store, kpis: Iterable[Kpi], author: Author) -> None:
    """Of those that are switched off; one that somebody else has removed meanwhile is gone."""
    for stored in kpis:
        removed = REMOVED_AT_ONCE
        while removed == REMOVED_AT_ONCE:
            with store.single() as work:
                removed = work.results.remove_of(stored.id, batch=REMOVED_AT_ONCE)
        with changing(store) as work:
            now = work.indicators.find(stored.definition.name)
            if now is not None and now.id == stored.id:
                _give_up_unfinished(work, now, author)
                KPIS.remove(work, now, author)


def refuse_going(work: Work, kpis: Iterable[Kpi | None]) -> None:
    """Raises WrongState where one of them is about to go."""
    for stored in kpis:
        if stored is not None and not stored.definition.is_active and _is_going(work, stored):
            name = stored.definition.name
            raise WrongState(f"KPI {name} is being removed: remove it again, then it can be new")


def _is_going(work: Work, stored: Kpi) -> bool:
    (kpi,) = work.indicators.overview(EVERY, name=stored.definition.name, after=None, limit=1)
    return kpi.next_due_at >= NEVER


def _give_up_unfinished(work: Work, stored: Kpi, author: Author) -> None:
    """What of a KPI that is about to go still waits to be run, and what was counted of it.

    First its letters: whoever is having one tried again meanwhile has queued that when they go.
    """
    name = stored.definition.name
    metadata = as_json({"discarded_by": author.actor, "reason": "the KPI was removed"})
    assert metadata is not None  # noqa: S101
    work.dead_letters.discard_of(f"kpi:{name}", metadata=metadata)
    work.executions.cancel_of(stored.id, message=f"KPI {name} was removed")
    work.metrics.remove(f"kpi:{name}")
