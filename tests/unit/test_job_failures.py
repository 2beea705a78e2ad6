"""What failed in one job, and how much of the same failed elsewhere."""

from collections.abc import Mapping, Sequence

import pytest

from repositories.records.jobs import TaskTrace
from services.failure_sizes import GroupSize
from services.job_failures import JobFailures, find_headline, gather_failures, shorten_errors
from services.parts import NotAvailable
from services.timelines import draw_timeline
from tests.histories import span, trace


def failed(number: int, error: str | None) -> TaskTrace:
    return trace(f"t{number:05}", 0, 1, 2, status="failed", error=error)


def gather(
    *traces: TaskTrace,
    job_error: str | None = None,
    sizes: Mapping[str, GroupSize] | NotAvailable | None = None,
) -> tuple[JobFailures, list[str]]:
    """What is gathered, and the texts that were asked for."""
    asked: list[str] = []

    def sizes_of(texts: Sequence[str]) -> Mapping[str, GroupSize] | NotAvailable:
        asked.extend(texts)
        return {} if sizes is None else sizes

    tasks = draw_timeline(span(9), traces, total_stages=1).tasks
    return gather_failures(tasks, job_error, sizes_of), asked


def size(count: int) -> GroupSize:
    return GroupSize(fingerprint="", error_type=None, message="", count=count, jobs=2)


def test_failures_of_one_kind_are_one_group_the_largest_first() -> None:
    found, asked = gather(
        failed(1, "KeyError: 'a'"),
        failed(2, "ValueError: tile 17 is empty"),
        failed(3, "ValueError: tile 99 is empty"),
        trace("fine", 0, 1, 2, error="ValueError: a warning of one that ended well"),
    )
    assert [(g.error_type, g.message, g.count, list(g.task_ids)) for g in found.groups] == [
        ("ValueError", "tile <number> is empty", 2, ["t00002", "t00003"]),
        ("KeyError", "<value>", 1, ["t00001"]),
    ]
    assert found.total == 3
    assert len(asked) == 2


def test_elsewhere_is_by_group() -> None:
    text = "ValueError: tile 17 is empty"
    found, _ = gather(failed(1, text), failed(2, "KeyError: 'a'"), sizes={text: size(7)})
    assert {g.error_type: (g.elsewhere, g.jobs_elsewhere) for g in found.groups} == {
        "ValueError": (7, 2),
        "KeyError": (None, None),
    }
    assert [task.elsewhere for task in found.tasks] == [7, None]


def test_a_failure_without_a_text_is_a_failure() -> None:
    found, _ = gather(failed(1, None))
    assert [(g.message, g.count) for g in found.groups] == [("no error text", 1)]


def test_the_jobs_own_error_has_a_group_too() -> None:
    found, asked = gather(job_error="RuntimeError: gone", sizes={"RuntimeError: gone": size(1)})
    assert found.job_error is not None
    assert (found.job_error.error_type, found.job_error.elsewhere) == ("RuntimeError", 1)
    assert asked == ["RuntimeError: gone"]


def test_where_nothing_failed_nobody_is_asked() -> None:
    found, asked = gather(trace("a", 0, 1, 2))
    assert (found.total, found.groups, found.job_error, asked) == (0, [], None, [])


def test_the_reason_why_nobody_could_be_asked_is_said() -> None:
    found, _ = gather(failed(1, "x"), sizes=NotAvailable("too slow"))
    assert (found.not_available, found.groups[0].elsewhere) == ("too slow", None)


def test_what_is_shown_is_bounded_and_all_of_it_counted() -> None:
    words = [f"{chr(97 + n // 26)}{chr(97 + n % 26)}" for n in range(120)]
    found, asked = gather(
        *(failed(n, f"Error about {word}") for n, word in enumerate(words)),
        *(failed(1000 + n, "the common one") for n in range(500)),
    )
    assert (found.total, len(found.tasks), len(found.groups), len(asked)) == (620, 100, 50, 50)
    assert (found.groups[0].count, len(found.groups[0].task_ids)) == (500, 10)


def test_of_many_errors_the_later_ones_are_only_a_line() -> None:
    text = 'Traceback (most recent call last):\n  File "a.py", line 1, in f\nValueError: no'
    traces = [trace("fine", 0, 1, 2), *(failed(number, text) for number in range(205))]
    fine, *tasks = shorten_errors(draw_timeline(span(9), traces, total_stages=1).tasks)
    assert fine.error is None
    assert {task.error for task in tasks[:200]} == {text}
    assert [task.error for task in tasks[200:]] == ["ValueError: no"] * 5


@pytest.mark.parametrize(
    ("error", "line"),
    [
        ("\n  no space left\n  at x", "no space left"),
        ("word " * 50, "word " * 40 + "[...]"),
        (" \n ", ""),
    ],
)
def test_the_line_of_an_error_that_says_what_went_wrong(error: str, line: str) -> None:
    assert find_headline(error) == line
