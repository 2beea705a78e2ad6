"""The checks that come with Watchkeeper: `sql/<engine>/kpis/*.sql`, one KPI a file.

A file starts with `-- key: value` lines (`title`, `unit`, `warning`, `critical`, `every`, …), then
says in comments what it means and what to do; the rest is the query.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

import orjson

from repositories.contracts.store import Store
from repositories.records.definitions import (
    ConnectionDefinition,
    KpiDefinition,
    QueryDefinition,
)
from repositories.records.kpis import OnEmpty, Operator, ResultType, Rule
from services.definitions.changes import changing

ROOT = Path(__file__).parents[1] / "sql"
REGISTERED_KEY = "MonitoringWorker.RegisteredKpis"
ACTOR = "watchkeeper"
HEADER = re.compile(r"^-- ([a-z_]+): (.+)$")
KEYS = frozenset(
    "title unit warning critical expected operator every priority on_empty timeout connection"
    " result".split()
)

PROVIDERS = {"postgres": "PostgreSQL", "sqlserver": "SqlServer"}


@dataclass(frozen=True, slots=True)
class PackedCheck:
    """A KPI of the pack, with the query that is its own."""

    kpi: KpiDefinition
    query: QueryDefinition

    @property
    def name(self) -> str:
        return self.kpi.name


def read_pack(engine: str, jobs_schema: str) -> Sequence[PackedCheck]:
    """Every check for an engine, by file name."""
    paths = sorted((ROOT / engine / "kpis").glob("*.sql"))
    return [read_check(path, jobs_schema) for path in paths]


def read_packs(engine: str, jobs_engine: str, jobs_schema: str) -> Sequence[PackedCheck]:
    """The checks of a store, and of the jobs database, which may be of another engine."""
    of_store = [check for check in read_pack(engine, jobs_schema) if not _is_on_jobs(check)]
    of_jobs = [check for check in read_pack(jobs_engine, jobs_schema) if _is_on_jobs(check)]
    return [*of_store, *of_jobs]


def _is_on_jobs(check: PackedCheck) -> bool:
    return check.kpi.connection == "jobs"


def read_check(path: Path, jobs_schema: str) -> PackedCheck:
    """Raises ValueError for a header that is missing or unknown."""
    headers, notes, sql = _split(path.read_text("utf-8"))
    if unknown := headers.keys() - KEYS:
        raise ValueError(f"{path.name}: unknown header {min(unknown)}")
    if missing := {"title", "every"} - headers.keys():
        raise ValueError(f"{path.name}: no {min(missing)}")
    name, description = path.stem, f"{headers['title']}. {notes}".strip()
    query = QueryDefinition(
        name=name,
        description=description,
        query_type="Performance",
        sql=sql.replace("{schema}", jobs_schema),
        timeout_seconds=int(headers.get("timeout", "10")),
        rule=Rule(
            result_type=ResultType(headers.get("result", "Scalar")),
            unit=headers.get("unit"),
            expected_value=headers.get("expected"),
            comparison_operator=Operator(headers["operator"]) if "operator" in headers else None,
            warning_threshold=_decimal(headers.get("warning")),
            critical_threshold=_decimal(headers.get("critical")),
            on_empty=OnEmpty(headers.get("on_empty", "error")),
        ),
    )
    kpi = KpiDefinition(
        name=name,
        description=description,
        connection=headers.get("connection", "store"),
        query=name,
        schedule=headers["every"],
        priority=int(headers.get("priority", "5")),
    )
    return PackedCheck(kpi, query)


def register(
    store: Store, engine: str, jobs_engine: str, *, jobs_schema: str, environment: str
) -> Sequence[str]:
    """Add the connections `store` and `jobs` and the checks that were never added; their names.

    What someone has removed since stays removed: the store remembers what it was once given.
    """
    with store.read() as work:
        known = frozenset(orjson.loads(work.config.find(REGISTERED_KEY) or "[]"))
    pack = read_packs(engine, jobs_engine, jobs_schema)
    missing = [check for check in pack if check.name not in known]
    if not missing:
        return ()
    with changing(store) as work:
        for name, provider in (("store", engine), ("jobs", jobs_engine)):
            work.connections.add(_connection(name, provider, environment), actor=ACTOR)
        for check in missing:
            if work.queries.add(check.query, actor=ACTOR):
                work.indicators.add(check.kpi, actor=ACTOR)
        names = [*known, *(check.name for check in missing)]
        work.config.put(
            REGISTERED_KEY,
            orjson.dumps(sorted(names)).decode(),
            description="KPIs of the pack that were added once, and are not added again",
            actor=ACTOR,
        )
    return [check.name for check in missing]


def _connection(name: str, engine: str, environment: str) -> ConnectionDefinition:
    return ConnectionDefinition(
        name=name,
        provider=PROVIDERS[engine],
        environment=environment,
        address=f"setting:{name.upper()}_URL",
    )


def _split(text: str) -> tuple[dict[str, str], str, str]:
    """Headers, the comment after them as one paragraph, and the query."""
    lines = text.strip().splitlines()
    headers: dict[str, str] = {}
    while lines and (match := HEADER.match(lines[0])):
        headers[match[1]] = match[2].strip()
        lines.pop(0)
    notes = " ".join(_leading_comments(lines))
    sql = "\n".join(lines[len([*_leading_comments(lines)]) :])
    return headers, notes, sql.strip().rstrip(";")


def _leading_comments(lines: Sequence[str]) -> Iterator[str]:
    for line in lines:
        if not line.startswith("--"):
            return
        yield line.removeprefix("--").strip()


def _decimal(text: str | None) -> Decimal | None:
    return None if text is None else Decimal(text)
