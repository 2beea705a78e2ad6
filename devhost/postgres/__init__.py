"""A PostgreSQL for local runs and tests: one folder, reachable from this machine only."""

from devhost.postgres.cluster import clone, initialise
from devhost.postgres.errors import PostgresError
from devhost.postgres.scratch import scratch_postgres
from devhost.postgres.server import EmbeddedPostgres, running_url

__all__ = [
    "EmbeddedPostgres",
    "PostgresError",
    "clone",
    "initialise",
    "running_url",
    "scratch_postgres",
]
