"""What Prometheus gets, read by its own parsers."""

from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest
from prometheus_client.openmetrics import exposition as openmetrics
from prometheus_client.openmetrics.parser import (
    text_string_to_metric_families as parse_openmetrics,
)

from repositories.contracts.databases import PoolUse
from repositories.records.kpis import Verdict
from repositories.records.processes import JobRuns
from repositories.records.speeds import Regression, RegressionKind
from services.caching import Cache
from services.heartbeats import HeartbeatService, describe_process
from services.metrics.exposition import OPENMETRICS, ExpositionService
from services.statuses import StatusService
from services.timers import TimerService
from tests.definitions import KPI, check_of, define, keep
from tests.fake_clocks import FakeClock
from tests.fakes import FakeStore

Labels = Mapping[str, str]
DOCUMENTATION = Path(__file__).resolve().parents[2] / "docs" / "metrics.md"
HOSTILE = (
    'a "quoted" name',
    "back\\slash",
    "two\nlines",
    "Größe 数 🙂",
    "password=",
    'password="x',
    "{a=b}, # EOF",
    "x" * 100,
)


@pytest.fixture
def store() -> FakeStore:
    return FakeStore(FakeClock())


def service(store: FakeStore, *, seconds: float = 0) -> ExpositionService:
    return ExpositionService(
        store,
        statuses=StatusService(store),
        timers=TimerService(store, {"heartbeat": "0 * * * * *"}, clock=store.clock),
        pools={"store": lambda: {"read": PoolUse(in_use=2, idle=1, size=16)}},
        targets=lambda: {"store": PoolUse(in_use=3, idle=0, size=5)},
        worker_instance_id=lambda: "me",
        version="0.1.0",
        cache=Cache(seconds),
    )


def samples_of(store: FakeStore, name: str) -> list[tuple[Labels, float]]:
    text = service(store).text().value
    return [
        (sample.labels, sample.value)
        for family in parse_openmetrics(text)
        for sample in family.samples
        if sample.name == name
    ]


def test_the_content_type_is_that_of_the_format() -> None:
    assert openmetrics.CONTENT_TYPE_LATEST == OPENMETRICS


def test_openmetrics_ends_as_it_must(store: FakeStore) -> None:
    assert service(store).text().value.endswith("\n# EOF\n")


def test_a_kpi_has_its_verdict_its_value_and_when_that_was(store: FakeStore) -> None:
    define(store, KPI, replace(KPI, name="text"), replace(KPI, name="new"))
    keep(store, check_of(store), status=Verdict.CRITICAL, value=Decimal("-2.5"))
    keep(store, check_of(store, "text"), status=Verdict.ERROR, value="standby")
    where = {"name": "one", "connection": "store", "environment": "Test"}
    assert samples_of(store, "watchkeeper_kpi_value") == [(where, -2.5)]
    statuses = samples_of(store, "watchkeeper_kpi_status")
    assert statuses == [(where, 2), ({**where, "name": "text"}, 3)]
    times = samples_of(store, "watchkeeper_kpi_checked_timestamp_seconds")
    assert times[0] == (where, store.clock().timestamp())


def test_jobs_have_their_executions_failures_and_time(store: FakeStore) -> None:
    for succeeded in (True, True, False):
        store.metrics.count([JobRuns.one("kpi:x", succeeded=succeeded, duration_ms=500)])
    labels = {"job_id": "kpi:x"}
    name = "watchkeeper_job_duration_seconds"
    assert samples_of(store, f"{name}_count") == [(labels, 3)]
    assert samples_of(store, f"{name}_sum") == [(labels, 1.5)]
    failures = samples_of(store, "watchkeeper_job_failures_total")
    assert failures == [(labels, 1)]
    regressions = samples_of(store, "watchkeeper_job_regressions_total")
    assert regressions == [({**labels, "kind": "slower"}, 0), ({**labels, "kind": "faster"}, 0)]


def test_a_job_says_how_often_it_was_far_from_normal(store: FakeStore) -> None:
    store.metrics.count([JobRuns.one("kpi:x", succeeded=True, duration_ms=900)])
    store.metrics.note_regressions(
        [
            Regression(
                job_id="kpi:x", kind=RegressionKind.SLOWER, duration_ms=900, mean_ms=5, p95_ms=9
            )
        ]
    )
    found = samples_of(store, "watchkeeper_job_regressions_total")
    assert {labels["kind"]: value for labels, value in found} == {"slower": 1, "faster": 0}


