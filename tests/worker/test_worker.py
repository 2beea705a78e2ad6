"""The app runs and answers in Microsoft's Python worker.

The sample app comes first: it proves the harness, and the worker's rules that the app lives by.
"""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.worker.environment import HERE, ROOT
from tests.worker.functions_host import AppNotLoaded, FunctionFailed, RealWorker, WorkerDied

pytestmark = pytest.mark.timeout(300)

SAMPLE = HERE / "apps" / "sample"
ONE_THREAD = {"PYTHON_THREADPOOL_THREAD_COUNT": "1"}
SDK_NAMES = """
import sys, function_app
functions = function_app.app.get_functions()
sys.stdout.write(" ".join(f.get_function_name() for f in functions))
"""


@pytest.fixture(scope="module")
def sample(worker_script: Path) -> Iterator[RealWorker]:
    with RealWorker(SAMPLE, ONE_THREAD, worker=worker_script) as worker:
        yield worker


@pytest.fixture(scope="module")
def watchkeeper(worker_script: Path) -> Iterator[RealWorker]:
    with RealWorker(ROOT, worker=worker_script) as worker:
        yield worker


def test_a_sync_function_sees_the_request_as_the_host_passes_it_on(sample: RealWorker) -> None:
    answer = sample.call(
        "echo",
        method="POST",
        url="http://localhost:7071/api/echo/one?a=1&a=2&empty=",
        route={"name": "one"},
        headers={"X-Asked-By": "someone"},
        body=b"a body",
    )
    assert (answer.status, answer.headers["content-type"]) == (201, "application/json")
    assert {key: value for key, value in answer.json().items() if key != "pid"} == {
        "method": "POST",
        "url": "http://localhost:7071/api/echo/one?a=1&a=2&empty=",
        "name": "one",
        "params": {"a": "1,2"},
        "headers": {"x-asked-by": "someone"},
        "body": "a body",
        "function": "echo",
        "invocation_id": answer.invocation_id,
    }


def test_an_async_function_answers_bytes_and_its_logs_carry_the_invocation(
    sample: RealWorker,
) -> None:
    answer = sample.call("wait")
    assert (answer.status, answer.body) == (200, b"\x00\xff")
    said = [line.message for line in sample.logs_of(answer.invocation_id) if not line.system]
    assert said == ["about to wait", "has waited"]


def test_async_functions_wait_side_by_side(sample: RealWorker) -> None:
    began = time.monotonic()
    with ThreadPoolExecutor(4) as callers:
        answers = list(callers.map(sample.call, ["wait"] * 4))
    assert [answer.status for answer in answers] == [200] * 4
    assert time.monotonic() - began < 2 * 0.3


def test_a_repeated_header_collapses_to_its_last_value_and_cookies_do_not(
    sample: RealWorker,
) -> None:
    answer = sample.call("repeat_header")
    assert answer.headers["x-part"] == "second"
    assert answer.cookies == {"first": "1", "second": "1"}


def test_a_function_that_raises_answers_500_with_an_empty_body(sample: RealWorker) -> None:
    answer = sample.call("fail")
    assert (answer.status, answer.body) == (500, b"")
    assert answer.failure == "ValueError: this text goes to the log and not to the caller"
    assert "function_app.py" in answer.stack_trace


@pytest.mark.parametrize("name", ["answer_with_a_dict", "answer_with_nothing", "async_in_sync"])
def test_a_function_that_returns_no_response_answers_500(sample: RealWorker, name: str) -> None:
    answer = sample.call(name)
    assert (answer.status, answer.body) == (500, b"")


def test_a_context_variable_leaks_into_the_next_call_on_the_thread(sample: RealWorker) -> None:
    sample.call("set_caller", query={"caller": "alice"})
    assert sample.call("set_caller", query={"caller": "bob"}).body == b"alice"


def test_a_record_from_a_thread_of_its_own_belongs_to_no_invocation(sample: RealWorker) -> None:
    answer = sample.call("log_from_a_thread")
    belongs = {line.message: line.invocation_id for line in sample.logs if not line.system}
    assert belongs["said by the function"] == answer.invocation_id
    assert belongs["said by a thread of its own"] == ""


@pytest.mark.parametrize("past_due", [True, False])
def test_a_timer_fires_and_is_told_whether_it_is_late(sample: RealWorker, past_due: bool) -> None:
    said = [line.message for line in sample.logs_of(sample.fire("tick", past_due=past_due))]
    assert f"ticked, past due: {past_due}" in said


def test_a_timer_that_raises_fails_with_its_text(sample: RealWorker) -> None:
    with pytest.raises(FunctionFailed, match="RuntimeError: the tick broke"):
        sample.fire("broken_tick")


def test_a_timer_that_returns_a_value_fails(sample: RealWorker) -> None:
    with pytest.raises(FunctionFailed, match="returned a non-None value"):
        sample.fire("returning_tick")


def test_an_unknown_function_is_named(sample: RealWorker) -> None:
    with pytest.raises(LookupError, match="the app has no function nothing"):
        sample.call("nothing")


def test_an_app_that_cannot_be_imported_is_refused_with_its_reason(
    worker_script: Path, tmp_path: Path
) -> None:
    (tmp_path / "function_app.py").write_text("raise RuntimeError('STORE_URL is not set')\n")
    with (
        pytest.raises(AppNotLoaded, match="STORE_URL is not set"),
        RealWorker(tmp_path, worker=worker_script),
    ):
        pass


def test_a_worker_that_dies_during_a_call_is_reported_with_its_exit_code(
    worker_script: Path,
) -> None:
    with RealWorker(SAMPLE, worker=worker_script) as worker:
        for _ in range(2):
            with pytest.raises(WorkerDied, match="exit code 3"):
                worker.call("end_the_process")


def test_leaving_ends_the_worker(worker_script: Path) -> None:
    with RealWorker(SAMPLE, worker=worker_script) as worker:
        pid = worker.call("echo", route={"name": "one"}).json()["pid"]
        os.kill(pid, 0)
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_the_worker_loads_every_function_of_the_app(watchkeeper: RealWorker) -> None:
    declared = subprocess.run(
        [sys.executable, "-c", SDK_NAMES], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert declared.returncode == 0, declared.stderr
    assert sorted(f.name for f in watchkeeper.functions) == sorted(declared.stdout.split())


def test_the_app_is_alive_in_the_worker(watchkeeper: RealWorker) -> None:
    (livez,) = (f.name for f in watchkeeper.functions if f.trigger.get("route") == "livez")
    assert watchkeeper.call(livez, url="http://localhost:7071/api/livez").status == 200


@pytest.mark.skipif(
    "FUNCTIONS_PYTHON_WORKER" not in os.environ,
    reason="FUNCTIONS_PYTHON_WORKER names no folder with the worker.py of a Functions host, "
    "so the app ran in Microsoft's published runtime alone",
)
def test_a_whole_worker_is_among_the_workers() -> None:
    assert Path(os.environ["FUNCTIONS_PYTHON_WORKER"], "worker.py").is_file()
