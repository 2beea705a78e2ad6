"""What one KPI comes to, on a target of a test's own."""

import json
from dataclasses import replace
from decimal import Decimal

import pytest

from repositories.contracts.databases import Answer
from repositories.records.executions import Execution
from repositories.records.kpis import Result, ResultType, Rule, Verdict
from services.checks import Checks
from services.judging.judge import Judge
from services.targets import Targets
from tests.fake_secrets import addresses_of
from tests.fakes import FakeStore, FakeTarget
from tests.services.test_judging import CHECK, CONNECTION

SETTINGS = {"STORE_URL": "postgresql://h/store", "JOBS_URL": "postgresql://h/jobs"}


def run(
    answer: Answer,
    result_type: ResultType,
    *,
    name: str = "store",
    address: str = "setting:STORE_URL",
    jobs_writable: bool = False,
) -> Result:
    target = FakeTarget({CHECK.sql: answer})
    checks = Checks(
        Targets(addresses_of(SETTINGS), lambda *_, **__: target),
        Judge(FakeStore().read),
        longest_seconds=60,
        jobs_writable=jobs_writable,
    )
    connection = replace(CONNECTION, name=name, address=address)
    check = replace(CHECK, connection=connection, rule=Rule(result_type=result_type))
    return checks.run(Execution(job_id="1", lease_id="1", check=check))


@pytest.mark.parametrize(
    ("columns", "names"),
    [
        (["a", "a", "b"], ["a", "a_2", "b"]),
        (["a", "a", "a_2", "a"], ["a", "a_3", "a_2", "a_4"]),
        (["?column?"] * 3, ["?column?", "?column?_2", "?column?_3"]),
    ],
)
def test_columns_of_one_name_are_all_kept(columns: list[str], names: list[str]) -> None:
    answer = Answer(columns, [[*range(len(columns))]], 1)
    details = json.loads(run(answer, ResultType.DATA_SET).details or "")
    assert details["rows"] == [dict(zip(names, range(len(columns)), strict=True))]


@pytest.mark.parametrize(
    ("name", "address"), [("jobs", "postgresql://h/jobs"), ("mine", "setting:JOBS_URL")]
)
def test_the_jobs_database_is_only_read_unless_it_may_be_written(name: str, address: str) -> None:
    changed = Answer((), (), 1)
    refused = run(changed, ResultType.NON_QUERY, name=name, address=address)
    assert (refused.status, refused.error_type) == ("Error", "not_allowed")
    assert "JOBS_WRITABLE" in refused.message
    allowed = run(changed, ResultType.NON_QUERY, name=name, address=address, jobs_writable=True)
    assert (allowed.status, allowed.value) == (Verdict.HEALTHY, Decimal(1))
    read = run(Answer(["n"], [[1]], 1), ResultType.SCALAR, name=name, address=address)
    assert read.status == "Healthy"


def test_elsewhere_a_non_query_writes() -> None:
    assert run(Answer((), (), 1), ResultType.NON_QUERY).value == 1
