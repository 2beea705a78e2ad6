"""A worker process around Microsoft's `azure-functions-runtime`, which loads and calls functions.

What Microsoft publishes ends at a function for each kind of message; the process that carries the
messages ships with the Functions host alone. This one carries them, and logs as that one does.
Runs in the worker's environment.
"""

import argparse
import asyncio
import contextvars
import logging
import os
import queue
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import azure_functions_runtime as runtime  # type: ignore[import-not-found, unused-ignore]
import function_rpc_pb2 as protos  # type: ignore[import-not-found, unused-ignore]
import grpc  # type: ignore[import-not-found, import-untyped, unused-ignore]

EVENT_STREAM = "/AzureFunctionsRpcMessages.FunctionRpc/EventStream"
SYSTEM_LOGGERS = ("azure.functions", "azure_functions_runtime")
ANSWERS = {
    "worker_init_request": ("worker_init_response", runtime.worker_init_request),
    "functions_metadata_request": (
        "function_metadata_response",
        runtime.functions_metadata_request,
    ),
    "function_load_request": ("function_load_response", runtime.function_load_request),
    "invocation_request": ("invocation_response", runtime.invocation_request),
}
LEVELS = (
    (logging.CRITICAL, protos.RpcLog.Critical),
    (logging.ERROR, protos.RpcLog.Error),
    (logging.WARNING, protos.RpcLog.Warning),
    (logging.INFO, protos.RpcLog.Information),
    (logging.DEBUG, protos.RpcLog.Debug),
)

invocation_of_task: contextvars.ContextVar[str | None] = contextvars.ContextVar(
    "invocation_of_task", default=None
)


@dataclass
class Message:
    """What the runtime is handed: the message, and on the first one the protocol's classes."""

    name: str
    request: Any
    properties: dict[str, Any] = field(default_factory=dict)


class HostLog(logging.Handler):
    """Sends every record to the host, with the invocation it belongs to where that is known."""

    def __init__(self, outbox: "queue.SimpleQueue[Any]", request_id: str) -> None:
        super().__init__()
        self.outbox = outbox
        self.request_id = request_id
        self.loop_thread = threading.get_ident()

    def emit(self, record: logging.LogRecord) -> None:
        is_system = record.name.startswith(SYSTEM_LOGGERS)
        log = protos.RpcLog(
            invocation_id=self._invocation_id(),
            category=record.name,
            level=next((rpc for level, rpc in LEVELS if record.levelno >= level), 0),
            message=self.format(record),
            log_category=protos.RpcLog.System if is_system else protos.RpcLog.User,
        )
        self.outbox.put(protos.StreamingMessage(request_id=self.request_id, rpc_log=log))

    def _invocation_id(self) -> str | None:
        if threading.get_ident() == self.loop_thread:
            return invocation_of_task.get()
        found: str | None = runtime.invocation_id_cv.get()
        return found


async def answer(message: Any, host: str) -> Any:
    kind = message.WhichOneof("content")
    if kind not in ANSWERS:
        raise ValueError(f"the host sent {kind}, which this worker does not know")
    if kind == "invocation_request":
        invocation_of_task.set(message.invocation_request.invocation_id)
    field_name, handle = ANSWERS[kind]
    body = await handle(Message(kind, message, {"protos": protos, "host": host}))
    return protos.StreamingMessage(request_id=message.request_id, **{field_name: body})


async def serve(host: str, port: int, worker_id: str, request_id: str) -> None:
    """Answers the host until it closes the stream."""
    outbox: queue.SimpleQueue[Any] = queue.SimpleQueue()
    logging.getLogger().addHandler(HostLog(outbox, request_id))
    logging.getLogger().setLevel(logging.INFO)
    runtime.start_threadpool_executor()
    outbox.put(
        protos.StreamingMessage(
            request_id=request_id, start_stream=protos.StartStream(worker_id=worker_id)
        )
    )
    loop = asyncio.get_running_loop()
    running: set[asyncio.Task[None]] = set()
    closed = asyncio.Event()

    async def answer_to_outbox(message: Any) -> None:
        outbox.put(await answer(message, host))

    def accept(message: Any) -> None:
        task = loop.create_task(answer_to_outbox(message))
        running.add(task)
        task.add_done_callback(running.discard)

    def read() -> None:
        for message in open_stream(host, port, outbox):
            loop.call_soon_threadsafe(accept, message)
        loop.call_soon_threadsafe(closed.set)

    threading.Thread(target=read, daemon=True).start()
    await closed.wait()


def open_stream(host: str, port: int, outbox: "queue.SimpleQueue[Any]") -> Iterator[Any]:
    channel = grpc.insecure_channel(f"{host}:{port}", options=unlimited_messages())
    stream = channel.stream_stream(
        EVENT_STREAM,
        request_serializer=protos.StreamingMessage.SerializeToString,
        response_deserializer=protos.StreamingMessage.FromString,
    )
    try:
        yield from stream(iter(outbox.get, None))
    except grpc.RpcError as error:
        sys.stderr.write(f"the host closed the stream: {error.code()}\n")


def unlimited_messages() -> list[tuple[str, int]]:
    return [("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1)]


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--host", required=True)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--workerId", required=True)
    parser.add_argument("--requestId", required=True)
    known, _ = parser.parse_known_args()
    sys.path.insert(0, os.getcwd())
    asyncio.run(serve(known.host, known.port, known.workerId, known.requestId))
    # The host kills a worker; nothing may rely on a function's thread being waited for.
    os._exit(0)


if __name__ == "__main__":
    main()
