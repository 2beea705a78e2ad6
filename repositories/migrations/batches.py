"""Split a T-SQL script into its batches, as sqlcmd does: at lines that hold only GO."""

import re
from dataclasses import dataclass

_GO = re.compile(r"[ \t]*GO[ \t]*(?:--.*)?", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Batch:
    """The text of one batch, and the line of the script, from 1, that it begins on."""

    line: int
    text: str


def split_batches(script: str) -> list[Batch]:
    """The batches that hold anything but white space."""
    batches: list[Batch] = []
    lines: list[str] = []
    for number, line in enumerate([*script.splitlines(), "GO"], start=1):
        if not _GO.fullmatch(line):
            lines.append(line)
            continue
        batch = _batch(number - len(lines), lines)
        if batch is not None:
            batches.append(batch)
        lines = []
    return batches


def _batch(first: int, lines: list[str]) -> Batch | None:
    """Blank lines at either end are not part of it."""
    filled = [index for index, line in enumerate(lines) if line.strip()]
    if not filled:
        return None
    start, end = filled[0], filled[-1] + 1
    return Batch(first + start, "\n".join(lines[start:end]))
