"""What `make run` and its sisters do: `python -m devhost.run [serve|db|url|drop]`.

PORT (7071) is where the app is served, LOCAL_FOLDER (.local) where data are kept, STORE_URL the
store; where it is not set, neither by the shell nor by local.settings.json, the embedded
PostgreSQL is the store.
"""

import argparse
import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType

from devhost.console import complain, say
from devhost.environment import Unusable, check_python
from devhost.postgres import EmbeddedPostgres, PostgresError, running_url
from devhost.postgres.ports import is_free
from devhost.refusal import Refused
from devhost.settings import apply_local_settings

APP = Path(__file__).resolve().parent.parent
ADDRESSES = {
    "/api/health": "is all well?",
    "/api/status": "every service and its last heartbeat",
    "/api/kpis": "every KPI and its last verdict",
    "/api/db/jobs": "jobs (make demo makes some)",
    "/api/db/tasks": "and their tasks",
    "/admin/functions": "every function, its route or schedule",
}


class Failed(Exception):
    """A command cannot go on; the text is the one line that the user reads."""


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="devhost.run")
    parser.add_argument("command", nargs="?", default="serve", choices=COMMANDS)
    command = COMMANDS[parser.parse_args(arguments).command]
    signal.signal(signal.SIGTERM, _interrupt)
    signal.signal(signal.SIGHUP, _interrupt)
    try:
        check_python()
        apply_local_settings(APP)
        command()
    except (Failed, PostgresError, Refused, Unusable) as problem:
        complain(str(problem))
        return 1
    except KeyboardInterrupt:
        return 0
    return 0


def serve_app() -> None:
    """The app and its store, until Ctrl-C."""
    port = _port()
    if not _is_free(port):
        raise Failed(f"port {port} is in use: end what uses it, or choose another with PORT=")
    with _store():
        _apply_migrations()
        say("Starting the app")
        try:
            _serve(port)
        finally:
            _port_file().unlink(missing_ok=True)


def keep_database() -> None:
    """The embedded PostgreSQL alone, until Ctrl-C."""
    with _embedded() as postgres:
        os.environ["STORE_URL"] = postgres.start()
        _apply_migrations()
        say(f"STORE_URL={postgres.url}")
        say("Ctrl-C ends it.")
        while True:
            signal.pause()


def print_url() -> None:
    url = os.environ.get("STORE_URL") or running_url(_local_folder() / "postgres")
    if url is None:
        raise Failed("no STORE_URL is set and no embedded PostgreSQL runs: start one with make db")
    say(url)


def served_port() -> int:
    """What PORT says; else where the app of this folder is served, or would be."""
    if not os.environ.get("PORT"):
        with suppress(OSError, ValueError):
            port = int(_port_file().read_text("ascii"))
            if not is_free(port):
                return port
    return _port()


def drop_data() -> None:
    EmbeddedPostgres(_local_folder() / "postgres").remove()


COMMANDS: dict[str, Callable[[], None]] = {
    "serve": serve_app,
    "db": keep_database,
    "url": print_url,
    "drop": drop_data,
}


@contextmanager
def _store() -> Iterator[None]:
    """Have a store, which STORE_URL names from here on."""
    if os.environ.get("STORE_URL"):
        say("Using the store that STORE_URL names")
        yield
        return
    with _embedded() as postgres:
        os.environ["STORE_URL"] = postgres.start(reuse=True)
        if not postgres.is_ours:
            say("Using the embedded PostgreSQL that runs already")
        yield


@contextmanager
def _embedded() -> Iterator[EmbeddedPostgres]:
    say("Starting PostgreSQL")
    postgres = EmbeddedPostgres(_local_folder() / "postgres", say=say)
    try:
        yield postgres
    finally:
        # One impatient Ctrl-C more would leave the database to recover at the next start.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        if postgres.is_ours:
            say("Stopping PostgreSQL")
        postgres.stop()


def _apply_migrations() -> None:
    """On the store that STORE_URL names."""
    from repositories.migrations.__main__ import main as migrate

    say("Applying the migrations")
    if migrate(["up"]) != 0:
        raise Failed("the app is not started: the store's migrations could not be applied")


def _serve(port: int) -> None:
    # The app's libraries take their time: not before the quick checks are done.
    from devhost.host import Options
    from devhost.serve import serve

    state = _local_folder() / "host"
    serve(Options(app_dir=APP, state=state), port=port, ready=lambda address: _announce(port))


def _announce(port: int) -> None:
    _port_file().parent.mkdir(parents=True, exist_ok=True)
    _port_file().write_text(str(port), "ascii")
    say(f"\nWatchkeeper runs on http://localhost:{port} until Ctrl-C:")
    width = max(map(len, ADDRESSES))
    for path, meaning in ADDRESSES.items():
        say(f"  http://localhost:{port}{path:{width}}  {meaning}")


def _port() -> int:
    text = os.environ.get("PORT") or "7071"
    if not (text.isascii() and text.isdecimal() and 0 < int(text) < 65536):
        raise Failed(f"PORT is '{text}': give a number from 1 to 65535")
    return int(text)


def _is_free(port: int) -> bool:
    try:
        return is_free(port)
    except OSError as error:
        raise Failed(f"port {port} cannot be used: {error.strerror}") from error


def _port_file() -> Path:
    return _local_folder() / "port"


def _local_folder() -> Path:
    return APP / (os.environ.get("LOCAL_FOLDER") or ".local")


def _interrupt(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
