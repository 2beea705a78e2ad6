"""`--sql`: what a DBA would run."""

import re

import psycopg
import pytest

from repositories.migrations.__main__ import main
from repositories.migrations.batches import Batch, split_batches
from tests.migrations.samples import Command, Folder, Outcome, fresh_database


def test_the_script_makes_the_schema_that_up_makes(
    real: Command, database: str, postgres_server: str
) -> None:
    script = real("up", "--sql").out
    real("up")
    with fresh_database(postgres_server) as by_hand:
        run(by_hand, script)
        verdict = real("--url", by_hand, "verify")
        assert (verdict.code, verdict.out.count("\n")) == (0, 1), verdict
        assert real("--url", by_hand, "up").out.startswith("nothing to do")
        assert real("--url", by_hand, "status").out.count("Z\n") == script.count("\nCOMMIT;")
        run(by_hand, real("down", "base", "--sql").out)
        assert real("--url", by_hand, "status").out.count("applied") == 0


@pytest.mark.usefixtures("notes")
def test_a_script_can_begin_where_the_database_is(command: Command, database: str) -> None:
    command("up", "0001")
    script = command("up", "--sql", "--from", "0001").out
    assert "CREATE TABLE monitoring.schema_version" not in script
    run(database, script)
    assert command("status").out.count("applied") == 2


@pytest.mark.usefixtures("notes")
def test_a_script_for_another_revision_changes_nothing(command: Command, database: str) -> None:
    command("mark", "0002")
    with pytest.raises(psycopg.errors.RaiseException, match="not at revision 0001"):
        run(database, command("up", "--sql", "--from", "0001").out)


def test_a_script_needs_no_database(
    notes: Folder, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("STORE_URL", raising=False)
    assert main(["up", "--sql", "--folder", str(notes.path)]) == 0
    assert capsys.readouterr().out.count("BEGIN;") == 2


def test_sql_alone_is_the_script_of_up(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("STORE_URL", "mssql://db.example/store?auth=entra")
    assert main(["--sql"]) == 0
    alone = capsys.readouterr().out
    assert main(["up", "--sql", "--engine", "sqlserver"]) == 0
    assert capsys.readouterr().out == alone
    assert alone.count("\nGO\n") > 20


def test_a_body_without_its_last_semicolon_is_ended(folder: Folder, command: Command) -> None:
    folder.write("0001_open", "SELECT 1 -- one", "")
    assert "SELECT 1 -- one\n;\n" in command("up", "--sql").out


def test_t_sql_batches_end_at_lines_of_go_alone() -> None:
    script = "SELECT 'GO';\n\n  go  \nGO\n-- GO with it\nSELECT 2;\nGO -- done\nSELECT 3"
    assert split_batches(script) == [
        Batch(1, "SELECT 'GO';"),
        Batch(5, "-- GO with it\nSELECT 2;"),
        Batch(8, "SELECT 3"),
    ]


def test_the_t_sql_script_puts_each_batch_between_go_lines(
    folder: Folder, capsys: pytest.CaptureFixture[str]
) -> None:
    folder.write(
        "0001_view",
        "CREATE TABLE monitoring.a (id int NOT NULL);\nGO\nCREATE VIEW monitoring.v AS SELECT 1 x",
        "DROP VIEW monitoring.v;\nGO\nDROP TABLE monitoring.a;\n",
    )
    batches = [batch.text for batch in split_batches(t_sql(folder, capsys, "up").out)]
    guard = next(text for text in batches if text.startswith("IF @@ERROR <> 0"))
    work = [text for text in batches if text != guard]
    assert batches[1::2] == [guard] * len(work)
    assert [re.split(r"[\s(]+", text)[:3] for text in work[3:-3]] == [
        ["BEGIN", "TRANSACTION;", "CREATE"],
        ["--", "Running", "upgrade"],
        ["CREATE", "TABLE", "monitoring.a"],
        ["CREATE", "VIEW", "monitoring.v"],
        ["INSERT", "INTO", "monitoring.schema_version"],
        ["INSERT", "INTO", "monitoring.schema_history"],
        ["COMMIT;"],
    ]
    assert "(N'table', N'monitoring.a'),\n    (N'view', N'monitoring.v')" in work[-1]


def test_the_t_sql_script_back_checks_where_the_database_is(
    notes: Folder, capsys: pytest.CaptureFixture[str]
) -> None:
    script = t_sql(notes, capsys, "down", "0001").out
    check = script.index("WHERE version_num = '0002'")
    assert check < script.index("DROP INDEX") < script.index("SET version_num='0001'")


def t_sql(folder: Folder, capsys: pytest.CaptureFixture[str], *arguments: str) -> Outcome:
    code = main([*arguments, "--sql", "--engine", "sqlserver", "--folder", str(folder.path)])
    said = capsys.readouterr()
    return Outcome(code, said.out, said.err)


def run(database: str, script: str) -> None:
    """As a plain client does: the whole script at once."""
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute(script.encode())
