"""The store made equal to a file."""

import json
import re
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from jsonschema_rs import Draft202012Validator

from repositories.contracts.store import Store
from repositories.postgres import PostgresDatabase
from repositories.records.definitions import EVERY
from repositories.records.kpis import ResultType, Verdict
from repositories.records.processes import JobRuns
from repositories.store import SqlStore
from repositories.urls import parse
from services.definitions.changes import Author
from services.definitions.connections import ConnectionRegister
from services.definitions.files import file_schema, read_file
from services.definitions.plan_words import describe_plan
from services.definitions.plans import Plan, Planner
from services.definitions.yaml_text import read_yaml
from services.errors import InvalidRequest, PreconditionFailed
from tests.contract.test_definitions import FULL_CONNECTION, FULL_KPI, FULL_QUERY
from tests.definitions import CONNECTION, KPI, check_of, define, keep
from tests.fake_sealer import FakeSealer
from tests.fakes import FakeStore

DOCS = Path(__file__).resolve().parents[2] / "docs"
EXAMPLE = re.findall(r"```yaml\n(.*?)```", (DOCS / "kpis.md").read_text("utf-8"), re.DOTALL)[0]
ANN = Author("ann")
SECRET = "postgresql://me:hunter2@db/x"
SCALAR = ResultType.SCALAR
SMALL = """
connections:
  - {name: a, provider: PostgreSQL, environment: Test, address: "setting:A_URL"}
queries:
  - {name: one, sql: SELECT 1}
kpis:
  - {name: one, connection: a, query: one, schedule: 300}
"""


class Desk:
    """A store, and what is done to it with files."""

    def __init__(self, store: Store) -> None:
        self.store, self.sealer = store, FakeSealer()
        register = ConnectionRegister(store, self.sealer)
        self.planner = Planner(store, register, jobs_writable=False)

    def plan(self, text: str) -> Plan:
        return self.planner.plan(read_file(text))

    def apply(self, text: str) -> list[str]:
        """What the plan said."""
        plan = self.plan(text)
        self.planner.apply(plan, ANN)
        return [*describe_plan(plan)]

    def faults(self, text: str) -> dict[str, str]:
        with pytest.raises(InvalidRequest) as refused:
            self.plan(text)
        return {fault.parameter: fault.message for fault in refused.value.faults}

    def audited(self) -> list[str]:
        with self.store.read() as work:
            found = work.audit.recent(limit=100)
        return [f"{entry.actor} {entry.action} {entry.entity_id}" for entry in reversed(found)]


@pytest.fixture(params=["memory", "postgres"])
def desk(request: pytest.FixtureRequest) -> Iterator[Desk]:
    """On a real database as well: its transactions are what matters."""
    if request.param == "memory":
        yield Desk(FakeStore())
        return
    url = parse(request.getfixturevalue("store_url"))
    database = PostgresDatabase(url, size=2, timeout_seconds=10, names={"schema": "app"})
    with closing(database):
        yield Desk(SqlStore(database))


@pytest.fixture
def fake_desk() -> Desk:
    return Desk(FakeStore())


def test_what_the_file_says_is_there_afterwards(desk: Desk) -> None:
    assert desk.apply(SMALL) == [
        "+ connection a",
        "+ query one",
        "+ KPI one",
        "3 to add, 0 to change, 0 to remove.",
    ]
    assert check_of(desk.store).connection.address == "setting:A_URL"
    assert desk.audited() == ["ann add_connection a", "ann add_query one", "ann add_kpi one"]


def test_a_query_that_nobody_runs_is_read_as_the_databases_of_the_file_do(desk: Desk) -> None:
    batch = SMALL.replace(
        "sql: SELECT 1}", "sql: SELECT 1}\n  - {name: two, sql: EXEC dbo.backlog}"
    )
    assert [*desk.faults(batch)] == ["queries[1].sql"]
    of_batches = '  - {name: b, provider: SqlServer, environment: Test, address: "setting:B_URL"}'
    assert not desk.plan(batch.replace("queries:", f"{of_batches}\nqueries:")).is_empty


