"""Job `count_lines`: the files of some folders, their lines and words, and totals by extension."""

from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path

from devhost.demo.files import LIST_FILES, join_files, read_file
from devhost.demo.workload import Beat, JobType, Stage, Values

GROUP = 8


def _plan_groups(_: Values, results: Sequence[Values]) -> list[Values]:
    files = join_files(results)
    return [{"files": files[start : start + GROUP]} for start in range(0, len(files), GROUP)]


def _count_group(task: Values, beat: Beat) -> Values:
    counts = []
    for name in task["files"]:
        text = read_file(name)
        extension = Path(name).suffix or "none"
        counts.append({extension: [1, len(text.splitlines()), len(text.split())]})
        beat()
    return {"by_extension": _add_up(counts)}


def _plan_total(_: Values, results: Sequence[Values]) -> list[Values]:
    return [{"groups": [result["by_extension"] for result in results]}]


def _total(task: Values, beat: Beat) -> Values:
    beat()
    totals = _add_up(task["groups"])
    return {name: dict(zip(UNITS, counts, strict=True)) for name, counts in totals.items()}


def _add_up(groups: Iterable[Values]) -> dict[str, list[int]]:
    sums = {unit: Counter[str]() for unit in UNITS}
    for group in groups:
        for extension, counts in group.items():
            for unit, count in zip(UNITS, counts, strict=True):
                sums[unit][extension] += count
    return {name: [sums[unit][name] for unit in UNITS] for name in sorted(sums["files"])}


UNITS = ("files", "lines", "words")
COUNT_LINES = JobType(
    "count_lines",
    (
        LIST_FILES,
        Stage("count_group", _plan_groups, _count_group),
        Stage("total_lines", _plan_total, _total),
    ),
)
