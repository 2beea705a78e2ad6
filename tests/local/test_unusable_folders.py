import os
from pathlib import Path

import pytest

from devhost.postgres import EmbeddedPostgres, PostgresError


def complaint_of(folder: Path) -> str:
    with pytest.raises(PostgresError) as caught, EmbeddedPostgres(folder) as postgres:
        postgres.start(durable=False)
    assert "\n" not in str(caught.value)
    assert str(folder) in str(caught.value)
    return str(caught.value)


def test_a_file_in_its_place(folder: Path) -> None:
    folder.touch()
    assert "a file stands in its place" in complaint_of(folder)


def test_a_file_in_the_place_of_a_folder_above(folder: Path) -> None:
    folder.touch()
    with pytest.raises(PostgresError, match="a file stands in its place"):
        EmbeddedPostgres(folder / "inner").start(durable=False)


def test_a_file_in_the_place_of_the_data(folder: Path) -> None:
    folder.mkdir()
    (folder / "data").touch()
    assert "a file stands in the place of its data folder" in complaint_of(folder)


def test_data_of_no_postgres(data: Path) -> None:
    (data / "data" / "PG_VERSION").unlink()
    assert "its data folder is not a PostgreSQL's" in complaint_of(data)


def test_data_of_another_version(data: Path) -> None:
    (data / "data" / "PG_VERSION").write_text("12\n")
    assert "its data is of PostgreSQL 12, and here is only 1" in complaint_of(data)


def test_data_with_a_damaged_version(data: Path) -> None:
    (data / "data" / "PG_VERSION").write_text("?")
    assert "PG_VERSION is damaged" in complaint_of(data)


@pytest.mark.usefixtures("root")
def test_data_of_another_user(data: Path) -> None:
    os.chown(data / "data", 12345, 12345)
    assert "its data belongs to another user (number 12345)" in complaint_of(data)


def test_a_server_that_does_not_start_is_quoted(data: Path) -> None:
    with (data / "data" / "postgresql.conf").open("a") as configuration:
        configuration.write("nonsense = on\n")
    with pytest.raises(PostgresError) as caught:
        EmbeddedPostgres(data).start(durable=False)
    first, *tail = str(caught.value).splitlines()
    assert first.startswith("PostgreSQL did not start: ")
    assert str(data / "server.log") in first
    assert any('unrecognized configuration parameter "nonsense"' in line for line in tail)
