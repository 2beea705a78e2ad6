"""Calls one function, the way the Python worker does."""

import asyncio
import logging
import threading
import time
import uuid
from collections.abc import Callable
from functools import partial
from typing import TypeVar

import azure.functions as func
from azure.functions._abc import RetryContext, TraceContext

from devhost.functions import Function
from devhost.threads import WorkerThreads

log = logging.getLogger("devhost.functions")


T = TypeVar("T")


class _Trace(TraceContext):
    def __init__(self, parent: str, state: str) -> None:
        self._parent = parent
        self._state = state

    @property
    def trace_parent(self) -> str:
        return self._parent

    @property
    def trace_state(self) -> str:
        return self._state

    @property
    def attributes(self) -> dict[str, str]:
        return {}


class _NoRetry(RetryContext):
    @property
    def retry_count(self) -> int:
        return 0

    @property
    def max_retry_count(self) -> int:
        return 0

    @property
    def exception(self) -> None:  # type: ignore[override]
        return None


class _Context(func.Context):
    def __init__(self, function: Function, local: threading.local, trace: _Trace) -> None:
        self._function_name = function.name
        self._local = local
        self._trace = trace
        self._invocation_id = str(uuid.uuid4())

    @property
    def invocation_id(self) -> str:
        return self._invocation_id

    @property
    def thread_local_storage(self) -> threading.local:  # type: ignore[override]
        return self._local

    @property
    def function_name(self) -> str:
        return self._function_name

    @property
    def function_directory(self) -> str:
        return ""

    @property
    def trace_context(self) -> TraceContext:
        return self._trace

    @property
    def retry_context(self) -> RetryContext:
        return _NoRetry()


class Failed(Exception):
    """The function raised, or returned what its trigger has no use for. It has been logged."""


class Invoker:
    """Runs sync functions on the worker's threads and async ones on the event loop."""

    def __init__(self, threads: WorkerThreads) -> None:
        self._threads = threads
        self._local = threading.local()

    async def call(
        self,
        function: Function,
        trigger: object,
        convert: Callable[[object], T],
        trace_parent: str = "",
        trace_state: str = "",
    ) -> T:
        """What the function returned, converted.

        Raises Failed where the function or the conversion raised, after logging the traceback.
        """
        arguments = {function.argument: trigger}
        if function.wants_context:
            trace = _Trace(trace_parent, trace_state)
            arguments["context"] = _Context(function, self._local, trace)
        started = time.perf_counter()
        try:
            return convert(await self._run(function, arguments))
        except BaseException as error:
            if _is_cancelled(error):
                raise
            took = (time.perf_counter() - started) * 1000
            log.exception("Executed 'Functions.%s' (Failed, %.0f ms)", function.name, took)
            raise Failed from error

    async def _run(self, function: Function, arguments: dict[str, object]) -> object:
        if function.is_async:
            return await function.handler(**arguments)
        return await self._threads.run(partial(self._run_sync, function, arguments))

    def _run_sync(self, function: Function, arguments: dict[str, object]) -> object:
        if (context := arguments.get("context")) is not None:
            self._local.invocation_id = context.invocation_id  # type: ignore[attr-defined]
        return function.handler(**arguments)


def _is_cancelled(error: BaseException) -> bool:
    """Whether the host stops waiting, rather than the function having raised the same by itself."""
    task = asyncio.current_task()
    return isinstance(error, asyncio.CancelledError) and task is not None and task.cancelling() > 0
