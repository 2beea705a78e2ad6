"""An app that shows what the host hands to functions, and fails in the ways they fail."""

import asyncio
import contextvars
import json
import logging
import threading
import time

import azure.functions as func

app = func.FunctionApp(http_auth_level=func.AuthLevel.FUNCTION)
last_caller = contextvars.ContextVar("last_caller", default="")

for handler in logging.getLogger().handlers:
    handler.setFormatter(logging.Formatter("app-format %(levelname)s %(message)s"))


def as_json(value: object) -> func.HttpResponse:
    return func.HttpResponse(json.dumps(value), mimetype="application/json")


@app.route("echo/{word}/{*rest}")
def echo(req: func.HttpRequest, context: func.Context) -> func.HttpResponse:
    return as_json(
        {
            "method": req.method,
            "url": req.url,
            "headers": dict(req.headers),
            "params": dict(req.params),
            "route_params": dict(req.route_params),
            "body": req.get_body().decode(),
            "function": context.function_name,
            "invocation_id": context.invocation_id,
            "trace_parent": context.trace_context.trace_parent,
            "trace_state": context.trace_context.trace_state,
            "thread": threading.current_thread().name,
        }
    )


@app.route("echo_async")
async def echo_async(req: func.HttpRequest) -> func.HttpResponse:
    return as_json({"thread": threading.current_thread().name})


@app.route("items/{number:int}", methods=["GET"])
def b_number(req: func.HttpRequest) -> func.HttpResponse:
    return as_json({"number": req.route_params["number"]})


@app.route("items/{name}", methods=["GET", "HEAD"])
def c_name(req: func.HttpRequest) -> func.HttpResponse:
    return as_json({"name": req.route_params["name"]})


@app.route("items/newest", methods=["GET"])
def d_newest(req: func.HttpRequest) -> func.HttpResponse:
    return as_json("never reached: 'c_name' comes first")


@app.route("items/{name}", methods=["POST"])
def e_create(req: func.HttpRequest) -> func.HttpResponse:
    return func.HttpResponse(status_code=201, headers={"location": req.url})


@app.route("answers/{kind}")
def answer(req: func.HttpRequest):  # type: ignore[no-untyped-def]  # noqa: ANN201
    kind = req.route_params["kind"]
    if kind == "text":
        return "plain text"
    if kind == "none":
        return None
    if kind == "dict":
        return {"a": 1}
    if kind == "tuple":
        return ("body", 200)
    if kind == "exit":
        raise SystemExit(3)
    if kind == "cancelled":
        raise asyncio.CancelledError
    if kind == "stop":
        raise StopIteration
    if kind == "odd-status":
        return func.HttpResponse(status_code=700)
    if kind == "no-content":
        return func.HttpResponse("ignored", status_code=204)
    raise LookupError("the secret inner text")


@app.route("answers_async/{kind}")
async def answer_async(req: func.HttpRequest) -> func.HttpResponse:
    return answer(req)  # type: ignore[no-any-return]


@app.route("headers")
def headers(req: func.HttpRequest) -> func.HttpResponse:
    response = func.HttpResponse(b"\x00\x01", mimetype="application/octet-stream")
    response.headers.add("X-Twice", "one")
    response.headers.add("X-Twice", "two")
    response.headers.add("Set-Cookie", "a=1; Path=/")
    response.headers.add("Set-Cookie", "b=2; Path=/")
    response.headers["cache-control"] = "max-age=5"
    return response


async def _later(req: func.HttpRequest) -> func.HttpResponse:
    return as_json("too late")


@app.route("wrapped")
def wrapped(req: func.HttpRequest) -> func.HttpResponse:
    return _later(req)  # type: ignore[return-value]


@app.route("leak")
def leak(req: func.HttpRequest) -> func.HttpResponse:
    before = last_caller.get()
    last_caller.set(req.params.get("name", ""))
    return as_json(before)


@app.route("leak_async")
async def leak_async(req: func.HttpRequest) -> func.HttpResponse:
    before = last_caller.get()
    last_caller.set(req.params.get("name", ""))
    return as_json(before)


@app.route("slow")
def slow(req: func.HttpRequest) -> func.HttpResponse:
    time.sleep(float(req.params["seconds"]))
    return as_json("done")


@app.route("slow_async")
async def slow_async(req: func.HttpRequest) -> func.HttpResponse:
    await asyncio.sleep(float(req.params["seconds"]))
    return as_json("done")


@app.route("open", auth_level=func.AuthLevel.ANONYMOUS)
def for_all(req: func.HttpRequest) -> func.HttpResponse:
    return as_json("open")


@app.route("closed", auth_level=func.AuthLevel.ADMIN)
def for_admins(req: func.HttpRequest) -> func.HttpResponse:
    return as_json("closed")


@app.timer_trigger(arg_name="timer", schedule="0 0 0 1 1 *")
def yearly(timer: func.TimerRequest) -> None:
    logging.getLogger("sample").info("yearly ran, past due: %s", timer.past_due)
