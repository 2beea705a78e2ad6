"""What libpq takes of a database URL: it is asked, and no server is."""

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg.pq import PGconn, Ping

from repositories.errors import BadUrl
from repositories.urls import DatabaseUrl

NOWHERE = "/nonexistent"
"""As a host it is a folder with a socket in it: nothing is looked up, and nothing answers."""


def check_address(url: DatabaseUrl) -> None:
    """Raises BadUrl, whose message never repeats a part of the URL."""
    try:
        options = conninfo_to_dict(url.address.get_secret_value())
    except psycopg.Error:
        raise BadUrl("the database URL has an option that PostgreSQL does not know") from None
    hosts = str(options.get("hostaddr") or options.get("host") or "")
    options |= {"host": ",".join([NOWHERE] * len(hosts.split(","))), "hostaddr": ""}
    if PGconn.ping(make_conninfo("", **options).encode()) == Ping.NO_ATTEMPT:
        raise BadUrl("the database URL has an option whose value PostgreSQL does not take")
