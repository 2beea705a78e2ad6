"""Connections, queries and KPIs, managed over HTTP."""

import json
from collections.abc import Callable, Iterator
from datetime import datetime
from itertools import pairwise
from typing import Any

import httpx
import psycopg
import pytest

from tests.hosts import LocalHost, running_host
from tests.http.hostile_definitions import CONNECTION, KPI, QUERY, Hostile, hostile_definitions

Rows = Callable[..., list[Any]]
HOSTILE = [*hostile_definitions()]
PATHS = {"connections": CONNECTION, "queries": QUERY, "kpis": KPI}
SINGULAR = {"connections": "connection", "queries": "query", "kpis": "kpi"}
RESULT = ["status", "value", "message", "error_type", "duration_ms", "details"]
DELETE = "DELETE FROM app.jobs WHERE false"
NAMED_ANN = {"x-ms-client-principal-name": "ann@example.com", "x-correlation-id": "change-1"}


@pytest.fixture(scope="module")
def managed_store(make_database: Callable[..., str], migrated: str) -> str:
    return make_database(migrated)


@pytest.fixture(scope="module")
def host(managed_store: str) -> Iterator[LocalHost]:
    with running_host(managed_store, "--no-timers", env={"CACHE_SECONDS": "0"}) as running:
        put(running, "connections/target", CONNECTION)
        for provider in ("MySQL", "SqlServer", "Oracle"):
            there = {"provider": provider, "environment": "Test", "address": "setting:NOWHERE"}
            put(running, f"connections/{provider.lower()}", there)
        for name, connection in (("of_sqlserver", "sqlserver"), ("of_postgresql", "target")):
            put(running, f"queries/{name}", QUERY)
            used = {**KPI, "query": name, "connection": connection, "is_active": False}
            put(running, f"kpis/{name}", used)
        mysql = {"provider": "MySQL", "environment": "Test", "address": "setting:NOWHERE"}
        put(running, "connections/mysql", mysql)
        put(running, "connections/jobs", {**CONNECTION, "address": "setting:JOBS_URL"})
        put(running, "queries/good", {"sql": "SELECT $$it's one$$"})
        put(running, "queries/rows", {"sql": "SELECT 1", "result_type": "DataSet"})
        yield running


@pytest.fixture
def rows(managed_store: str) -> Rows:
    def ask(statement: str, *values: object) -> list[Any]:
        with psycopg.connect(managed_store, autocommit=True) as connection:
            cursor = connection.execute(statement.encode(), values)
            return cursor.fetchall() if cursor.description else []

    return ask


def put(host: LocalHost, path: str, body: Any, **headers: str) -> httpx.Response:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return host.client.put(f"/api/{path}", content=content, headers=named)


def delete(host: LocalHost, path: str, **headers: str) -> httpx.Response:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return host.client.delete(f"/api/{path}", headers=named)


def blamed(answer: httpx.Response) -> dict[str, str]:
    assert answer.status_code == httpx.codes.BAD_REQUEST, answer.text[:500]
    return {fault["parameter"]: fault["message"] for fault in answer.json()["errors"]}


def test_there_are_two_hundred_hostile_definitions() -> None:
    assert len(HOSTILE) >= 200


def test_no_hostile_definition_is_stored_and_each_is_told_why(host: LocalHost, rows: Rows) -> None:
    counted = (
        "SELECT (SELECT count(*) FROM monitoring.database_connections),"
        " (SELECT count(*) FROM monitoring.database_queries),"
        " (SELECT count(*) FROM monitoring.indicators),"
        " (SELECT count(*) FROM monitoring.audit_log)"
    )
    before = rows(counted)
    wrong = [(str(one), *found) for one in HOSTILE if (found := _wrongly_answered(host, one))]
    assert wrong == []
    assert rows(counted) == before


def _wrongly_answered(host: LocalHost, one: Hostile) -> tuple[object, ...] | None:
    answer = put(host, one.path, one.body)
    if answer.status_code != httpx.codes.BAD_REQUEST:
        return answer.status_code, answer.text[:200]
    faults = answer.json()["errors"]
    if not faults or not all(fault["message"] for fault in faults):
        return "no reason", answer.text[:200]
    found = {fault["parameter"] for fault in faults}
    return ("blamed", found) if one.blamed and found != one.blamed else None


