"""verify and snapshot: the live schema against what the migrations make."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from devhost.postgres import EmbeddedPostgres
from devhost.postgres.account import server_account
from devhost.postgres.binaries import Binaries
from devhost.postgres.cluster import make_data
from devhost.postgres.home import locate_home, prepare_home
from devhost.postgres.scratch import scratch_folder
from repositories.revisions import folder_of
from tests.migrations.samples import Command, Folder, fresh_database

Rows = Callable[[str], list[Any]]

POSTGRES_15 = Path("/usr/lib/postgresql/15/bin")


@pytest.fixture(scope="module")
def older_server() -> Iterator[str]:
    """PostgreSQL 15, whose catalogue differs from the embedded one's."""
    if not (POSTGRES_15 / "postgres").exists():
        pytest.skip(f"no PostgreSQL 15 in {POSTGRES_15}: schemas of two versions not compared")
    with scratch_folder() as folder:
        place = folder / "postgres"
        account = server_account()
        home = locate_home(place, account)
        prepare_home(home, account)
        make_data(home, account, Binaries(POSTGRES_15, "15.0"), durable=False)
        with EmbeddedPostgres(place) as postgres:
            yield postgres.start(durable=False)


@pytest.fixture
def everything(folder: Folder) -> Folder:
    """A migration with one of each thing that a snapshot holds."""
    folder.write(
        "0001_everything",
        """
        CREATE SCHEMA app;
        CREATE TABLE monitoring.owner (a integer, b integer, PRIMARY KEY (b, a));
        CREATE TABLE monitoring.thing (
            id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
            code varchar(10) NOT NULL DEFAULT 'x' COLLATE "C" UNIQUE,
            state text CHECK (state IN ('new', 'old')),
            a integer DEFAULT 1,
            b integer,
            twice integer GENERATED ALWAYS AS (a * 2) STORED,
            seen timestamptz DEFAULT now() - interval '1 day',
            CONSTRAINT fk_owner FOREIGN KEY (a, b) REFERENCES monitoring.owner (a, b)
                ON DELETE CASCADE ON UPDATE SET NULL DEFERRABLE
        );
        CREATE UNIQUE INDEX ix_state ON monitoring.thing
            (lower(state) DESC, code text_pattern_ops, a NULLS FIRST) INCLUDE (b)
            WHERE state IS NOT NULL AND a BETWEEN 1 AND 9;
        CREATE INDEX ix_seen ON monitoring.thing USING brin (seen);
        CREATE TABLE monitoring.log (at timestamptz, line text) PARTITION BY RANGE (at);
        CREATE VIEW monitoring.overview AS
            SELECT state, count(*) AS things, max(seen) AT TIME ZONE 'UTC' AS seen
              FROM monitoring.thing GROUP BY state;
        CREATE FUNCTION app.twice(number integer, times integer DEFAULT 2)
            RETURNS TABLE (result integer) LANGUAGE sql STABLE STRICT SET search_path = ''
            AS $$ SELECT number * times $$;
        CREATE FUNCTION monitoring.touch() RETURNS trigger LANGUAGE plpgsql
            AS $$ BEGIN NEW.seen := now(); RETURN NEW; END $$;
        CREATE TRIGGER touch BEFORE UPDATE OF a ON monitoring.thing
            FOR EACH ROW WHEN (NEW.a > 0) EXECUTE FUNCTION monitoring.touch();
        """,
        "DROP SCHEMA app CASCADE;",
    )
    return folder


