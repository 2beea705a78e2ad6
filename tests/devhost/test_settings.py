from datetime import timedelta
from pathlib import Path

import pytest

from devhost.host import Host, Options
from devhost.settings import app_setting, read_time_span, resolve_setting
from tests.devhost.client import Connect, LoadHost, WriteApp

READ_AT_IMPORT = """
import os
seen = os.environ.get("GREETING", "nothing")

@app.route("seen")
def show(req: func.HttpRequest) -> str:
    return seen

@app.route("other")
def other(req: func.HttpRequest) -> str:
    return "other"
"""


def test_local_settings_are_there_when_the_app_is_imported(connect: Connect) -> None:
    assert connect(READ_AT_IMPORT, values={"GREETING": "hello"}).get("/api/seen").text == "hello"


def test_the_variables_of_the_shell_win(connect: Connect, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GREETING", "from the shell")
    client = connect(READ_AT_IMPORT, values={"GREETING": "from the file"})
    assert client.get("/api/seen").text == "from the shell"


def test_values_that_are_no_strings_are_written_as_json(load: LoadHost) -> None:
    load(READ_AT_IMPORT, values={"A_FLAG": True, "A_NUMBER": 5, "A_BLANK": None})
    assert [app_setting(name) for name in ("A_FLAG", "A_NUMBER", "A_BLANK")] == ["true", "5", ""]


@pytest.mark.parametrize("name", ["AzureWebJobs.show.Disabled", "azurewebjobs_SHOW_disabled"])
def test_a_disabled_function_answers_404(connect: Connect, name: str) -> None:
    client = connect(READ_AT_IMPORT, values={name: "true"})
    assert client.get("/api/seen").status_code == 404
    assert client.get("/api/other").status_code == 200
    listed = {f["name"]: f["disabled"] for f in client.get("/admin/functions").json()}
    assert listed == {"other": False, "show": True}


def test_only_the_functions_that_host_json_allows_are_there(connect: Connect) -> None:
    client = connect(READ_AT_IMPORT, host_json={"functions": ["OTHER"]})
    assert client.get("/api/seen").status_code == 404
    assert [f["name"] for f in client.get("/admin/functions").json()] == ["other"]


def test_a_setting_is_found_with_colons_and_in_any_case(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("Tasks__CleanUp__Schedule", "0 0 2 * * *")
    for name in ("Tasks__CleanUp__Schedule", "Tasks:CleanUp:Schedule", "tasks__cleanup__schedule"):
        assert resolve_setting(f"%{name}%") == "0 0 2 * * *"


def test_text_that_is_not_wholly_a_setting_stays_as_it_is() -> None:
    assert resolve_setting("0 %MINUTE% * * * *") == "0 %MINUTE% * * * *"


@pytest.mark.parametrize(
    ("text", "span"),
    [
        ("00:05:00", timedelta(minutes=5)),
        ("1.02:03:04", timedelta(days=1, hours=2, minutes=3, seconds=4)),
        ("02:30", timedelta(hours=2, minutes=30)),
        ("10", timedelta(days=10)),
        ("24:00:00", None),
        ("00:60:00", None),
        ("soon", None),
    ],
)
def test_a_time_span_is_read_as_dot_net_reads_it(text: str, span: timedelta | None) -> None:
    assert read_time_span(text) == span


def test_the_state_folder_is_in_the_app_folder_by_default(write_app: WriteApp) -> None:
    folder = write_app(READ_AT_IMPORT)
    Host(Options(app_dir=folder, enforce_keys=True))
    assert (folder / Path(".local/host/keys.json")).exists()
