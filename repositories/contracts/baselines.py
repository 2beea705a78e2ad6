"""How long jobs take normally."""

from collections.abc import Collection, Mapping
from typing import Protocol

from repositories.records.kpis import Baseline
from repositories.records.speeds import Walk


class Baselines(Protocol):
    """The normal speed of each job: of its newest executions of the last seven days, at most 200.

    Those count that came to an end of their own: of a KPI all but its Errors. Fewer than 20 are
    too few to say.
    """

    def refresh_kpis(self, *, after: str, limit: int, older_than_seconds: int) -> Walk:
        """Work out anew what is older, or missing, of the KPIs that follow this name."""
        ...

    def refresh_functions(self, *, after: str, limit: int, older_than_seconds: int) -> Walk:
        """The same of timers and HTTP functions, which follow this job_id."""
        ...

    def find(self, job_ids: Collection[str]) -> Mapping[str, Baseline]:
        """Of those that have one."""
        ...

    def forget(self, *, days: int) -> int:
        """What nobody could work out anew for so long; how many there were."""
        ...
