"""Failed tasks put back as queued, over HTTP, on real rows and with workers behind it."""

import itertools
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import psycopg
import pytest

from repositories.trials import JOB_TYPE
from tests.hosts import LocalHost, running_host, wait_until

numbers = itertools.count(1)
MakeDatabase = Callable[..., str]
ERROR = "OSError: no room for file {} on 'disk 7', password=sesame"
WRITABLE = {"JOBS_WRITABLE": "true", "CACHE_SECONDS": "0"}
BODY = {"reason": "disk is back"}


@pytest.fixture(scope="module")
def store(make_database: MakeDatabase, migrated: str) -> str:
    return make_database(migrated)


@pytest.fixture(scope="module")
def jobs(make_database: MakeDatabase, migrated: str) -> str:
    """Jobs in another database than the store's, in a schema of another name."""
    url = make_database(migrated)
    ask(url, "ALTER SCHEMA app RENAME TO work")
    for name in ("complete_task_and_check_stage", "advance_job_stage", "check_job_completion"):
        ((body,),) = ask(url, "SELECT pg_get_functiondef(%s::regproc)", f"work.{name}")
        ask(url, body.replace("app.", "work."))
    return url


@pytest.fixture(scope="module")
def writing(store: str, jobs: str) -> Iterator[LocalHost]:
    settings = {**WRITABLE, "JOBS_URL": jobs, "JOBS_SCHEMA": "work"}
    with running_host(store, "--no-timers", env=settings) as host:
        yield host


def ask(url: str, statement: str, *values: Any) -> list[Any]:
    with psycopg.connect(url, autocommit=True) as connection:
        cursor = connection.execute(statement.encode(), values or None)
        return cursor.fetchall() if cursor.description else []


def add_failed_job(jobs: str, *, tasks: int = 2, status: str = "failed") -> str:
    job_id = f"{next(numbers):064x}"
    ask(
        jobs,
        "INSERT INTO work.jobs (job_id, job_type, status, stage, total_stages, error_details)"
        " VALUES (%s, 'copy_files', %s, 1, 1, 'a task failed')",
        job_id,
        status,
    )
    for number in range(tasks):
        ask(
            jobs,
            "INSERT INTO work.tasks (task_id, parent_job_id, task_type, status, error_details)"
            " VALUES (%s, %s, 'copy', 'failed', %s)",
            f"{job_id[-4:]}-{number}",
            job_id,
            ERROR.format(number),
        )
    return job_id


def everything(store: str, jobs: str) -> list[Any]:
    """Every row of every table that a retry could write to."""
    return [
        ask(url, f"SELECT t::text FROM {table} AS t ORDER BY 1")  # noqa: S608
        for url, table in (
            (jobs, "work.jobs"),
            (jobs, "work.tasks"),
            (store, "monitoring.task_retries"),
            (store, "monitoring.audit_log"),
            (jobs, "monitoring.task_retries"),
        )
    ]


def retry(host: LocalHost, job_id: str, **body: Any) -> httpx.Response:
    return host.post(f"/api/jobs/{job_id}/retry", json={**BODY, **body})


def test_a_retried_job_is_brought_to_its_end_by_its_workers(
    writing: LocalHost, store: str, jobs: str
) -> None:
    job_id = add_failed_job(jobs)
    headers = {"x-ms-client-principal-name": "eve@example.com", "x-correlation-id": "night-1"}
    answer = writing.post(f"/api/jobs/{job_id}/retry", json=BODY, headers=headers)
    assert answer.status_code == 200
    body = answer.json()
    task_ids = [f"{job_id[-4:]}-{number}" for number in range(2)]
    assert sorted(one["task_id"] for one in body["retried"]) == task_ids
    assert (body["refused"], body["dry_run"], body["note"]) == ([], False, None)
    assert body["job"] == {
        "job_id": job_id,
        "job_type": "copy_files",
        "stage": 1,
        "status_before": "failed",
        "status": "processing",
    }
    kept = ask(
        store,
        "SELECT task_id, error_details, state, actor, reason, correlation_id"
        " FROM monitoring.task_retries WHERE job_id = %s ORDER BY task_id",
        job_id,
    )
    assert kept == [
        (task_id, ERROR.format(number), "done", "eve@example.com", "disk is back", "night-1")
        for number, task_id in enumerate(task_ids)
    ]
    lasts = [claim_and_end(jobs, task_id) for task_id in task_ids]
    assert lasts == [False, True]
    assert ask(jobs, "SELECT job_updated FROM work.advance_job_stage(%s, 1)", job_id) == [(True,)]
    assert writing.get(f"/api/db/jobs/{job_id}").json()["job"]["status"] == "completed"


