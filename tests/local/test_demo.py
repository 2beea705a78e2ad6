"""`python -m devhost.demo`, in processes of its own, on a store of its own."""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psycopg
import pytest
from psycopg.rows import dict_row

from devhost.demo.export_listings import PASSWORD
from services.masking import mask_json, mask_text
from services.pack import read_check

REPO = Path(__file__).resolve().parents[2]
Rows = list[dict[str, Any]]
CANNOT_REACH = "the demo cannot use the store that STORE_URL names: The database cannot be reached."
STUCK = read_check(REPO / "sql/postgres/kpis/stuck_tasks.sql", "app").query.sql


def start_demo(url: str, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "devhost.demo", *arguments],
        cwd=REPO,
        env={**os.environ, "STORE_URL": url, "PORT": "7171"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def run_demo(url: str, *arguments: str) -> tuple[int | None, list[str], list[str]]:
    with start_demo(url, *arguments) as process:
        output, errors = process.communicate()
    return process.returncode, output.splitlines(), errors.splitlines()


def ask(url: str, query: str, *values: object) -> Rows:
    with psycopg.connect(url, row_factory=dict_row) as connection:
        return connection.execute(query.encode(), values).fetchall()


def job_of_type(url: str, job_type: str) -> dict[str, Any]:
    (job,) = ask(url, "SELECT * FROM app.jobs WHERE job_type = %s", job_type)
    return job


def tasks_of(url: str, job: dict[str, Any]) -> Rows:
    query = "SELECT * FROM app.tasks WHERE parent_job_id = %s ORDER BY stage, task_id"
    return ask(url, query, job["job_id"])


def check_that_ended_jobs_add_up(url: str) -> None:
    for job in ask(url, "SELECT * FROM app.jobs WHERE status LIKE 'completed%%'"):
        tasks = tasks_of(url, job)
        completed = [task for task in tasks if task["status"] == "completed"]
        failed = [task for task in tasks if task["status"] == "failed"]
        assert len(completed) + len(failed) == len(tasks) == job["result_data"]["total_tasks"]
        assert len(completed) == job["result_data"]["completed_tasks"]
        assert bool(failed) is (job["status"] == "completed_with_errors")
        assert job["stage"] == job["total_stages"]
        stages = {str(stage) for stage in range(1, job["total_stages"] + 1)}
        assert {str(task["stage"]) for task in tasks} == set(job["stage_results"]) == stages
        for stage, counts in job["stage_results"].items():
            of_stage = [task for task in tasks if str(task["stage"]) == stage]
            assert counts["completed"] + counts["failed"] == len(of_stage)


@pytest.fixture(scope="module")
def performed(make_database: Callable[..., str], migrated: str) -> tuple[str, list[str]]:
    """The URL of a store on which one quick demo ran, and what it said."""
    url = make_database(migrated)
    code, output, errors = run_demo(url, "--quick")
    assert (code, errors) == (0, [])
    return url, output


@pytest.fixture(scope="module")
def url(performed: tuple[str, list[str]]) -> str:
    return performed[0]


def test_there_is_a_job_for_every_way_to_end_and_one_that_hangs(url: str) -> None:
    statuses = {job["job_type"]: job["status"] for job in ask(url, "SELECT * FROM app.jobs")}
    assert statuses == {
        "count_lines": "completed",
        "check_python": "completed_with_errors",
        "hash_files": "completed",
        "compress_files": "processing",
        "export_listings": "failed",
    }


def test_the_tasks_of_ended_jobs_add_up(url: str) -> None:
    check_that_ended_jobs_add_up(url)


def test_the_work_is_real(url: str) -> None:
    (counted,) = (
        task for task in tasks_of(url, job_of_type(url, "count_lines")) if task["stage"] == 3
    )
    listed = [
        name
        for task in tasks_of(url, job_of_type(url, "count_lines"))
        if task["stage"] == 1
        for name in task["result_data"]["files"]
    ]
    python = [(REPO / name).read_text() for name in listed if name.endswith(".py")]
    assert counted["result_data"][".py"]["files"] == len(python)
    assert counted["result_data"][".py"]["words"] == sum(len(text.split()) for text in python)


def test_a_task_that_cannot_succeed_is_tried_four_times_and_says_why(url: str) -> None:
    tasks = tasks_of(url, job_of_type(url, "check_python"))
    failed = [task for task in tasks if task["status"] == "failed"]
    assert {task["parameters"]["file"] for task in failed} == {
        "Makefile",
        "sql/postgres/jobs.sql",
        "requirements.txt",
    }
    for task in failed:
        assert task["retry_count"] == 3
        assert task["error_details"].startswith("Traceback (most recent call last):")
        assert task["error_details"].rstrip().splitlines()[-1].startswith("SyntaxError: ")


def test_a_file_that_comes_late_is_found_at_another_try(url: str) -> None:
    tasks = tasks_of(url, job_of_type(url, "hash_files"))
    (late,) = (task for task in tasks if task["retry_count"])
    assert late["status"] == "completed"
    assert "FileNotFoundError" in late["error_details"]


def test_the_hanging_job_waits_for_one_task_that_the_kpi_sees(url: str) -> None:
    job = job_of_type(url, "compress_files")
    waiting = [task for task in tasks_of(url, job) if task["status"] != "completed"]
    assert [(task["status"], task["result_data"]) for task in waiting] == [("processing", None)]
    assert ask(url, STUCK)[0]["count"] == 1


def test_times_stand_in_their_order(url: str) -> None:
    ages = ask(url, "SELECT created_at, updated_at, heartbeat FROM app.tasks")
    assert all(task["created_at"] < task["heartbeat"] <= task["updated_at"] for task in ages)


def test_a_job_whose_every_task_of_a_stage_failed_has_failed(url: str) -> None:
    job = job_of_type(url, "export_listings")
    assert job["stage"] == 2
    assert job["error_details"] == "stage 2: all of its 2 tasks failed"
    assert {task["stage"] for task in tasks_of(url, job)} == {1, 2}


def test_secrets_are_in_the_tables_and_would_be_masked(url: str) -> None:
    job = ask(url, "SELECT parameters::text FROM app.jobs WHERE job_type = 'export_listings'")[0]
    assert job["parameters"].count(PASSWORD) == 2
    assert PASSWORD not in mask_json(job["parameters"])
    for task in tasks_of(url, job_of_type(url, "export_listings")):
        assert (PASSWORD in (task["error_details"] or "")) is (task["status"] == "failed")
        assert PASSWORD not in mask_text(task["error_details"] or "")


def test_it_ends_with_the_addresses_of_what_there_is_to_see(
    performed: tuple[str, list[str]],
) -> None:
    url, output = performed
    assert output[0] == "Run 1: 5 jobs for 4 workers, one of whom will be lost"
    told = [line.split()[1:3] for line in output[1:6]]
    assert told == [
        [job["job_type"], job["status"]]
        for job in ask(url, "SELECT job_type, status FROM app.jobs ORDER BY job_type")
    ]
    addresses = [line.split()[-1] for line in output if "http://" in line]
    assert addresses[0] == "http://localhost:7171/api/db/jobs"
    named = re.findall("[0-9a-f]{64}", " ".join(addresses))
    types = [
        ask(url, "SELECT job_type FROM app.jobs WHERE job_id = %s", job_id)[0]["job_type"]
        for job_id in named
    ]
    assert types == [
        "compress_files",
        "compress_files",
        "export_listings",
        "check_python",
        "hash_files",
    ]


def test_two_runs_at_once_and_one_after_break_nothing(store_url: str) -> None:
    both = [start_demo(store_url, "--quick") for _ in range(2)]
    for process in both:
        _, errors = process.communicate()
        assert (process.returncode, errors) == (0, "")
    assert run_demo(store_url, "--quick", "--jobs", "6")[0] == 0
    runs = "SELECT parameters ->> 'demo_run' AS run, count(*) FROM app.jobs GROUP BY 1 ORDER BY 1"
    assert [(row["run"], row["count"]) for row in ask(store_url, runs)] == [
        ("1", 5),
        ("2", 5),
        ("3", 6),
    ]
    check_that_ended_jobs_add_up(store_url)
    assert ask(store_url, STUCK)[0]["count"] == 3


def test_a_store_whose_default_is_serializable_serves_as_well(store_url: str) -> None:
    with psycopg.connect(store_url) as connection:
        connection.execute(
            "DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET default_transaction_isolation ="
            " serializable', current_database()); END $$"
        )
    assert run_demo(store_url)[0] == 0
    check_that_ended_jobs_add_up(store_url)


def test_jobs_of_others_are_left_alone(store_url: str) -> None:
    with psycopg.connect(store_url) as connection:
        connection.execute(
            "INSERT INTO app.jobs (job_id, job_type, parameters)"
            " VALUES (repeat('a', 64), 'count_lines', '{\"demo_run\": \"not a number\"}')"
        )
        connection.execute(
            "INSERT INTO app.tasks (task_id, parent_job_id, task_type)"
            " VALUES ('theirs', repeat('a', 64), 'list_files')"
        )
    assert run_demo(store_url, "--quick")[0] == 0
    theirs = "SELECT status FROM app.tasks WHERE task_id = 'theirs' AND updated_at = created_at"
    assert [row["status"] for row in ask(store_url, theirs)] == ["queued"]


def test_ctrl_c_takes_the_jobs_of_the_run_away(store_url: str) -> None:
    with start_demo(store_url, "--jobs", "100") as process:
        wait_for_a_completed_task(store_url)
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=20)
    assert (process.returncode, errors) == (130, "stopped: the jobs of this run are removed\n")
    assert ask(store_url, "SELECT count(*) FROM app.jobs")[0]["count"] == 0