@pytest.mark.parametrize("kind", PATHS)
def test_what_is_new_is_made_and_shown_with_its_etag(host: LocalHost, kind: str) -> None:
    made = put(host, f"{kind}/new one", PATHS[kind], **NAMED_ANN)
    assert made.status_code == httpx.codes.CREATED
    shown = host.get(f"/api/{kind}/new one")
    assert shown.json() == made.json()
    assert shown.headers["etag"] == made.headers["etag"]
    one = shown.json()[SINGULAR[kind]]
    assert PATHS[kind].items() <= one.items()
    assert (one["name"], one["version"]) == ("new one", 1)
    assert one["created_by"] == one["modified_by"] == "ann@example.com"
    assert made.headers["etag"].endswith('-1"')
    assert delete(host, f"{kind}/new one").json() == {"removed": "new one"}
    assert host.get(f"/api/{kind}/new one").status_code == httpx.codes.NOT_FOUND


@pytest.mark.parametrize("kind", PATHS)
def test_an_update_that_somebody_else_has_overtaken_is_refused(host: LocalHost, kind: str) -> None:
    path, body = f"{kind}/contested", PATHS[kind]
    first = put(host, path, body).headers["etag"]
    forced = put(host, path, {**body, "description": "forced"}, if_match="*")
    second = forced.headers["etag"]
    assert forced.status_code == httpx.codes.OK
    assert second != first
    for condition, status in (
        ({}, 428),
        ({"if_match": first}, 412),
        ({"if_match": '"nonsense"'}, 412),
        ({"if_none_match": "*"}, 412),
        ({"if_match": first[1:-1]}, 400),
        ({"if_none_match": first}, 400),
    ):
        answer = put(host, path, {**body, "description": "overtaken"}, **condition)
        assert answer.status_code == status, condition
        assert answer.headers["content-type"] == "application/problem+json"
    assert "If-Match" in put(host, path, body).json()["detail"]
    assert delete(host, path, if_match=first).status_code == httpx.codes.PRECONDITION_FAILED
    known = put(host, path, {**body, "description": "known"}, if_match=f"{first}, {second}")
    assert known.status_code == httpx.codes.OK
    assert known.json()[SINGULAR[kind]]["version"] == 3
    third = known.headers["etag"]
    weak = delete(host, path, if_match=f"W/{third}")
    assert weak.status_code == httpx.codes.PRECONDITION_FAILED
    assert delete(host, path, if_match=f"W/{first}, {third}").status_code == httpx.codes.OK
    assert put(host, path, body, if_match="*").status_code == httpx.codes.PRECONDITION_FAILED


@pytest.mark.parametrize("kind", PATHS)
def test_what_is_known_by_its_etag_is_not_sent_again(host: LocalHost, kind: str) -> None:
    etag = put(host, f"{kind}/known", PATHS[kind]).headers["etag"]
    for sent, is_known in (
        (etag, True),
        (f'"other", W/{etag}', True),
        ("*", True),
        ('"other"', False),
        (etag[1:-1], False),
    ):
        answer = host.client.get(f"/api/{kind}/known", headers={"if-none-match": sent})
        if is_known and kind != "kpis":  # which have a new verdict under the same ETag
            assert (answer.status_code, answer.content) == (httpx.codes.NOT_MODIFIED, b"")
        else:
            assert answer.status_code == httpx.codes.OK
            assert SINGULAR[kind] in answer.json()
        assert answer.headers["etag"] == etag
    delete(host, f"{kind}/known")


@pytest.mark.parametrize("kind", PATHS)
def test_a_put_that_changes_nothing_is_no_change(host: LocalHost, rows: Rows, kind: str) -> None:
    path = f"{kind}/steady"
    first = put(host, path, PATHS[kind])
    again = put(host, path, PATHS[kind], if_match=first.headers["etag"])
    assert again.status_code == httpx.codes.OK
    assert again.json() == first.json()
    assert again.headers["etag"] == first.headers["etag"]
    assert len(audit_of(rows, "steady", SINGULAR[kind])) == 1
    delete(host, path)


def audit_of(rows: Rows, name: str, kind: str) -> list[Any]:
    return rows(
        "SELECT actor, action, old_values, new_values, correlation_id FROM monitoring.audit_log"
        " WHERE entity_id = %s AND entity_type = %s ORDER BY audit_id",
        name,
        kind,
    )


