import os
import socket
import stat
import subprocess
import threading
import time
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

import psutil
import psycopg
import pytest

from devhost.postgres import (
    EmbeddedPostgres,
    PostgresError,
    clone,
    initialise,
    running_url,
    scratch,
    scratch_postgres,
)

StartElsewhere = Callable[[], tuple[subprocess.Popen[str], str]]
ServerOf = Callable[[], psutil.Process]
IsGoneWithin = Callable[[psutil.Process, float], bool]


def ask(url: str, question: str) -> object:
    with psycopg.connect(url, autocommit=True) as connection:
        row = connection.execute(question.encode()).fetchone()
        return row[0] if row else None


def run(url: str, statement: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(statement.encode())


def test_a_started_server_answers_at_its_url(postgres: EmbeddedPostgres) -> None:
    url = postgres.start(durable=False)
    parts = urlsplit(url)
    assert (parts.username, parts.hostname, parts.path) == (
        "watchkeeper",
        "127.0.0.1",
        "/watchkeeper",
    )
    assert ask(url, "select current_database()") == "watchkeeper"
    assert ask(url, "show timezone") == "UTC"
    assert ask(url, "show server_encoding") == "UTF8"


def test_statements_are_counted_in_every_database(postgres: EmbeddedPostgres) -> None:
    url = postgres.start(durable=False)
    assert isinstance(ask(url, "select count(*) from pg_stat_statements"), int)
    run(url, "create database another")
    another = url.removesuffix("watchkeeper") + "another"
    assert isinstance(ask(another, "select count(*) from pg_stat_statements"), int)


def test_a_second_start_is_quick_and_keeps_address_password_and_data(
    postgres: EmbeddedPostgres,
) -> None:
    url = postgres.start()
    run(url, "create table kept as select 1 as one")
    postgres.stop()
    before = time.monotonic()
    assert postgres.start() == url
    assert time.monotonic() - before < 2
    assert ask(url, "select one from kept") == 1


def test_only_the_durable_server_waits_for_the_disk(postgres: EmbeddedPostgres) -> None:
    assert ask(postgres.start(durable=False), "show fsync") == "off"
    postgres.stop()
    assert ask(postgres.start(), "show fsync") == "on"


def test_a_wrong_password_is_refused(postgres: EmbeddedPostgres) -> None:
    parts = urlsplit(postgres.start(durable=False))
    for wrong in ("", "wrong"):
        url = parts._replace(netloc=f"watchkeeper:{wrong}@127.0.0.1:{parts.port}").geturl()
        with pytest.raises(psycopg.OperationalError, match="password"):
            psycopg.connect(url)


def test_the_password_can_be_read_by_its_owner_only(
    postgres: EmbeddedPostgres, folder: Path
) -> None:
    postgres.start(durable=False)
    assert stat.S_IMODE((folder / "password").stat().st_mode) == 0o600
    assert stat.S_IMODE((folder / "data").stat().st_mode) == 0o700
    assert not (folder / "password.draft").exists()


def test_it_listens_on_the_loopback_address_only(
    postgres: EmbeddedPostgres, server_of: ServerOf
) -> None:
    url = postgres.start(durable=False)
    sockets = [each for each in server_of().net_connections(kind="all") if not each.raddr]
    addresses = {each.laddr for each in sockets if each.status != psutil.CONN_ESTABLISHED}
    assert addresses == {("127.0.0.1", urlsplit(url).port)}
    assert ask(url, "show unix_socket_directories") == ""


def test_it_never_runs_as_root(postgres: EmbeddedPostgres, server_of: ServerOf) -> None:
    postgres.start(durable=False)
    assert 0 not in server_of().uids()
    assert 0 not in server_of().gids()


def test_a_lost_password_is_replaced(postgres: EmbeddedPostgres, folder: Path) -> None:
    former = postgres.start(durable=False)
    postgres.stop()
    (folder / "password").unlink()
    url = postgres.start(durable=False)
    assert url != former
    assert ask(url, "select 1") == 1


def test_what_a_killed_first_start_left_is_made_anew(folder: Path) -> None:
    (folder / "data.draft" / "base").mkdir(parents=True)
    with EmbeddedPostgres(folder) as postgres:
        assert ask(postgres.start(durable=False), "select 1") == 1
    assert not (folder / "data.draft").exists()


def test_another_port_is_taken_when_the_former_is_in_use(postgres: EmbeddedPostgres) -> None:
    former = urlsplit(postgres.start(durable=False)).port
    postgres.stop()
    with socket.socket() as occupant:
        occupant.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        occupant.bind(("127.0.0.1", former))
        occupant.listen()
        url = postgres.start(durable=False)
        assert urlsplit(url).port != former
        assert ask(url, "select 1") == 1


def test_a_wanted_port_in_use_is_named(folder: Path) -> None:
    with socket.socket() as occupant:
        occupant.bind(("127.0.0.1", 0))
        occupant.listen()
        port = occupant.getsockname()[1]
        with pytest.raises(PostgresError, match=f"port {port} for PostgreSQL is in use"):
            EmbeddedPostgres(folder, port).start(durable=False)


def test_a_second_start_on_one_folder_is_refused_or_shares(
    start_elsewhere: StartElsewhere, folder: Path
) -> None:
    owner, url = start_elsewhere()
    with EmbeddedPostgres(folder) as guest:
        with pytest.raises(
            PostgresError, match=f"{folder} is in use already, by process {owner.pid}"
        ):
            guest.start()
        assert guest.start(reuse=True) == url
        assert not guest.is_ours
    assert ask(url, "select 1") == 1
    with pytest.raises(PostgresError, match="in use"):
        guest.remove()


def test_the_url_is_known_to_others_while_the_server_runs(
    postgres: EmbeddedPostgres, folder: Path
) -> None:
    assert running_url(folder) is None
    url = postgres.start(durable=False)
    assert running_url(folder) == url
    postgres.stop()
    assert running_url(folder) is None


def test_a_clone_has_the_data_and_the_password_of_its_template(
    postgres: EmbeddedPostgres, folder: Path
) -> None:
    run(postgres.start(durable=False), "create table kept as select 1 as one")
    postgres.stop()
    copy = folder.with_name("copy")
    clone(folder, copy)
    with EmbeddedPostgres(copy) as second:
        assert ask(second.start(durable=False), "select one from kept") == 1
        assert urlsplit(second.url).password == urlsplit(postgres.url).password


def test_data_that_are_there_are_not_made_again(data: Path) -> None:
    password = (data / "password").read_text()
    initialise(data)
    assert (data / "password").read_text() == password


@pytest.mark.parametrize("in_memory", [False, True])
def test_a_scratch_server_leaves_nothing(is_gone_within: IsGoneWithin, in_memory: bool) -> None:
    with scratch_postgres(in_memory=in_memory) as postgres:
        folder = postgres.folder
        pid_file = folder / "data" / "postmaster.pid"
        server = psutil.Process(int(pid_file.read_text().splitlines()[0]))
    assert is_gone_within(server, 0)
    assert not folder.parent.exists()


def test_where_memory_is_short_a_scratch_server_is_on_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scratch, "LEAST_MEMORY", 0)
    assert scratch.find_memory() == (scratch.MEMORY if scratch.MEMORY.exists() else None)
    monkeypatch.setattr(scratch, "LEAST_MEMORY", 2**62)
    assert scratch.find_memory() is None
    monkeypatch.setattr(scratch, "MEMORY", Path("/nowhere"))
    assert scratch.find_memory() is None


