"""up, down, mark and status on a real PostgreSQL."""

import os
import re
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

import psycopg
import pytest

from repositories.migrations.__main__ import main
from tests.migrations.samples import Command, Folder

Rows = Callable[[str], list[Any]]

VERSION = "SELECT version_num FROM monitoring.schema_version"
UTC_TIME = """
    SELECT to_char(happened_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS')
      FROM monitoring.schema_history
"""
TABLES = "SELECT relname::text FROM pg_class WHERE relnamespace = to_regnamespace('monitoring')"


@pytest.mark.usefixtures("notes")
class TestGoodMigrations:
    def test_up_then_down_then_up_again(self, command: Command, rows: Rows) -> None:
        assert command("up").code == 0
        assert rows(VERSION) == [("0002",)]
        assert command("down", "base").code == 0
        assert rows(VERSION) == []
        assert ("notes",) not in rows(TABLES)
        assert command("up").code == 0
        assert rows(VERSION) == [("0002",)]

    def test_percent_signs_and_colons_arrive_as_they_stand(
        self, command: Command, rows: Rows
    ) -> None:
        command("up")
        assert rows("SELECT body FROM monitoring.notes") == [("100 %s of it :sure; yes",)]

    def test_up_stops_at_its_target(self, command: Command, rows: Rows) -> None:
        outcome = command("up", "0001")
        assert outcome.out.splitlines()[0] == "0001_notes.up.sql"
        assert outcome.out.splitlines()[1].startswith("the database is at 0001 (")
        assert rows(VERSION) == [("0001",)]

    def test_a_second_up_has_nothing_to_do(self, command: Command) -> None:
        command("up")
        assert command("up").out == "nothing to do: the database is at 0002\n"

    def test_down_by_one_step(self, command: Command, rows: Rows) -> None:
        command("up")
        assert command("down", "-1").code == 0
        assert rows(VERSION) == [("0001",)]

    def test_down_by_too_many_steps_is_refused(self, command: Command) -> None:
        command("up")
        outcome = command("down", "-3")
        assert (outcome.code, outcome.err) == (
            1,
            "there are not 3 migrations to undo: 2 applied\n",
        )

    def test_up_to_what_is_behind_is_refused(self, command: Command) -> None:
        command("up")
        outcome = command("up", "0001")
        assert outcome.code == 1
        assert outcome.err == "0001 is applied already: the database is at 0002\n"

    def test_an_unknown_target_is_named(self, command: Command) -> None:
        outcome = command("up", "0007")
        assert outcome.code == 1
        assert outcome.err == "revision 0007 is not among the files: the newest is 0002\n"

    def test_a_database_that_is_ahead_of_the_files_is_left_alone(
        self, command: Command, rows: Rows
    ) -> None:
        command("up")
        rows("UPDATE monitoring.schema_version SET version_num = '0009'")
        assert command("up").err == "revision 0009 is not among the files: the newest is 0002\n"
        assert "0009  is applied, and not among these files" in command("status").out

    def test_mark_runs_nothing(self, command: Command, rows: Rows) -> None:
        outcome = command("mark", "0001")
        assert outcome.out == "marked: the database counts as being at 0001\n"
        assert rows(VERSION) == [("0001",)]
        assert ("notes",) not in rows(TABLES)

    def test_mark_base_forgets_what_was_applied(self, command: Command, rows: Rows) -> None:
        command("up")
        assert command("mark", "base").code == 0
        assert rows(VERSION) == []
        assert ("notes",) in rows(TABLES)

    def test_status_says_what_is_applied_and_when(self, command: Command) -> None:
        command("up", "0001")
        first, second = command("status").out.splitlines()
        assert re.fullmatch(r"0001  notes +applied  20\d\d-\d\d-\d\dT\d\d:\d\d:\d\dZ", first)
        assert re.fullmatch(r"0002  tags +pending", second)

    def test_status_gives_the_time_in_utc(
        self, command: Command, rows: Rows, database: str
    ) -> None:
        command("up", "0001")
        rows(f"ALTER DATABASE {database.rpartition('/')[2]} SET timezone = 'Asia/Tokyo'")
        ((expected,),) = rows(UTC_TIME)
        assert f"{expected}Z" in command("status").out

    def test_status_of_an_empty_database_touches_nothing(
        self, command: Command, rows: Rows
    ) -> None:
        assert command("status").out.count("pending") == 2
        assert rows("SELECT to_regnamespace('monitoring')") == [(None,)]

    def test_the_history_keeps_every_step(self, command: Command, rows: Rows) -> None:
        for arguments in (("up",), ("down", "-1"), ("mark", "0002"), ("mark", "base")):
            command(*arguments)
        history = "SELECT revision, action FROM monitoring.schema_history ORDER BY happened_at"
        assert rows(history) == [
            ("0001", "up"),
            ("0002", "up"),
            ("0002", "down"),
            ("0002", "mark"),
            ("0002", "unmark"),
            ("0001", "unmark"),
        ]

    def test_a_schema_made_by_somebody_else_is_enough(
        self, command: Command, rows: Rows, plain_login: str
    ) -> None:
        """The right to make schemas is not needed where the schema is there."""
        rows("CREATE SCHEMA monitoring; GRANT CREATE, USAGE ON SCHEMA monitoring TO plain")
        assert command("--url", plain_login, "up").code == 0
        assert rows(VERSION) == [("0002",)]

    def test_a_login_that_may_not_is_told_so(self, command: Command, plain_login: str) -> None:
        outcome = command("--url", plain_login, "up")
        assert outcome.code == 1
        said = "cannot prepare the schema monitoring: permission denied for database"
        assert outcome.err.startswith(said)

    def test_a_login_that_may_not_look_is_told_so(self, command: Command, plain_login: str) -> None:
        command("up")
        outcome = command("--url", plain_login, "status")
        assert (outcome.code, outcome.err) == (1, "permission denied for schema monitoring\n")


