"""What a bench found: rows that are printed, kept as JSON, and judged."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TextIO

RESULTS = Path(__file__).parents[2] / "bench-results"


@dataclass(frozen=True, slots=True)
class Row:
    """One figure. `limit` is the most that it may be, or the least where it `is_floor`; None where
    it is only told.
    """

    name: str
    value: float
    limit: float | None = None
    is_floor: bool = False

    @property
    def ok(self) -> bool:
        if self.limit is None:
            return True
        return self.value >= self.limit if self.is_floor else self.value <= self.limit


def draw_table(rows: Sequence[Row]) -> str:
    lines = [("name", "value", "limit", ""), *map(_cells, rows)]
    name, value, limit, _ = (max(map(len, column)) for column in zip(*lines, strict=True))
    return "".join(
        f"{line[0]:<{name}}  {line[1]:>{value}}  {line[2]:>{limit}}  {line[3]}".rstrip() + "\n"
        for line in lines
    )


def publish(target: str, rows: Sequence[Row], out: TextIO, folder: Path = RESULTS) -> int:
    """Print the table and keep the rows in <target>.json; 1 where a row is over, else 0."""
    out.write(draw_table(rows))
    folder.mkdir(parents=True, exist_ok=True)
    kept = [{**asdict(row), "ok": row.ok} for row in rows]
    (folder / f"{target}.json").write_text(json.dumps(kept, indent=2) + "\n")
    return 0 if all(row.ok for row in rows) else 1


def _cells(row: Row) -> tuple[str, str, str, str]:
    return row.name, f"{row.value:.3f}", _limit(row), "ok" if row.ok else "over"


def _limit(row: Row) -> str:
    if row.limit is None:
        return "-"
    return f">={row.limit:g}" if row.is_floor else f"{row.limit:g}"