def test_the_audit_log_says_what_has_changed_who_and_why(host: LocalHost, rows: Rows) -> None:
    body = {**QUERY, "warning_threshold": 5, "tags": ["a"]}
    put(host, "queries/audited", body, **NAMED_ANN)
    changed = {**body, "warning_threshold": 6.5, "unit": "s", "sql": "SELECT 2 -- pwd=hunter2"}
    put(host, "queries/audited", changed, **{**NAMED_ANN, "if_match": "*"})
    delete(host, "queries/audited", **NAMED_ANN)
    made, change, removed = audit_of(rows, "audited", "query")
    assert [entry[1] for entry in (made, change, removed)] == [
        "add_query",
        "change_query",
        "remove_query",
    ]
    assert {entry[0] for entry in (made, change, removed)} == {"ann@example.com"}
    assert {entry[4] for entry in (made, change, removed)} == {"change-1"}
    assert made[2] is None
    assert made[3]["sql"] == "SELECT 1"
    assert change[2] == {"sql": "SELECT 1", "unit": None, "warning_threshold": 5}
    assert change[3] == {"sql": "SELECT 2 -- pwd=***", "unit": "s", "warning_threshold": 6.5}
    assert removed[2]["unit"] == "s"
    assert removed[3] is None


def test_an_address_that_holds_a_secret_is_never_shown(host: LocalHost, rows: Rows) -> None:
    secret = "postgresql://me:hunter2sesame@db.example/x"
    refused = put(host, "connections/secret", {**CONNECTION, "address": secret})
    assert "hunter2sesame" not in refused.text
    assert "key" in blamed(refused)["address"]
    put(host, "connections/secret", CONNECTION)
    stored = "UPDATE monitoring.database_connections SET connection_string = %s, is_encrypted = %s"
    for address, is_encrypted, kind in (
        (secret, False, "url"),
        ("postgresql://db.example/x?password=hunter2sesame", False, "url"),
        ("Server=db;UID=me;PWD=hunter2sesame", False, "url"),
        ("gAAAAhunter2sesame", True, "url"),
    ):
        rows(f"{stored} WHERE connection_name = 'secret'", address, is_encrypted)
        for path in ("connections/secret", "connections"):
            answer = host.get(f"/api/{path}")
            assert "hunter2sesame" not in answer.text
        one = host.get("/api/connections/secret").json()["connection"]
        assert (one["address"], one["kind"], one["is_encrypted"]) == (
            "(stored)",
            kind,
            is_encrypted,
        )
        described = put(
            host,
            "connections/secret",
            {**CONNECTION, "address": "(stored)", "description": kind + str(len(address))},
            if_match="*",
        )
        assert described.status_code == httpx.codes.OK
        assert rows(
            "SELECT connection_string, is_encrypted FROM monitoring.database_connections"
            " WHERE connection_name = 'secret'"
        ) == [(address, is_encrypted)]
    other = {**CONNECTION, "address": "(stored)", "provider": "MySQL"}
    assert "address" in blamed(put(host, "connections/secret", other, if_match="*"))
    put(host, "connections/secret", CONNECTION, if_match="*")
    delete(host, "connections/secret")
    entries = audit_of(rows, "secret", "connection")
    assert "hunter2sesame" not in json.dumps(entries)
    assert entries[-2][3]["address"] == "(changed)"


def test_a_name_that_is_no_plain_word_is_not_repeated(host: LocalHost) -> None:
    refused = put(host, "connections/secret", {**CONNECTION, "PWD hunter2": 1, "PWD_2": 1})
    assert blamed(refused) == {"***": "unknown parameter", "PWD_2": "unknown parameter"}
    asked = host.get("/api/kpis", params={"PWD hunter2": "1"})
    assert blamed(asked) == {"***": "unknown parameter"}


@pytest.mark.parametrize(
    ("address", "kind"),
    [
        ("setting:STORE_URL", "setting"),
        ("keyvault:https://team.vault.azure.net/secrets/store", "keyvault"),
        ("postgresql://me@db.example:5432/x?auth=entra", "url"),
    ],
)
def test_an_address_without_a_secret_is_shown(host: LocalHost, address: str, kind: str) -> None:
    made = put(host, "connections/open", {**CONNECTION, "address": address}).json()["connection"]
    assert (made["address"], made["kind"], made["is_encrypted"]) == (address, kind, False)
    delete(host, "connections/open")