class TestFailingMigrations:
    def test_nothing_of_it_stays(self, notes: Folder, command: Command, rows: Rows) -> None:
        notes.write("0003_bad", "CREATE TABLE monitoring.half ();\nSELECT 1 / 0;\n", "")
        outcome = command("up")
        assert outcome.code == 1
        assert outcome.err == "0003_bad.up.sql, line 2: division by zero\n"
        assert rows(VERSION) == [("0002",)]
        assert ("half",) not in rows(TABLES)
        history = rows("SELECT revision FROM monitoring.schema_history")
        assert history == [("0001",), ("0002",)]

    @pytest.mark.parametrize(
        ("body", "line", "message"),
        [
            ("SELECT 1;\n\nSELEKT 2;\n", 3, 'syntax error at or near "SELEKT"'),
            ("SELECT 'é';\nSELECT nobody;\n", 2, 'column "nobody" does not exist'),
            (
                "-- one;\nCREATE TABLE monitoring.t ();\n/* two; /* three; */ */\n"
                "SELECT ';', $a$;$$;$a$, E'\\';';\nCREATE TABLE monitoring.t ();\n",
                5,
                'relation "t" already exists',
            ),
            (
                "SELECT 1;\nDO $$\nBEGIN\n  RAISE EXCEPTION 'no;' USING HINT = 'try\nharder';\n"
                "END $$;\n",
                2,
                "no; try harder",
            ),
            ("CREATE TABLE loose ();\n", 1, "no schema has been selected to create in"),
            ("SELECT 1;\ncopy monitoring.t from stdin;\n", 2, "COPY cannot stand in a migration"),
            ("SELECT 1;\n/* so */ COMMIT;", 2, "COMMIT cannot stand in a migration"),
        ],
    )
    def test_the_message_names_file_and_line(
        self, folder: Folder, command: Command, body: str, line: int, message: str
    ) -> None:
        folder.write("0001_bad", body, "")
        outcome = command("up")
        assert outcome.code == 1
        assert outcome.err == f"0001_bad.up.sql, line {line}: {message}\n"

    def test_a_constraint_checked_at_commit_undoes_the_version_too(
        self, folder: Folder, command: Command, rows: Rows
    ) -> None:
        folder.write(
            "0001_late",
            "CREATE TABLE monitoring.parent (id integer PRIMARY KEY);\n"
            "CREATE TABLE monitoring.child (id integer REFERENCES monitoring.parent\n"
            "    DEFERRABLE INITIALLY DEFERRED);\n"
            "INSERT INTO monitoring.child VALUES (7);\n",
            "",
        )
        outcome = command("up")
        assert outcome.code == 1
        assert "violates foreign key constraint" in outcome.err
        assert command("status").out.count("pending") == 1
        assert ("child",) not in rows(TABLES)

    def test_a_server_that_goes_away_is_named_with_the_file(
        self, folder: Folder, command: Command
    ) -> None:
        folder.write("0001_gone", "SELECT pg_terminate_backend(pg_backend_pid());\n", "")
        outcome = command("up")
        assert outcome.code == 1
        assert outcome.err.startswith("0001_gone.up.sql, line 1: terminating connection")
        assert outcome.err.count("\n") == 1

    def test_a_body_that_ends_its_transaction_in_a_roundabout_way_is_found_out(
        self, folder: Folder, command: Command
    ) -> None:
        folder.write("0001_ends", "SELECT 1;\nEND;\n", "")
        outcome = command("up")
        assert outcome.code == 1
        assert "0001_ends.up.sql: it ends its transaction" in outcome.err


