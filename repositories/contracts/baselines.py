"""How long jobs take normally."""

from collections.abc import Collection, Mapping, Sequence
from typing import Protocol

from repositories.records.kpis import Baseline
from repositories.records.speeds import Speed


class Baselines(Protocol):
    """The normal speed of each job, and its speed lately: that of the newest 200 executions of the
    last seven days that came to an end of their own, of a KPI all but its Errors.
    """

    def speeds_of_kpis(self, *, after: str, limit: int, older_than_seconds: int) -> list[Speed]:
        """Of the active KPIs that follow this name, and whose normal speed is older, or missing."""
        ...

    def speeds_of_functions(
        self, *, after: str, limit: int, older_than_seconds: int
    ) -> list[Speed]:
        """The same of timers and HTTP functions, which follow this job_id."""
        ...

    def keep(self, speeds: Sequence[Speed]) -> None:
        """They are normal from now on."""
        ...

    def find(self, job_ids: Collection[str]) -> Mapping[str, Baseline]:
        """Of those that have one."""
        ...

    def forget(self, *, days: int) -> int:
        """What nobody could work out anew for so long; how many there were."""
        ...