def test_lost_connections_are_one_line_and_leave_no_jobs(store_url: str) -> None:
    with start_demo(store_url, "--jobs", "100") as process:
        wait_for_a_completed_task(store_url)
        with psycopg.connect(store_url) as connection:
            connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE application_name = 'watchkeeper-demo' AND datname = current_database()"
            )
        _, errors = process.communicate(timeout=20)
    assert process.returncode == 1
    (line,) = errors.splitlines()
    assert line.startswith(CANNOT_REACH)
    assert ask(store_url, "SELECT count(*) FROM app.jobs")[0]["count"] == 0


def wait_for_a_completed_task(url: str) -> None:
    deadline = time.monotonic() + 20
    while not ask(url, "SELECT FROM app.tasks WHERE status = 'completed'"):
        assert time.monotonic() < deadline
        time.sleep(0.02)


@pytest.mark.parametrize("count", ["4", "0", "-1", "many"])
def test_too_few_jobs_are_refused(store_url: str, count: str) -> None:
    code, output, errors = run_demo(store_url, "--jobs", count)
    assert (code, output) == (2, [])
    assert "5" in errors[-1] or "expected one argument" in errors[-1]


def test_a_store_that_is_not_migrated_is_one_line(make_database: Callable[..., str]) -> None:
    assert run_demo(make_database()) == (
        1,
        [],
        ["the store has no jobs schema yet: run make migrate"],
    )


def test_a_store_that_cannot_be_reached_is_one_line(store_url: str) -> None:
    parts = urlsplit(store_url)
    nowhere = store_url.replace(f":{parts.port}/", ":1/")
    assert run_demo(nowhere) == (1, [], [CANNOT_REACH])


@pytest.mark.parametrize(
    ("url_of_none", "line"),
    [
        ("", "STORE_URL is not set: make demo uses the store that make run has started"),
        (
            "mssql://sa:secret@there/store",
            "the demo needs a store on PostgreSQL, and STORE_URL names a SQL Server",
        ),
        (
            "mysql://there/store",
            "STORE_URL: no engine for mysql:// here:"
            " such a database can only be a target of checks",
        ),
    ],
)
def test_a_url_that_names_no_postgresql_is_one_line(url_of_none: str, line: str) -> None:
    assert run_demo(url_of_none) == (1, [], [line])
