"""python -m services.definitions: what it says, and how it ends."""

import json
from pathlib import Path

import pytest

from services.definitions.__main__ import main
from services.definitions.files import file_schema

FILE = """
connections:
  - {name: a, provider: PostgreSQL, environment: Test, address: "setting:A_URL"}
queries:
  - {name: one, sql: SELECT 1}
kpis:
  - {name: one, connection: a, query: one}
"""


@pytest.fixture
def file(tmp_path: Path, store_url: str, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("STORE_URL", store_url)
    path = tmp_path / "kpis.yaml"
    path.write_text(FILE, "utf-8")
    return path


def test_a_plan_is_shown_applied_and_then_nothing_is_left_to_do(
    file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    capsys.readouterr()
    assert main(["apply", str(file), "--plan"]) == 0
    assert "+ KPI one\n3 to add, 0 to change, 0 to remove.\n" in capsys.readouterr().out
    assert main(["apply", str(file)]) == 2
    assert "--yes" in capsys.readouterr().err
    assert main(["apply", str(file), "--yes", "--actor", "ann"]) == 0
    assert capsys.readouterr().out.endswith("Applied.\n")
    assert main(["apply", str(file)]) == 0
    assert "Nothing to do" in capsys.readouterr().out


def test_somebody_at_a_terminal_is_asked(
    file: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    for answer, code in (("", 1), ("n", 1), ("y", 0)):
        monkeypatch.setattr("builtins.input", lambda _, answer=answer: answer)
        assert main(["apply", str(file)]) == code
    assert capsys.readouterr().out.count("3 to add") == 3


def test_every_fault_is_complained_about(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file.write_text(FILE.replace("query: one", "query: two, schedule: x").replace("1", "1; 2"))
    assert main(["apply", str(file), "--yes"]) == 1
    assert capsys.readouterr().err.startswith("kpis[0].schedule: ")
    file.write_text(FILE.replace("query: one", "query: two").replace("SELECT 1", "DROP TABLE x"))
    assert main(["apply", str(file), "--yes"]) == 1
    lines = capsys.readouterr().err.splitlines()
    assert [line.partition(":")[0] for line in lines] == ["queries[0].sql", "kpis[0].query"]


@pytest.mark.parametrize(
    "wrong",
    [
        "address postgresql://me:hunter2@h/d",
        "PWD hunter2",
        "PWD hunter2: 1, PWD hunter2: 2",
        "address: hunter2://me:hunter2@h/d",
    ],
)
def test_no_complaint_tells_a_secret(
    file: Path, wrong: str, capsys: pytest.CaptureFixture[str]
) -> None:
    file.write_text(FILE.replace("environment: Test", f"environment: Test, {wrong}"))
    assert main(["apply", str(file), "--yes"]) == 1
    said = capsys.readouterr().err
    assert said
    assert "hunter2" not in said


def test_what_is_complained_of_a_member_named_like_a_secret_can_be_read(
    file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file.write_text(FILE.replace("environment: Test", "environment: Test, password: x"))
    assert main(["apply", str(file), "--yes"]) == 1
    assert capsys.readouterr().err == "connections[0].password: nobody knows this\n"


def test_a_file_may_be_as_large_as_an_export(
    file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file.write_text(FILE + "#" * 6_000_000)
    assert main(["apply", str(file), "--plan"]) == 0


@pytest.mark.parametrize("actor", ["", " ", "a" * 101, "ann\nbob", "ann\x00", "\ud800"])
def test_an_actor_is_one_line_of_a_bearable_length(
    file: Path, actor: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as misused:
        main(["apply", str(file), "--yes", "--actor", actor])
    assert misused.value.code == 2
    assert "argument --actor: one line of 1 to 100 characters" in capsys.readouterr().err
    assert main(["apply", str(file), "--yes", "--actor", "ä" * 100]) == 0


def test_without_a_file_it_says_how_to_name_one(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["apply", ""]) == 2
    assert capsys.readouterr().err == "Say which file: make apply FILE=kpis.yaml\n"


def test_where_nothing_may_be_written_it_only_plans_and_exports(
    file: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("READ_ONLY", "true")
    assert main(["apply", str(file), "--yes"]) == 1
    assert "READ_ONLY is on" in capsys.readouterr().err
    assert main(["apply", str(file), "--plan"]) == 0
    assert "3 to add" in capsys.readouterr().out
    assert main(["export"]) == 0


def test_wrong_settings_are_said(
    file: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("QUERY_TIMEOUT_SECONDS", "soon")
    monkeypatch.setenv("ENCRYPTION_KEYS", "hunter2")
    assert main(["apply", str(file), "--plan"]) == 0
    first, second = capsys.readouterr().err.splitlines()
    assert first.startswith("setting ENCRYPTION_KEYS is wrong: key 1 of 1 is none")
    assert second.startswith("setting QUERY_TIMEOUT_SECONDS is wrong: ")


def test_what_is_exported_can_be_applied(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(["apply", str(file), "--yes"])
    capsys.readouterr()
    assert main(["export"]) == 0
    printed = capsys.readouterr().out
    assert main(["export", str(file)]) == 0
    assert file.read_text("utf-8") == printed
    assert main(["apply", str(file)]) == 0


def test_what_cannot_be_read_or_reached_is_said(
    file: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["apply", str(file.parent / "nothing.yaml")]) == 2
    file.write_bytes(b"\xff\xfe\x00")
    assert main(["apply", str(file)]) == 2
    file.write_text(FILE)
    monkeypatch.delenv("STORE_URL")
    capsys.readouterr()
    assert main(["apply", str(file)]) == 1
    assert "STORE_URL" in capsys.readouterr().err
    with pytest.raises(SystemExit) as misused:
        main([])
    assert misused.value.code == 2


def test_the_schema_for_editors_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["schema"]) == 0
    assert json.loads(capsys.readouterr().out) == json.loads(json.dumps(file_schema()))
