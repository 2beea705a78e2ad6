"""What was done to the schema and when; Alembic itself keeps only the newest revision."""

from alembic.runtime.migration import MigrationContext, MigrationInfo
from sqlalchemy import Insert, column, insert, literal_column, table

from repositories.migrations.database import HISTORY_TABLE, SCHEMA

_HISTORY = table(HISTORY_TABLE, column("revision"), column("action"), schema=SCHEMA)


def record_step(
    ctx: MigrationContext, step: MigrationInfo, heads: object, run_args: object
) -> None:
    """Alembic's `on_version_apply`: the entry is made, or undone, with its migration."""
    for revision in step.up_revision_ids:
        ctx.execute(history_entry(revision, "up" if step.is_upgrade else "down"))


def history_entry(revision: str, action: str) -> Insert:
    """With literals, so that a printed script can hold it. `action`: up, down, mark or unmark."""
    values = {"revision": revision, "action": action}
    return insert(_HISTORY).values(
        {name: literal_column(f"'{value}'") for name, value in values.items()}
    )
