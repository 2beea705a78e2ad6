"""What storage can do wrong, in the same words on every engine.

Each docstring is the message a caller sees; the driver's own words stay in `__cause__`.
"""


class StorageError(Exception):
    """The database refused or failed."""

    def __init__(self, message: str | None = None, *, code: str | None = None) -> None:
        """`code` is the server's own short name for it (42703 UndefinedColumn); never its text."""
        super().__init__(message or self.__doc__)
        self.code = code


class Unavailable(StorageError):
    """The database cannot be reached."""


class Busy(Unavailable):
    """Every connection to the database is busy."""


class LoginRefused(Unavailable):
    """The database refused the login."""


class StatementTimeout(StorageError):
    """The database took too long."""


class Conflict(StorageError):
    """The row already exists or was changed by someone else."""


class Violation(Conflict):
    """The database has a rule that the row breaks."""


class NotAllowed(StorageError):
    """The database does not allow this login to do that."""


class BadStatement(StorageError):
    """The database does not understand the statement."""


class NotOffered(StorageError):
    """The database keeps no such figures."""


class BadUrl(StorageError):
    """The database URL is not one that Watchkeeper understands."""


class NotConfigured(Unavailable):
    """The database is not configured."""
