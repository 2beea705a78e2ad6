"""The host of one app: takes requests to its HTTP functions and ticks its timers."""

import asyncio
import logging
import sys
import time
from collections.abc import AsyncIterator, Coroutine, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from azure.functions.http import HttpRequest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import ClientDisconnect
from starlette.routing import Mount
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from devhost.admin import admin_routes
from devhost.exchange import (
    TEXT,
    Answer,
    Headers,
    read_body,
    read_headers,
    read_query,
    read_request,
    scheme_of,
    to_answer,
)
from devhost.functions import Function, HttpBinding, TimerBinding
from devhost.gate import THIS_MACHINE, Gate, host_name, split_names
from devhost.invocation import Failed, Invoker
from devhost.keys import Keys, shown_key
from devhost.loading import load_functions
from devhost.refusal import Refused
from devhost.routes import decode_path
from devhost.settings import HostSettings, app_setting, apply_local_settings, is_switched_on
from devhost.threads import WorkerThreads, thread_count
from devhost.throttle import Throttle, TooMany
from devhost.timer_state import TimerState
from devhost.timers import Clock, Timer, utc_now

log = logging.getLogger("devhost")

LARGEST_BODY: Final = 104_857_600  # bytes, the real host's own default
SECONDS_TO_STOP: Final = 2.0
DEFAULT_STATE: Final = Path(".local/host")


@dataclass(frozen=True)
class Options:
    """`state` is where keys and timers are remembered, a relative one being in the app's folder."""

    app_dir: Path = Path()
    state: Path = DEFAULT_STATE
    enforce_keys: bool = False
    strict: bool = True
    timers: bool = True


