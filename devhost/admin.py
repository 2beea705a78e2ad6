"""The host's own endpoints, under `/admin`."""

import time
from collections.abc import Awaitable, Callable
from importlib.metadata import version
from typing import TYPE_CHECKING, Any, Final

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from devhost.functions import Function, HttpBinding, TimerBinding
from devhost.keys import shown_key

if TYPE_CHECKING:
    from devhost.host import Host

STARTED: Final = time.monotonic()

Endpoint = Callable[[Request], Awaitable[Response]]


def admin_routes(host: "Host") -> list[Route]:
    def guarded(endpoint: Endpoint) -> Endpoint:
        async def check(request: Request) -> Response:
            shown = shown_key(dict(request.headers), dict(request.query_params))
            if host.keys and not host.keys.is_master(shown):
                return Response(status_code=401)
            return await endpoint(request)

        return check

    async def list_functions(_: Request) -> Response:
        return JSONResponse([_describe(host, function) for function in host.functions])

    async def show_function(request: Request) -> Response:
        function = _find(host, request)
        return JSONResponse(_describe(host, function)) if function else Response(status_code=404)

    async def fire_timer(request: Request) -> Response:
        function = _find(host, request)
        if function is None or function.error is not None:
            return Response(status_code=404)
        if function.name not in host.timers:
            return Response("only timers are fired here", status_code=400)
        host.spawn(host.timers[function.name].fire())
        return Response(status_code=202)

    async def show_status(_: Request) -> Response:
        return JSONResponse(_describe_host(host))

    async def ping(_: Request) -> Response:
        return Response()

    return [
        Route("/functions", guarded(list_functions), methods=["GET"]),
        Route("/functions/{name}", guarded(show_function), methods=["GET"]),
        Route("/functions/{name}", guarded(fire_timer), methods=["POST"]),
        Route("/host/status", guarded(show_status), methods=["GET"]),
        Route("/host/ping", ping, methods=["GET", "POST"]),
    ]


def _find(host: "Host", request: Request) -> Function | None:
    name = request.path_params["name"].casefold()
    return next((f for f in host.functions if f.name.casefold() == name), None)


def _describe(host: "Host", function: Function) -> dict[str, Any]:
    described: dict[str, Any] = {"name": function.name}
    trigger = function.trigger
    if isinstance(trigger, HttpBinding):
        described["trigger"] = "http"
        described["route"] = trigger.template.template
        described["methods"] = sorted(trigger.methods) if trigger.methods else None
        described["auth_level"] = trigger.auth_level
    elif isinstance(trigger, TimerBinding):
        described["trigger"] = "timer"
        described["schedule"] = trigger.schedule
        timer = host.timers.get(function.name)
        described["next"] = timer.next.isoformat() if timer and timer.next else None
    described["disabled"] = function.disabled
    described["errors"] = [function.error] if function.error else []
    return described


def _describe_host(host: "Host") -> dict[str, Any]:
    return {
        "id": "devhost",
        "state": "Running",
        "version": f"azure-functions {version('azure-functions')}",
        "processUptime": int((time.monotonic() - STARTED) * 1000),
        "errors": [function.error for function in host.functions if function.error],
    }
