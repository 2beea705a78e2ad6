"""How the times of two windows are compared, and blockers are ranked."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from repositories.records.server import BlockedSession, Measured
from services.activity import rank_blockers
from services.performance import compare_times, judge_change, task_types_of

TIMES = st.floats(0, 1e9, allow_nan=False)
COUNTS = st.integers(0, 1000)


def measured(ended: int, p50: float, p95: float, **columns: Any) -> Measured:
    given_columns: dict[str, Any] = {
        "kind": "task_type",
        "name": "x",
        "stage": None,
        "is_now": True,
        "metric": "working",
        "ended": ended,
        "failed": 0,
        "known": ended,
        "mean_ms": p50,
        "p50_ms": p50,
        "p95_ms": p95,
        "p99_ms": p95,
        "max_ms": p95,
        **columns,
    }
    return Measured(**given_columns)


def verdict(now: tuple[int, float, float], before: tuple[int, float, float]) -> str:
    current = measured(*now)
    return judge_change(current.ended, compare_times(current, measured(*before, is_now=False)))


@pytest.mark.parametrize(
    ("now", "before", "expected"),
    [
        ((20, 151, 100), (20, 100, 100), "slower"),
        ((20, 100, 151), (20, 100, 100), "slower"),
        ((20, 150, 150), (20, 100, 100), "same"),
        ((20, 66, 100), (20, 100, 100), "faster"),
        ((20, 67, 67), (20, 100, 100), "same"),
        ((20, 50, 200), (20, 100, 100), "slower"),
        ((19, 500, 500), (20, 100, 100), "unknown"),
        ((20, 500, 500), (19, 100, 100), "unknown"),
        ((20, 0.9, 0.9), (20, 0.1, 0.1), "same"),
        ((20, 2, 2), (20, 0, 0), "slower"),
    ],
)
def test_a_change_counts_beyond_one_and_a_half_and_from_twenty_on(
    now: tuple[int, float, float], before: tuple[int, float, float], expected: str
) -> None:
    assert verdict(now, before) == expected


def test_without_a_window_before_nothing_is_known() -> None:
    change = compare_times(measured(100, 5, 5), None)
    assert (change.ended_before, change.p50_ratio, judge_change(100, change)) == (
        0,
        None,
        "unknown",
    )


@given(COUNTS, TIMES, TIMES, COUNTS, TIMES, TIMES)
def test_a_change_the_other_way_round_is_never_judged_the_same_way(
    ended: int, p50: float, p95: float, before: int, p50_before: float, p95_before: float
) -> None:
    there = verdict((ended, p50, p95), (before, p50_before, p95_before))
    back = verdict((before, p50_before, p95_before), (ended, p50, p95))
    assert (there == "unknown") == (back == "unknown")
    assert (there, back) != ("faster", "faster")
    assert (there == "same") == (back == "same")


def test_a_group_that_the_bound_cut_apart_is_left_out() -> None:
    rows = [
        measured(9, 1, 1, metric="queue_wait", name="cut"),
        measured(5, 1, 1, metric="total"),
        measured(5, 1, 1, is_now=False),
        measured(5, 1, 1),
    ]
    (only,) = task_types_of(rows)
    assert (only.task_type, only.count, only.queue_wait_ms, only.queue_wait_known) == (
        "x",
        5,
        None,
        0,
    )


def blocked(session_id: str, *by: str) -> BlockedSession:
    return BlockedSession(
        session_id=session_id,
        user=None,
        application=None,
        query=None,
        waiting_since=None,
        waiting_ms=None,
        lock_type=None,
        lock_mode=None,
        relation=None,
        blocked_by=by,
    )


def test_roots_come_first_and_of_those_the_one_that_most_wait_for() -> None:
    ranked = rank_blockers(
        [
            blocked("b", "a"),
            blocked("c", "b"),
            blocked("d", "b"),
            blocked("e", "z"),
            blocked("f", "z"),
        ],
        [],
    )
    assert [(one.session_id, one.is_root, one.blocks) for one in ranked] == [
        ("z", True, 2),
        ("a", True, 1),
        ("b", False, 2),
    ]


def test_those_who_wait_for_each_other_have_no_root() -> None:
    ranked = rank_blockers([blocked("a", "b"), blocked("b", "a")], [])
    assert [one.is_root for one in ranked] == [False, False]
