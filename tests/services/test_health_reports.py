"""Health, on the fakes: each part's state, and that of the whole."""

import threading
from collections.abc import Sequence
from dataclasses import replace

import pytest

from repositories.errors import BadStatement, Unavailable
from repositories.records.processes import JobRuns
from services.caching import Cache
from services.health import HealthService
from services.settings import SettingProblem
from services.statuses import StatusService
from services.timers import TimerService
from tests.definitions import CONNECTION
from tests.fake_clocks import FakeClock
from tests.fakes import FakeJobsDatabase, FakeStore

KNOWN = ("0001", "0002")


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def store(clock: FakeClock) -> FakeStore:
    return FakeStore(clock)


def health(
    store: FakeStore, problems: Sequence[SettingProblem] = (), *, has_keys: bool = False
) -> HealthService:
    return HealthService(
        store,
        FakeJobsDatabase(store.clock),
        statuses=StatusService(store),
        timers=TimerService(store, {"heartbeat": "0 * * * * *"}, clock=store.clock),
        known=KNOWN,
        problems=problems,
        has_keys=has_keys,
        cache=Cache(60),
    )


def test_all_well_is_healthy(store: FakeStore) -> None:
    assert health(store).full().value.status == "healthy"


def test_a_store_that_is_away_is_unhealthy_and_nothing_else_is_asked(store: FakeStore) -> None:
    store.fail_with = Unavailable()
    report = health(store).full().value
    assert report.status == "unhealthy"
    assert set(report.components) == {"database", "settings"}
    assert report.components["database"].facts == {"error": "The database cannot be reached."}


def test_what_is_unhealthy_is_asked_anew(store: FakeStore) -> None:
    asked = health(store)
    store.fail_with = Unavailable()
    assert asked.full().value.status == "unhealthy"
    store.fail_with = None
    assert asked.full().value.status == "healthy"


def test_a_part_that_cannot_be_asked_is_degraded_and_says_so(
    store: FakeStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail() -> None:
        raise BadStatement

    monkeypatch.setattr(store.indicators, "summary", fail)
    report = health(store).full().value
    assert report.status == "degraded"
    assert "does not understand" in str(report.components["kpis"].facts["error"])


@pytest.mark.parametrize(
    ("applied", "state", "pending"),
    [
        ("0002", "healthy", []),
        ("0001", "degraded", ["0002"]),
        (None, "unhealthy", ["0001", "0002"]),
    ],
)
def test_migrations_that_are_pending_are_named(
    store: FakeStore, applied: str | None, state: str, pending: list[str]
) -> None:
    store.facts.applied = applied
    part = health(store).full().value.components["migrations"]
    assert (part.status, part.facts["pending"]) == (state, pending)


def test_a_store_that_is_newer_than_the_app_is_degraded(store: FakeStore) -> None:
    store.facts.applied = "0099"
    part = health(store).full().value.components["migrations"]
    assert (part.status, part.facts["error"]) == ("degraded", "the store is newer than the app")


def test_a_service_that_is_down_degrades_the_whole_and_is_named(
    store: FakeStore, clock: FakeClock
) -> None:
    store.heartbeats.beat("librarian", status="running")
    clock.move(seconds=181)
    part = health(store).full().value.components["services"]
    assert (part.status, part.facts["not_healthy"]) == ("degraded", ["librarian"])


def test_a_wrong_setting_is_named(store: FakeStore) -> None:
    problem = SettingProblem("READ_ONLY", "not a boolean")
    report = health(store, [problem]).quick()
    assert report.status == "degraded"
    assert report.components["settings"].facts == {"problems": [problem]}


def test_encrypted_addresses_without_a_key_are_a_wrong_setting(store: FakeStore) -> None:
    with store.work() as work:
        sealed = replace(CONNECTION, is_encrypted=True, address="gAAAA")
        assert work.connections.add(sealed, actor="ann")
    part = health(store).full().value.components["settings"]
    message = "not set, and addresses that it would open: 1"
    assert part.status == "degraded"
    assert part.facts == {"problems": [SettingProblem("ENCRYPTION_KEYS", message)]}
    assert health(store, has_keys=True).full().value.status == "healthy"


@pytest.mark.parametrize(("seconds", "missed"), [(0, False), (119, False), (121, True)])
def test_a_timer_is_missed_a_minute_after_it_was_due(
    store: FakeStore, clock: FakeClock, seconds: int, missed: bool
) -> None:
    store.metrics.count([JobRuns.one("timer:heartbeat", succeeded=True, duration_ms=1)])
    clock.move(seconds=seconds)
    (timer,) = TimerService(store, {"heartbeat": "0 * * * * *"}, clock=clock).states()
    assert timer.missed is missed


def test_a_timer_that_never_ran_is_missed_too(store: FakeStore, clock: FakeClock) -> None:
    asked = health(store)
    clock.move(seconds=121)
    assert asked.full().value.components["timers"].status == "degraded"


def test_a_timer_whose_last_run_failed_degrades_the_whole(store: FakeStore) -> None:
    store.metrics.count([JobRuns.one("timer:heartbeat", succeeded=False, duration_ms=1)])
    assert health(store).full().value.components["timers"].status == "degraded"


def test_ready_is_false_where_the_store_fails(store: FakeStore) -> None:
    asked = health(store)
    assert asked.ready()
    store.fail_with = Unavailable()
    assert not asked.ready()


def test_ready_does_not_wait_longer_than_it_may(
    store: FakeStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    release = threading.Event()
    monkeypatch.setattr(store, "ping", lambda: release.wait(10))
    assert not health(store).ready(within_seconds=0.05)
    release.set()
