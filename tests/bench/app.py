"""The app's own functions, called as the worker calls them, without a server in between."""

import asyncio
import importlib.util
import inspect
import os
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import cache
from http import HTTPStatus
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import azure.functions as func

from services import Services

SCRIPT = Path(__file__).parents[2] / "function_app.py"

Handler = Callable[[func.HttpRequest], func.HttpResponse | Awaitable[func.HttpResponse]]


def load_handlers(store_url: str) -> Mapping[str, Handler]:
    """The user functions by name, of an app of its own on this store."""
    functions = _load_functions(store_url)
    return {function.get_function_name(): function.get_user_function() for function in functions}


def load_routes(store_url: str) -> Mapping[str, Handler]:
    """The user functions that answer GET by route (`db/jobs`), of an app of its own."""
    routed = [
        (trigger, function.get_user_function())
        for function in _load_functions(store_url)
        if (trigger := function.get_trigger()).type == "httpTrigger"
    ]
    return {
        trigger.route: handler for trigger, handler in routed if trigger.methods[0].value == "GET"
    }


def request_of(route: str, **given: str) -> func.HttpRequest:
    """A GET of a route; what it names in braces comes from what is given, the rest is the query."""
    path = {name: value for name, value in given.items() if f"{{{name}}}" in route}
    query = {name: value for name, value in given.items() if name not in path}
    url = f"/api/{route.format(**path)}?{urlencode(query)}"
    return func.HttpRequest(method="GET", url=url, route_params=path, params=query, body=b"")


def load_services(store_url: str) -> Services:
    """What the functions ask, of an app of its own on this store."""
    services: Services = _load_app(store_url).services()
    return services


def _load_functions(store_url: str) -> Sequence[Any]:
    functions: Sequence[Any] = _load_app(store_url).app.get_functions()
    return functions


def _load_app(store_url: str) -> Any:
    os.environ["STORE_URL"] = store_url
    spec = importlib.util.spec_from_file_location("function_app", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def answer_of(handler: Handler, request: func.HttpRequest) -> bytes:
    """The body of an answer that must be a good one."""
    response = handler(request)
    if inspect.isawaitable(response):
        response = _loop().run_until_complete(response)
    body = response.get_body()
    if response.status_code != HTTPStatus.OK:
        raise RuntimeError(f"{request.url} answered {response.status_code}: {body.decode()}")
    return body


@cache
def _loop() -> asyncio.AbstractEventLoop:
    return asyncio.new_event_loop()
