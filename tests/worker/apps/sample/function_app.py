"""A small app that shows what the worker does with each kind of function."""

import asyncio
import contextvars
import functools
import json
import logging
import os
import threading
from collections.abc import Awaitable, Callable
from typing import Any

import azure.functions as func

app = func.FunctionApp(http_auth_level=func.AuthLevel.ANONYMOUS)
log = logging.getLogger("sample")
caller: contextvars.ContextVar[str] = contextvars.ContextVar("caller", default="nobody")


@app.route("echo/{name}", methods=["GET", "POST"])
def echo(req: func.HttpRequest, context: func.Context) -> func.HttpResponse:
    seen = {
        "method": req.method,
        "url": req.url,
        "name": req.route_params["name"],
        "params": dict(req.params),
        "headers": dict(req.headers),
        "body": req.get_body().decode(),
        "function": context.function_name,
        "invocation_id": context.invocation_id,
        "pid": os.getpid(),
    }
    return func.HttpResponse(json.dumps(seen), status_code=201, mimetype="application/json")


@app.route("wait")
async def wait(req: func.HttpRequest) -> func.HttpResponse:
    log.info("about to wait")
    await asyncio.sleep(0.3)
    log.info("has waited")
    return func.HttpResponse(b"\x00\xff", mimetype="application/octet-stream")


@app.route("repeat_header")
def repeat_header(req: func.HttpRequest) -> func.HttpResponse:
    response = func.HttpResponse("", status_code=204)
    for value in ("first", "second"):
        response.headers.add("x-part", value)
        response.headers.add("Set-Cookie", f"{value}=1")
    return response


@app.route("fail")
def fail(req: func.HttpRequest) -> func.HttpResponse:
    raise ValueError("this text goes to the log and not to the caller")


@app.route("answer_with_a_dict")
def answer_with_a_dict(req: func.HttpRequest):  # type: ignore[no-untyped-def]  # noqa: ANN201
    return {"a": "dict"}


@app.route("answer_with_nothing")
def answer_with_nothing(req: func.HttpRequest) -> func.HttpResponse:
    return None  # type: ignore[return-value]


def through_a_sync_wrapper(
    handler: Callable[[func.HttpRequest], Awaitable[func.HttpResponse]],
) -> Callable[[func.HttpRequest], Any]:
    @functools.wraps(handler)
    def wrapper(req: func.HttpRequest) -> Any:
        return handler(req)

    return wrapper


@app.route("async_in_sync")
@through_a_sync_wrapper
async def async_in_sync(req: func.HttpRequest) -> func.HttpResponse:
    return func.HttpResponse("never seen")


@app.route("set_caller")
def set_caller(req: func.HttpRequest) -> func.HttpResponse:
    before = caller.get()
    caller.set(req.params["caller"])
    return func.HttpResponse(before)


@app.route("log_from_a_thread")
def log_from_a_thread(req: func.HttpRequest) -> func.HttpResponse:
    log.info("said by the function")
    thread = threading.Thread(target=log.info, args=("said by a thread of its own",))
    thread.start()
    thread.join()
    return func.HttpResponse("ok")


@app.route("end_the_process")
def end_the_process(req: func.HttpRequest) -> func.HttpResponse:
    os._exit(3)


@app.timer_trigger(arg_name="timer", schedule="0 */5 * * * *")
def tick(timer: func.TimerRequest) -> None:
    log.info("ticked, past due: %s", timer.past_due)


@app.timer_trigger(arg_name="timer", schedule="0 */5 * * * *")
def broken_tick(timer: func.TimerRequest) -> None:
    raise RuntimeError("the tick broke")


@app.timer_trigger(arg_name="timer", schedule="0 */5 * * * *")
def returning_tick(timer: func.TimerRequest) -> str:
    return "a value"
