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
