import re
from pathlib import Path
from typing import Any

import pytest

from devhost.host import Host, Options
from devhost.refusal import Refused
from tests.devhost.client import Connect, LoadHost, WriteApp

HTTP = '@app.route("{route}")\ndef {name}(req: func.HttpRequest) -> str:\n    return "{name}"\n'
TIMER = """
@app.timer_trigger(arg_name="timer", schedule="{schedule}")
def tick(timer: func.TimerRequest) -> None: ...
"""


@pytest.mark.parametrize("route", ["admin", "administrators/x", "Runtime", "runtime/webhooks"])
def test_a_reserved_route_is_refused(load: LoadHost, route: str) -> None:
    with pytest.raises(Refused, match=r"function 'f', .* conflicts with one or more built in"):
        load(HTTP.format(name="f", route=route))


def test_a_reserved_function_name_without_a_route_is_refused(load: LoadHost) -> None:
    with pytest.raises(Refused, match=r"'admin_x'.* conflicts with one or more built in routes"):
        load("@app.route()\ndef admin_x(req: func.HttpRequest) -> str: ...")


def test_a_route_with_a_leading_slash_is_refused(load: LoadHost) -> None:
    with pytest.raises(Refused, match="route with name 'f' and template 'api//jobs'"):
        load(HTTP.format(name="f", route="/jobs"))


def test_a_template_with_an_unknown_constraint_is_refused(load: LoadHost) -> None:
    with pytest.raises(Refused, match="'hex' could not be resolved"):
        load(HTTP.format(name="f", route="jobs/{id:hex}"))


def test_two_functions_of_one_name_are_refused(load: LoadHost) -> None:
    twice = HTTP.format(name="f", route="a") + HTTP.format(name="f", route="b")
    with pytest.raises(Refused, match="Function f does not have a unique function name"):
        load(twice)


def test_names_that_differ_only_by_case_are_refused(load: LoadHost) -> None:
    with pytest.raises(Refused, match=r"'f'|'F' must be unique"):
        load(HTTP.format(name="f", route="a") + HTTP.format(name="F", route="b"))


@pytest.mark.parametrize("name", ["host", "_hidden", "café", "a" * 129])
def test_a_function_name_outside_the_pattern_is_refused(load: LoadHost, name: str) -> None:
    with pytest.raises(Refused, match=f"'{name}' is not a valid function name"):
        load(HTTP.format(name=name, route="x"))


def test_an_underscore_in_a_binding_name_is_refused(load: LoadHost) -> None:
    with pytest.raises(Refused, match="The binding name my_timer is invalid"):
        load(
            """
            @app.timer_trigger(arg_name="my_timer", schedule="0 * * * * *")
            def tick(my_timer: func.TimerRequest) -> None: ...
            """
        )


@pytest.mark.parametrize(
    ("signature", "reason"),
    [
        ("(request: func.HttpRequest) -> str", "the binding 'req' is no parameter"),
        ("(req: func.HttpRequest, more: int = 1) -> str", "the parameter 'more' is declared"),
        ("(req: func.HttpRequest, context: str) -> str", "must be azure.functions.Context"),
        ("(req: func.HttpRequest) -> dict", "return annotation <class 'dict'>"),
        ("(req: func.HttpRequest) -> func.HttpResponse | None", "return annotation"),
        ("(req: 'Missing') -> str", "its annotations fail: name 'Missing' is not defined"),
    ],
)
def test_a_signature_that_the_worker_cannot_load_is_refused(
    load: LoadHost, signature: str, reason: str
) -> None:
    with pytest.raises(Refused, match=f"cannot load the f function: .*{re.escape(reason)}"):
        load(f'@app.route("f")\ndef f{signature}: ...')


