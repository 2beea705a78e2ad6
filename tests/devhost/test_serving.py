import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from tests.devhost.client import SAMPLE, WriteApp

ROOT = SAMPLE.parents[3]
Launch = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def launch(tmp_path: Path) -> Iterator[Launch]:
    started = []

    def run(*arguments: str | Path, app: Path = SAMPLE) -> "subprocess.Popen[str]":
        command = [sys.executable, "-m", "devhost", "--app", app, "--state", tmp_path, *arguments]
        process = subprocess.Popen(
            command, cwd=ROOT, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        started.append(process)
        return process

    yield run
    for process in started:
        if process.poll() is None:
            process.kill()
            process.communicate()


def address_of(process: "subprocess.Popen[str]") -> str:
    assert process.stdout is not None
    line = process.stdout.readline()
    assert re.fullmatch(r"listening on http://127\.0\.0\.1:\d+\n", line)
    return line.split()[-1]


@pytest.mark.parametrize("sign", [signal.SIGTERM, signal.SIGINT])
def test_a_request_under_way_is_answered_before_a_clean_stop(
    launch: Launch, sign: signal.Signals
) -> None:
    process = launch("--port", "0")
    address = address_of(process)
    answers: list[httpx.Response] = []
    call = threading.Thread(
        target=lambda: answers.append(httpx.get(f"{address}/api/slow?seconds=0.6&code=hidden"))
    )
    call.start()
    time.sleep(0.3)
    process.send_signal(sign)
    call.join()
    out, err = process.communicate(timeout=10)
    assert [answer.text for answer in answers] == ['"done"']
    assert process.returncode == 0
    assert out == "", "nothing but the address is on stdout"
    assert re.search(r"^app-format INFO GET /api/slow 200 6\d\d\.\d ms$", err, re.MULTILINE)
    assert "hidden" not in err
    assert "Traceback" not in err


def test_requests_are_served_over_real_connections(launch: Launch) -> None:
    address = address_of(launch("--port", "0", "--no-timers"))
    with httpx.Client(base_url=address) as client:
        seen = client.post("/api/echo/a%2Fb?x=1&x=2", content="body").json()
        assert seen["url"] == f"{address}/api/echo/a%2Fb?x=1&x=2"
        assert seen["params"] == {"x": "1,2"}
        assert seen["body"] == "body"
        chunked = client.post("/api/echo/x", content=iter([b"a", b"b"]))
        assert chunked.json()["body"] == ""
        assert client.head("/api/items/x").headers["content-length"] == "13"
        assert client.post("/api/nowhere", content=iter([b"a" * 300_000])).status_code == 404
        assert client.get("/api/answers/no-content").status_code == 204
        response = client.get("/api/headers")
        assert response.headers.get_list("set-cookie") == ["a=1; Path=/", "b=2; Path=/"]
        assert "server" not in response.headers


def test_a_function_that_never_ends_does_not_keep_the_host(
    launch: Launch, write_app: WriteApp
) -> None:
    code = """
    import time
    @app.timer_trigger(arg_name="timer", schedule="0 0 0 1 1 *", run_on_startup=True)
    def hang(timer: func.TimerRequest) -> None:
        print("hanging", flush=True)
        time.sleep(600)

    @app.route("hang")
    def hang_a_caller(req: func.HttpRequest) -> str:
        time.sleep(600)
        return "never"
    """
    process = launch("--port", "0", app=write_app(code))
    assert process.stdout is not None
    lines = [process.stdout.readline().strip() for _ in range(2)]
    first_lines = {line.split()[0]: line for line in lines}
    assert first_lines.keys() == {"listening", "hanging"}
    address = "http://127.0.0.1:" + first_lines["listening"].rpartition(":")[2]
    answers: list[int] = []
    call = threading.Thread(
        target=lambda: answers.append(httpx.get(f"{address}/api/hang", timeout=20).status_code)
    )
    call.start()
    time.sleep(0.2)
    started = time.monotonic()
    process.terminate()
    _, err = process.communicate(timeout=20)
    call.join()
    assert (process.returncode, answers) == (0, [503])
    assert time.monotonic() - started < 12
    assert "Traceback" not in err


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere 127.0.0.1 is alone")
def test_the_address_that_it_listens_on_is_a_name_of_it(launch: Launch) -> None:
    process = launch("--port", "0", "--host", "127.0.0.2")
    assert process.stdout is not None
    address = process.stdout.readline().split()[-1]
    assert address.startswith("http://127.0.0.2:")
    assert httpx.get(f"{address}/api/open").status_code == 200
    assert httpx.get(f"{address}/api/open", headers={"host": "evil.example"}).status_code == 403


def test_a_busy_port_is_one_clear_line(launch: Launch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        process = launch("--port", str(port))
        out, err = process.communicate(timeout=20)
    assert process.returncode == 1
    assert out == ""
    assert err == f"port {port} on 127.0.0.1 is in use: choose another with --port\n"


def test_a_refusal_is_one_line_and_lenient_starts_all_the_same(
    launch: Launch, write_app: WriteApp
) -> None:
    code = """
    @app.timer_trigger(arg_name="timer", schedule="%NO_SUCH%")
    def tick(timer: func.TimerRequest) -> None: ...

    @app.route("f")
    def f(req: func.HttpRequest) -> str:
        return "f"
    """
    app = write_app(code)
    refused = launch("--port", "0", app=app)
    out, err = refused.communicate(timeout=20)
    assert (refused.returncode, out) == (1, "")
    assert err == "The 'tick' function is in error: '%NO_SUCH%' does not resolve to a value\n"
    lenient = launch("--port", "0", "--lenient", app=app)
    assert httpx.get(f"{address_of(lenient)}/api/f").text == "f"


def test_an_app_that_cannot_be_imported_shows_its_traceback(
    launch: Launch, write_app: WriteApp
) -> None:
    process = launch("--port", "0", app=write_app("raise LookupError('at import')"))
    _, err = process.communicate(timeout=20)
    assert process.returncode == 1
    assert "Traceback" in err
    last = "function_app.py cannot be imported: LookupError: at import\n"
    assert err.endswith(last)


def test_keys_are_enforced_on_request(launch: Launch) -> None:
    address = address_of(launch("--port", "0", "--enforce-keys"))
    assert httpx.get(f"{address}/api/headers").status_code == 401
    assert httpx.get(f"{address}/api/open").status_code == 200


def test_the_host_is_ready_within_a_few_seconds(launch: Launch) -> None:
    started = time.monotonic()
    address_of(launch("--port", "0"))
    assert time.monotonic() - started < 5


def test_a_body_that_breaks_off_never_reaches_the_function(launch: Launch) -> None:
    process = launch("--port", "0")
    port = int(address_of(process).rpartition(":")[2])
    with socket.create_connection(("127.0.0.1", port)) as client:
        head = "POST /api/echo/x HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\n\r\n"
        client.sendall(head.encode() + b"half")
    time.sleep(0.2)
    process.terminate()
    _, err = process.communicate(timeout=10)
    assert "POST /api/echo/x 400" in err
