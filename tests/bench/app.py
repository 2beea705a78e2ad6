"""The app's own functions, called as the worker calls them, without a server in between."""

import asyncio
import importlib.util
import inspect
import os
from collections.abc import Awaitable, Callable, Mapping
from functools import cache
from http import HTTPStatus
from pathlib import Path

import azure.functions as func

SCRIPT = Path(__file__).parents[2] / "function_app.py"

Handler = Callable[[func.HttpRequest], func.HttpResponse | Awaitable[func.HttpResponse]]


def load_handlers(store_url: str) -> Mapping[str, Handler]:
    """The user functions by name, of an app of its own on this store."""
    os.environ["STORE_URL"] = store_url
    spec = importlib.util.spec_from_file_location("function_app", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    functions = module.app.get_functions()
    return {function.get_function_name(): function.get_user_function() for function in functions}


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
