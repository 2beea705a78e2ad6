"""A verdict turns only after so many of the other kind in a row."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import takewhile

from repositories.records.kpis import HistoryRule, Verdict
from repositories.records.pasts import PastVerdict


@dataclass(frozen=True, slots=True)
class Turn:
    """What is shown now; what is to be said of it, if it is not this execution's own verdict."""

    status: Verdict
    note: str | None
    details: Mapping[str, object]


def has_streaks(rule: HistoryRule) -> bool:
    return rule.max_consecutive > 1 or rule.recover_after > 1


def verdicts_needed(rule: HistoryRule) -> int:
    """How many of the newest earlier verdicts decide."""
    return max(rule.max_consecutive, rule.recover_after, 2) - 1


def turn(rule: HistoryRule, raw: Verdict, past: Sequence[PastVerdict]) -> Turn:
    """`past` is newest first. Before the first verdict a KPI counts as Healthy.

    While it is shown as bad, it shows the newest bad verdict, better or worse than the last.
    """
    shown = past[0].status if past else Verdict.HEALTHY
    is_bad, turns = _is_bad(raw), _is_bad(raw) is not _is_bad(shown)
    in_a_row = 1 + _count_while(is_bad, (one.raw_status for one in past))
    needed = rule.max_consecutive if is_bad else rule.recover_after
    kind = "bad" if is_bad else "good"
    details = {"kind": kind, "in_a_row": min(in_a_row, needed), "needed": needed, "before": shown}
    if turns and in_a_row < needed:
        note = f"{kind} {in_a_row} of {needed} times in a row; still {shown}"
        return Turn(shown, note, details)
    return Turn(raw, None, details)


def stay(raw: Verdict, past: Sequence[PastVerdict]) -> Turn:
    """A run by hand moves nothing: the KPI stays at what its slots made of it."""
    if not past or past[0].status is raw:
        return Turn(raw, None, {"by_hand": True})
    shown = past[0].status
    note = f"{raw} in this run by hand, which does not count; still {shown}"
    return Turn(shown, note, {"by_hand": True, "before": shown})


def _is_bad(verdict: Verdict) -> bool:
    return verdict is not Verdict.HEALTHY


def _count_while(is_bad: bool, verdicts: Iterable[Verdict]) -> int:
    return sum(1 for _ in takewhile(lambda one: _is_bad(one) is is_bad, verdicts))
