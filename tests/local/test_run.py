"""`python -m devhost.run`, in processes of its own."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import psutil
import psycopg
import pytest

REPO = Path(__file__).resolve().parents[2]
IsGoneWithin = Callable[[psutil.Process, float], bool]
ServerOf = Callable[[], psutil.Process]
needs_app = pytest.mark.skipif(
    not (REPO / "function_app.py").exists(), reason="there is no app to serve"
)


@pytest.fixture
def environment(folder: Path) -> dict[str, str]:
    """No store named, data in a folder of the test's own, and a free port."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = str(probe.getsockname()[1])
    local = {"LOCAL_FOLDER": str(folder.parent), "PORT": port, "STORE_URL": ""}
    return dict(os.environ) | local


@contextmanager
def running(command: str, environment: dict[str, str]) -> Iterator[subprocess.Popen[str]]:
    with subprocess.Popen(
        [sys.executable, "-m", "devhost.run", command],
        cwd=REPO,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as process:
        try:
            yield process
        finally:
            process.terminate()


def read_until(process: subprocess.Popen[str], start: str) -> str:
    assert process.stdout is not None
    for line in process.stdout:
        if line.startswith(start):
            return line.strip()
    pytest.fail(f"it ended before it said {start!r}")


def finished(command: str, environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "devhost.run", command],
        cwd=REPO,
        env=environment,
        capture_output=True,
        text=True,
    )


def served_port(environment: dict[str, str]) -> str:
    """What one is told who does not say PORT."""
    asked = "from devhost.run import served_port; print(served_port())"
    done = subprocess.run(
        [sys.executable, "-c", asked],
        cwd=REPO,
        env=environment | {"PORT": ""},
        capture_output=True,
        text=True,
    )
    return done.stdout.strip()


def test_a_busy_port_is_named_before_anything_is_started(
    environment: dict[str, str], folder: Path
) -> None:
    with socket.socket() as occupant:
        occupant.bind(("127.0.0.1", int(environment["PORT"])))
        occupant.listen()
        done = finished("serve", environment)
    assert done.returncode == 1
    assert done.stderr.splitlines() == [
        f"port {environment['PORT']} is in use: end what uses it, or choose another with PORT="
    ]
    assert not folder.exists()


@pytest.mark.parametrize("port", ["0", "65536", "http", "-1"])
def test_a_port_that_is_none_is_named(environment: dict[str, str], port: str) -> None:
    done = finished("serve", environment | {"PORT": port})
    assert (done.returncode, done.stderr) == (
        1,
        f"PORT is '{port}': give a number from 1 to 65535\n",
    )


def test_an_unusable_data_folder_is_one_line(environment: dict[str, str], folder: Path) -> None:
    folder.touch()
    done = finished("db", environment)
    assert done.returncode == 1
    assert done.stderr.splitlines() == [
        f"cannot keep the embedded PostgreSQL in {folder}: a file stands in its place"
    ]


def test_the_url_without_a_server_is_refused(environment: dict[str, str]) -> None:
    done = finished("url", environment)
    assert done.returncode == 1
    assert "make db" in done.stderr


def test_the_url_of_a_named_store_is_its_own(environment: dict[str, str]) -> None:
    done = finished("url", environment | {"STORE_URL": "postgresql://there/store"})
    assert done.stdout == "postgresql://there/store\n"


@pytest.mark.usefixtures("data")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_database_alone_is_migrated_and_ends_when_asked(
    environment: dict[str, str],
    server_of: ServerOf,
    is_gone_within: IsGoneWithin,
    number: signal.Signals,
) -> None:
    with running("db", environment) as process:
        url = read_until(process, "STORE_URL=").removeprefix("STORE_URL=")
        assert finished("url", environment).stdout == f"{url}\n"
        with psycopg.connect(url) as connection:
            assert connection.execute("select count(*) from monitoring.indicators").fetchone()
        server = server_of()
        process.send_signal(number)
        assert process.wait(10) == 0
        assert is_gone_within(server, 0)


@pytest.mark.usefixtures("data")
def test_it_ends_cleanly_when_nobody_reads_what_it_says(
    environment: dict[str, str], server_of: ServerOf, is_gone_within: IsGoneWithin
) -> None:
    with running("db", environment) as process:
        read_until(process, "STORE_URL=")
        server = server_of()
        assert process.stdout is not None
        process.stdout.close()
    assert is_gone_within(server, 0)


@pytest.mark.usefixtures("data")
def test_kill_9_of_the_command_leaves_no_server(
    environment: dict[str, str], server_of: ServerOf, is_gone_within: IsGoneWithin
) -> None:
    with running("db", environment) as process:
        read_until(process, "STORE_URL=")
        server = server_of()
        process.kill()
        assert is_gone_within(server, 5)


@needs_app
@pytest.mark.usefixtures("data")
def test_the_app_is_served_again_in_less_than_five_seconds(
    environment: dict[str, str], server_of: ServerOf, is_gone_within: IsGoneWithin
) -> None:
    for limit in (30, 5):
        before = time.monotonic()
        with running("serve", environment) as process:
            address = f"http://localhost:{environment['PORT']}"
            assert read_until(process, "Watchkeeper runs on").split()[3] == address
            assert httpx.get(f"{address}/admin/functions").status_code == 200
            assert time.monotonic() - before < limit
            server = server_of()
            process.send_signal(signal.SIGINT)
            assert process.wait(20) == 0
            assert is_gone_within(server, 0)


@needs_app
@pytest.mark.usefixtures("data")
def test_the_app_shares_a_database_that_runs_already(environment: dict[str, str]) -> None:
    with running("db", environment) as database:
        read_until(database, "STORE_URL=")
        with running("serve", environment) as host:
            read_until(host, "Watchkeeper runs on")
            assert served_port(environment) == environment["PORT"]
            host.send_signal(signal.SIGINT)
            assert host.wait(20) == 0
        assert served_port(environment) == "7071"
        assert finished("url", environment).returncode == 0
