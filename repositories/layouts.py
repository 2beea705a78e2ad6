"""How a jobs database's own tables give the columns that Watchkeeper reads."""

from collections.abc import Collection, Iterable, Mapping, Sequence

from repositories.contracts.databases import Row
from repositories.errors import Unavailable
from repositories.records.jobs import Layout

REQUIRED = {
    "jobs": ("job_id", "job_type", "status", "created_at", "updated_at"),
    "tasks": ("task_id", "parent_job_id", "task_type", "status", "created_at", "updated_at"),
}
OPTIONAL = {
    "jobs": (
        *("stage", "total_stages", "parameters", "stage_results", "result_data", "error_details"),
    ),
    "tasks": (
        *("stage", "task_index", "parameters", "result_data", "error_details", "retry_count"),
        *("started_at", "heartbeat"),
    ),
}
OTHER_NAMES = {("tasks", "heartbeat"): "last_pulse"}
Columns = Mapping[str, Sequence[str]]
EVERYTHING: Columns = {table: (*REQUIRED[table], *OPTIONAL[table]) for table in REQUIRED}
"""What the tables have that Watchkeeper makes."""


def columns_by_table(rows: Iterable[Row]) -> Columns:
    """The rows of `relations.columns`, by table; Unavailable where a needed one is not there."""
    found: dict[str, list[str]] = {table: [] for table in REQUIRED}
    for row in rows:
        found[row["table_name"]].append(row["column_name"])
    missing = [
        f"{table}.{column}"
        for table, columns in REQUIRED.items()
        for column in columns
        if column not in found[table]
    ]
    if missing:
        raise Unavailable(f"the jobs database has no {', '.join(missing)} that may be read")
    return found


def flags_of(columns: Columns) -> Mapping[str, Collection[str]]:
    """The lines of each relation that its columns ask for."""
    return {table: {*_flags(table, columns[table])} for table in columns}


def layout_of(columns: Columns) -> Layout:
    renamed = {
        f"{table}.{column}": other
        for (table, column), other in OTHER_NAMES.items()
        if column not in columns[table] and other in columns[table]
    }
    return Layout(
        renamed=renamed,
        missing=[
            name
            for table, wanted in OPTIONAL.items()
            for column in wanted
            if column not in columns[table] and (name := f"{table}.{column}") not in renamed
        ],
        unread=[
            f"{table}.{column}"
            for table, present in columns.items()
            for column in present
            if column not in (*REQUIRED[table], *OPTIONAL[table], *renamed.values())
        ],
    )


def _flags(table: str, present: Sequence[str]) -> Iterable[str]:
    for column in OPTIONAL[table]:
        other = OTHER_NAMES.get((table, column))
        if column in present:
            yield column
        elif other is not None and other in present:
            yield other
        else:
            yield f"no_{column}"
