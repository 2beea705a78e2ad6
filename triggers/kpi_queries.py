"""Statements that KPIs run."""

from collections.abc import Callable
from typing import ClassVar

import azure.functions as func

from services import Services
from services.definitions.documents import QueryDocument
from services.stopwatch import Stopwatch
from triggers.boundary import endpoint, listing
from triggers.managing import (
    DefinitionsQuery,
    KnownQuery,
    NewQuery,
    author_of,
    condition_of,
    reply,
    reply_unless_known,
)
from triggers.queries import Body, read_both


class QueriesQuery(DefinitionsQuery):
    pass


class QueryBody(QueryDocument, Body):
    """Its SQL is one statement, and only reads unless it is a NonQuery."""

    longest: ClassVar[int] = 524_288
    exact = ("expected_value", "warning_threshold", "critical_threshold")


def blueprint(services: Callable[[], Services]) -> func.Blueprint:
    bp = func.Blueprint()

    @bp.route("queries", methods=["GET"])
    @endpoint
    def list_queries(req: func.HttpRequest) -> object:
        """GET /queries?tag=&enabled=&limit=&cursor=: all of them"""
        query = QueriesQuery.read(req)
        (after,) = query.after() or (None,)
        queries = services().definitions.queries
        watch = Stopwatch.start()
        page = queries.list(query.chosen(), after=after, limit=query.limit)
        return listing("queries", query, page, watch)

    @bp.route("queries/{name}", methods=["GET"])
    @endpoint
    def get_query(req: func.HttpRequest) -> object:
        """GET /queries/{name}: one query, and its ETag; 304 to who has it already"""
        query = KnownQuery.read(req)
        found = services().definitions.queries.get(query.name)
        return reply_unless_known(req, "query", found)

    @bp.route("queries/{name}", methods=["PUT"])
    @endpoint
    def put_query(req: func.HttpRequest) -> object:
        """PUT /queries/{name}: make it, or replace the one that If-Match names

        With `If-None-Match: *` it is only made, with `If-Match: *` it replaces whatever there is.
        One that changes nothing is not a change.
        """
        query, body = read_both(req, NewQuery, QueryBody)
        condition, author = condition_of(req), author_of(req)
        queries = services().for_writing().definitions.queries
        return reply("query", queries.put(query.name, body, condition, author))

    @bp.route("queries/{name}", methods=["DELETE"])
    @endpoint
    def delete_query(req: func.HttpRequest) -> object:
        """DELETE /queries/{name}: remove it, where no KPI runs it any more"""
        query = KnownQuery.read(req)
        condition, author = condition_of(req), author_of(req)
        services().for_writing().definitions.queries.remove(query.name, condition, author)
        return {"removed": query.name}

    return bp
