"""The app's own statements for a question, as its driver gets them."""

from collections.abc import Callable, Sequence
from typing import Any

from repositories.jobs import SqlJobs
from repositories.layouts import EVERYTHING, flags_of
from repositories.statements import load

Asked = tuple[bytes, Sequence[object]]


class Recorder:
    """Notes what it is asked, and answers nothing."""

    def __init__(self) -> None:
        ours = load("postgres", "%s", {"schema": "app"}).relations(flags_of(EVERYTHING))
        self._catalogue = load("postgres", "%s", {"schema": "app", **ours})
        self.asked: list[Asked] = []

    def rows(self, statement: str, /, **values: object) -> list[Any]:
        text, bound = self._catalogue[statement].bind(values)
        self.asked.append((text.encode(), bound))
        return []

    def row(self, statement: str, /, **values: object) -> None:
        self.rows(statement, **values)

    def run(self, statement: str, /, **values: object) -> int:
        return len(self.rows(statement, **values))


def statements_of(question: Callable[[SqlJobs], object]) -> Sequence[Asked]:
    recorder = Recorder()
    question(SqlJobs(recorder))
    return recorder.asked
