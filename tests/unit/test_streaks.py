"""A verdict turns only after so many in a row."""

from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from repositories.records.kpis import HistoryRule, Verdict
from repositories.records.pasts import PastVerdict
from services.judging.streaks import has_streaks, stay, turn, verdicts_needed

HEALTHY, WARNING, CRITICAL, ERROR = Verdict
LETTERS = dict(zip("HWCE", Verdict, strict=True))
VERDICTS = st.lists(st.sampled_from(Verdict), max_size=40)
TIMES = st.integers(1, 6)


def rule(bad: int, good: int = 1) -> HistoryRule:
    return HistoryRule(max_consecutive=bad, recover_after=good)


def shown(given_rule: HistoryRule, raws: Sequence[Verdict]) -> list[Verdict]:
    """What is shown after each, of what is stored alone."""
    past: list[PastVerdict] = []
    for raw in raws:
        newest = past[: verdicts_needed(given_rule)]
        past.insert(0, PastVerdict(status=turn(given_rule, raw, newest).status, raw_status=raw))
    return [one.status for one in reversed(past)]


@pytest.mark.parametrize(
    ("bad", "good", "raws", "expected"),
    [
        (1, 1, "HWHCEH", "HWHCEH"),
        (3, 1, "HWWWH", "HHHWH"),
        (3, 1, "HWWHWWH", "HHHHHHH"),
        (2, 2, "HWCHCHHH", "HHCCCCHH"),
        (2, 3, "CCHHWHHH", "HCCCWWWH"),
        (2, 1, "EEH", "HEH"),
        (2, 1, "WECWH", "HECWH"),
        (1, 2, "WHWHH", "WWWWH"),
        (3, 1, "CCC", "HHC"),
    ],
)
def test_what_is_shown_follows_from_what_was_found(
    bad: int, good: int, raws: str, expected: str
) -> None:
    found = shown(rule(bad, good), [LETTERS[letter] for letter in raws])
    assert found == [LETTERS[letter] for letter in expected]


def test_what_is_held_back_is_said() -> None:
    first = PastVerdict(status=HEALTHY, raw_status=CRITICAL)
    turned = turn(rule(3), WARNING, [first, PastVerdict(status=HEALTHY, raw_status=HEALTHY)])
    assert turned.note == "bad 2 of 3 times in a row; still Healthy"
    assert turned.details == {"kind": "bad", "in_a_row": 2, "needed": 3, "before": HEALTHY}


def test_a_recovery_that_is_held_back_is_said() -> None:
    turned = turn(rule(1, 2), HEALTHY, [PastVerdict(status=CRITICAL, raw_status=CRITICAL)])
    assert (turned.status, turned.note) == (
        CRITICAL,
        "good 1 of 2 times in a row; still Critical",
    )


def test_a_verdict_that_is_shown_as_it_is_has_no_note() -> None:
    assert turn(rule(2), HEALTHY, []).note is None
    assert turn(rule(1), CRITICAL, []).note is None


def test_a_run_by_hand_moves_nothing() -> None:
    held = stay(CRITICAL, [PastVerdict(status=HEALTHY, raw_status=WARNING)])
    assert held.status is HEALTHY
    assert held.note == "Critical in this run by hand, which does not count; still Healthy"
    assert stay(CRITICAL, []).status is CRITICAL
    assert stay(CRITICAL, [PastVerdict(status=CRITICAL, raw_status=ERROR)]).note is None


def test_most_kpis_have_no_streaks() -> None:
    assert not has_streaks(HistoryRule())
    assert has_streaks(rule(2))
    assert has_streaks(rule(1, 2))


def expected(raws: Sequence[Verdict], bad: int, good: int) -> list[Verdict]:
    """The rule as a machine with counters, which nothing in the app keeps."""
    state, bad_run, good_run, found = HEALTHY, 0, 0, []
    for raw in raws:
        if raw is HEALTHY:
            bad_run, good_run = 0, good_run + 1
            state = HEALTHY if good_run >= good else state
        else:
            bad_run, good_run = bad_run + 1, 0
            state = raw if bad_run >= bad or state is not HEALTHY else state
        found.append(state)
    return found


@settings(max_examples=300)
@given(VERDICTS, TIMES, TIMES)
def test_a_few_stored_verdicts_are_all_that_is_needed(
    raws: list[Verdict], bad: int, good: int
) -> None:
    assert shown(rule(bad, good), raws) == expected(raws, bad, good)


@given(VERDICTS, TIMES, TIMES)
def test_what_is_bad_was_found_bad(raws: list[Verdict], bad: int, good: int) -> None:
    for place, verdict in enumerate(shown(rule(bad, good), raws)):
        assert verdict is HEALTHY or verdict in raws[: place + 1]
