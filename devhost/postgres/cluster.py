"""Making the data of an embedded PostgreSQL: initdb, the password, the database."""

import secrets
import shutil
import subprocess
from pathlib import Path

from devhost.postgres.account import Account, server_account
from devhost.postgres.binaries import Binaries, find_binaries
from devhost.postgres.errors import PostgresError
from devhost.postgres.home import (
    Home,
    data_major,
    locate_home,
    locked,
    prepare_home,
    usable,
    write_privately,
)

NAME = "watchkeeper"  # of the database and of its owner
STATEMENTS = "pg_stat_statements"
_BUILTIN_LOCALES_SINCE = 17


def initialise(folder: Path, *, durable: bool = True) -> None:
    """Make the data, unless they are there. `durable=False` trusts the disk to write in the end."""
    account = server_account()
    home = locate_home(folder, account)
    prepare_home(home, account)
    with locked(home):
        make_data(home, account, find_binaries(account, home), durable=durable)


def make_data(home: Home, account: Account, binaries: Binaries, *, durable: bool) -> None:
    """What `initialise` does, for one who holds the folder's lock already."""
    with usable(home):
        if data_major(home) is None:
            _make_data_at_once(home, account, binaries, durable=durable)
        if not home.password.exists():
            _set_password(home, account, binaries)


def clone(template: Path, folder: Path) -> None:
    """Copy data that `initialise` made and no server uses now: quicker than making them."""
    account = server_account()
    source, target = locate_home(template, account), locate_home(folder, account)
    prepare_home(target, account)
    with locked(source), locked(target), usable(target):
        shutil.copytree(source.data, target.data)
        for path in (target.data, *target.data.rglob("*")):
            account.own(path)
        write_privately(target.password, source.password.read_text())


def _make_data_at_once(home: Home, account: Account, binaries: Binaries, *, durable: bool) -> None:
    # Under another name until all is done, so that a start that is killed leaves nothing half made.
    draft = home.folder / "data.draft"
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir(mode=0o700)
    account.own(draft)
    password = secrets.token_urlsafe(24)
    _run_initdb(draft, account, binaries, password, durable=durable)
    _create_database(draft, account, binaries)
    write_privately(home.password, password)
    draft.rename(home.data)


def _run_initdb(
    data: Path, account: Account, binaries: Binaries, password: str, *, durable: bool
) -> None:
    password_file = data.with_name("password.draft")
    write_privately(password_file, password)
    account.own(password_file)
    builtin = binaries.major >= _BUILTIN_LOCALES_SINCE
    try:
        done = account.run(
            [
                binaries.initdb,
                f"--pgdata={data}",
                f"--username={NAME}",
                "--auth=scram-sha-256",
                f"--pwfile={password_file}",
                "--encoding=UTF8",
                "--no-locale",
                *(("--locale-provider=builtin", "--builtin-locale=C.UTF-8") if builtin else ()),
                *(() if durable else ("--no-sync",)),
            ]
        )
    finally:
        password_file.unlink()
    _check("initdb", done)


def _create_database(data: Path, account: Account, binaries: Binaries) -> None:
    """With pg_stat_statements in it, and in every database made later, where this PostgreSQL
    has that extension.
    """
    create = f"CREATE DATABASE {NAME} OWNER {NAME};\n"
    with_statements = f"CREATE EXTENSION {STATEMENTS};\n{create}"
    preload = f"shared_preload_libraries={STATEMENTS}"
    if _run_alone(data, account, binaries, with_statements, "-c", preload).returncode == 0:
        with (data / "postgresql.conf").open("a") as configuration:
            configuration.write(f"shared_preload_libraries = '{STATEMENTS}'\n")
        return
    _check("making the database", _run_alone(data, account, binaries, create))


def _set_password(home: Home, account: Account, binaries: Binaries) -> None:
    """Another password where the file that kept it is gone."""
    password = secrets.token_urlsafe(24)
    statement = f"ALTER ROLE {NAME} PASSWORD '{password}';\n"
    _check("setting the password", _run_alone(home.data, account, binaries, statement))
    write_privately(home.password, password)


def _run_alone(
    data: Path, account: Account, binaries: Binaries, statements: str, *options: str
) -> subprocess.CompletedProcess[str]:
    """Run statements, one a line, without a server; the first that fails ends it."""
    command: list[str | Path] = [binaries.postgres, "--single", "-D", data]
    return account.run([*command, "-c", "exit_on_error=on", *options, "template1"], statements)


def _check(step: str, done: subprocess.CompletedProcess[str]) -> None:
    if done.returncode != 0:
        said = (done.stderr or done.stdout).strip().replace("\n", "; ")
        raise PostgresError(f"PostgreSQL: {step} failed: {said or f'exit {done.returncode}'}")
