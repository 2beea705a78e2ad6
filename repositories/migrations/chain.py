"""A folder of .sql files as Alembic sees it: one line of revisions, and no Python file for any."""

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

from alembic.runtime.migration import MigrationContext, MigrationStep, RevisionStep
from alembic.script import Script, ScriptDirectory
from alembic.script.revision import RevisionMap

from repositories.migrations.plan import Plan
from repositories.revisions import Migration

Run = Callable[[Migration, Path], None]
"""Given to `MigrationContext.run_migrations(run=...)`: carries out a file of a migration."""


class SqlChain(ScriptDirectory):
    """Alembic's script directory, filled from file names."""

    def __init__(self, folder: Path, migrations: Sequence[Migration]) -> None:
        super().__init__(folder)
        parents = [None, *(migration.revision for migration in migrations)]
        scripts = [
            Script(_module(migration, parent), migration.revision, migration.up)
            for parent, migration in zip(parents, migrations, strict=False)
        ]
        self.revision_map = RevisionMap(lambda: scripts)

    def steps(self, plan: Plan) -> Callable[[object, MigrationContext], Iterable[RevisionStep]]:
        """What Alembic asks for as `fn`."""
        step = (
            MigrationStep.upgrade_from_script
            if plan.upwards
            else MigrationStep.downgrade_from_script
        )
        scripts = [self.get_revision(migration.revision) for migration in plan.migrations]
        return lambda _heads, _context: [step(self.revision_map, script) for script in scripts]


def _module(migration: Migration, parent: str | None) -> ModuleType:
    """What Alembic otherwise loads from a file of Python."""

    def upgrade(run: Run) -> None:
        run(migration, migration.up)

    def downgrade(run: Run) -> None:
        run(migration, migration.down)

    module = ModuleType(f"migration_{migration.revision}", migration.name)
    contents: dict[str, Any] = {
        "down_revision": parent,
        "upgrade": upgrade,
        "downgrade": downgrade,
    }
    module.__dict__.update(contents)
    return module
