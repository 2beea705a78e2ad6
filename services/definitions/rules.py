"""What the members of a definition say together, and a KPI with its query and its connection."""

from collections.abc import Collection, Iterator
from functools import lru_cache

from repositories.records.definitions import (
    ConnectionDefinition,
    KpiDefinition,
    QueryDefinition,
)
from repositories.records.kpis import (
    CompareTo,
    DeviationUnit,
    HistoryRule,
    Operator,
    ResultType,
    Rule,
)
from repositories.sql_words import Dialect
from services.definitions import addresses
from services.definitions.jobs_access import JOBS, JOBS_ARE_READ, is_unwanted_write
from services.definitions.sql_rules import find_fault as find_sql_fault
from services.errors import Fault
from services.periods import shortest_period_seconds

EVERY_DIALECT = tuple(Dialect)


def faults_of_connection(
    connection: ConnectionDefinition, sealer: addresses.Sealer
) -> Iterator[Fault]:
    """Of one whose address is not a sealed one."""
    address, provider = connection.address, connection.provider
    url = sealer.known_url(address)
    fault = addresses.find_fault(address, provider)
    if fault := fault or (url and addresses.find_other_provider(url, provider)):
        yield Fault("address", fault)


def faults_of_query(query: QueryDefinition, providers: Collection[str]) -> Iterator[Fault]:
    """What is wrong with it on all of these kinds of databases; where there are none, on every."""
    yield from _faults_of_rule(query.rule)
    dialects = [Dialect(provider) for provider in sorted(providers)] or EVERY_DIALECT
    if fault := find_sql_fault(query.sql, query.rule.result_type, dialects):
        yield Fault("sql", fault)


def faults_of_unsaved(
    sql: str, rule: Rule, place: ConnectionDefinition | None, *, jobs_writable: bool
) -> Iterator[Fault]:
    """Of what is to run once, there, or somewhere that nobody knows."""
    yield from _faults_of_rule(rule)
    dialects = [Dialect(place.provider)] if place else EVERY_DIALECT
    if fault := find_sql_fault(sql, rule.result_type, dialects):
        yield Fault("sql", fault)
    if place is not None and is_unwanted_write(place, rule, jobs_writable=jobs_writable):
        yield Fault("result_type", JOBS_ARE_READ)


def faults_of_kpi(kpi: KpiDefinition) -> Iterator[Fault]:
    period = shortest_period_seconds(kpi.schedule)
    if kpi.jitter_seconds > period:
        yield Fault("jitter_seconds", f"more than the {period} s between two runs")
    yield from _faults_of_comparison(kpi.history)


def faults_of_pair(
    kpi: KpiDefinition, query: QueryDefinition, *, jobs_writable: bool
) -> Iterator[Fault]:
    """What a KPI cannot ask of a query; they are the KPI's faults."""
    history, rule = kpi.history, query.rule
    if kpi.connection == JOBS and rule.result_type is ResultType.NON_QUERY and not jobs_writable:
        yield Fault("connection", f"query {query.name} is a NonQuery, and {JOBS_ARE_READ}")
    if history.per_second and rule.result_type is not ResultType.SCALAR:
        yield Fault("per_second", f"query {query.name} is a {rule.result_type}, and no Scalar")
    if history.forecast_hours is None:
        return
    if rule.critical_threshold is None:
        yield Fault("forecast_hours", f"query {query.name} has no critical_threshold")
    if rule.result_type is ResultType.NON_QUERY:
        yield Fault("forecast_hours", f"query {query.name} is a NonQuery: its value has no trend")


def faults_of_references(
    kpi: KpiDefinition,
    connection: ConnectionDefinition | None,
    query: QueryDefinition | None,
    *,
    jobs_writable: bool,
) -> Iterator[Fault]:
    """What it names: whether that is there, and whether it fits."""
    if connection is None:
        yield Fault("connection", f"there is no connection {kpi.connection}")
    if query is None:
        yield Fault("query", f"there is no query {kpi.query}")
        return
    yield from faults_of_pair(kpi, query, jobs_writable=jobs_writable)
    if connection is not None and (fault := find_sql_fault_at(query, connection.provider)):
        yield Fault("query", f"{kpi.query} cannot run there, {fault}")


@lru_cache(maxsize=256)
def find_sql_fault_at(query: QueryDefinition, provider: str) -> str | None:
    """Why it cannot run on such a database. Kept, since many KPIs run one query."""
    fault = find_sql_fault(query.sql, query.rule.result_type, [Dialect(provider)])
    return f"for {provider}: {fault}" if fault else None


def _faults_of_rule(rule: Rule) -> Iterator[Fault]:
    operator, expected = rule.comparison_operator, rule.expected_value
    has_thresholds = rule.warning_threshold is not None or rule.critical_threshold is not None
    if operator is Operator.CONTAINS and expected is None:
        yield Fault("comparison_operator", "contains needs an expected_value")
    elif operator is Operator.CONTAINS and not expected:
        yield Fault("expected_value", "is empty, and every text contains that")
    elif operator is not None and expected is None and not has_thresholds:
        yield Fault("comparison_operator", "there is no expected_value and no threshold to compare")
    if rule.warning_threshold is not None and rule.warning_threshold == rule.critical_threshold:
        yield Fault("warning_threshold", "is the critical_threshold too: there is never a Warning")


def _faults_of_comparison(history: HistoryRule) -> Iterator[Fault]:
    deviations = {
        "warning_deviation": history.warning_deviation,
        "critical_deviation": history.critical_deviation,
    }
    given = [name for name, deviation in deviations.items() if deviation is not None]
    if history.compare_to is None:
        for name in given:
            yield Fault(name, "there is no compare_to")
    elif not given:
        yield Fault("compare_to", "there is neither a warning_deviation nor a critical_deviation")
    is_robust = history.deviation_unit is DeviationUnit.DEVIATIONS
    if is_robust and history.compare_to is not CompareTo.BASELINE:
        yield Fault("deviation_unit", "deviations are only known of a baseline")
