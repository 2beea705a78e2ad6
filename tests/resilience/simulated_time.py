"""A database whose clock runs faster than the world's."""

from typing import Any

import psycopg
from psycopg import sql

Connection = psycopg.Connection[Any]

FUNCTIONS = """
CREATE SCHEMA sim;
CREATE TABLE sim.clock AS
    SELECT pg_catalog.clock_timestamp() AS began, %(factor)s::integer AS factor;
CREATE FUNCTION sim.faster(instant timestamptz) RETURNS timestamptz STABLE LANGUAGE sql
    RETURN (SELECT began + (instant - began) * factor FROM sim.clock);
CREATE FUNCTION sim.now() RETURNS timestamptz STABLE LANGUAGE sql
    RETURN sim.faster(pg_catalog.now());
CREATE FUNCTION sim.clock_timestamp() RETURNS timestamptz VOLATILE LANGUAGE sql
    RETURN sim.faster(pg_catalog.clock_timestamp());
"""
"""Statements that name no schema find these before the server's own; what the columns have as
default was bound to the server's own when they were made."""


def run_faster(connection: Connection, factor: int) -> None:
    """From the next connections on, the time since now passes so many times as fast."""
    psycopg.ClientCursor(connection).execute(FUNCTIONS.encode(), {"factor": factor})
    connection.execute(
        sql.SQL("ALTER DATABASE {} SET search_path = sim, pg_catalog, public").format(
            sql.Identifier(connection.info.dbname)
        )
    )
