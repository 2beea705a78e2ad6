"""Prove that this process is alive, and say how it is doing."""

import os
import socket
import threading
import uuid

import psutil

from repositories.contracts import Store
from repositories.records import Figure, Worker


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
    def __init__(self, store: Store, worker: Worker, *, service: str) -> None:
        self._store, self._worker, self._service = store, worker, service

    def beat(self) -> None:
        """The process's figures and its service's status, each in one round trip."""
        worker_id = self._worker.worker_instance_id
        figures = measure_process()
        with self._store.single() as work:
            if not work.workers.beat(worker_id, status="Running", figures=figures):
                work.workers.register(self._worker)
                work.workers.beat(worker_id, status="Running", figures=figures)
            work.heartbeats.beat(self._service, status="running", worker_instance_id=worker_id)
