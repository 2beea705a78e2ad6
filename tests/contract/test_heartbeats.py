from datetime import timedelta

from repositories.contracts.store import Store
from tests.contract.conftest import Lab


def test_a_first_beat_covers_its_interval_and_its_grace(store: Store) -> None:
    with store.single() as work:
        beaten = work.heartbeats.beat("librarian", status="running", current_task="indexing")
    assert (beaten.service, beaten.status, beaten.current_task) == (
        "librarian",
        "running",
        "indexing",
    )
    assert beaten.interval_seconds == 60
    assert beaten.due_at - beaten.last_heartbeat == timedelta(seconds=180)


def test_interval_and_grace_once_given_hold_for_later_beats(store: Store) -> None:
    with store.single() as work:
        work.heartbeats.beat("librarian", status="running", interval_seconds=5, grace_seconds=0)
        beaten = work.heartbeats.beat("librarian", status="running")
    assert beaten.interval_seconds == 5
    assert beaten.due_at - beaten.last_heartbeat == timedelta(seconds=5)


def test_the_newest_beat_is_what_is_listed(store: Store) -> None:
    with store.single() as work:
        work.heartbeats.beat("librarian", status="starting")
        newest = work.heartbeats.beat("librarian", status="running")
    with store.read() as work:
        (listed,) = work.heartbeats.services(after=None, limit=10)
    assert listed.status == "running"
    assert listed.last_heartbeat == newest.last_heartbeat
    assert listed.read_at >= listed.last_heartbeat


def test_services_come_by_name_and_from_where_the_page_starts(store: Store) -> None:
    with store.single() as work:
        for name in ("c", "a", "b"):
            work.heartbeats.beat(name, status="running")
    with store.read() as work:
        assert [s.service for s in work.heartbeats.services(after=None, limit=2)] == ["a", "b"]
        assert [s.service for s in work.heartbeats.services(after="b", limit=2)] == ["c"]


def test_times_are_aware_and_in_utc(store: Store) -> None:
    with store.single() as work:
        beaten = work.heartbeats.beat("librarian", status="running")
    assert beaten.last_heartbeat.utcoffset() == timedelta(0)


def test_age_is_measured_by_the_store(lab: Lab) -> None:
    with lab.store.single() as work:
        work.heartbeats.beat("librarian", status="running")
    lab.let_time_pass(seconds=100)
    with lab.store.read() as work:
        (listed,) = work.heartbeats.services(after=None, limit=1)
    assert 100 <= (listed.read_at - listed.last_heartbeat).total_seconds() < 105