def test_what_kpis_use_is_not_removed_and_the_first_of_them_are_named(host: LocalHost) -> None:
    put(host, "connections/used", CONNECTION)
    put(host, "queries/used", QUERY)
    for number in range(7):
        put(host, f"kpis/user {number}", {**KPI, "connection": "used", "query": "used"})
    for path in ("connections/used", "queries/used"):
        answer = delete(host, path)
        assert answer.status_code == httpx.codes.CONFLICT
        assert "user 0, user 1, user 2, user 3, user 4, …" in answer.json()["detail"]
    for number in range(7):
        assert delete(host, f"kpis/user {number}").status_code == httpx.codes.OK
    assert delete(host, "connections/used").status_code == httpx.codes.OK
    assert delete(host, "queries/used").status_code == httpx.codes.OK


def test_a_kpi_says_in_plain_words_when_it_runs_and_when_it_runs_next(host: LocalHost) -> None:
    body = {**KPI, "schedule": "0 0 2 * * SUN", "jitter_seconds": 0}
    kpi = put(host, "kpis/weekly", body).json()["kpi"]
    assert kpi["schedule_text"] == "at 02:00 on Sundays (UTC)"
    assert len({*kpi["next_runs"]}) == 3
    assert all(run[10:] == "T02:00:00Z" for run in kpi["next_runs"])
    assert kpi["next_runs"][0] == kpi["next_due_at"]
    spread = put(host, "kpis/weekly", {**KPI, "schedule": 600}, if_match="*").json()["kpi"]
    assert (spread["schedule_text"], spread["jitter_seconds"]) == ("every 10 minutes", 30)
    off = put(host, "kpis/weekly", {**body, "is_active": False}, if_match="*").json()["kpi"]
    assert off["next_runs"] == []
    delete(host, "kpis/weekly")


@pytest.mark.parametrize(
    ("schedule", "seconds"), [(1, 10), (7, 14), (15, 15), ("*/2 * * * * *", 10)]
)
def test_a_kpi_promises_no_more_runs_than_the_timer_has_rounds(
    host: LocalHost, schedule: object, seconds: int
) -> None:
    kpi = put(host, "kpis/hasty", {**KPI, "schedule": schedule}).json()["kpi"]
    runs = [datetime.fromisoformat(run) for run in kpi["next_runs"]]
    gaps = {(later - earlier).total_seconds() for earlier, later in pairwise(runs)}
    assert gaps == {seconds}
    delete(host, "kpis/hasty")


@pytest.mark.parametrize(
    ("path", "body", "off", "reason"),
    [
        ("connections/switch", CONNECTION, "is_enabled", "its connection is disabled"),
        ("queries/switch", QUERY, "is_enabled", "its query is disabled"),
        (
            "kpis/switched",
            {**KPI, "connection": "switch", "query": "switch"},
            "is_active",
            "it is not active",
        ),
    ],
)
def test_a_kpi_that_no_timer_runs_says_why(
    host: LocalHost, path: str, body: dict[str, Any], off: str, reason: str
) -> None:
    put(host, "connections/switch", CONNECTION)
    put(host, "queries/switch", QUERY)
    put(host, "kpis/switched", {**KPI, "connection": "switch", "query": "switch"})
    for value, enabled, said in ((False, "false", reason), (True, "true", None)):
        put(host, path, {**body, off: value}, if_match="*")
        kpi = host.get("/api/kpis/switched").json()["kpi"]
        assert kpi["not_run"] == said
        assert len(kpi["next_runs"]) == (0 if said else 3)
        listed = host.get(f"/api/kpis?connection=switch&enabled={enabled}").json()["kpis"]
        assert [one["name"] for one in listed] == ["switched"]
    for gone in ("kpis/switched", "connections/switch", "queries/switch"):
        delete(host, gone)


def test_nothing_that_writes_is_defined_on_the_jobs_database(host: LocalHost) -> None:
    put(host, "queries/writes", {"sql": DELETE, "result_type": "NonQuery"})
    on_jobs = {**KPI, "connection": "jobs", "query": "writes"}
    assert "JOBS_WRITABLE" in blamed(put(host, "kpis/writes", on_jobs))["connection"]
    put(host, "kpis/reads", {**on_jobs, "query": "good"})
    put(host, "queries/reads", {"sql": "SELECT 1"})
    put(host, "kpis/reads", {**on_jobs, "query": "reads"}, if_match="*")
    changed = put(host, "queries/reads", {"sql": DELETE, "result_type": "NonQuery"}, if_match="*")
    assert "KPI reads" in blamed(changed)["result_type"]
    for path in ("kpis/reads", "queries/reads", "queries/writes"):
        assert delete(host, path).status_code == httpx.codes.OK