@pytest.fixture
def verified(everything: Folder, command: Command) -> Command:
    """A database that fits its snapshot."""
    assert (command("up").code, command("snapshot").code) == (0, 0)
    assert command("verify").out == "the schema is that of 0001\n"
    return command


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ("DROP VIEW monitoring.overview", "missing: view monitoring.overview"),
        (
            "ALTER TABLE monitoring.thing DROP COLUMN code",
            "missing: column code of monitoring.thing",
        ),
        (
            "ALTER TABLE monitoring.log ALTER line TYPE varchar(9)",
            "different: column line of monitoring.log: type is character varying(9), expected text",
        ),
        (
            "ALTER TABLE monitoring.thing ALTER code DROP NOT NULL",
            "different: column code of monitoring.thing: nullable is yes, expected no",
        ),
        (
            "ALTER TABLE monitoring.thing ALTER a DROP DEFAULT",
            "different: column a of monitoring.thing: default is none, expected 1",
        ),
        ("DROP INDEX monitoring.ix_seen", "missing: index ix_seen of monitoring.thing"),
        (
            "DROP INDEX monitoring.ix_seen;"
            "CREATE INDEX ix_seen ON monitoring.thing USING brin (seen) WHERE a > 1",
            "different: index ix_seen of monitoring.thing: where is (a > 1), expected none",
        ),
        (
            "ALTER TABLE monitoring.thing DROP CONSTRAINT fk_owner",
            "missing: constraint fk_owner of monitoring.thing",
        ),
        (
            "ALTER TABLE monitoring.thing DROP CONSTRAINT thing_pkey;"
            "ALTER TABLE monitoring.thing ADD CONSTRAINT thing_pkey PRIMARY KEY (id, a)",
            "different: constraint thing_pkey of monitoring.thing: "
            "columns is (id, a), expected (id)",
        ),
        (
            "CREATE OR REPLACE FUNCTION app.twice(number integer, times integer DEFAULT 2)"
            " RETURNS TABLE (result integer) LANGUAGE sql STABLE STRICT SET search_path = ''"
            " AS 'SELECT 7'",
            "different: function app.twice(integer, integer): body_md5 is ",
        ),
        (
            "ALTER FUNCTION app.twice RESET search_path",
            "different: function app.twice(integer, integer): config is none, expected (",
        ),
        ("DROP TRIGGER touch ON monitoring.thing", "missing: trigger touch of monitoring.thing"),
        ("DROP TABLE monitoring.log", "missing: table monitoring.log"),
    ],
)
def test_verify_names_what_was_changed(
    verified: Command, rows: Rows, change: str, named: str
) -> None:
    rows(change)
    outcome = verified("verify")
    assert outcome.code == 1
    assert any(line.startswith(named) for line in outcome.out.splitlines()), outcome.out


def test_a_missing_table_is_one_difference(verified: Command, rows: Rows) -> None:
    rows("DROP TABLE monitoring.log")
    assert verified("verify").out == "missing: table monitoring.log\n1 difference\n"


def test_what_is_extra_is_named_but_no_failure(verified: Command, rows: Rows) -> None:
    rows("CREATE TABLE monitoring.theirs (id integer)")
    rows("ALTER TABLE monitoring.owner ADD COLUMN c integer")
    outcome = verified("verify")
    assert outcome.code == 0
    assert outcome.out.splitlines() == [
        "extra: column c of monitoring.owner",
        "extra: table monitoring.theirs",
        "the schema is that of 0001",
    ]


def test_the_search_path_of_the_login_makes_no_difference(verified: Command, rows: Rows) -> None:
    rows(
        "DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET search_path = monitoring, app',"
        " current_database()); END $$"
    )
    assert verified("verify").code == 0


def test_a_database_that_is_not_at_the_newest_revision_is_refused(verified: Command) -> None:
    verified("mark", "base")
    outcome = verified("verify")
    assert outcome.code == 1
    assert outcome.err == "the database is at base, the files go to 0001: run `up`\n"


def test_a_snapshot_of_another_revision_is_refused(verified: Command, everything: Folder) -> None:
    everything.write("0002_more", "", "")
    outcome = verified("verify")
    assert outcome.code == 1
    assert outcome.err.startswith("schema.json is of 0001, the files go to 0002")


def test_a_missing_snapshot_is_named(notes: Folder, command: Command) -> None:
    outcome = command("verify")
    assert outcome.code == 1
    assert outcome.err == f"{notes.path.parent / 'schema.json'}: No such file or directory\n"


def test_the_repository_snapshot_is_up_to_date(
    database: str, folder: Folder, command: Command, real: Command
) -> None:
    """Else: `up` on an empty database, then `python -m repositories.migrations snapshot`."""
    shutil.copytree(folder_of("postgres"), folder.path, dirs_exist_ok=True)
    assert real("up").code == 0
    assert command("snapshot").code == 0
    made = folder.path.parent / "schema.json"
    kept = folder_of("postgres").parent / "schema.json"
    assert made.read_text() == kept.read_text()


def test_every_migration_can_be_undone_to_nothing(real: Command, rows: Rows) -> None:
    left = "SELECT relname::text FROM pg_class WHERE relnamespace = 'monitoring'::regnamespace"
    assert real("up").code == 0
    assert real("down", "base").code == 0
    assert {name for (name,) in rows(left)} == {
        "schema_history",
        "schema_version",
        "schema_version_pkc",
    }
    assert real("up").code == 0
    assert real("verify").code == 0


@pytest.mark.parametrize("which", ["sample", "repository"])
def test_two_versions_of_postgresql_have_the_same_schema(
    older_server: str, verified: Command, real: Command, which: str
) -> None:
    command = verified if which == "sample" else real
    with fresh_database(older_server) as url, psycopg.connect(url) as connection:
        assert connection.info.server_version // 10000 == 15
        assert command("--url", url, "up").code == 0
        outcome = command("--url", url, "verify")
        assert (outcome.code, outcome.out.count("\n")) == (0, 1), outcome.out
