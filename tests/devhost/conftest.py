import json
import os
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from devhost.host import Host, Options, build_app
from tests.devhost.client import SAMPLE, Client, Connect, LoadHost, Serve, WriteApp

HEADER = "import azure.functions as func\napp = func.FunctionApp()\n"


@pytest.fixture(autouse=True)
def _own_process_state() -> Iterator[None]:
    """Loading an app sets the environment, the module path and its own module."""
    path, environment = list(sys.path), dict(os.environ)
    yield
    sys.path[:] = path
    os.environ.clear()
    os.environ.update(environment)
    sys.modules.pop("function_app", None)


@pytest.fixture
def write_app(tmp_path: Path) -> WriteApp:
    """Writes an app of this code, after the two lines that every app begins with."""

    def write(
        code: str = "",
        host_json: dict[str, Any] | None = None,
        values: dict[str, Any] | None = None,
        header: str = HEADER,
    ) -> Path:
        (tmp_path / "function_app.py").write_text(header + textwrap.dedent(code))
        if host_json is not None:
            document = {"version": "2.0", **host_json}
            (tmp_path / "host.json").write_text(json.dumps(document))
        if values is not None:
            document = {"IsEncrypted": False, "Values": values}
            (tmp_path / "local.settings.json").write_text(json.dumps(document))
        return tmp_path

    return write


@pytest.fixture
def load(write_app: WriteApp) -> LoadHost:
    def load_host(code: str = "", *, strict: bool = True, **files: Any) -> Host:
        return Host(Options(app_dir=write_app(code, **files), strict=strict))

    return load_host


@pytest.fixture
def serve() -> Iterator[Serve]:
    clients: list[Client] = []

    def start(host: Host) -> Client:
        clients.append(Client(build_app(host)))
        return clients[-1]

    yield start
    for client in clients:
        client.close()


@pytest.fixture
def connect(load: LoadHost, serve: Serve) -> Connect:
    def connect_to(code: str = "", **options: Any) -> Client:
        return serve(load(code, **options))

    return connect_to


@pytest.fixture
def sample(tmp_path: Path, serve: Serve) -> Client:
    return serve(Host(Options(app_dir=SAMPLE, state=tmp_path)))
