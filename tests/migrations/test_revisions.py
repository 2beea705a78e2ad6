"""The files of a folder make one unbroken line, or the message names the file that breaks it."""

import subprocess
import sys

import pytest

from repositories.revisions import BadMigrations, known, pending, read_migrations
from tests.migrations.samples import Folder


def test_a_folder_is_read_in_order(notes: Folder) -> None:
    migrations = read_migrations(notes.path)
    assert [(one.revision, one.name) for one in migrations] == [
        ("0001", "notes"),
        ("0002", "tags"),
    ]


def test_a_folder_without_migrations_is_an_empty_line(folder: Folder) -> None:
    assert read_migrations(folder.path) == ()


def test_a_gap_is_named(notes: Folder) -> None:
    notes.write("0004_later", "", "")
    with pytest.raises(BadMigrations, match="migration 0003 is missing: the next file is 0004"):
        read_migrations(notes.path)


def test_a_number_used_twice_is_named(notes: Folder) -> None:
    notes.write("0002_other", "", "")
    with pytest.raises(BadMigrations, match=r"0002_other\.up\.sql and 0002_tags\.up\.sql have"):
        read_migrations(notes.path)


def test_a_missing_down_file_is_named(notes: Folder) -> None:
    notes.write("0003_oneway", "")
    with pytest.raises(BadMigrations, match=r"0003_oneway\.up\.sql has no 0003_oneway\.down\.sql"):
        read_migrations(notes.path)


def test_a_down_file_alone_is_named(notes: Folder) -> None:
    (notes.path / "0003_undo.down.sql").touch()
    with pytest.raises(BadMigrations, match=r"0003_undo\.down\.sql has no 0003_undo\.up\.sql"):
        read_migrations(notes.path)


def test_another_file_name_is_refused(notes: Folder) -> None:
    (notes.path / "3_short.up.sql").touch()
    with pytest.raises(BadMigrations, match=r"3_short\.up\.sql: not NNNN_name\.up\.sql"):
        read_migrations(notes.path)


def test_what_is_pending_follows_what_is_applied() -> None:
    revisions = list(known("postgres"))
    assert pending(None, "postgres") == revisions
    assert pending(revisions[0], "postgres") == revisions[1:]
    assert pending(revisions[-1], "postgres") == []
    assert pending("9999", "postgres") == []


def test_asking_what_is_pending_imports_neither_alembic_nor_a_driver() -> None:
    script = (
        "import sys, repositories.migrations\n"
        "from repositories.revisions import known\n"
        "known('postgres')\n"
        "print({'alembic', 'sqlalchemy', 'psycopg', 'pyodbc'} & set(sys.modules))\n"
    )
    done = subprocess.run([sys.executable, "-c", script], check=True, capture_output=True)
    assert done.stdout.split() == [b"set()"]
