"""The folder of one embedded PostgreSQL: its data, and what is kept beside it."""

import fcntl
import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from devhost.postgres.account import Account
from devhost.postgres.errors import AlreadyRunning, PostgresError

_OPEN_PLACE = Path("/var/tmp")  # noqa: S108  survives a reboot, and every user can reach it


@dataclass(frozen=True)
class Home:
    """Paths only; nothing here is made or read."""

    folder: Path

    @property
    def data(self) -> Path:
        return self.folder / "data"

    @property
    def log(self) -> Path:
        return self.folder / "server.log"

    @property
    def lock(self) -> Path:
        return self.folder / "lock"

    @property
    def password(self) -> Path:
        return self.folder / "password"

    @property
    def programs(self) -> Path:
        """Copies of PostgreSQL's programs, where the server's user cannot reach the originals."""
        return self.folder / "programs"

    @property
    def port(self) -> Path:
        return self.folder / "port"


def locate_home(folder: Path, account: Account) -> Home:
    """`folder` itself, or one under /var/tmp named after it where the server's user is another
    than ours and cannot get to `folder`: opening the folders above it is not ours to do.
    """
    folder = folder.resolve()
    if account.can_reach(folder.parent):
        return Home(folder)
    name = hashlib.sha256(str(folder).encode()).hexdigest()[:16]
    return Home(_OPEN_PLACE / f"watchkeeper-{name}")


def prepare_home(home: Home, account: Account) -> None:
    """Make the folder, or see that it can be used. PostgresError says why it cannot."""
    try:
        _make_folders(home.folder, 0o711 if account.is_another else 0o700)
        status = home.folder.lstat()
    except (FileExistsError, NotADirectoryError):
        raise unusable(home, "a file stands in its place") from None
    except OSError as error:
        raise unusable(home, _reason(error)) from error
    if home.folder.parent == _OPEN_PLACE and status.st_uid != os.geteuid():
        # Anybody may make folders there: one that is not ours may be a trap.
        raise unusable(home, "it belongs to another user")
    if not os.access(home.folder, os.R_OK | os.W_OK | os.X_OK):
        raise unusable(home, "it is not writable")
    _check_data(home, account)


@contextmanager
def usable(home: Home) -> Iterator[None]:
    """Turn what the file system refuses into one line that names the folder."""
    try:
        yield
    except OSError as error:
        raise unusable(home, _reason(error)) from error


def unusable(home: Home, reason: str) -> PostgresError:
    return PostgresError(f"cannot keep the embedded PostgreSQL in {home.folder}: {reason}")


def write_privately(path: Path, text: str) -> None:
    """Replace the file's text, readable by its owner only."""
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        os.fchmod(file.fileno(), 0o600)
        file.write(text)


def take_lock(home: Home) -> int:
    """Own the folder until the descriptor that comes back is closed, or this process dies."""
    with usable(home):
        descriptor = os.open(home.lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        owner = os.pread(descriptor, 20, 0).decode().strip() or "of unknown number"
        os.close(descriptor)
        raise AlreadyRunning(
            f"the embedded PostgreSQL in {home.folder} is in use already, by process {owner}"
        ) from None
    os.ftruncate(descriptor, 0)
    os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
    return descriptor


@contextmanager
def locked(home: Home) -> Iterator[None]:
    descriptor = take_lock(home)
    try:
        yield
    finally:
        os.close(descriptor)


def data_major(home: Home) -> int | None:
    """The version that made the data; None where there is none yet."""
    try:
        return int((home.data / "PG_VERSION").read_text().partition(".")[0])
    except FileNotFoundError:
        return None
    except ValueError:
        raise unusable(home, "its data/PG_VERSION is damaged") from None


def _make_folders(folder: Path, mode: int) -> None:
    """With this mode exactly, whatever the umask says: the server may be another user's."""
    missing = [path for path in (folder, *folder.parents) if not path.exists()]
    folder.mkdir(parents=True, exist_ok=True)
    for path in missing:
        path.chmod(mode)


def _check_data(home: Home, account: Account) -> None:
    with usable(home):
        try:
            status = home.data.stat()
        except FileNotFoundError:
            return
        if not home.data.is_dir():
            raise unusable(home, "a file stands in the place of its data folder")
        if status.st_uid != account.uid:
            raise unusable(home, f"its data belongs to another user (number {status.st_uid})")
        if data_major(home) is None:
            raise unusable(home, "its data folder is not a PostgreSQL's")


def _reason(error: OSError) -> str:
    return (error.strerror or str(error)).lower()
