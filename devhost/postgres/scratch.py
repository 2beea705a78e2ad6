"""A PostgreSQL that lives as long as a `with` block, for tests."""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from devhost.postgres.server import EmbeddedPostgres


@contextmanager
def scratch_postgres() -> Iterator[EmbeddedPostgres]:
    """Started, empty but for the database, fast and not durable; gone with all its data after."""
    with scratch_folder() as folder, EmbeddedPostgres(folder / "postgres") as postgres:
        postgres.start(durable=False)
        try:
            yield postgres
        finally:
            postgres.stop(at_once=True)


@contextmanager
def scratch_folder() -> Iterator[Path]:
    """A temporary folder that another user can pass through, as the server of root must."""
    folder = Path(tempfile.mkdtemp(prefix="watchkeeper-"))
    try:
        folder.chmod(0o711)
        yield folder
    finally:
        shutil.rmtree(folder)