def test_services_have_an_age_and_one_state(store: FakeStore) -> None:
    store.heartbeats.beat("librarian", status="running")
    store.clock.move(seconds=90)
    age = samples_of(store, "watchkeeper_service_heartbeat_age_seconds")
    assert age == [({"service": "librarian"}, 90)]
    states = samples_of(store, "watchkeeper_service_state")
    assert {labels["watchkeeper_service_state"]: value for labels, value in states} == {
        "healthy": 0,
        "stale": 1,
        "down": 0,
    }


def test_processes_queues_timers_and_pools_are_told(store: FakeStore) -> None:
    HeartbeatService(
        store, describe_process(version="0.1.0", environment="Test"), service="watchkeeper"
    ).beat()
    store.metrics.count([JobRuns.one("timer:heartbeat", succeeded=True, duration_ms=1)])
    store.clock.move(seconds=150)
    ((labels, age),) = samples_of(store, "watchkeeper_worker_heartbeat_age_seconds")
    assert (labels["version"], age) == ("0.1.0", 150)
    assert samples_of(store, "watchkeeper_worker_uptime_seconds") == [(labels, 0)]
    queue = samples_of(store, "watchkeeper_queue_depth")
    assert queue == [({"status": "Queued"}, 0), ({"status": "Running"}, 0)]
    dead = [labels["status"] for labels, _ in samples_of(store, "watchkeeper_dead_letters")]
    assert dead == ["PENDING", "PROCESSING", "SUCCEEDED", "FAILED"]
    assert samples_of(store, "watchkeeper_timer_overdue_seconds") == [({"timer": "heartbeat"}, 90)]
    place = {"worker": "me", "database": "store", "pool": "read"}
    assert samples_of(store, "watchkeeper_pool_connections") == [
        ({**place, "state": "in_use"}, 2),
        ({**place, "state": "idle"}, 1),
    ]
    assert samples_of(store, "watchkeeper_pool_connections_limit") == [(place, 16)]
    targets = samples_of(store, "watchkeeper_target_connections")
    place = {"worker": "me", "connection": "store"}
    assert targets == [({**place, "state": "in_use"}, 3), ({**place, "state": "idle"}, 0)]
    assert samples_of(store, "watchkeeper_build_info") == [({"version": "0.1.0"}, 1)]


def test_every_metric_stands_in_the_documentation(store: FakeStore) -> None:
    described = DOCUMENTATION.read_text("utf-8")
    families = [*parse_openmetrics(service(store).text().value)]
    assert [one.name for one in families if f"`{one.name}" not in described] == []


def test_a_timer_that_is_not_due_is_not_overdue(store: FakeStore) -> None:
    store.metrics.count([JobRuns.one("timer:heartbeat", succeeded=True, duration_ms=1)])
    store.clock.move(seconds=5)
    assert samples_of(store, "watchkeeper_timer_overdue_seconds") == [({"timer": "heartbeat"}, 0)]


def test_names_may_hold_anything(store: FakeStore) -> None:
    define(store, *(replace(KPI, name=name) for name in HOSTILE))
    for name in HOSTILE:
        keep(store, check_of(store, name))
    store.metrics.count(
        [JobRuns.one(f"kpi:{name}", succeeded=True, duration_ms=1) for name in HOSTILE]
    )
    found = samples_of(store, "watchkeeper_kpi_status")
    shown = {labels["name"] for labels, _ in found}
    assert {name for name in HOSTILE if "password" not in name} < shown
    assert len(found) == len(HOSTILE)
    jobs = samples_of(store, "watchkeeper_job_duration_seconds_count")
    assert len(jobs) == len(HOSTILE)


def test_a_secret_in_a_name_is_masked_and_leaves_one_series(store: FakeStore) -> None:
    names = [f"password=sesame{number};" for number in range(3)]
    define(store, *(replace(KPI, name=name) for name in names))
    for name in names:
        keep(store, check_of(store, name))
    assert "sesame" not in service(store).text().value
    assert len(samples_of(store, "watchkeeper_kpi_status")) == 1


def test_an_answer_is_kept_for_a_few_seconds(store: FakeStore) -> None:
    kept = service(store, seconds=60)
    first = kept.text()
    store.clock.move(seconds=1)
    store.heartbeats.beat("librarian", status="running")
    assert kept.text().value == first.value
    assert "librarian" in kept.text(fresh=True).value
