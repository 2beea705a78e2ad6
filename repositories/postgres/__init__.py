"""PostgreSQL through psycopg: with repositories.sqlserver, all that knows a driver."""

from repositories.postgres.engine import PostgresDatabase
from repositories.postgres.target import PostgresTarget

__all__ = ["PostgresDatabase", "PostgresTarget"]
