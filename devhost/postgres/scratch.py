"""A PostgreSQL that lives as long as a `with` block, for tests."""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil

from devhost.postgres.server import EmbeddedPostgres

MEMORY = Path("/dev/shm")  # noqa: S108 - Linux's own file system in memory
LEAST_MEMORY = 12 * 2**30
"""Bytes that are free before: three servers of some hundred databases each take half of that."""


@contextmanager
def scratch_postgres(*, in_memory: bool = False) -> Iterator[EmbeddedPostgres]:
    """Started, empty but for the database, fast and not durable; gone with all its data after.

    `in_memory` it makes a database in a tenth of the time; where memory is short it is on disk.
    """
    parent = find_memory() if in_memory else None
    with scratch_folder(parent) as folder, EmbeddedPostgres(folder / "postgres") as postgres:
        postgres.start(durable=False)
        try:
            yield postgres
        finally:
            postgres.stop(at_once=True)


@contextmanager
def scratch_folder(parent: Path | None = None) -> Iterator[Path]:
    """A temporary folder that another user can pass through, as the server of root must."""
    folder = Path(tempfile.mkdtemp(prefix="watchkeeper-", dir=parent))
    try:
        folder.chmod(0o711)
        yield folder
    finally:
        shutil.rmtree(folder)


def find_memory() -> Path | None:
    """A folder in memory that has room; None where there is none."""
    try:
        free = shutil.disk_usage(MEMORY).free
    except OSError:
        return None
    return MEMORY if min(free, psutil.virtual_memory().available) >= LEAST_MEMORY else None
