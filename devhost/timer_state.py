"""When each timer last ran and is to run next: one small JSON file a timer, kept over restarts."""

import json
import os
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

NEVER: Final = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True)
class Status:
    """The host's three instants; `last` is NEVER before the first run."""

    last: datetime
    next: datetime
    last_updated: datetime

    def as_json(self) -> dict[str, str]:
        return {
            "Last": self.last.isoformat(),
            "Next": self.next.isoformat(),
            "LastUpdated": self.last_updated.isoformat(),
        }


class TimerState:
    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def find(self, name: str) -> Status | None:
        """None where nothing readable is kept: the timer then begins anew."""
        try:
            kept = json.loads(self._path(name).read_text())
            instants = [datetime.fromisoformat(kept[key]) for key in STATUS_KEYS]
            return Status(*instants) if all(instant.tzinfo for instant in instants) else None
        except (FileNotFoundError, ValueError, KeyError, TypeError):
            return None

    def keep(self, name: str, status: Status) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        path = self._path(name)
        aside = path.with_name(f"{path.name}.{os.getpid()}")
        aside.write_text(json.dumps(status.as_json()))
        aside.replace(path)

    def _path(self, name: str) -> Path:
        return self._folder / f"{name}.json"


STATUS_KEYS: Final = ("Last", "Next", "LastUpdated")
