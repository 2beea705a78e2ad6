"""Databases that KPIs run against."""

from collections.abc import Callable

import azure.functions as func

from services import Services
from services.definitions.documents import ConnectionDocument
from services.stopwatch import Stopwatch
from triggers.boundary import endpoint, listing
from triggers.managing import (
    KnownQuery,
    NewQuery,
    PlacedQuery,
    author_of,
    condition_of,
    reply,
    reply_unless_known,
)
from triggers.queries import Body, read_both


class ConnectionsQuery(PlacedQuery):
    """`status`: an active KPI there has this verdict."""


class ConnectionBody(ConnectionDocument, Body):
    """An address that holds a secret is encrypted before it is stored, and shown as `(stored)`."""


def blueprint(services: Callable[[], Services]) -> func.Blueprint:
    bp = func.Blueprint()

    @bp.route("connections", methods=["GET"])
    @endpoint
    def list_connections(req: func.HttpRequest) -> object:
        """GET /connections?environment=&provider=&tag=&status=&enabled=&limit=&cursor=: all

        None with an address that may hold a secret.
        """
        query = ConnectionsQuery.read(req)
        (after,) = query.after() or (None,)
        connections = services().definitions.connections
        watch = Stopwatch.start()
        page = connections.list(query.chosen(), after=after, limit=query.limit)
        return listing("connections", query, page, watch)

    @bp.route("connections/{name}", methods=["GET"])
    @endpoint
    def get_connection(req: func.HttpRequest) -> object:
        """GET /connections/{name}: one connection, and its ETag; 304 to who has it already"""
        query = KnownQuery.read(req)
        found = services().definitions.connections.get(query.name)
        return reply_unless_known(req, "connection", found)

    @bp.route("connections/{name}", methods=["PUT"])
    @endpoint
    def put_connection(req: func.HttpRequest) -> object:
        """PUT /connections/{name}: make it, or replace the one that If-Match names

        With `If-None-Match: *` it is only made, with `If-Match: *` it replaces whatever there is.
        One that changes nothing is not a change.
        """
        query, body = read_both(req, NewQuery, ConnectionBody)
        condition, author = condition_of(req), author_of(req)
        connections = services().for_writing().definitions.connections
        return reply("connection", connections.put(query.name, body, condition, author))

    @bp.route("connections/{name}", methods=["DELETE"])
    @endpoint
    def delete_connection(req: func.HttpRequest) -> object:
        """DELETE /connections/{name}: remove it, where no KPI runs there any more"""
        query = KnownQuery.read(req)
        condition, author = condition_of(req), author_of(req)
        services().for_writing().definitions.connections.remove(query.name, condition, author)
        return {"removed": query.name}

    @bp.route("connections/{name}/test", methods=["POST"])
    @endpoint
    def test_connection(req: func.HttpRequest) -> object:
        """POST /connections/{name}/test: open it and ask for the server's version; 200 either way

        Nothing is stored, so READ_ONLY does not forbid it.
        """
        return {"test": services().connection_tests.test(KnownQuery.read(req).name)}

    return bp