class TestTwoRunsAtOnce:
    def test_one_waits_and_both_succeed(self, folder: Folder, database: str, rows: Rows) -> None:
        folder.write("0001_slow", "SELECT pg_sleep(0.7);\nCREATE TABLE monitoring.once ();\n", "")
        runs = [_start(database, folder) for _ in range(2)]
        answers = [run.communicate(timeout=30) for run in runs]
        assert [run.returncode for run in runs] == [0, 0], answers
        said = sorted(out.splitlines()[-1].split(" (")[0] for out, _ in answers)
        assert said == ["nothing to do: the database is at 0001", "the database is at 0001"]
        assert rows("SELECT action FROM monitoring.schema_history") == [("up",)]

    def test_the_one_that_waits_says_so_and_gives_up(
        self, notes: Folder, command: Command, database: str, rows: Rows
    ) -> None:
        with psycopg.connect(database) as other:
            other.execute("SELECT pg_advisory_lock(6296441724343119986)")
            began = time.monotonic()
            outcome = command("up", "--lock-timeout", "0.2")
            assert 0.1 < time.monotonic() - began < 5
        assert outcome.code == 1
        assert outcome.err.splitlines() == [
            "another migration of this database is running: waiting for up to 0.2 s",
            "another migration of this database is still running after 0.2 s",
        ]
        assert rows("SELECT to_regnamespace('monitoring')") == [(None,)]

    def test_a_run_that_is_killed_leaves_nothing_half_done(
        self, folder: Folder, command: Command, database: str, rows: Rows
    ) -> None:
        body = "CREATE TABLE monitoring.once ();\nSELECT pg_sleep(0.5);\n"
        folder.write("0001_slow", body, "DROP TABLE monitoring.once;\n")
        run = _start(database, folder)
        sleeping = "SELECT 1 FROM pg_stat_activity WHERE wait_event = 'PgSleep'"
        while not rows(sleeping):
            assert run.poll() is None
        run.kill()
        run.communicate()
        assert command("up").code == 0
        assert rows(VERSION) == [("0001",)]


class TestCallingIt:
    def test_without_a_url(
        self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        monkeypatch.delenv("STORE_URL", raising=False)
        assert main(["up"]) == 2
        expected = "no database: STORE_URL is not set, and there is no --url\n"
        assert capsys.readouterr().err == expected

    def test_with_the_url_of_the_setting(
        self,
        notes: Folder,
        database: str,
        monkeypatch: pytest.MonkeyPatch,
        capsys: pytest.CaptureFixture[str],
    ) -> None:
        monkeypatch.setenv("STORE_URL", database)
        assert main(["--folder", str(notes.path), "status"]) == 0
        assert capsys.readouterr().out.count("pending") == 2

    def test_with_a_malformed_url(self, capsys: pytest.CaptureFixture[str]) -> None:
        assert main(["--url", "ftp://host/x", "up"]) == 2
        assert capsys.readouterr().err.startswith("no engine for ftp://")

    def test_when_nobody_answers(self, notes: Folder, capsys: pytest.CaptureFixture[str]) -> None:
        url = "postgresql://someone:hidden@127.0.0.1:1/x"
        assert main(["--url", url, "--folder", str(notes.path), "up"]) == 1
        said = capsys.readouterr().err
        assert said.startswith("cannot connect: ")
        assert said.count("\n") == 1
        assert "hidden" not in said


def _start(database: str, folder: Folder) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-m", "repositories.migrations", "--folder", folder.path, "up"],
        env={**os.environ, "STORE_URL": database},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
