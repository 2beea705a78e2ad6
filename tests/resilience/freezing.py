"""A PostgreSQL that stands still: it keeps its connections and answers nothing."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager

import psutil

from devhost.postgres import EmbeddedPostgres


def postmaster_of(server: EmbeddedPostgres) -> psutil.Process:
    """The parent of all of a server's processes."""
    pid = int((server.folder / "data" / "postmaster.pid").read_text().split()[0])
    return psutil.Process(pid)


@contextmanager
def frozen(server: EmbeddedPostgres) -> Iterator[None]:
    """The kernel goes on accepting connections for it."""
    postmaster = postmaster_of(server)
    processes = [postmaster]
    postmaster.send_signal(signal.SIGSTOP)
    processes += postmaster.children(recursive=True)
    for process in processes[1:]:
        process.send_signal(signal.SIGSTOP)
    try:
        yield
    finally:
        for process in processes:
            process.send_signal(signal.SIGCONT)
