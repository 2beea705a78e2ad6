"""The host's end of the worker protocol: starts a worker, loads an app in it, and passes calls on.

Standard input carries one call a line, standard output one event a line, both as JSON; the events
are `ready`, `refused`, `log`, `done` and `died`. The end of standard input ends it and the worker.
Runs in the worker's environment, where the protocol's classes are.
"""

import base64
import json
import os
import queue
import subprocess
import sys
import threading
import uuid
from collections.abc import Iterator
from concurrent import futures
from typing import Any

import function_rpc_pb2 as protos  # type: ignore[import-not-found, unused-ignore]
import grpc  # type: ignore[import-not-found, import-untyped, unused-ignore]

SERVICE = "AzureFunctionsRpcMessages.FunctionRpc"
LEVEL_NAMES = {number: name for name, number in protos.RpcLog.Level.items()}

_output_lock = threading.Lock()


def tell(event: str, **values: Any) -> None:
    with _output_lock:
        sys.stdout.write(json.dumps({"event": event, **values}) + "\n")
        sys.stdout.flush()


class Refused(Exception):
    """The worker would not load the app; the message is the worker's."""


class Host:
    """One stream to one worker. The worker's answers to loading wait in `answers`."""

    def __init__(self) -> None:
        self.outbox: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self.answers: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self.functions: dict[str, Any] = {}

    def stream(self, incoming: Iterator[Any], _: Any) -> Iterator[Any]:
        threading.Thread(target=self._read, args=(incoming,), daemon=True).start()
        yield from iter(self.outbox.get, None)

    def _read(self, incoming: Iterator[Any]) -> None:
        try:
            for message in incoming:
                self._take(message)
        except grpc.RpcError:
            return

    def _take(self, message: Any) -> None:
        kind = message.WhichOneof("content")
        if kind == "rpc_log":
            tell_log(message.rpc_log)
        elif kind == "invocation_response":
            tell_outcome(message.invocation_response)
        else:
            self.answers.put(getattr(message, kind))

    def send(self, **content: Any) -> None:
        self.outbox.put(protos.StreamingMessage(request_id=str(uuid.uuid4()), **content))

    def load(self, app: str, worker: str) -> dict[str, Any]:
        """Takes the app through start, indexing and loading, and returns what the worker is."""
        self.answers.get()
        self.send(worker_init_request=init_request(app, worker))
        initialised = self.answers.get()
        require_success(initialised.result)
        self.send(
            functions_metadata_request=protos.FunctionsMetadataRequest(function_app_directory=app)
        )
        metadata = self.answers.get()
        require_success(metadata.result)
        for function in metadata.function_metadata_results:
            request = protos.FunctionLoadRequest(
                function_id=function.function_id, metadata=function
            )
            self.send(function_load_request=request)
            require_success(self.answers.get().result)
            self.functions[function.name] = function
        return {
            "worker_version": initialised.worker_metadata.worker_version,
            "runtime_version": initialised.worker_metadata.runtime_version,
        }

    def invoke(self, call: dict[str, Any]) -> None:
        function = self.functions[call["function"]]
        trigger = trigger_of(function)
        data = http_data(call) if "http" in call else protos.TypedData(json=call["timer"])
        request = protos.InvocationRequest(
            invocation_id=call["invocation_id"],
            function_id=function.function_id,
            input_data=[protos.ParameterBinding(name=trigger["name"], data=data)],
        )
        self.send(invocation_request=request)


def init_request(app: str, worker: str) -> Any:
    return protos.WorkerInitRequest(
        host_version="4.0.0.0",
        capabilities={"RpcHttpBodyOnly": "true", "RawHttpBodyBytes": "true"},
        worker_directory=os.path.dirname(worker),
        function_app_directory=app,
    )


def require_success(result: Any) -> None:
    if result.status != protos.StatusResult.Success:
        raise Refused(result.exception.message or result.result or "the worker gives no reason")


def bindings_of(function: Any) -> list[dict[str, Any]]:
    return [json.loads(raw) for raw in function.raw_bindings]