def test_a_number_is_shown_and_taken_back_to_its_last_digit(host: LocalHost, rows: Rows) -> None:
    path, number = "queries/exact", b"99999999999999.9999"
    put(host, path, {**QUERY, "critical_threshold": number.decode()})
    assert b'"critical_threshold":' + number in host.get(f"/api/{path}").content
    body = b'{"sql": "SELECT 2", "critical_threshold": ' + number + b"}"
    assert b'"critical_threshold":' + number in put(host, path, body, if_match="*").content
    (kept,) = rows(
        "SELECT new_values ->> 'critical_threshold' FROM monitoring.audit_log"
        " WHERE entity_id = 'exact' AND action = 'add_query'"
    )
    assert kept == (number.decode(),)
    delete(host, path)


@pytest.mark.parametrize("kind", PATHS)
def test_what_is_read_edited_and_written_back_keeps_its_secrets(
    host: LocalHost, rows: Rows, kind: str
) -> None:
    path, secret = f"{kind}/secretive", "SELECT 1 FROM t WHERE token = 'hunter2sesame'"
    member = "sql" if kind == "queries" else "description"
    put(host, path, {**PATHS[kind], member: secret})
    shown = host.get(f"/api/{path}").json()[SINGULAR[kind]]
    assert shown[member] == secret.replace("hunter2sesame", "***")
    body = {**PATHS[kind], member: shown[member], "tags": ["edited"]}
    edited = put(host, path, body, if_match="*")
    assert (edited.status_code, edited.json()[SINGULAR[kind]]["tags"]) == (200, ["edited"])
    table = {"connections": "database_connections", "queries": "database_queries"}.get(kind)
    column = "sql_query" if kind == "queries" else "description"
    of = f"{column} = %s"
    assert rows(f"SELECT 1 FROM monitoring.{table or 'indicators'} WHERE {of}", secret)  # noqa: S608
    changed = {**body, member: shown[member] + " -- edited"}
    assert "***" in blamed(put(host, path, changed, if_match="*"))[member]
    delete(host, path)


def test_a_member_that_stands_there_twice_is_refused(host: LocalHost) -> None:
    body = b'{"sql": "SELECT 1", "unit": "s", "sql": "SELECT 2", "unit": "s"}'
    assert blamed(put(host, "queries/twice", body)) == dict.fromkeys(
        ("sql", "unit"), "stands there twice"
    )


def test_a_new_kpi_is_run_and_a_removed_one_leaves_nothing(host: LocalHost, rows: Rows) -> None:
    put(host, "kpis/short lived", KPI)
    host.post("/api/kpis/short lived/run")
    known = "SELECT indicator_id FROM monitoring.indicators WHERE indicator_name = 'short lived'"
    (found,) = rows(known)
    assert delete(host, "kpis/short lived").status_code == httpx.codes.OK
    for table in ("indicators", "database_monitoring_results"):
        counted = f"SELECT count(*) FROM monitoring.{table} WHERE indicator_id = %s"  # noqa: S608
        assert rows(counted, found[0]) == [(0,)]
    unfinished = (
        "SELECT count(*) FROM monitoring.worker_jobs"
        " WHERE indicator_id = %s AND status IN ('Queued', 'Running')"
    )
    assert rows(unfinished, found[0]) == [(0,)]
    answer = host.get("/api/metrics", params={"jobId": "kpi:short lived"})
    assert answer.status_code == httpx.codes.NOT_FOUND


def test_lists_are_found_by_what_things_are(host: LocalHost) -> None:
    put(host, "connections/lab", {**CONNECTION, "environment": "Lab", "tags": ["a", "b"]})
    put(host, "queries/lab", {**QUERY, "tags": ["a"], "is_enabled": False})
    put(host, "kpis/lab", {**KPI, "connection": "lab", "query": "lab", "tags": ["a.b"]})
    for path, names in (
        ("connections?environment=Lab", ["lab"]),
        ("connections?tag=a&provider=PostgreSQL&enabled=true", ["lab"]),
        ("connections?tag=ab", []),
        ("connections?environment=Lab&status=Unknown", ["lab"]),
        ("connections?environment=Lab&status=Critical", []),
        ("queries?tag=a", ["lab"]),
        ("queries?enabled=false", ["lab"]),
        ("kpis?environment=Lab", ["lab"]),
        ("kpis?tag=a.b&status=Unknown&enabled=false", ["lab"]),
        ("kpis?connection=lab&query=lab", ["lab"]),
        ("kpis?connection=lab&query=good", []),
    ):
        answer = host.get(f"/api/{path}")
        kind = path.partition("?")[0]
        assert [one["name"] for one in answer.json()[kind]] == names, path
    for path in ("kpis/lab", "connections/lab", "queries/lab"):
        assert delete(host, path).status_code == httpx.codes.OK
    pages = [host.get("/api/queries?limit=1").json()]
    while cursor := pages[-1]["next_cursor"]:
        pages.append(host.get(f"/api/queries?limit=1&cursor={cursor}").json())
    found = [one["name"] for page in pages for one in page["queries"]]
    assert found == ["good", "of_postgresql", "of_sqlserver", "rows"]


