"""What can go wrong with the embedded PostgreSQL."""


class PostgresError(Exception):
    """The embedded PostgreSQL cannot be used; the text is for the user and names the thing."""


class AlreadyRunning(PostgresError):
    """Another process owns this folder's server."""