def claim_and_end(jobs: str, task_id: str) -> bool:
    """What a worker does with a queued task; whether it was the last of its stage."""
    claimed = ask(
        jobs,
        "UPDATE work.tasks SET status = 'processing' WHERE task_id = %s AND status = 'queued'"
        " RETURNING 1",
        task_id,
    )
    assert claimed == [(1,)]
    ended = ask(
        jobs,
        "SELECT is_last_task_in_stage FROM work.complete_task_and_check_stage(%s, '1')",
        task_id,
    )
    return bool(ended[0][0])


def test_a_dry_run_writes_nothing_at_all(writing: LocalHost, store: str, jobs: str) -> None:
    job_id = add_failed_job(jobs)
    before = everything(store, jobs)
    dry = retry(writing, job_id, dry_run=True).json()
    assert everything(store, jobs) == before
    assert dry["dry_run"]
    assert len(dry["retried"]) == 2
    done = retry(writing, job_id).json()
    assert [one["task_id"] for one in done["retried"]] == [one["task_id"] for one in dry["retried"]]
    assert done["job"] == dry["job"]


def test_two_callers_at_once_retry_each_task_once(
    writing: LocalHost, store: str, jobs: str
) -> None:
    for _ in range(5):
        job_id = add_failed_job(jobs, tasks=5)
        with ThreadPoolExecutor(4) as threads:
            answers = [*threads.map(lambda _: retry(writing, job_id).json(), range(4))]  # noqa: B023
        retried = [one["task_id"] for answer in answers for one in answer["retried"]]
        assert len(retried) == len(set(retried)) == 5
        counts = ask(jobs, "SELECT retry_count FROM work.tasks WHERE parent_job_id = %s", job_id)
        assert counts == [(1,)] * 5
        done = ask(
            store,
            "SELECT count(*) FROM monitoring.task_retries WHERE job_id = %s AND state = 'done'",
            job_id,
        )
        assert done == [(5,)]


def test_an_error_group_is_retried_by_its_fingerprint(
    writing: LocalHost, store: str, jobs: str
) -> None:
    ask(jobs, "DELETE FROM work.jobs")
    one, other = add_failed_job(jobs), add_failed_job(jobs, status="completed")
    group, of_the_job = writing.get("/api/db/errors?hours=1").json()["groups"]
    path = f"/api/db/errors/{group['fingerprint']}/retry"
    before = everything(store, jobs)
    dry = writing.post(path, json={**BODY, "dry_run": True, "hours": 1}).json()
    assert everything(store, jobs) == before
    answer = writing.post(path, json={**BODY, "hours": 1}).json()
    for body in (dry, answer):
        assert {task["job_id"] for task in body["retried"]} == {one}
        assert {task["job_id"] for task in body["refused"]} == {other}
        assert (body["found"], [job["job_id"] for job in body["jobs"]]) == (4, [one])
    recorded = ask(
        store, "SELECT DISTINCT fingerprint FROM monitoring.task_retries WHERE job_id = %s", one
    )
    assert recorded == [(group["fingerprint"],)]
    again = writing.post(path, json={**BODY, "hours": 1}).json()
    assert again["retried"] == []
    for fingerprint in ("0" * 16, of_the_job["fingerprint"]):
        nothing = writing.post(f"/api/db/errors/{fingerprint}/retry", json=BODY)
        assert nothing.status_code == 200
        assert nothing.json()["found"] == 0
        assert nothing.json()["note"].startswith("no task failed with this fingerprint")


def test_no_answer_and_no_log_line_has_the_secret_of_an_error(
    writing: LocalHost, jobs: str
) -> None:
    answer = retry(writing, add_failed_job(jobs))
    assert "sesame" not in answer.text
    assert "sesame" not in writing.log.read_text()


def test_a_caller_whose_name_is_not_sane_is_called_api(
    writing: LocalHost, store: str, jobs: str
) -> None:
    job_id = add_failed_job(jobs, tasks=1)
    headers = {"x-ms-client-principal-name": "<script>" + "x" * 200}
    assert writing.post(f"/api/jobs/{job_id}/retry", json=BODY, headers=headers).is_success
    actors = ask(store, "SELECT actor FROM monitoring.audit_log WHERE entity_id = %s", job_id)
    assert actors == [("api",)]


@pytest.mark.parametrize(
    ("body", "names"),
    [
        ({}, ["reason"]),
        ({"reason": " "}, ["reason"]),
        (
            {"reason": "x" * 501, "dry_run": "perhaps", "force": True},
            ["dry_run", "force", "reason"],
        ),
        ({**BODY, "task_ids": []}, ["task_ids"]),
        ({**BODY, "task_ids": ["t1", "x" * 101]}, ["task_ids"]),
        ({**BODY, "task_ids": "t1"}, ["task_ids"]),
    ],
)
def test_every_bad_member_is_named(
    writing: LocalHost, body: dict[str, Any], names: list[str]
) -> None:
    answer = writing.post(f"/api/jobs/{'f' * 64}/retry", json=body)
    assert answer.status_code == 400
    assert sorted(fault["parameter"] for fault in answer.json()["errors"]) == names


