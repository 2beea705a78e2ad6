"""What somebody else does to a letter while it is being retried."""

from collections.abc import Collection, Sequence
from dataclasses import replace

import pytest

from repositories.records.executions import NewDeadLetter
from repositories.records.rows import Json
from repositories.records.trouble import DeadLetter
from services.dead_letters import TAKEN, DeadLetterService
from services.errors import WrongState
from services.retries import Order
from services.settings import KpiMonitoring
from tests.definitions import define
from tests.fake_dead_letters import FakeDeadLetters
from tests.fakes import FakeStore

ORDER = Order(actor="kim", reason="fixed", correlation_id=None, dry_run=False)


class TakenMeanwhile(FakeDeadLetters):
    """Somebody else is faster, whoever takes."""

    def take(self, dead_letter_ids: Collection[str]) -> Sequence[DeadLetter]:
        super().take(dead_letter_ids)
        return []

    def discard(self, dead_letter_id: str, *, metadata: Json) -> bool:
        super().take([dead_letter_id])
        return super().discard(dead_letter_id, metadata=metadata)


@pytest.fixture
def store() -> FakeStore:
    store = FakeStore()
    store.dead_letters = TakenMeanwhile(store.clock)
    define(store)
    store.dead_letters.add(
        [
            NewDeadLetter(
                job_id="kpi:one",
                fingerprint="ab12",
                event_data=Json("{}"),
                error="lost",
                error_type=None,
                metadata=Json("{}"),
            )
        ]
    )
    return store


def test_a_letter_that_somebody_else_takes_is_not_run_twice(store: FakeStore) -> None:
    (letter,) = store.dead_letters.all
    with pytest.raises(WrongState, match=TAKEN):
        DeadLetterService(store, KpiMonitoring()).retry(letter.dead_letter_id, ORDER)
    assert store.kpis.jobs == {}
    assert store.audit.all == []


def test_a_letter_of_what_is_switched_off_is_refused_with_the_reason(store: FakeStore) -> None:
    kpi = store.kpis.indicators["one"].stored
    off = replace(kpi.definition, is_active=False)
    assert store.indicators.replace(off, version=kpi.version, actor="t")
    (letter,) = store.dead_letters.all
    reason = "the KPI one, its connection or its query is switched off"
    with pytest.raises(WrongState, match=reason):
        DeadLetterService(store, KpiMonitoring()).retry(letter.dead_letter_id, ORDER)
    service = DeadLetterService(
        store, KpiMonitoring.model_validate({"processonlyactivekpis": False})
    )
    outcome = service.retry_alike("ab12", limit=5, order=replace(ORDER, dry_run=True))
    assert len(outcome.retried) == 1


def test_of_many_it_is_the_one_that_is_refused(store: FakeStore) -> None:
    outcome = DeadLetterService(store, KpiMonitoring()).retry_alike("ab12", limit=5, order=ORDER)
    assert [one.reason for one in outcome.refused] == [TAKEN]
    assert outcome.retried == []
    assert store.kpis.jobs == {}


def test_a_letter_that_somebody_else_takes_is_not_discarded(store: FakeStore) -> None:
    (letter,) = store.dead_letters.all
    with pytest.raises(WrongState, match=TAKEN):
        DeadLetterService(store, KpiMonitoring()).discard(letter.dead_letter_id, ORDER)
    assert store.audit.all == []
