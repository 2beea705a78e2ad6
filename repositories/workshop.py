"""Where the three functions are tried: in a transaction that is undone, or before everyone."""

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress

from repositories.jobs_database import SqlJobsDatabase
from repositories.records.jobs import Routine
from repositories.records.rows import build
from repositories.trials import GIVEN, NEEDED, SqlTrials

LOCK = "functions_test"


class Undone(Exception):
    """Raised to have a transaction rolled back, and caught where it began."""


class SqlWorkshop:
    def __init__(self, database: SqlJobsDatabase) -> None:
        self._database = database

    def lock(self) -> AbstractContextManager[bool]:
        return self._database.lock(LOCK)

    def routines(self) -> Sequence[Routine]:
        with self._database.session(lambda database: database.reading()) as (session, _):
            return build(Routine, session.rows("trials.routines"))

    def missing_columns(self) -> Sequence[str]:
        with self._database.read() as work:
            return [column for column in NEEDED if column in work.layout.missing]

    def unfilled_columns(self) -> Sequence[str]:
        with self._database.session(lambda database: database.reading()) as (session, _):
            rows = session.rows("trials.columns_to_give")
        names = [f"{row['table_name']}.{row['column_name']}" for row in rows]
        return [name for name in names if name not in GIVEN]

    @contextmanager
    def undone(self, arguments: int) -> Iterator[SqlTrials]:
        with suppress(Undone), self.kept(arguments) as trials:
            yield trials
            raise Undone

    @contextmanager
    def kept(self, arguments: int) -> Iterator[SqlTrials]:
        with self._database.session(lambda database: database.transaction()) as (session, layout):
            yield SqlTrials(session, layout, arguments)
