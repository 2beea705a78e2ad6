"""Read a PostgreSQL migration's file, refusing what cannot run inside its transaction."""

from pathlib import Path

from repositories.migrations.errors import BodyFailed
from repositories.migrations.statements import split_statements

FORBIDDEN = {"BEGIN", "START", "COMMIT", "ROLLBACK", "ABORT", "COPY"}


def read_body(path: Path) -> str:
    """A migration's file. BodyFailed where it would end its transaction, or wait for input."""
    body = path.read_text("utf-8")
    for statement in split_statements(body):
        if statement.word in FORBIDDEN:
            message = f"{statement.word} cannot stand in a migration"
            raise BodyFailed(path, statement.line, message)
    return body