class Host:
    """Loads the app when made. Raises Refused where the real host would not start it.

    A function that the real host leaves out, saying why, is left out here and listed under
    `/admin/functions` with its error; `strict` refuses to start for it.
    """

    def __init__(self, options: Options, clock: Clock = utc_now) -> None:
        self.folder = options.app_dir.resolve()
        apply_local_settings(self.folder)
        self.settings = HostSettings.read(self.folder)
        state = self.folder / options.state
        self._threads = WorkerThreads(thread_count())
        self._invoker = Invoker(self._threads)
        self.timers: dict[str, Timer] = {}
        self._timer_state = TimerState(state / "timers")
        self._clock = clock
        loaded = load_functions(self.folder, self.settings)
        self._end_app = getattr(sys.modules.get("function_app"), "stop", None)
        self.functions = [self._with_timer(function) for function in loaded]
        _report_errors(self.functions, strict=options.strict)
        self.keys: Keys | None = None
        if options.enforce_keys:
            self.keys = Keys.open(state / "keys.json", [f.name for f in self.functions])
        self._routes = [
            (function, function.trigger)
            for function in self.functions
            if isinstance(function.trigger, HttpBinding) and function.error is None
        ]
        self._custom_headers = [
            (name.lower().encode("latin-1"), value.encode("latin-1"))
            for name, value in self.settings.custom_headers.items()
        ]
        hsts = self.settings.hsts
        self._hsts = (b"strict-transport-security", hsts.encode()) if hsts else None
        limits = (self.settings.max_concurrent_requests, self.settings.max_outstanding_requests)
        self._throttle = Throttle(*limits)
        self._ticks_on_its_own = options.timers
        self._tasks: set[asyncio.Task[None]] = set()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers every request that is not one to the host itself."""
        headers = read_headers(scope)
        try:
            answer = await self._answer_in_turn(scope, receive, headers)
        except ClientDisconnect:
            answer = Answer(400, [])
        except asyncio.CancelledError:  # the host is stopping and has waited long enough
            answer = Answer(503, [])
        answer.add_if_absent(self._host_headers(scope, headers))
        await answer.send(send)

    async def start(self) -> None:
        """Begins to tick the timers."""
        for timer in self.timers.values():
            if self._ticks_on_its_own and not timer.function.disabled:
                self.spawn(timer.run())

    async def stop(self) -> None:
        """Stops the timers. Runs under way get a few seconds to end, and then the app's `stop`."""
        for timer in self.timers.values():
            timer.stop()
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=SECONDS_TO_STOP)
        if self._end_app is not None:
            await asyncio.wait([self._threads.run(self._end_app)], timeout=SECONDS_TO_STOP)

    def spawn(self, work: Coroutine[Any, Any, None]) -> None:
        """Runs `work` beside the requests; stopping the host waits for it."""
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _with_timer(self, function: Function) -> Function:
        if not isinstance(function.trigger, TimerBinding) or function.error is not None:
            return function
        try:
            timer = Timer(function, self._invoker, self._timer_state, self._clock)
        except ValueError as error:
            return replace(function, error=str(error))
        self.timers[function.name] = timer
        return function

    async def _answer_in_turn(
        self, scope: Scope, receive: Receive, headers: dict[str, str]
    ) -> Answer:
        if not self._throttle.enabled:
            return await self._answer(scope, receive, headers)
        try:
            async with self._throttle:
                return await self._answer(scope, receive, headers)
        except TooMany:
            return Answer(429, [])

    async def _answer(self, scope: Scope, receive: Receive, headers: dict[str, str]) -> Answer:
        path = decode_path(scope.get("raw_path") or scope["path"].encode())
        for function, http in self._routes:
            if http.methods is not None and scope["method"] not in http.methods:
                continue
            if (values := http.template.match(path)) is not None:
                params = read_query(scope["query_string"])
                if (refusal := self._refuse(function, http, headers, params)) is not None:
                    return refusal
                body = await read_body(headers, receive)
                request = read_request(scope, headers, params, values, body)
                return await self._call(function, request, headers)
        return _home_page() if path == "/" else Answer(404, [])

    def _refuse(
        self,
        function: Function,
        http: HttpBinding,
        headers: dict[str, str],
        params: dict[str, str],
    ) -> Answer | None:
        shown = shown_key(headers, params) if self.keys else ""
        if self.keys and not self.keys.allow(function.name, http.auth_level, shown):
            return Answer(401, [])
        if function.disabled and not (self.keys and self.keys.is_master(shown)):
            return Answer(404, [])
        return Answer(413, []) if int(headers.get("content-length", 0)) > LARGEST_BODY else None

    async def _call(
        self, function: Function, request: HttpRequest, headers: dict[str, str]
    ) -> Answer:
        trace = headers.get("traceparent", ""), headers.get("tracestate", "")
        try:
            return await self._invoker.call(function, request, to_answer, *trace)
        except Failed:
            return Answer(500, [])

    def _host_headers(self, scope: Scope, headers: dict[str, str]) -> Headers:
        if self._hsts is None or scheme_of(scope, headers) != "https":
            return self._custom_headers
        is_exempt = host_name(headers.get("host", "")) in THIS_MACHINE
        return self._custom_headers if is_exempt else [*self._custom_headers, self._hsts]


class RequestLog:
    """One line a request. Its path alone is written: the query may hold a key."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = time.perf_counter()
        status = 0

        async def note(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        await self._app(scope, receive, note)
        took = (time.perf_counter() - started) * 1000
        log.info("%s %s %d %.1f ms", scope["method"], scope["path"], status, took)


def build_app(host: Host, names: Iterable[str] = ()) -> Starlette:
    """The app to serve; its lifespan starts and stops the timers.

    `names` are hosts that it goes by, besides this machine's and those of ALLOWED_HOSTS.
    """

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        await host.start()
        yield
        await host.stop()

    allowed = split_names(app_setting("ALLOWED_HOSTS") or "")
    app = Starlette(
        routes=[Mount("/admin", routes=admin_routes(host))],
        middleware=[Middleware(RequestLog), Middleware(Gate, names=[*names, *allowed])],
        lifespan=lifespan,
    )
    app.router.default = host
    app.router.redirect_slashes = False
    return app


def _report_errors(functions: Sequence[Function], *, strict: bool) -> None:
    lines = [f"The '{f.name}' function is in error: {f.error}" for f in functions if f.error]
    if lines and strict:
        raise Refused("; ".join(lines))
    for line in lines:
        log.error(line)


def _home_page() -> Answer:
    if is_switched_on("AzureWebJobsDisableHomepage"):
        return Answer(204, [])
    return Answer(200, [TEXT], b"Your functions app is up and running.\n")
