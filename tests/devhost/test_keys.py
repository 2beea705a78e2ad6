import json
import stat
from pathlib import Path

import pytest

from devhost.host import Host, Options
from devhost.refusal import Refused
from tests.devhost.client import SAMPLE, Client, Serve


@pytest.fixture
def guarded(tmp_path: Path, serve: Serve) -> Client:
    return serve(Host(Options(app_dir=SAMPLE, state=tmp_path, enforce_keys=True)))


@pytest.fixture
def keys(guarded: Client, tmp_path: Path) -> dict[str, str]:
    """By what they open; made after the host, which writes the file."""
    document = json.loads((tmp_path / "keys.json").read_text())
    return {"master": document["master"], "default": document["default"], **document["functions"]}


@pytest.mark.parametrize(
    ("path", "key", "status"),
    [
        ("/api/headers", None, 401),
        ("/api/headers", "wrong", 401),
        ("/api/headers", "headers", 200),
        ("/api/headers", "default", 200),
        ("/api/headers", "master", 200),
        ("/api/headers", "answer", 401),
        ("/api/closed", "for_admins", 401),
        ("/api/closed", "default", 401),
        ("/api/closed", "master", 200),
        ("/api/open", None, 200),
        ("/api/open", "wrong", 200),
        ("/api/nowhere", None, 404),
        ("/admin/functions", None, 401),
        ("/admin/functions", "default", 401),
        ("/admin/functions", "master", 200),
        ("/admin/host/status", None, 401),
        ("/admin/host/ping", None, 200),
    ],
)
def test_a_key_opens_what_its_level_says(
    guarded: Client, keys: dict[str, str], path: str, key: str | None, status: int
) -> None:
    shown = {} if key is None else {"x-functions-key": keys.get(key, key)}
    in_header = guarded.get(path, headers=shown)
    in_url = guarded.get(path, params={} if key is None else {"code": keys.get(key, key)})
    assert (in_header.status_code, in_url.status_code) == (status, status)
    if status == 401:
        assert in_header.content == b""


def test_the_header_beats_the_url(guarded: Client, keys: dict[str, str]) -> None:
    right, wrong = keys["default"], "wrong"
    path = f"/api/headers?code={right}"
    assert guarded.get(path, headers={"x-functions-key": wrong}).status_code == 401
    path = f"/api/headers?code={wrong}"
    assert guarded.get(path, headers={"x-functions-key": right}).status_code == 200


def test_without_the_flag_no_key_is_asked_for(sample: Client) -> None:
    assert sample.get("/api/closed").status_code == 200
    assert sample.get("/admin/functions").status_code == 200


def test_the_master_key_reaches_a_disabled_function(
    tmp_path: Path, serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AzureWebJobs.headers.Disabled", "1")
    host = Host(Options(app_dir=SAMPLE, state=tmp_path, enforce_keys=True))
    assert host.keys is not None
    client = serve(host)
    shown = {"x-functions-key": host.keys.master}
    assert client.get("/api/headers", headers=shown).status_code == 200
    shown = {"x-functions-key": host.keys.default}
    assert client.get("/api/headers", headers=shown).status_code == 404


def test_keys_stay_the_same_and_only_their_owner_reads_them(tmp_path: Path) -> None:
    options = Options(app_dir=SAMPLE, state=tmp_path, enforce_keys=True)
    assert Host(options).keys == Host(options).keys
    assert stat.S_IMODE((tmp_path / "keys.json").stat().st_mode) == 0o600


@pytest.mark.parametrize("content", ["{", "[]"])
def test_a_key_file_that_holds_no_keys_is_refused(tmp_path: Path, content: str) -> None:
    (tmp_path / "keys.json").write_text(content)
    with pytest.raises(Refused, match=r"keys\.json .*delete it to get new"):
        Host(Options(app_dir=SAMPLE, state=tmp_path, enforce_keys=True))
