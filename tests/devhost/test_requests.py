import logging
import threading
import time
from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.devhost.client import Client, Connect


def test_a_function_sees_the_request_as_the_worker_shows_it(sample: Client) -> None:
    response = sample.post(
        "/api/echo/Hello/a/b?x=1&x=2&X=3&empty=&y=%C3%A9+b",
        content="body",
        headers=[
            ("X-Tag", "one"),
            ("X-Tag", "two"),
            ("traceparent", "00-ab-cd-01"),
            ("tracestate", "t=1"),
        ],
    )
    seen = response.json()
    assert seen["method"] == "POST"
    assert seen["url"] == "http://localhost:7071/api/echo/Hello/a/b?x=1&x=2&X=3&empty=&y=%C3%A9+b"
    assert seen["params"] == {"x": "1,2,3", "y": "é b"}
    assert seen["route_params"] == {"word": "Hello", "rest": "a/b"}
    assert seen["headers"]["x-tag"] == "one,two"
    assert seen["body"] == "body"
    assert seen["function"] == "echo"
    assert len(seen["invocation_id"]) == 36
    assert (seen["trace_parent"], seen["trace_state"]) == ("00-ab-cd-01", "t=1")


def test_a_missing_catch_all_is_no_route_parameter(sample: Client) -> None:
    assert sample.get("/api/echo/Hello").json()["route_params"] == {"word": "Hello"}


def test_an_escaped_slash_stays_in_its_segment(sample: Client) -> None:
    assert sample.get("/api/items/a%2Fb%20c").json() == {"name": "a%2Fb c"}


async def chunks() -> AsyncIterator[bytes]:
    yield b"some"
    yield b"thing"


def test_a_chunked_body_without_a_length_is_dropped(sample: Client) -> None:
    assert sample.post("/api/echo/x", content=chunks()).json()["body"] == ""


def test_the_front_end_says_whether_it_was_https(sample: Client) -> None:
    seen = sample.get("/api/echo/x", headers={"x-forwarded-proto": "https"}).json()
    assert seen["url"] == "https://localhost:7071/api/echo/x"


def test_sync_functions_run_on_threads_and_async_ones_on_the_loop(sample: Client) -> None:
    assert sample.get("/api/echo/x").json()["thread"].startswith("function-")
    assert not sample.get("/api/echo_async").json()["thread"].startswith("function-")


def test_the_first_function_by_name_wins(sample: Client) -> None:
    assert sample.get("/api/items/7").json() == {"number": "7"}
    assert sample.get("/api/items/newest").json() == {"name": "newest"}


def test_functions_of_one_template_are_told_apart_by_method(sample: Client) -> None:
    assert sample.post("/api/items/new").status_code == 201
    assert sample.request("HEAD", "/api/items/x").status_code == 200


def test_a_wrong_method_answers_404(sample: Client) -> None:
    for method in ("PUT", "OPTIONS", "DELETE"):
        response = sample.request(method, "/api/items/x")
        assert (response.status_code, response.content) == (404, b"")
    assert sample.request("HEAD", "/api/items/7").status_code == 200, "that is c_name's"


def test_a_function_without_methods_takes_every_method(sample: Client) -> None:
    for method in ("GET", "OPTIONS", "DELETE", "PATCH"):
        assert sample.request(method, "/api/echo_async").status_code == 200


@pytest.mark.parametrize("path", ["/api/unknown", "/items/7", "/runtime/x", "/admin/unknown"])
def test_an_unknown_path_answers_404(sample: Client, path: str) -> None:
    assert sample.get(path).status_code == 404


FAILURES = ["none", "dict", "tuple", "raise", "exit", "cancelled", "stop", "odd-status"]


@pytest.mark.parametrize("function", ["answers", "answers_async"])
@pytest.mark.parametrize("kind", FAILURES)
def test_a_failing_function_answers_500_with_an_empty_body(
    sample: Client, function: str, kind: str, caplog: pytest.LogCaptureFixture
) -> None:
    response = sample.get(f"/api/{function}/{kind}")
    assert (response.status_code, response.content) == (500, b"")
    assert "Executed 'Functions.answer" in caplog.text
    assert "Traceback" in caplog.text


def test_a_sync_wrapper_around_an_async_function_answers_500(
    sample: Client, caplog: pytest.LogCaptureFixture
) -> None:
    assert sample.get("/api/wrapped").status_code == 500
    assert "not coroutine" in caplog.text


def test_a_string_is_an_answer(sample: Client) -> None:
    response = sample.get("/api/answers/text")
    assert (response.status_code, response.text) == (200, "plain text")
    assert response.headers["content-type"] == "text/plain; charset=utf-8"


def test_an_answer_without_content_has_no_body(sample: Client) -> None:
    response = sample.get("/api/answers/no-content")
    assert (response.status_code, response.content) == (204, b"")