@pytest.mark.parametrize(
    ("header", "reason"),
    [
        ("import azure.functions as func\n", "could not find top level function app"),
        ("import azure.functions as func\napp = alias = func.FunctionApp()\n", "more than one"),
        ("raise LookupError('no\\nluck')\n", "cannot be imported: LookupError: no"),
        ("import missing_module\n", "ModuleNotFoundError: No module named 'missing_module'"),
        ("def broken(:\n", "SyntaxError"),
    ],
)
def test_a_module_that_gives_no_app_is_refused(
    load: LoadHost, header: str, reason: str, capfd: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(Refused, match=reason):
        load(header=header)
    if "imported" in reason:
        assert "Traceback" in capfd.readouterr().err


def test_a_folder_without_an_app_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Refused, match=re.escape(f"there is no function_app.py in {tmp_path}")):
        Host(Options(app_dir=tmp_path))


@pytest.mark.parametrize(
    ("schedule", "reason"),
    [
        ("0 0 0 30 2 *", "was not recognized as a valid cron expression .*never fires"),
        ("soon", "'soon' was not recognized"),
        ("25:00:00", "'25:00:00' was not recognized"),
        ("%MISSING__Schedule%", "'%MISSING__Schedule%' does not resolve to a value"),
    ],
)
def test_a_timer_without_a_usable_schedule_is_in_error(
    connect: Connect, load: LoadHost, schedule: str, reason: str
) -> None:
    code = TIMER.format(schedule=schedule) + HTTP.format(name="f", route="f")
    with pytest.raises(Refused, match=f"The 'tick' function is in error: .*{reason}"):
        load(code)
    client = connect(code, strict=False)
    assert client.get("/api/f").text == "f", "the other functions run"
    listed = {f["name"]: f for f in client.get("/admin/functions").json()}
    assert re.search(reason, listed["tick"]["errors"][0])
    assert listed["f"]["errors"] == []
    assert client.post("/admin/functions/tick").status_code == 404
    assert len(client.get("/admin/host/status").json()["errors"]) == 1


def test_the_later_function_of_one_template_is_in_error(connect: Connect, load: LoadHost) -> None:
    code = HTTP.format(name="one", route="x/{a}") + HTTP.format(name="two", route="X/{A}")
    reason = "The 'two' function is in error: The route specified conflicts .* function 'one'"
    with pytest.raises(Refused, match=reason):
        load(code)
    assert connect(code, strict=False).get("/api/x/1").text == "one"


def test_every_function_in_error_is_named(load: LoadHost) -> None:
    code = TIMER.format(schedule="soon") + TIMER.format(schedule="later").replace("tick", "tock")
    with pytest.raises(Refused, match=r"'tick'.*; The 'tock' function is in error"):
        load(code)


def test_a_trigger_that_is_neither_http_nor_timer_is_in_error(load: LoadHost) -> None:
    code = """
    @app.queue_trigger(arg_name="message", queue_name="q", connection="c")
    def take(message: func.QueueMessage) -> None: ...
    """
    with pytest.raises(Refused, match=r"'take' function is in error: .* not QueueTrigger"):
        load(code)


@pytest.mark.parametrize(
    ("files", "reason"),
    [
        ({"host_json": {"version": "1.0"}}, "missing the required 'version'"),
        (
            {"host_json": {"extensions": {"http": {"maxConcurrentRequests": "many"}}}},
            "'maxConcurrentRequests' is 'many'",
        ),
        (
            {"host_json": {"extensions": {"http": {"hsts": {"isEnabled": True, "maxAge": "x"}}}}},
            "hsts.maxAge 'x'",
        ),
        ({"host_json": {"extensions": []}}, "'extensions' in the settings is not a JSON object"),
        ({"host_json": {"logging": {"logLevel": {"default": "Loud"}}}}, "logLevel 'Loud'"),
        ({"values": {"A": {"b": 1}}}, "the value of 'A' is not a string"),
    ],
)
def test_settings_that_cannot_be_meant_are_refused(
    load: LoadHost, files: dict[str, Any], reason: str
) -> None:
    with pytest.raises(Refused, match=reason):
        load(HTTP.format(name="f", route="f"), **files)


@pytest.mark.parametrize("name", ["host.json", "local.settings.json"])
def test_a_settings_file_that_is_not_json_is_refused(write_app: WriteApp, name: str) -> None:
    folder = write_app(HTTP.format(name="f", route="f"))
    (folder / name).write_text("{")
    with pytest.raises(Refused, match=f"unable to parse {name}: "):
        Host(Options(app_dir=folder))