def test_malformed_and_unknown_ids_are_told_apart(writing: LocalHost) -> None:
    assert retry(writing, "F" * 64).status_code == 400
    assert retry(writing, "f" * 64).status_code == 404
    for path in ("x", "0" * 17, "G" * 16):
        assert writing.post(f"/api/db/errors/{path}/retry", json=BODY).status_code == 400
    bad = {**BODY, "hours": 0, "limit": 1001}
    answer = writing.post(f"/api/db/errors/{'0' * 16}/retry", json=bad)
    assert {fault["parameter"] for fault in answer.json()["errors"]} == {"hours", "limit"}


def test_without_jobs_writable_a_retry_is_forbidden_and_says_why(host: LocalHost) -> None:
    for path in (f"jobs/{'f' * 64}/retry", f"db/errors/{'0' * 16}/retry"):
        answer = host.post(f"/api/{path}", json={**BODY, "dry_run": True})
        assert answer.status_code == 403
        assert "JOBS_WRITABLE is not true" in answer.json()["detail"]


def test_with_read_only_nothing_is_retried_and_no_function_is_called(store_url: str) -> None:
    settings = {**WRITABLE, "READ_ONLY": "true"}
    with running_host(store_url, "--no-timers", env=settings) as host:
        for path in (f"jobs/{'f' * 64}/retry", f"db/errors/{'0' * 16}/retry"):
            answer = host.post(f"/api/{path}", json=BODY)
            assert answer.status_code == 403
            assert "READ_ONLY" in answer.json()["detail"]
        for function in host.get("/api/db/functions/test").json()["functions"]:
            assert (function["available"], function["correct"]) == (True, None)
            assert "each alone: READ_ONLY is on" in function["not_run"]


# The functions, tried ----------------------------------------------------------------------------


def test_the_functions_are_tried_and_nothing_is_left_behind(
    writing: LocalHost, store: str, jobs: str
) -> None:
    before = everything(store, jobs)
    answer = writing.get("/api/db/functions/test")
    assert (answer.status_code, answer.headers["age"]) == (200, "0")
    body = answer.json()
    assert [function["correct"] for function in body["functions"]] == [True] * 3
    assert [part["not_run"] for part in body["parts"]] == [None] * 3
    assert everything(store, jobs) == before


def test_callers_at_once_get_one_answer_or_are_told_to_wait(writing: LocalHost) -> None:
    with ThreadPoolExecutor(3) as threads:
        answers = [*threads.map(lambda _: writing.get("/api/db/functions/test"), range(3))]
    assert {answer.status_code for answer in answers} == {200}


def test_while_another_process_tries_them_it_is_409(writing: LocalHost, jobs: str) -> None:
    with psycopg.connect(jobs, autocommit=True) as other:
        other.execute("SELECT pg_advisory_lock(hashtextextended('watchkeeper:functions_test', 0))")
        answer = writing.get("/api/db/functions/test?fresh=true")
    assert answer.status_code == 409
    assert answer.json()["detail"].startswith("the functions are being tried by somebody else")


def test_without_jobs_writable_it_says_what_was_not_run(host: LocalHost) -> None:
    body = host.get("/api/db/functions/test").json()
    assert [part["not_run"] for part in body["parts"]] == [
        None,
        None,
        "JOBS_WRITABLE is not true: nothing is committed here",
    ]


def test_killed_in_the_middle_of_a_trial_what_is_left_goes_with_the_clean_up(
    store_url: str,
) -> None:
    """kill -9 while the job is there for all to see; the next process removes it by itself."""
    with (
        running_host(store_url, "--no-timers", env=WRITABLE) as host,
        ThreadPoolExecutor(1) as threads,
    ):
        asked = threads.submit(host.get, "/api/db/functions/test")
        kill_once_visible(host, store_url)
        assert isinstance(asked.exception(), httpx.TransportError)
    left = ask(store_url, "SELECT job_type, status FROM app.jobs")
    assert left == [(JOB_TYPE, "processing")]
    with running_host(store_url, "--no-timers", env=WRITABLE) as host:
        body = host.get("/api/db/functions/test").json()
    assert body["removed_leftovers"] == 3
    assert ask(store_url, "SELECT job_id FROM app.jobs") == []


def kill_once_visible(host: LocalHost, url: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:

        def is_visible() -> bool:
            return bool(connection.execute("SELECT 1 FROM app.jobs").fetchall())

        wait_until(is_visible, every=0.005)
    host.kill()
