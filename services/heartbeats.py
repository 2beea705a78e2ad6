"""Prove that this process is alive, and say how it is doing."""

import logging
import os
import socket
import threading
import uuid
from collections.abc import Sequence

import psutil

from repositories.contracts.store import Store, Work
from repositories.errors import StorageError
from repositories.records.processes import Figure, Worker

logger = logging.getLogger(__name__)

SILENT_SECONDS = 180
"""From when on a process is down, as the store's view of them has it."""


def describe_process(*, version: str, environment: str) -> Worker:
    """This process, under an id of its own for as long as it lives."""
    return Worker(
        worker_instance_id=str(uuid.uuid4()),
        worker_name="watchkeeper",
        machine_name=socket.gethostname()[:100],
        process_id=os.getpid(),
        version=version,
        environment=environment[:50],
    )


def measure_process() -> list[Figure]:
    """Memory (bytes), CPU time since the start (seconds) and threads of this process."""
    process = psutil.Process()
    with process.oneshot():
        cpu = process.cpu_times()
        return [
            Figure(name="memory", value=float(process.memory_info().rss), unit="bytes"),
            Figure(name="cpu_time", value=cpu.user + cpu.system, unit="seconds"),
            Figure(name="threads", value=float(threading.active_count()), unit="count"),
        ]


class HeartbeatService:
    """`worker_instance_id` is what the store knows this process by: its own id until it is told."""

    def __init__(self, store: Store, worker: Worker, *, service: str) -> None:
        self._store, self._worker, self._service = store, worker, service
        self.worker_instance_id = worker.worker_instance_id
        self._is_registered = False

    def registered_id(self) -> str:
        """As `worker_instance_id`, and the store knows it from now on: other rows refer to it."""
        if not self._is_registered:
            with self._store.single() as work:
                self._register(work)
        return self.worker_instance_id

    def beat(self) -> None:
        """Its figures, its service's status, and who fell silent: a round trip each."""
        figures = measure_process()
        with self._store.single() as work:
            if not self._beat_as_worker(work, figures):
                self._register(work)
                self._beat_as_worker(work, figures)
            work.heartbeats.beat(
                self._service, status="running", worker_instance_id=self.worker_instance_id
            )
            work.workers.retire(silent_seconds=SILENT_SECONDS)

    def stop(self) -> None:
        """The process ends, and nobody need wait until its silence tells, if the store is there."""
        if not self._is_registered:
            return
        try:
            with self._store.single() as work:
                work.workers.beat(self.worker_instance_id, status="Stopped", figures=())
        except StorageError as error:
            logger.warning("end not recorded: %s", error)

    def _register(self, work: Work) -> None:
        self.worker_instance_id = work.workers.register(self._worker)
        self._is_registered = True

    def _beat_as_worker(self, work: Work, figures: Sequence[Figure]) -> bool:
        return work.workers.beat(self.worker_instance_id, status="Running", figures=figures)
