from collections.abc import Callable
from typing import Any

import pytest

from tests.hosts import LocalHost, running_host, wait_until


@pytest.fixture(scope="module")
def kpis(host: LocalHost) -> dict[str, Any]:
    """The pack's KPIs after their first round."""
    host.fire("run_kpi_checks")
    wait_until(lambda: len(host.logged("tick", timer="run_kpi_checks")) > 0)
    return {kpi["name"]: kpi for kpi in host.get("/api/kpis").json()["kpis"]}


def test_the_whole_pack_has_verdicts_after_the_first_round(kpis: dict[str, Any]) -> None:
    assert len(kpis) >= 12
    assert {kpi["status"] for kpi in kpis.values()} <= {"Healthy", "Warning", "Critical"}
    assert all(kpi["message"] and kpi["checked_at"] and kpi["unit"] for kpi in kpis.values())


def test_a_second_round_finds_nothing_due(host: LocalHost, kpis: dict[str, Any]) -> None:
    host.fire("run_kpi_checks")
    wait_until(lambda: len(host.logged("tick", timer="run_kpi_checks")) > 1)
    assert host.get("/api/kpis/connections_used/results").json()["query_info"]["returned"] == 1


def test_one_kpi(host: LocalHost, kpis: dict[str, Any]) -> None:
    kpi = host.get("/api/kpis/connections_used").json()["kpi"]
    assert (kpi["name"], kpi["unit"]) == ("connections_used", "%")
    assert 0 < kpi["value"] < 100


def test_a_run_by_hand_is_answered_and_kept(host: LocalHost, kpis: dict[str, Any]) -> None:
    answer = host.post("/api/kpis/database_size/run")
    assert answer.status_code == 200
    result = answer.json()["result"]
    assert result["status"] == "Healthy"
    assert result["value"] > 1
    newest, *_ = host.get("/api/kpis/database_size/results").json()["results"]
    assert (newest["slot_at"], newest["value"]) == (None, result["value"])
    assert newest["checked_at"] == result["checked_at"]
    asked = {"status": "Healthy", "limit": 1}
    healthy = host.get("/api/kpis/database_size/results", params=asked).json()
    assert healthy["results"] == [newest]
    assert healthy["query_info"]["filters"] == {"name": "database_size", "status": "Healthy"}
    assert host.get("/api/kpis/database_size/results?status=Error").json()["results"] == []


def test_a_kpi_whose_sql_is_wrong_is_an_error_that_says_so(
    host: LocalHost, kpis: dict[str, Any], rows: Callable[..., list[Any]]
) -> None:
    _define(rows, "broken", "SELECT nonsense FROM nowhere")
    result = host.post("/api/kpis/broken/run").json()["result"]
    assert (result["status"], result["error_type"]) == ("Error", "bad_sql")
    assert "42P01 UndefinedTable" in result["message"]
    assert "nowhere" not in result["message"]


@pytest.mark.parametrize(
    ("sql", "error_type"),
    [
        ("SELECT pg_sleep(20)", "timeout"),
        ("DELETE FROM monitoring.config", "not_allowed"),
        ("SELECT 1; SELECT 2", "bad_sql"),
        ("SELECT NULL", "no_value"),
        ("SELECT 1 WHERE false", "no_value"),
        ("SELECT 'NaN'::float8", "not_a_number"),
        ("CREATE TABLE x (y int)", "not_allowed"),
        ("", "bad_sql"),
        ("SELEC 1", "bad_sql"),
    ],
)
def test_each_way_to_fail_has_its_own_error_type(
    host: LocalHost,
    kpis: dict[str, Any],
    rows: Callable[..., list[Any]],
    sql: str,
    error_type: str,
) -> None:
    name = f"fails {error_type} {len(sql)}"
    _define(rows, name, sql)
    result = host.post(f"/api/kpis/{name}/run").json()["result"]
    assert (result["status"], result["error_type"]) == ("Error", error_type)


def test_a_data_set_keeps_its_first_rows(
    host: LocalHost, kpis: dict[str, Any], rows: Callable[..., list[Any]]
) -> None:
    _define(
        rows,
        "many",
        "SELECT n, now() AS at, '{\"a\": 1}'::jsonb AS doc FROM generate_series(1, 20000) AS n",
        result_type="DataSet",
    )
    result = host.post("/api/kpis/many/run").json()["result"]
    assert (result["value"], result["status"]) == (20000, "Healthy")
    assert result["details"]["row_count"] == 20000
    assert len(result["details"]["rows"]) == 50
    assert result["details"]["rows"][0]["doc"] == {"a": 1}


def test_a_non_query_counts_the_rows_it_changed(
    host: LocalHost, kpis: dict[str, Any], rows: Callable[..., list[Any]]
) -> None:
    _define(
        rows,
        "touch",
        "UPDATE monitoring.config SET modified_at = now()",
        result_type="NonQuery",
    )
    result = host.post("/api/kpis/touch/run").json()["result"]
    assert result["value"] >= 2


def test_an_unknown_kpi_is_404(host: LocalHost) -> None:
    assert host.get("/api/kpis/nobody").status_code == 404
    assert host.get("/api/kpis/nobody/results").status_code == 404
    assert host.post("/api/kpis/nobody/run").status_code == 404


def test_nothing_is_written_where_read_only_is_on(http_store: str) -> None:
    with running_host(http_store, "--no-timers", env={"READ_ONLY": "true"}) as host:
        for path in ("/api/kpis/database_size/run", "/api/status/x/heartbeat"):
            answer = host.post(path, json={"status": "running"})
            assert answer.status_code == 403
            assert answer.json()["type"] == "urn:watchkeeper:problem:Forbidden"
        assert host.get("/api/kpis").status_code == 200


def _define(
    rows: Callable[..., list[Any]], name: str, sql: str, *, result_type: str = "Scalar"
) -> None:
    rows(
        "INSERT INTO monitoring.database_queries"
        " (query_name, sql_query, result_type, timeout_seconds, created_by, modified_by)"
        " VALUES (%s, %s, %s, 1, 'test', 'test')",
        name,
        sql,
        result_type,
    )
    rows(
        "INSERT INTO monitoring.indicators"
        " (indicator_name, connection_id, query_id, schedule, next_due_at, created_by, modified_by)"
        " SELECT %s, connection_id, query_id, '3600', now() + interval '1 hour', 'test', 'test'"
        "   FROM monitoring.database_connections, monitoring.database_queries"
        "  WHERE connection_name = 'store' AND query_name = %s",
        name,
        name,
    )