def test_remove_deletes_data_and_folder(postgres: EmbeddedPostgres, folder: Path) -> None:
    postgres.start(durable=False)
    postgres.stop()
    postgres.remove()
    assert not folder.exists()
    postgres.remove()


def test_the_server_outlives_the_thread_that_started_it(
    postgres: EmbeddedPostgres, server_of: ServerOf, is_gone_within: IsGoneWithin
) -> None:
    starter = threading.Thread(target=lambda: postgres.start(durable=False))
    starter.start()
    starter.join()
    assert not is_gone_within(server_of(), 0.3)


def test_kill_9_leaves_no_server_and_the_next_start_recovers(
    start_elsewhere: StartElsewhere,
    postgres: EmbeddedPostgres,
    server_of: ServerOf,
    is_gone_within: IsGoneWithin,
) -> None:
    owner, url = start_elsewhere()
    run(url, "create table kept as select 1 as one")
    server = server_of()
    owner.kill()
    assert is_gone_within(server, 5)
    assert postgres.start(durable=False) == url
    assert ask(url, "select one from kept") == 1


def test_a_start_right_after_kill_9_waits_for_the_former_server(
    start_elsewhere: StartElsewhere, postgres: EmbeddedPostgres
) -> None:
    owner, url = start_elsewhere()
    run(url, "create table kept as select generate_series(1, 200000) as number")
    owner.kill()
    owner.wait()
    assert ask(postgres.start(durable=False), "select count(*) from kept") == 200_000


def test_a_former_server_that_was_never_told_to_stop_is_ended(
    start_elsewhere: StartElsewhere, postgres: EmbeddedPostgres, server_of: ServerOf
) -> None:
    owner, _ = start_elsewhere()
    server = server_of()
    server.suspend()
    owner.kill()
    owner.wait()
    threading.Timer(0.3, server.resume).start()
    assert ask(postgres.start(durable=False), "select 1") == 1


def test_a_killed_server_recovers(
    start_elsewhere: StartElsewhere, postgres: EmbeddedPostgres, server_of: ServerOf
) -> None:
    owner, url = start_elsewhere()
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("create table kept as select 1 as one")
        server_of().kill()
        owner.kill()
        owner.wait()
        assert ask(postgres.start(durable=False), "select one from kept") == 1


def test_a_pid_file_that_names_a_stranger_does_not_stop_the_start(
    postgres: EmbeddedPostgres, folder: Path
) -> None:
    postgres.start(durable=False)
    pid_file = folder / "data" / "postmaster.pid"
    lines = pid_file.read_text().splitlines()
    owner = pid_file.stat()
    postgres.stop()
    user = owner.st_uid if os.geteuid() == 0 else None
    with subprocess.Popen(["sleep", "60"], cwd="/", user=user) as stranger:
        pid_file.write_text("\n".join([str(stranger.pid), *lines[1:]]) + "\n")
        assert running_url(folder) is None
        assert ask(postgres.start(durable=False), "select 1") == 1
        stranger.kill()
