"""Why a migration command stops: each message is the one line that its user sees."""

from pathlib import Path

from repositories.errors import StorageError


class MigrationError(StorageError):
    """The migration command cannot go on."""


class BodyFailed(MigrationError):
    """A statement in a migration's file failed; the server has undone the whole file."""

    def __init__(self, path: Path, line: int | None, message: str) -> None:
        where = path.name if line is None else f"{path.name}, line {line}"
        super().__init__(f"{where}: {message}")
