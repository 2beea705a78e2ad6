"""What a KPI found before, of the results that the fakes keep."""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from decimal import Decimal

from repositories.contracts.pasts import LOOK_BACK
from repositories.records.kpis import StoredResult, Verdict
from repositories.records.pasts import PastVerdict, Reading
from tests.fake_kpis import FakeKpis


class FakePasts:
    def __init__(self, kpis: FakeKpis) -> None:
        self._kpis = kpis

    def previous(self, indicator_id: str, *, until: datetime) -> Reading | None:
        return next(_values(self._newest(indicator_id, until)), None)

    def previous_counter(self, indicator_id: str, *, until: datetime) -> Reading | None:
        for result in self._newest(indicator_id, until):
            if (counter := self._kpis.counters.get(result.result_id)) is not None:
                return Reading(value=counter, at=result.checked_at)
        return None

    def nearest(self, indicator_id: str, *, at: datetime, within: timedelta) -> Reading | None:
        near = [
            reading
            for reading in _values(self._by_time(indicator_id))
            if abs(reading.at - at) <= within
        ]
        return min(near, key=lambda reading: (abs(reading.at - at), reading.at), default=None)

    def samples(
        self, indicator_id: str, *, starts: Sequence[datetime], span: timedelta
    ) -> list[Reading]:
        values = [*_values(self._by_time(indicator_id))]
        firsts = (
            next((one for one in values if start <= one.at < start + span), None)
            for start in starts
        )
        return sorted((one for one in firsts if one), key=lambda one: one.at)

    def verdicts(
        self, indicator_id: str, *, before: datetime | None, limit: int
    ) -> list[PastVerdict]:
        slots = {
            result.slot_at: result
            for result in self._results(indicator_id)
            if result.slot_at and (before is None or result.slot_at < before)
        }
        return [
            PastVerdict(status=Verdict(slots[slot].status), raw_status=_raw_status(slots[slot]))
            for slot in sorted(slots, reverse=True)[:limit]
        ]

    def _newest(self, indicator_id: str, until: datetime) -> list[StoredResult]:
        found = (one for one in self._by_time(indicator_id) if one.checked_at <= until)
        return [*found][::-1][:LOOK_BACK]

    def _by_time(self, indicator_id: str) -> list[StoredResult]:
        return sorted(
            self._results(indicator_id), key=lambda one: (one.checked_at, int(one.result_id))
        )

    def _results(self, indicator_id: str) -> Sequence[StoredResult]:
        one = self._kpis.by_id(indicator_id)
        return () if one is None else one.results


def _values(results: Sequence[StoredResult]) -> Iterator[Reading]:
    for result in results:
        if isinstance(result.value, Decimal) and _raw_status(result) is not Verdict.ERROR:
            yield Reading(value=result.value, at=result.checked_at)


def _raw_status(result: StoredResult) -> Verdict:
    return Verdict(result.raw_status or result.status)
