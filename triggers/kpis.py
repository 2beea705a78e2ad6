"""KPIs: what they are, how they stand, how they stood, and one run now."""

from collections.abc import Callable
from datetime import datetime
from typing import Annotated, ClassVar

import azure.functions as func
from pydantic import AwareDatetime, Field, TypeAdapter

from repositories.records.kpis import OnEmpty, Operator, ResultType, Rule, Verdict
from services import Services
from services.definitions.documents import (
    ExpectedValue,
    KpiDocument,
    Name,
    Number,
    QueryText,
    Seconds,
)
from services.stopwatch import Stopwatch
from triggers.boundary import endpoint, listing
from triggers.managing import (
    KnownName,
    KnownQuery,
    NewQuery,
    PlacedQuery,
    author_of,
    condition_of,
    reply,
)
from triggers.queries import Body, Hours, PageQuery, Query, read_both


class KpisQuery(PlacedQuery):
    """`status` Unknown: before the first verdict. `enabled`: active, on a connection and with a
    query that are enabled.
    """

    connection: KnownName | None = None
    query: KnownName | None = None


class KpiBody(KpiDocument, Body):
    """It names a connection and a query that are there."""

    exact = ("warning_deviation", "critical_deviation")


class UnsavedBody(Body):
    """A KPI that is not stored: a statement, where it runs, and how its answer is judged."""

    longest: ClassVar[int] = 524_288
    exact = ("expected_value", "warning_threshold", "critical_threshold")

    connection: Name
    sql: QueryText
    result_type: ResultType = ResultType.SCALAR
    expected_value: ExpectedValue | None = None
    comparison_operator: Operator | None = None
    warning_threshold: Number | None = None
    critical_threshold: Number | None = None
    on_empty: OnEmpty = OnEmpty.ERROR
    timeout_seconds: Seconds = 30

    @property
    def rule(self) -> Rule:
        return Rule(
            result_type=self.result_type,
            expected_value=self.expected_value,
            comparison_operator=self.comparison_operator,
            warning_threshold=self.warning_threshold,
            critical_threshold=self.critical_threshold,
            on_empty=self.on_empty,
        )


class ResultsQuery(PageQuery):
    position: ClassVar[TypeAdapter[tuple[datetime, str]]] = TypeAdapter(
        tuple[AwareDatetime, Annotated[str, Field(pattern=r"^\d{1,18}$")]]
    )

    name: KnownName
    status: Verdict | None = None
    hours: Hours | None = None


def blueprint(services: Callable[[], Services]) -> func.Blueprint:
    bp = func.Blueprint()

    @bp.route("kpis", methods=["GET"])
    @endpoint
    def list_kpis(req: func.HttpRequest) -> object:
        """GET /kpis?environment=&provider=&tag=&status=&enabled=&connection=&query=&limit=&cursor=:
        every KPI with its newest verdict
        """
        query = KpisQuery.read(req)
        (after,) = query.after() or (None,)
        kpis = services().definitions.kpis
        watch = Stopwatch.start()
        page = kpis.list(query.chosen(), after=after, limit=query.limit)
        return listing("kpis", query, page, watch)

    @bp.route("kpis/{name}", methods=["GET"])
    @endpoint
    def get_kpi(req: func.HttpRequest) -> object:
        """GET /kpis/{name}: one KPI with its newest verdict and its next runs, and its ETag"""
        return reply("kpi", services().definitions.kpis.get(KnownQuery.read(req).name))

    @bp.route("kpis/{name}", methods=["PUT"])
    @endpoint
    def put_kpi(req: func.HttpRequest) -> object:
        """PUT /kpis/{name}: make it, or replace the one that If-Match names

        With `If-None-Match: *` it is only made, with `If-Match: *` it replaces whatever there is.
        One that changes nothing is not a change. One that is being removed cannot be changed.
        """
        query, body = read_both(req, NewQuery, KpiBody)
        condition, author = condition_of(req), author_of(req)
        kpis = services().for_writing().definitions.kpis
        return reply("kpi", kpis.put(query.name, body, condition, author))

    @bp.route("kpis/{name}", methods=["DELETE"])
    @endpoint
    def delete_kpi(req: func.HttpRequest) -> object:
        """DELETE /kpis/{name}: remove it with all its results

        One that has many is switched off first, and cannot be changed any more. Where the time runs
        out, asking again goes on: without If-Match, or with its new ETag.
        """
        query = KnownQuery.read(req)
        condition, author = condition_of(req), author_of(req)
        services().for_writing().definitions.kpis.remove(query.name, condition, author)
        return {"removed": query.name}

    @bp.route("kpis/{name}/results", methods=["GET"])
    @endpoint
    def list_kpi_results(req: func.HttpRequest) -> object:
        """GET /kpis/{name}/results?status=&hours=&limit=&cursor=: how it stood, newest first"""
        query = ResultsQuery.read(req)
        kpis = services().kpis
        watch = Stopwatch.start()
        page = kpis.history(
            query.name,
            status=query.status,
            hours=query.hours,
            before=query.after(),
            limit=query.limit,
        )
        return listing("results", query, page, watch)

    @bp.route("kpis/{name}/run", methods=["POST"])
    @endpoint
    def run_kpi(req: func.HttpRequest) -> object:
        """POST /kpis/{name}/run: run it now and keep the result; 200 whatever the verdict."""
        query = KnownQuery.read(req)
        return {"result": services().for_writing().kpis.run_now(query.name)}

    @bp.route("kpis/run", methods=["POST"])
    @endpoint
    def run_unsaved_kpi(req: func.HttpRequest) -> object:
        """POST /kpis/run: run a KPI that is not stored, and store nothing; 200 whatever it says"""
        _, body = read_both(req, Query, UnsavedBody)
        ready = services().for_writing()
        ready.definitions.kpis.check_unsaved(body.connection, body.sql, body.rule)
        return {
            "result": ready.kpis.run_unsaved(
                body.connection, body.sql, body.rule, body.timeout_seconds
            )
        }

    return bp