def test_the_same_file_once_more_changes_nothing(desk: Desk) -> None:
    desk.apply(SMALL)
    plan = desk.plan(SMALL)
    assert plan.is_empty
    assert [*describe_plan(plan)] == ["Nothing to do: the store is as the file says."]
    desk.planner.apply(plan, ANN)
    assert len(desk.audited()) == 3


@pytest.mark.parametrize("name", ["token=sesame", "//me:sesame@db/x"])
def test_a_name_that_would_be_masked_is_refused(fake_desk: Desk, name: str) -> None:
    """By itself, or as the id of a job."""
    faults = fake_desk.faults(SMALL.replace("name: a,", f"name: '{name}',"))
    assert faults == {
        "connections[0].name": "looks as if it held a secret, which would be shown as ***"
    }


def test_what_the_file_does_not_say_any_more_is_removed_with_its_results(desk: Desk) -> None:
    desk.apply(SMALL)
    keep(desk.store, check_of(desk.store), status=Verdict.CRITICAL)
    with desk.store.work() as work:
        names = ("kpi:one", "kpi:two")
        work.metrics.count([JobRuns.one(name, succeeded=True, duration_ms=1) for name in names])
    changed = SMALL.replace("name: one, sql", "name: two, sql").replace("query: one", "query: two")
    assert desk.apply(changed.replace("name: one, connection", "name: two, connection")) == [
        "+ query two",
        "- query one",
        "+ KPI two",
        "- KPI one, with its results",
        "2 to add, 0 to change, 2 to remove.",
    ]
    with desk.store.read() as work:
        assert work.results.history("one", hours=None, before=None, limit=9) == []
        assert [one.job_id for one in work.metrics.totals()] == ["kpi:two"]
    assert desk.audited()[3:] == [
        "ann add_query two",
        "ann remove_query one",
        "ann add_kpi two",
        "ann remove_kpi one",
    ]


def test_a_change_says_what_was_and_what_becomes(desk: Desk) -> None:
    desk.apply(SMALL)
    changed = SMALL.replace("schedule: 300", "schedule: 600, tags: [x, y]").replace(
        "SELECT 1", "'SELECT 1 AS a_number_that_is_read_only_once_and_never_written'"
    )
    assert desk.apply(changed.replace("setting:A_URL", "setting:B_URL")) == [
        "~ connection a: address (changed)",
        "~ query one: sql (changed)",
        "~ KPI one: schedule 300 -> 600, tags '' -> x,y",
        "0 to add, 3 to change, 0 to remove.",
    ]


def test_a_section_that_is_left_out_is_left_alone_and_an_empty_one_is_emptied(desk: Desk) -> None:
    desk.apply(SMALL)
    assert desk.plan("queries:\n- {name: one, sql: SELECT 1}").is_empty
    assert desk.faults("connections: []") == {
        "connections": "connection a is used by KPI one, which stays"
    }
    assert desk.apply("kpis: []\nqueries: []\nconnections: []")[-1] == (
        "0 to add, 0 to change, 3 to remove."
    )


def test_what_kpis_that_stay_would_lose_is_said_once(fake_desk: Desk) -> None:
    asking = [replace(KPI, name=f"k{number}", history=FULL_KPI.history) for number in range(7)]
    define(fake_desk.store, *asking)
    seven = "KPIs k0, k1, k2, k3, k4, …, which stay"
    assert fake_desk.faults("connections: []\nqueries: []") == {
        "connections": f"connection store is used by {seven}",
        "queries": f"query one is used by {seven}",
    }
    changed = "queries: [{name: one, sql: 'SELECT 1', critical_threshold: 5, result_type: DataSet}]"
    assert fake_desk.faults(changed) == {
        "queries": f"query one is a DataSet, and no Scalar (per_second of {seven})"
    }
    many = "\n".join(f"  - {{name: k{n}, connection: store, query: two}}" for n in range(2))
    assert [*fake_desk.faults(f"kpis:\n{many}")] == ["kpis[0].query", "kpis[1].query"]


