"""Print a plan as the script that a DBA would run, without touching a database."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import TextIO

from alembic.runtime.migration import MigrationContext

from repositories.migrations.batches import split_batches
from repositories.migrations.bodies import read_body
from repositories.migrations.chain import SqlChain
from repositories.migrations.database import SCHEMA, VERSION_TABLE, read_statements
from repositories.migrations.history import record_step
from repositories.migrations.plan import Plan
from repositories.migrations.presence import ask_first
from repositories.revisions import Migration

Write = Callable[[str], None]

DIALECTS = {"postgres": "postgresql", "sqlserver": "mssql"}

MADE = re.compile(r"^[ \t]*CREATE (TABLE|VIEW|PROCEDURE) (\w+\.\w+)", re.MULTILINE)

REPORT = """\
SELECT made.kind, made.name,
       CASE WHEN OBJECT_ID(made.name) IS NULL THEN 'no' ELSE 'yes' END AS is_there
  FROM (VALUES
{made}
       ) AS made (kind, name)
 ORDER BY is_there, made.kind, made.name;"""


def print_script(engine: str, chain: SqlChain, plan: Plan, output: TextIO) -> None:
    """Write the plan's script: head, each migration in a transaction, tail."""
    statements = read_statements(engine)
    # A client that goes on after an error must not run the rest: T-SQL says so after each batch,
    # PostgreSQL refuses whatever follows in a failed transaction.
    separator = f"GO\n\n{statements['script_guard'].strip()}\nGO" if engine == "sqlserver" else ""
    context = MigrationContext.configure(
        dialect_name=DIALECTS[engine],
        opts={
            "as_sql": True,
            "starting_rev": plan.start,
            "output_buffer": output,
            "fn": chain.steps(plan),
            "transaction_per_migration": True,
            "on_version_apply": [record_step],
            "version_table": VERSION_TABLE,
            "version_table_schema": SCHEMA,
            "mssql_batch_separator": separator,
        },
    )
    write = context.impl.static_output
    write(_title(plan))
    for part in ("script_head", "prepare"):
        _write_body(statements[part], separator, write)

    def run(migration: Migration, path: Path) -> None:
        if separator:
            write(separator)
        before = _before(plan, migration)
        if before is not None:
            check = statements["script_check"].replace(":revision", f"'{before}'")
            _write_body(check, separator, write)
        if separator:
            _write_batches(path, migration.revision, separator, write)
        else:
            _write_body(read_body(path), separator, write)

    context.run_migrations(run=run)
    _write_body(statements["script_tail"], separator, write)
    if separator and plan.upwards:
        _write_body(_report(plan), separator, write)


def _title(plan: Plan) -> str:
    return f"-- Watchkeeper's schema, from {plan.start or 'nothing'} to {plan.end or 'nothing'}."


def _before(plan: Plan, migration: Migration) -> str | None:
    """The revision that a database must be at for this step; None where it has none yet."""
    if not plan.upwards:
        return migration.revision
    index = plan.migrations.index(migration)
    return plan.migrations[index - 1].revision if index else plan.start


def _write_batches(path: Path, revision: str, separator: str, write: Write) -> None:
    for batch in split_batches(path.read_text("utf-8")):
        write(ask_first(batch.text, revision))
        write(separator)


def _report(plan: Plan) -> str:
    """A T-SQL batch that lists what the plan's files make, and whether it is there."""
    made = [
        f"    (N'{kind.lower()}', N'{name}')"
        for migration in plan.migrations
        for kind, name in MADE.findall(migration.up.read_text("utf-8"))
    ]
    return REPORT.format(made=",\n".join(made)) if made else ""


def _write_body(text: str, separator: str, write: Write) -> None:
    """As it stands, but ended: by a semicolon, or each T-SQL batch by the separator."""
    if not separator:
        body = text.strip()
        write(body if not body or body.endswith(";") else f"{body}\n;")
        return
    for batch in split_batches(text):
        write(batch.text)
        write(separator)
