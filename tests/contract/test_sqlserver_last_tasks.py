"""Who is last in a stage, at the size at which a fault would show."""

import os
import threading
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import pytest

from repositories.sqlserver.connections import connect
from repositories.urls import parse
from tests.contract.conftest import SqlServerLab

PAIRS = int(os.environ.get("TEST_SQLSERVER_PAIRS", "2000"))


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_of_two_last_tasks_that_end_at_once_exactly_one_is_last(
    sqlserver_lab: SqlServerLab, sqlserver_url: str
) -> None:
    """TEST_SQLSERVER_PAIRS makes it fewer jobs where the server is slow."""
    sqlserver_lab.empty()
    pairs = add_pairs(sqlserver_lab)
    together = threading.Barrier(2, timeout=30)

    def end_tasks(lane: int) -> list[bool]:
        with closing(connect(parse(sqlserver_url))) as connection:
            lasts = []
            for pair in pairs:
                together.wait()
                row = connection.execute(
                    "EXEC app.complete_task_and_check_stage @task_id = ?", pair[lane]
                ).fetchone()
                assert row is not None
                assert row.task_updated
                lasts.append(row.is_last_task_in_stage)
            return lasts

    with ThreadPoolExecutor(2) as threads:
        lanes = [*threads.map(end_tasks, range(2))]
    assert Counter(map(sum, zip(*lanes, strict=True))) == {1: PAIRS}


def add_pairs(lab: SqlServerLab) -> Sequence[tuple[str, str]]:
    """As many jobs, each with the two tasks of its only stage under way."""
    lab.execute(
        "SET NOCOUNT ON; DECLARE @n int = 0; BEGIN TRANSACTION;"
        " WHILE @n < ? BEGIN"
        " INSERT INTO app.jobs (job_id, job_type, status)"
        " VALUES (REPLICATE('0', 56) + RIGHT('0000000' + CAST(@n AS nvarchar(8)), 8), 'x',"
        " 'processing');"
        " INSERT INTO app.tasks (task_id, parent_job_id, task_type, status)"
        " SELECT CAST(@n AS nvarchar(8)) + lane.name,"
        " REPLICATE('0', 56) + RIGHT('0000000' + CAST(@n AS nvarchar(8)), 8), 'x', 'processing'"
        " FROM (SELECT 'a' AS name UNION ALL SELECT 'b') AS lane;"
        " SET @n = @n + 1; END; COMMIT TRANSACTION;",
        PAIRS,
    )
    return [(f"{number}a", f"{number}b") for number in range(PAIRS)]