def test_a_query_must_suit_the_databases_of_its_kpis_and_what_they_ask_of_it(
    host: LocalHost,
) -> None:
    put(host, "queries/shared", {**QUERY, "critical_threshold": 5})
    asked = {**KPI, "query": "shared", "per_second": True, "forecast_hours": 5}
    put(host, "kpis/asks", asked)
    put(host, "kpis/elsewhere", {**KPI, "query": "shared", "connection": "mysql"})
    changed = {"sql": "SELECT $$;$$", "result_type": "DataSet"}
    faults = blamed(put(host, "queries/shared", changed, if_match="*"))
    assert {*faults} == {"sql", "result_type", "critical_threshold"}
    assert "MySQL" in faults["sql"]
    assert "KPI asks" in faults["result_type"]
    provider = {"provider": "PostgreSQL", "environment": "Test", "address": "setting:NOWHERE"}
    assert put(host, "connections/mysql", provider, if_match="*").status_code == httpx.codes.OK
    assert (
        put(
            host,
            "queries/shared",
            {"sql": "SELECT $$;$$", "critical_threshold": 1},
            if_match="*",
        ).status_code
        == httpx.codes.OK
    )
    back = {**provider, "provider": "MySQL"}
    assert "shared" in blamed(put(host, "connections/mysql", back, if_match="*"))["provider"]
    for path in ("kpis/asks", "kpis/elsewhere", "queries/shared"):
        delete(host, path)
    put(host, "connections/mysql", back, if_match="*")


def test_what_is_not_saved_can_be_tried_and_leaves_nothing(host: LocalHost, rows: Rows) -> None:
    body = {"connection": "target", "sql": "SELECT 7", "critical_threshold": 5}
    answer = host.post("/api/kpis/run", json=body)
    assert answer.status_code == httpx.codes.OK
    result = answer.json()["result"]
    assert (result["status"], result["value"]) == ("Critical", 7)
    assert list(result) == RESULT
    for change, blames in (
        ({"connection": "nowhere"}, {"connection"}),
        (
            {"connection": "nowhere", "sql": "DROP TABLE x", "comparison_operator": "contains"},
            {"connection", "sql", "comparison_operator"},
        ),
        ({"connection": "jobs", "result_type": "NonQuery", "sql": DELETE}, {"result_type"}),
        ({"sql": "DROP TABLE x"}, {"sql"}),
        ({"sql": "SELECT 1; SELECT 2"}, {"sql"}),
        ({"sql": "VACUUM", "comparison_operator": "contains"}, {"sql", "comparison_operator"}),
        ({"timeout_seconds": 0, "on_empty": "x"}, {"timeout_seconds", "on_empty"}),
    ):
        assert {*blamed(host.post("/api/kpis/run", json={**body, **change}))} == blames
    empty = {"connection": "target", "sql": "SELECT 1 WHERE false", "on_empty": "warning"}
    assert host.post("/api/kpis/run", json=empty).json()["result"]["status"] == "Warning"
    assert rows("SELECT count(*) FROM monitoring.database_monitoring_results") == [(0,)]


def test_nothing_is_changed_where_read_only_is_on(managed_store: str) -> None:
    with running_host(managed_store, "--no-timers", env={"READ_ONLY": "true"}) as host:
        for kind, body in PATHS.items():
            assert put(host, f"{kind}/any", body).status_code == httpx.codes.FORBIDDEN
            assert delete(host, f"{kind}/any").status_code == httpx.codes.FORBIDDEN
        run = {"connection": "target", "sql": "SELECT 1"}
        assert host.post("/api/kpis/run", json=run).status_code == httpx.codes.FORBIDDEN
