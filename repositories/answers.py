"""What a driver's cursor gives, as an Answer: row by row, so that millions need no memory."""

import time
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice

from repositories.contracts.databases import Answer
from repositories.errors import BadStatement, StatementTimeout
from repositories.records.kpis import ResultType

Described = Sequence[Sequence[object]] | None
"""A cursor's description: None where the statement returned no rows."""
MOST_ROWS_OF_A_SCALAR = 1000
"""So many are read to their end; a new connection costs less than more of them."""


def read_answer(
    description: Described,
    rows: Iterable[Sequence[object]],
    *,
    result_type: ResultType,
    keep: int,
    until: float,
) -> Answer:
    """The first rows and how many there are; of a Scalar no more are read than are kept.

    StatementTimeout where they have not ended by `until`, on the monotonic clock.
    """
    if description is None:
        raise BadStatement("the statement returns no rows")
    coming = in_time(rows, until)
    kept = [tuple(row) for row in islice(coming, keep)]
    rest = 0 if result_type is ResultType.SCALAR else sum(1 for _ in coming)
    return Answer([str(column[0]) for column in description], kept, len(kept) + rest)


def only_text(answer: Answer) -> str:
    """Its one value; empty where there is none."""
    return str(answer.rows[0][0] or "") if answer.rows else ""


def in_time(rows: Iterable[Sequence[object]], until: float) -> Iterator[Sequence[object]]:
    for row in rows:
        if time.monotonic() > until:
            raise StatementTimeout
        yield row
