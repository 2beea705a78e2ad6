import re
from pathlib import Path

import pytest

from repositories.sqlserver.statements import MARK, load_statements, with_nulls
from repositories.statements import ROOT

FILES = sorted((ROOT / "sqlserver").glob("*.sql"))
CHANGES = re.compile(r"^\s*(?:INSERT INTO monitoring|UPDATE|DELETE)\b", re.MULTILINE)
STATEMENTS = {
    name: "\n".join(line for line, _, _ in statement.lines)
    for name, statement in load_statements(
        {"schema": "app", "jobs": "jobs", "tasks": "tasks"}
    ).items()
}


def test_a_value_is_a_placeholder_and_null_is_written_out() -> None:
    text = f"SELECT {MARK}, {MARK}, {MARK}"
    assert with_nulls(text, [1, None, ""]) == ("SELECT ?, NULL, ?", [1, ""])


@pytest.mark.parametrize("name", sorted(STATEMENTS))
def test_no_statement_has_a_placeholder_of_its_own(name: str) -> None:
    """The driver counts them wherever they stand."""
    assert "?" not in STATEMENTS[name].replace(MARK, "")
    assert "--" not in STATEMENTS[name]


@pytest.mark.parametrize("name", sorted(STATEMENTS))
def test_several_changes_are_one_transaction(name: str) -> None:
    """So that what ends a deadlock leaves nothing half done, and may be asked again."""
    text = STATEMENTS[name]
    if len(CHANGES.findall(text)) > 1:
        assert text.count("BEGIN TRANSACTION") == text.count("COMMIT TRANSACTION") == 1


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_what_only_one_kind_of_server_takes_is_not_used(path: Path) -> None:
    text = re.sub(r"--[^\n]*|N'[A-Z_]+'", "", path.read_text("utf-8"))
    for word in ("MERGE", "WAITFOR", "CREATE OR ALTER", "LEAST(", "GREATEST(", "NOLOCK"):
        assert word not in text, word
