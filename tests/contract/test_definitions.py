"""What is managed: the same rules for connections, queries and KPIs."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from repositories.contracts.kpis import Definitions
from repositories.contracts.store import Store, Work
from repositories.records.definitions import EVERY, DefinitionFilter, KpiDefinition
from repositories.records.kpis import (
    CompareTo,
    DeviationSide,
    DeviationUnit,
    HistoryRule,
    OnEmpty,
    Operator,
    ResultType,
    Rule,
    Verdict,
)
from tests.contract.conftest import Lab
from tests.definitions import CONNECTION, KPI, QUERY, check_of, define, keep

FULL_RULE = Rule(
    result_type=ResultType.DATA_SET,
    unit="rows",
    expected_value="it's ünusual",
    comparison_operator=Operator.CONTAINS,
    warning_threshold=Decimal("-80.1234"),
    critical_threshold=Decimal("99999999999999.9999"),
    on_empty=OnEmpty.WARNING,
)
FULL_HISTORY = HistoryRule(
    max_consecutive=3,
    recover_after=2,
    per_second=True,
    compare_to=CompareTo.BASELINE,
    deviation_unit=DeviationUnit.DEVIATIONS,
    deviation_side=DeviationSide.ABOVE,
    warning_deviation=Decimal("3.5"),
    critical_deviation=Decimal(6),
    forecast_hours=72,
)
FULL_CONNECTION = replace(
    CONNECTION,
    description="Quotes: ' \" and \\, a line\nand 日本",
    address="gAAAAA" + "x" * 900,
    is_encrypted=True,
    tags=("team:a", "eu_west"),
    timeout_seconds=7,
    command_timeout_seconds=9,
    max_parallel=3,
    is_enabled=False,
)
FULL_QUERY = replace(
    QUERY,
    query_type="Performance",
    sql="SELECT :name, '%s', '{x}'\n  -- and so on",
    rule=FULL_RULE,
    tags=("slow",),
    is_enabled=False,
)
FULL_KPI = replace(
    KPI,
    jitter_seconds=4,
    priority=2,
    max_retries=3,
    owner="Ann",
    tags=("a", "b.c"),
    is_active=False,
    history=FULL_HISTORY,
)


@dataclass(frozen=True)
class Kind:
    """One kind of what is managed, with a small one, a full one, and how to tell another name."""

    of: Callable[[Work], Definitions[Any]]
    small: Any
    full: Any


KINDS = {
    "connections": Kind(lambda work: work.connections, CONNECTION, FULL_CONNECTION),
    "queries": Kind(lambda work: work.queries, QUERY, FULL_QUERY),
    "kpis": Kind(lambda work: work.indicators, KPI, FULL_KPI),
}


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest) -> Kind:
    return KINDS[request.param]


def prepare(store: Store, kind: Kind) -> None:
    """What a KPI refers to."""
    if kind.small is not KPI:
        return
    with store.work() as work:
        assert work.connections.add(CONNECTION, actor="test")
        assert work.queries.add(QUERY, actor="test")


def add(store: Store, kind: Kind, *definitions: Any) -> None:
    prepare(store, kind)
    with store.work() as work:
        for definition in definitions:
            assert kind.of(work).add(definition, actor="Ann")


def names(found: Sequence[Any]) -> list[str]:
    return [one.definition.name for one in found]


@pytest.mark.parametrize("size", ["small", "full"])
@pytest.mark.usefixtures("with_escapes")
def test_what_is_added_is_found_as_it_was(store: Store, kind: Kind, size: str) -> None:
    definition = getattr(kind, size)
    add(store, kind, definition)
    with store.read() as work:
        stored = kind.of(work).find(definition.name)
    assert stored is not None
    assert stored.definition == definition
    assert (stored.version, stored.created_by, stored.modified_by) == (1, "Ann", "Ann")
    assert stored.created_at.tzinfo is not None
    assert len(stored.id) == 36


def test_an_unknown_name_is_none(store: Store, kind: Kind) -> None:
    with store.read() as work:
        assert kind.of(work).find("nobody") is None


def test_a_name_is_taken_only_once(store: Store, kind: Kind) -> None:
    add(store, kind, kind.small)
    with store.work() as work:
        assert not kind.of(work).add(kind.full, actor="Bob")
    with store.read() as work:
        stored = kind.of(work).find(kind.small.name)
    assert stored is not None
    assert stored.definition == kind.small


@pytest.mark.usefixtures("with_escapes")
def test_a_change_raises_the_version_and_says_who_made_it(store: Store, kind: Kind) -> None:
    add(store, kind, kind.small)
    with store.read() as work:
        before = kind.of(work).find(kind.small.name)
    with store.work() as work:
        assert kind.of(work).replace(kind.full, version=1, actor="Bob")
    with store.read() as work:
        after = kind.of(work).find(kind.small.name)
    assert before is not None
    assert after is not None
    assert after.definition == kind.full
    assert (after.id, after.version) == (before.id, 2)
    assert (after.created_by, after.modified_by) == ("Ann", "Bob")
    assert after.created_at == before.created_at
    assert after.modified_at > before.modified_at


def test_what_has_another_version_by_now_is_neither_changed_nor_removed(
    store: Store, kind: Kind
) -> None:
    add(store, kind, kind.small)
    with store.work() as work:
        kinds = kind.of(work)
        assert kinds.replace(kind.full, version=1, actor="Bob")
        assert not kinds.replace(kind.small, version=1, actor="Carl")
        assert not kinds.remove(kind.small.name, version=1)
        assert names(kinds.list(EVERY, after=None, limit=9)) == [kind.small.name]
        assert kinds.remove(kind.small.name, version=2)
        assert not kinds.remove(kind.small.name, version=2)
        assert kinds.find(kind.small.name) is None


def test_a_list_comes_by_name_and_in_pages(store: Store, kind: Kind) -> None:
    made = [replace(kind.small, name=name) for name in ("c", "a", "d", "b")]
    add(store, kind, *made)
    with store.read() as work:
        first = kind.of(work).list(EVERY, after=None, limit=3)
        kept = {name for name in names(first) if len(name) == 1}
        rest = kind.of(work).list(EVERY, after=names(first)[-1], limit=9)
    assert names(first)[:3] == ["a", "b", "c"]
    assert kept == {"a", "b", "c"}
    assert "d" in names(rest)


def test_lists_are_found_by_whole_tags_only(store: Store, kind: Kind) -> None:
    tags = {"one": ("a_b", "c"), "two": ("axb",), "three": ("xa_b", "a_bx"), "four": ()}
    add(store, kind, *(replace(kind.small, name=name, tags=those) for name, those in tags.items()))
    with store.read() as work:
        assert names(kind.of(work).list(DefinitionFilter(tag="a_b"), after=None, limit=9)) == [
            "one"
        ]
        assert names(kind.of(work).list(DefinitionFilter(tag="c"), after=None, limit=9)) == ["one"]
        assert kind.of(work).list(DefinitionFilter(tag="A_B"), after=None, limit=9) == []


def test_lists_are_found_by_whether_they_are_enabled(store: Store, kind: Kind) -> None:
    add(store, kind, replace(kind.small, name="on"), replace(kind.full, name="off"))
    with store.read() as work:
        for enabled, name in ((True, "on"), (False, "off")):
            found = kind.of(work).list(DefinitionFilter(enabled=enabled), after=None, limit=9)
            assert names(found) == [name]


def test_many_are_added_changed_and_removed_at_once(store: Store, kind: Kind) -> None:
    made = [replace(kind.small, name=f"{number:03}") for number in range(500)]
    add(store, kind, made[7])
    with store.work() as work:
        kinds = kind.of(work)
        added = kinds.add_all(made, actor="Ann")
        assert added == {one.name for one in made} - {"007"}
        changes = [(replace(kind.full, name=one.name), 1) for one in made[:300]]
        changes[3] = (changes[3][0], 9)
        changed = kinds.replace_all(changes, actor="Bob")
        assert changed == {one.name for one in made[:300]} - {"003"}
        removed = kinds.remove_all({one.name: 1 for one in made[200:]})
        assert removed == {one.name for one in made[300:]}
        assert len(kinds.list(EVERY, after=None, limit=999)) == 300


def test_nothing_at_once_is_nothing(store: Store, kind: Kind) -> None:
    with store.work() as work:
        assert kind.of(work).add_all([], actor="Ann") == frozenset()
        assert kind.of(work).replace_all([], actor="Ann") == frozenset()
        assert kind.of(work).remove_all({}) == frozenset()


def test_a_kpi_is_neither_added_nor_changed_where_what_it_names_is_missing(store: Store) -> None:
    define(store)
    with store.work() as work:
        for change in ({"connection": "nowhere"}, {"query": "nothing"}):
            kpi: KpiDefinition = replace(KPI, **change)  # type: ignore[arg-type]
            assert not work.indicators.replace(kpi, version=1, actor="Bob")
            assert not work.indicators.add(replace(kpi, name="two"), actor="Bob")


def test_what_a_kpi_uses_stays_and_says_who_uses_it(store: Store) -> None:
    define(store, KPI, replace(KPI, name="another"), replace(KPI, name="third"))
    with store.work() as work:
        assert not work.connections.remove("store", version=1)
        assert not work.queries.remove("one", version=1)
        assert work.connections.users("store", limit=2) == ["another", "one"]
        assert work.queries.users("one", limit=9) == ["another", "one", "third"]
        assert work.queries.providers("one") == ["PostgreSQL"]
        assert work.queries.providers("nothing") == []
        for name in ("one", "another", "third"):
            assert work.indicators.remove(name, version=1)
        assert work.connections.users("store", limit=2) == []
        assert work.connections.remove("store", version=1)
        assert work.queries.remove("one", version=1)


def test_a_kpi_goes_with_its_results(store: Store) -> None:
    define(store)
    keep(store, check_of(store))
    with store.work() as work:
        assert work.indicators.remove("one", version=1)
        assert work.results.history("one", hours=None, before=None, limit=9) == []


@pytest.mark.usefixtures("with_escapes")
def test_what_runs_is_put_together_of_all_three(store: Store) -> None:
    with store.work() as work:
        work.connections.add(FULL_CONNECTION, actor="test")
        work.queries.add(FULL_QUERY, actor="test")
        work.indicators.add(FULL_KPI, actor="test")
        connection = work.connections.connection("store")
        nowhere = work.connections.connection("nowhere")
    check = check_of(store)
    assert (check.name, check.sql, check.timeout_seconds) == ("one", FULL_QUERY.sql, 5)
    assert (check.schedule, check.jitter_seconds) == ("30", 4)
    assert (check.priority, check.max_retries, check.slot_at) == (2, 3, None)
    assert (check.rule, check.history, check.baseline) == (FULL_RULE, FULL_HISTORY, None)
    assert check.connection == connection
    assert nowhere is None
    assert connection is not None
    assert connection.address == FULL_CONNECTION.address
    assert (connection.is_encrypted, connection.environment) == (True, "Test")
    assert (connection.timeout_seconds, connection.command_timeout_seconds) == (7, 9)
    assert connection.max_parallel == 3


def test_an_unknown_kpi_cannot_run(store: Store) -> None:
    with store.read() as work:
        assert work.indicators.check("nobody") is None


def test_before_the_first_run_there_is_no_verdict(store: Store) -> None:
    define(store, replace(KPI, tags=("a", "b")))
    with store.read() as work:
        (kpi,) = work.indicators.overview(EVERY, name=None, after=None, limit=10)
    assert (kpi.name, kpi.unit, kpi.query, kpi.tags) == ("one", "s", "one", ("a", "b"))
    assert (kpi.connection, kpi.environment, kpi.provider) == ("store", "Test", "PostgreSQL")
    assert (kpi.status, kpi.value, kpi.checked_at) == (None, None, None)


@pytest.mark.parametrize(
    "value", [Decimal("1.50"), Decimal("-123456789012345678901234.5678"), "up", None]
)
def test_the_newest_result_is_the_verdict(store: Store, value: Decimal | str | None) -> None:
    define(store)
    keep(store, check_of(store), value=value, status=Verdict.WARNING)
    with store.read() as work:
        (kpi,) = work.indicators.overview(EVERY, name="one", after=None, limit=10)
    assert (kpi.status, kpi.value, kpi.message, kpi.duration_ms) == ("Warning", value, "1.5 s", 2.5)


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        (DefinitionFilter(), ["bad", "new", "off", "other", "silent"]),
        (DefinitionFilter(status="Critical"), ["bad"]),
        (DefinitionFilter(status="Unknown"), ["new", "off", "other", "silent"]),
        (DefinitionFilter(enabled=False), ["off", "other", "silent"]),
        (DefinitionFilter(environment="Lab"), ["other"]),
        (DefinitionFilter(provider="Oracle"), ["other"]),
        (DefinitionFilter(provider="Oracle", enabled=True), []),
        (DefinitionFilter(tag="a", status="Unknown", enabled=True), ["new"]),
        (DefinitionFilter(connection="lab"), ["other"]),
        (DefinitionFilter(query="two"), ["bad"]),
        (DefinitionFilter(query="two", connection="lab"), []),
    ],
    ids=str,
)
def test_kpis_are_found_by_what_they_are_and_how_they_stand(
    store: Store, filters: DefinitionFilter, expected: list[str]
) -> None:
    with store.work() as work:
        lab = replace(CONNECTION, name="lab", environment="Lab", provider="Oracle")
        work.connections.add(replace(lab, is_enabled=False), actor="test")
        work.queries.add(replace(QUERY, name="mute", is_enabled=False), actor="test")
    define(
        store,
        replace(KPI, name="bad", query="two", tags=("a",)),
        replace(KPI, name="new", tags=("a", "b")),
        replace(KPI, name="off", tags=("a",), is_active=False),
        replace(KPI, name="other", connection="lab"),
        replace(KPI, name="silent", query="mute"),
    )
    keep(store, check_of(store, "bad"), status=Verdict.CRITICAL)
    with store.read() as work:
        shown = work.indicators.overview(filters, name=None, after=None, limit=9)
        assert [kpi.name for kpi in shown] == expected
        assert names(work.indicators.list(filters, after=None, limit=9)) == expected


def test_the_encrypted_ones_are_counted(store: Store) -> None:
    with store.work() as work:
        before = work.connections.count_encrypted()
        work.connections.add(FULL_CONNECTION, actor="ann")
        work.connections.add(replace(CONNECTION, name="plain"), actor="ann")
        assert work.connections.count_encrypted() == before + 1


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        (DefinitionFilter(status="Critical"), ["store"]),
        (DefinitionFilter(status="Unknown"), ["lab"]),
        (DefinitionFilter(environment="Lab"), ["empty", "lab"]),
        (DefinitionFilter(provider="Oracle"), ["lab"]),
    ],
    ids=str,
)
def test_connections_are_found_by_how_a_kpi_there_stands(
    store: Store, filters: DefinitionFilter, expected: list[str]
) -> None:
    with store.work() as work:
        lab = replace(CONNECTION, name="lab", environment="Lab")
        work.connections.add(replace(lab, provider="Oracle"), actor="test")
        work.connections.add(replace(lab, name="empty"), actor="test")
    define(
        store,
        KPI,
        replace(KPI, name="off", is_active=False),
        replace(KPI, name="new", connection="lab"),
    )
    keep(store, check_of(store), status=Verdict.HEALTHY)
    keep(
        store,
        check_of(store),
        status=Verdict.CRITICAL,
        checked_at=check_of(store).claimed_at + timedelta(seconds=1),
    )
    with store.read() as work:
        assert names(work.connections.list(filters, after=None, limit=9)) == expected


def test_the_next_slot_can_be_said(lab: Lab) -> None:
    define(lab.store, KPI, replace(KPI, name="two"), replace(KPI, name="three"))
    with lab.store.work() as work:
        before = {
            kpi.name: kpi for kpi in work.indicators.overview(EVERY, name=None, after=None, limit=9)
        }
        now = before["three"].next_due_at
        work.indicators.schedule_at({"two": now + timedelta(days=2), "nobody": now})
        work.indicators.schedule_at({})
        kpis = work.indicators.overview(EVERY, name=None, after=None, limit=9)
    slots = {kpi.name: kpi.next_due_at for kpi in kpis}
    assert slots["one"] == before["one"].next_due_at
    assert slots["two"] == now + timedelta(days=2)
    assert slots["three"] == now


def test_the_summary_counts_verdicts_and_what_is_late(lab: Lab) -> None:
    define(lab.store, KPI, replace(KPI, name="two"), replace(KPI, name="off", is_active=False))
    keep(lab.store, check_of(lab.store))
    with lab.store.work() as work:
        later = check_of(lab.store).claimed_at + timedelta(hours=1)
        work.indicators.schedule_at({"one": later})
    lab.let_time_pass(seconds=61)
    with lab.store.read() as work:
        counts = {row.status: (row.kpis, row.overdue) for row in work.indicators.summary()}
    assert counts == {"Healthy": (1, 0), "Unknown": (1, 1)}


def test_what_cannot_have_a_value_here_is_not_counted_among_the_errors(store: Store) -> None:
    define(store, KPI, replace(KPI, name="two"))
    for name, error_type in (("one", "not_available"), ("two", "timeout")):
        keep(store, check_of(store, name), status=Verdict.ERROR, value=None, error_type=error_type)
    with store.read() as work:
        counts = {row.status: row.kpis for row in work.indicators.summary()}
    assert counts == {"NotAvailable": 1, "Error": 1}


def test_a_verdict_that_is_held_is_counted_by_what_it_shows(store: Store) -> None:
    define(store, KPI)
    keep(store, check_of(store), raw_status=Verdict.ERROR, error_type="not_available")
    with store.read() as work:
        assert [row.status for row in work.indicators.summary()] == ["Healthy"]


def test_the_growth_of_a_counter_is_shown_by_the_second(store: Store) -> None:
    define(store, KPI, replace(KPI, name="two", history=HistoryRule(per_second=True)))
    with store.read() as work:
        kpis = work.indicators.overview(EVERY, name=None, after=None, limit=9)
    assert {kpi.name: kpi.unit for kpi in kpis} == {"one": "s", "two": "s/s"}