def test_repeated_headers_collapse_to_the_last_but_cookies_do_not(sample: Client) -> None:
    response = sample.get("/api/headers")
    assert response.content == b"\x00\x01"
    assert response.headers["content-type"] == "application/octet-stream"
    assert response.headers.get_list("x-twice") == ["two"]
    assert response.headers.get_list("set-cookie") == ["a=1; Path=/", "b=2; Path=/"]


def test_custom_headers_are_added_only_where_absent(sample: Client) -> None:
    with_own = sample.get("/api/headers").headers
    assert with_own.get_list("cache-control") == ["max-age=5"]
    assert with_own.get_list("x-frame-options") == ["DENY"]
    for path in ("/api/answers/raise", "/api/nowhere"):
        assert sample.get(path).headers["cache-control"] == "no-store"


def test_context_variables_leak_between_sync_calls_on_one_thread(sample: Client) -> None:
    assert sample.get("/api/leak?name=ann").json() == ""
    assert sample.get("/api/leak?name=bob").json() == "ann"


def test_context_variables_do_not_leak_between_async_calls(sample: Client) -> None:
    sample.get("/api/leak_async?name=ann")
    assert sample.get("/api/leak_async?name=bob").json() == ""


def test_each_request_is_one_log_line_without_its_query(
    sample: Client, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, logger="devhost")
    sample.get("/api/open?code=secret")
    lines = [record.getMessage() for record in caplog.records if record.name == "devhost"]
    assert len(lines) == 1
    assert lines[0].startswith("GET /api/open 200 ")
    assert lines[0].endswith(" ms")


ECHO = """
@app.route("{name}")
def echo(req: func.HttpRequest) -> str:
    return req.route_params["name"]
"""


def http(**settings: Any) -> dict[str, Any]:
    return {"extensions": {"http": settings}}


def test_the_route_prefix_can_be_empty(connect: Connect) -> None:
    client = connect(ECHO, host_json=http(routePrefix=""))
    assert client.get("/hello").text == "hello"
    assert client.get("/api/hello").status_code == 404


def test_the_route_prefix_can_be_another(connect: Connect) -> None:
    assert connect(ECHO, host_json=http(routePrefix="v1/x")).get("/v1/x/hello").text == "hello"


def test_the_home_page_can_be_switched_off(sample: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    assert sample.get("/").status_code == 200
    monkeypatch.setenv("AzureWebJobsDisableHomepage", "true")
    assert sample.get("/").status_code == 204


def test_hsts_is_for_https_and_not_for_this_machine(connect: Connect) -> None:
    hsts = {"isEnabled": True, "maxAge": "10", "includeSubDomains": True, "preload": True}
    names = {"ALLOWED_HOSTS": "example.org"}
    client = connect(ECHO, host_json=http(hsts=hsts), values=names)

    def header(scheme: str, host: str) -> list[str]:
        headers = {"host": host, "x-forwarded-proto": scheme}
        return client.get("/api/x", headers=headers).headers.get_list("strict-transport-security")

    assert header("https", "example.org") == ["max-age=864000; includeSubDomains; preload"]
    assert header("http", "example.org") == []
    assert header("https", "localhost:7071") == []


def statuses_of(client: Client, count: int, path: str) -> list[int]:
    statuses: list[int] = []
    calls = [
        threading.Thread(target=lambda: statuses.append(client.get(path).status_code))
        for _ in range(count)
    ]
    for call in calls:
        call.start()
    for call in calls:
        call.join()
    return sorted(statuses)


SLOW = """
import time, threading
together = most = 0
lock = threading.Lock()

@app.route("slow")
def slow(req: func.HttpRequest) -> str:
    global together, most
    with lock:
        together += 1
        most = max(most, together)
    time.sleep(0.1)
    with lock:
        together -= 1
    return str(most)
"""


def test_more_requests_than_may_be_outstanding_answer_429(connect: Connect) -> None:
    limits = http(maxConcurrentRequests=1, maxOutstandingRequests=2)
    assert statuses_of(connect(SLOW, host_json=limits), 5, "/api/slow") == [200, 200, 429, 429, 429]


def test_more_requests_than_may_run_wait_their_turn(connect: Connect) -> None:
    client = connect(SLOW, host_json=http(maxConcurrentRequests=1))
    assert statuses_of(client, 3, "/api/slow") == [200, 200, 200]
    assert client.get("/api/slow").text == "1"


def test_the_thread_pool_has_the_size_of_its_setting(
    connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHON_THREADPOOL_THREAD_COUNT", "2")
    client = connect(SLOW)
    started = time.monotonic()
    assert statuses_of(client, 4, "/api/slow") == [200] * 4
    assert client.get("/api/slow").text == "2"
    assert time.monotonic() - started < 2


def test_a_body_that_is_too_large_answers_413(sample: Client) -> None:
    headers = {"content-length": "104857601"}
    assert sample.post("/api/echo/x", content=b"", headers=headers).status_code == 413
