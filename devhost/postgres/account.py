"""Who the server runs as: the user who asks, or nobody where root asks."""

import os
import pwd
import stat
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from devhost.postgres.errors import PostgresError

_KEPT_VARIABLES = ("PATH", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH")


def server_environment() -> dict[str, str]:
    """The variables of every PostgreSQL program: no PG* of the user, messages in English, UTC."""
    kept = {name: os.environ[name] for name in _KEPT_VARIABLES if name in os.environ}
    return kept | {"LC_ALL": "C", "TZ": "UTC"}


@dataclass(frozen=True)
class Account:
    """A user by number. PostgreSQL refuses to run as root."""

    uid: int
    gid: int

    @property
    def is_another(self) -> bool:
        return self.uid != os.geteuid()

    def run(
        self, command: Sequence[str | Path], text: str = ""
    ) -> subprocess.CompletedProcess[str]:
        """Run to the end as this user. OSError where that is not possible."""
        arguments = [str(part) for part in command]
        return subprocess.run(  # noqa: S603
            arguments,
            input=text,
            capture_output=True,
            text=True,
            cwd="/",
            env=server_environment(),
            user=self.uid if self.is_another else None,
            group=self.gid if self.is_another else None,
            extra_groups=[] if self.is_another else None,
        )

    def own(self, path: Path) -> None:
        if self.is_another:
            os.chown(path, self.uid, self.gid)

    def can_reach(self, folder: Path) -> bool:
        """Whether every folder on the way that exists already lets this user through."""
        if not self.is_another:
            return True
        return all(
            path.stat().st_mode & stat.S_IXOTH
            for path in (folder, *folder.parents)
            if path.is_dir() and path.stat().st_uid != self.uid
        )


def server_account() -> Account:
    if os.geteuid() != 0:
        return Account(os.geteuid(), os.getegid())
    try:
        nobody = pwd.getpwnam("nobody")
    except KeyError:
        raise PostgresError(
            "PostgreSQL does not run as root, and this machine has no user 'nobody' to run it as"
        ) from None
    return Account(nobody.pw_uid, nobody.pw_gid)