@pytest.mark.parametrize(("written", "kept"), [("0300", 300), ("00060", 60), ("7", 7)])
def test_seconds_are_kept_as_they_are_exported(fake_desk: Desk, written: str, kept: int) -> None:
    fake_desk.apply(SMALL.replace("schedule: 300", f"schedule: '{written}'"))
    text = fake_desk.planner.export()
    assert fake_desk.plan(text).is_empty
    assert check_of(fake_desk.store).schedule == str(kept)


def test_a_new_time_to_run_is_soon_or_the_next_of_its_expression(desk: Desk) -> None:
    weekly = SMALL.replace("schedule: 300", "schedule: 0 0 2 * * SUN, jitter_seconds: 0")
    desk.apply(weekly)
    with desk.store.read() as work:
        (kpi,) = work.indicators.overview(EVERY, name="one", after=None, limit=1)
    assert (kpi.next_due_at.weekday(), kpi.next_due_at.hour, kpi.next_due_at.minute) == (6, 2, 0)
    desk.apply(SMALL)
    with desk.store.read() as work:
        (soon,) = work.indicators.overview(EVERY, name="one", after=None, limit=1)
    assert soon.next_due_at < kpi.next_due_at or soon.next_due_at.hour == 2


def test_nothing_is_done_where_somebody_was_faster(desk: Desk) -> None:
    desk.apply(SMALL)
    plan = desk.plan(SMALL.replace("SELECT 1", "SELECT 2").replace("schedule: 300", "schedule: 5"))
    with desk.store.work() as work:
        kpi = work.indicators.find("one")
        assert kpi is not None
        changed = replace(kpi.definition, owner="Bob")
        assert work.indicators.replace(changed, version=1, actor="bob")
    with pytest.raises(PreconditionFailed):
        desk.planner.apply(plan, ANN)
    assert check_of(desk.store).schedule == "300"
    if not isinstance(desk.store, FakeStore):  # which cannot undo
        assert check_of(desk.store).sql == "SELECT 1"
        assert len(desk.audited()) == 3


def test_what_is_exported_changes_nothing_when_it_is_applied(desk: Desk) -> None:
    sealed = replace(FULL_CONNECTION, name="sealed", environment="no", is_enabled=True)
    plain = replace(CONNECTION, name="plain", address=SECRET)
    full = replace(FULL_QUERY, name="full", rule=replace(FULL_QUERY.rule, result_type=SCALAR))
    with desk.store.work() as work:
        for connection in (CONNECTION, sealed, plain):
            work.connections.add(connection, actor="test")
        work.queries.add(full, actor="test")
    define(desk.store, KPI, replace(FULL_KPI, name="full", query="full"))
    text = desk.planner.export()
    assert "hunter2" not in text
    assert text.count("(stored)") == 2
    assert desk.plan(text).is_empty
    assert text.startswith("# yaml-language-server: $schema=")
    assert Draft202012Validator(file_schema()).is_valid(read_yaml(text))


def test_a_secret_is_sealed_once(fake_desk: Desk) -> None:
    text = SMALL.replace("setting:A_URL", SECRET)
    said = fake_desk.apply(text)
    stored = check_of(fake_desk.store).connection
    assert stored.is_encrypted
    assert "hunter2" not in stored.address + "".join(said)
    assert fake_desk.plan(text).is_empty
    fake_desk.sealer.has_key = False
    assert "no key" in fake_desk.faults(text)["connections[0].address"]
    assert fake_desk.plan(SMALL.replace("setting:A_URL", "(stored)")).is_empty
    fake_desk.sealer.has_key = True
    assert fake_desk.apply(SMALL)[0] == "~ connection a: address (changed)"
    assert not check_of(fake_desk.store).connection.is_encrypted


def test_a_masked_text_means_what_is_stored_and_an_edited_one_is_refused(fake_desk: Desk) -> None:
    secret, shown = "SELECT 1 -- pwd=hunter2", "SELECT 1 -- pwd=***"
    text = SMALL.replace("sql: SELECT 1", f"sql: '{secret}'").replace(
        "schedule: 300", f"schedule: 300, description: '{secret}'"
    )
    text = text.replace("environment: Test", f"environment: Test, description: '{secret}'")
    fake_desk.apply(text)
    assert fake_desk.plan(text.replace(secret, shown)).is_empty
    assert [*fake_desk.faults(text.replace(secret, f"{shown} /* edited */"))] == [
        "connections[0].description",
        "queries[0].sql",
        "kpis[0].description",
    ]


