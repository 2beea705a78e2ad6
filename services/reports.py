"""What is said of the health of something."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class Health(StrEnum):
    """From best to worst."""

    HEALTHY = "healthy"
    DEGRADED = "degraded"
    UNHEALTHY = "unhealthy"


@dataclass(frozen=True, slots=True)
class Component:
    """One part of the whole, with the facts that its state rests on."""

    status: Health
    facts: Mapping[str, object] = field(default_factory=dict)

    def as_dict(self) -> dict[str, object]:
        return {"status": self.status, **self.facts}


@dataclass(frozen=True, slots=True)
class Report:
    """The state of the whole is that of its worst part."""

    components: Mapping[str, Component]

    @property
    def status(self) -> Health:
        order = [*Health]
        return max((part.status for part in self.components.values()), key=order.index)
