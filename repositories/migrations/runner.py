"""Run migrations on a database through Alembic, each in one transaction with its version."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from alembic.runtime.migration import MigrationContext
from alembic.util import CommandError
from sqlalchemy import create_engine
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import StaticPool

from repositories.migrations.chain import SqlChain
from repositories.migrations.database import SCHEMA, VERSION_TABLE, Database
from repositories.migrations.errors import MigrationError
from repositories.migrations.history import history_entry, record_step
from repositories.migrations.plan import Plan
from repositories.revisions import Migration


def run_plan(database: Database, chain: SqlChain, plan: Plan, say: Callable[[str], None]) -> None:
    """Run a plan and say what is being run. The caller holds the lock."""

    def run(_: Migration, path: Path) -> None:
        say(path.name)
        database.run_body(path)

    options = {
        "fn": chain.steps(plan),
        "transaction_per_migration": True,
        "on_version_apply": [record_step],
    }
    with _alembic(database, options) as context:
        context.run_migrations(run=run)


def mark_plan(database: Database, chain: SqlChain, plan: Plan) -> None:
    """Write down that a plan was carried out, without carrying it out."""
    with _alembic(database, {"script": chain}) as context, context.begin_transaction():
        context.stamp(chain, plan.end or "base")
        for migration in plan.migrations:
            action = "mark" if plan.upwards else "unmark"
            context.execute(history_entry(migration.revision, action))


@contextmanager
def _alembic(database: Database, options: dict[str, Any]) -> Iterator[MigrationContext]:
    # A static pool, because the connection is the caller's to close: it holds the lock.
    engine = create_engine(
        f"{database.dialect}://",
        creator=lambda: database.connection,
        poolclass=StaticPool,
        pool_reset_on_return=None,
    )
    table = {"version_table": VERSION_TABLE, "version_table_schema": SCHEMA}
    try:
        with engine.connect() as connection:
            yield MigrationContext.configure(connection, opts=table | options)
    except DBAPIError as error:
        raise _cause(error) from error
    except CommandError as error:
        raise MigrationError(str(error)) from error


def _cause(error: DBAPIError) -> MigrationError:
    """Where undoing fails too (the connection is lost), what went wrong before it."""
    before = error.__context__
    while before is not None:
        if isinstance(before, MigrationError):
            return before
        before = before.__context__
    return MigrationError(" ".join(str(error.orig).split()))