def trigger_of(function: Any) -> dict[str, Any]:
    return next(b for b in bindings_of(function) if b["type"].lower().endswith("trigger"))


def http_data(call: dict[str, Any]) -> Any:
    """The request as the host sends it: lower-case header names, no body where it is empty."""
    http = dict(call["http"])
    body = base64.b64decode(http.pop("body"))
    request = protos.RpcHttp(**http)
    if body:
        request.body.bytes = body
    return protos.TypedData(http=request)


def tell_log(log: Any) -> None:
    tell(
        "log",
        level=LEVEL_NAMES[log.level],
        category=log.category,
        message=log.message,
        invocation_id=log.invocation_id,
        system=log.log_category == protos.RpcLog.System,
    )


def tell_outcome(response: Any) -> None:
    failed = response.result.status != protos.StatusResult.Success
    value = response.return_value
    tell(
        "done",
        invocation_id=response.invocation_id,
        failure=response.result.exception.message if failed else None,
        stack_trace=response.result.exception.stack_trace,
        http=http_answer(value.http) if value.WhichOneof("data") == "http" else None,
        text=value.string if value.WhichOneof("data") == "string" else None,
    )


def http_answer(http: Any) -> dict[str, Any]:
    kind = http.body.WhichOneof("data")
    body = getattr(http.body, kind) if kind else b""
    return {
        "status": int(http.status_code or 200),
        "headers": dict(http.headers),
        "cookies": {cookie.name: cookie.value for cookie in http.cookies},
        "body": base64.b64encode(body if isinstance(body, bytes) else body.encode()).decode(),
    }


def open_server(host: Host) -> tuple[Any, int]:
    unlimited = [("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1)]
    server = grpc.server(futures.ThreadPoolExecutor(4), options=unlimited)
    stream = grpc.stream_stream_rpc_method_handler(
        host.stream,
        request_deserializer=protos.StreamingMessage.FromString,
        response_serializer=protos.StreamingMessage.SerializeToString,
    )
    handlers = grpc.method_handlers_generic_handler(SERVICE, {"EventStream": stream})
    server.add_generic_rpc_handlers((handlers,))
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    return server, port


def start_worker(worker: str, app: str, port: int) -> "subprocess.Popen[bytes]":
    """Starts the worker with the arguments that the host gives it; its console is our error log."""
    worker_id, request_id = str(uuid.uuid4()), str(uuid.uuid4())
    arguments = [
        *("--host", "127.0.0.1", "--port", str(port)),
        *("--workerId", worker_id, "--requestId", request_id),
        *("--grpcMaxMessageLength", "2147483647"),
        *("--functions-uri", f"http://127.0.0.1:{port}/"),
        *("--functions-worker-id", worker_id, "--functions-request-id", request_id),
        *("--functions-grpc-max-message-length", "2147483647"),
    ]
    return subprocess.Popen(
        [sys.executable, worker, *arguments], cwd=app, stdin=subprocess.DEVNULL, stdout=sys.stderr
    )


def tell_when_dead(process: "subprocess.Popen[bytes]") -> None:
    tell("died", exit_code=process.wait())


def load_and_tell(host: Host, worker: str, app: str) -> None:
    try:
        about = host.load(app, worker)
    except Refused as refusal:
        tell("refused", reason=str(refusal))
    else:
        tell("ready", functions={n: bindings_of(f) for n, f in host.functions.items()}, **about)


def main(worker: str, app: str) -> None:
    host = Host()
    server, port = open_server(host)
    process = start_worker(worker, app, port)
    for work, *arguments in ((tell_when_dead, process), (load_and_tell, host, worker, app)):
        threading.Thread(target=work, args=arguments, daemon=True).start()
    try:
        for line in sys.stdin:
            host.invoke(json.loads(line))
    finally:
        process.kill()
        process.wait()
        host.outbox.put(None)
        server.stop(None)


if __name__ == "__main__":
    main(*sys.argv[1:])