def test_an_address_of_another_kind_of_database_is_refused_where_it_is_known(
    fake_desk: Desk,
) -> None:
    fake_desk.sealer.settings["A_URL"] = "mysql://me:hunter2@h/d"
    fault = fake_desk.faults(SMALL)["connections[0].address"]
    assert fault == "leads to MySQL, and the provider is PostgreSQL"


def test_nothing_writes_to_a_jobs_database_that_is_only_read(fake_desk: Desk) -> None:
    text = SMALL.replace("{name: a,", "{name: jobs,").replace("connection: a", "connection: jobs")
    text = text.replace("sql: SELECT 1", "sql: DELETE FROM x, result_type: NonQuery")
    assert "JOBS_WRITABLE" in fake_desk.faults(text)["kpis[0].connection"]


@pytest.mark.parametrize(
    ("change", "places"),
    [
        (("schedule: 300", "schedule: x, priority: 11"), ["kpis[0].schedule", "kpis[0].priority"]),
        (("schedule: 300", "scedule: 300"), ["kpis[0].scedule"]),
        (("schedule: 300", "PWD hunter2: 300"), ["kpis[0].***"]),
        (("query: one", "query: two"), ["kpis[0].query"]),
        (("SELECT 1", "DROP TABLE x"), ["queries[0].sql", "kpis[0].query"]),
        (("connection: a", "connection: b"), ["kpis[0].connection"]),
        (("setting:A_URL", "mysql://me:x@h/d"), ["connections[0].address"]),
        (("setting:A_URL", "(stored)"), ["connections[0].address"]),
        (("schedule: 300", "tags: [a, '?']"), ["kpis[0].tags[1]"]),
        (
            ("schedule: 300", "forecast_hours: 1, jitter_seconds: 99"),
            ["kpis[0].jitter_seconds", "kpis[0].forecast_hours"],
        ),
        (("kpis:", "kpis:\n  - {name: one, connection: a, query: one}"), ["kpis[1].name"]),
        (("kpis:", "kpis: &all"), ["file"]),
        (("kpis:", "kpi:"), ["kpi"]),
        (("kpis:", "queries:"), ["file"]),
    ],
)
def test_every_fault_is_named_by_its_place(
    fake_desk: Desk, change: tuple[str, str], places: list[str]
) -> None:
    assert [*fake_desk.faults(SMALL.replace(*change))] == places
    assert fake_desk.plan(SMALL).connections.count == 1


@pytest.mark.parametrize("text", ["", "x", "[]", "kpis: 5", "\x00", "- kpis"])
def test_what_is_no_such_file_is_refused(fake_desk: Desk, text: str) -> None:
    assert fake_desk.faults(text)


def test_the_example_of_the_document_can_be_applied(fake_desk: Desk) -> None:
    assert fake_desk.apply(EXAMPLE)[-1] == "5 to add, 0 to change, 0 to remove."
    assert fake_desk.plan(fake_desk.planner.export()).is_empty
    assert Draft202012Validator(file_schema()).is_valid(read_yaml(EXAMPLE))


def test_the_schema_for_editors_is_the_one_that_files_are_read_by() -> None:
    stored = json.loads((DOCS / "kpis.schema.json").read_text("utf-8"))
    assert stored == json.loads(json.dumps(file_schema()))


@pytest.mark.slow
@pytest.mark.parametrize("desk", ["postgres"], indirect=True)
def test_ten_thousand_kpis_are_planned_and_applied_in_seconds(desk: Desk) -> None:
    rows = [f"  - {{name: k{n}, connection: a, query: one}}" for n in range(10_000)]
    head, _, _ = SMALL.partition("kpis:")
    text = f"{head}kpis:\n" + "\n".join(rows)
    started = time.monotonic()
    assert desk.apply(text)[-1].startswith("10002 to add")
    assert desk.plan(text).is_empty
    assert time.monotonic() - started < 60
