"""Reads the functions of an app's `function_app.py`, under the rules of the real host.

Refused means that the whole app would not start; a function with an `error` is left out alone.
"""

import importlib.util
import inspect
import re
import sys
import traceback
import typing
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from types import ModuleType
from typing import Any, Final

import azure.functions as func
from azure.functions.decorators.function_app import Function as SdkFunction
from azure.functions.decorators.function_app import FunctionRegister
from azure.functions.decorators.http import HttpTrigger
from azure.functions.decorators.timer import TimerTrigger

from devhost.functions import Function, HttpBinding, TimerBinding
from devhost.refusal import Refused
from devhost.routes import RouteTemplate
from devhost.settings import HostSettings, is_disabled

FUNCTION_NAME: Final = re.compile(r"(?!host$)[a-z][a-z0-9_-]{0,127}", re.IGNORECASE | re.ASCII)
BINDING_NAME: Final = re.compile(r"[a-z][a-z0-9]{0,127}|\$return", re.IGNORECASE | re.ASCII)
RESERVED: Final = ("admin", "runtime")
ANSWERS: Final = (func.HttpResponse, str, type(None))


def load_functions(folder: Path, settings: HostSettings) -> list[Function]:
    """In the order in which routes are tried: by name, whatever its case."""
    register = _find_register(_import_app(folder))
    functions = [_read_function(sdk, settings) for sdk in _index(register)]
    functions.sort(key=lambda function: function.name.casefold())
    _refuse_repeated_names(functions)
    if settings.allowed_functions is not None:
        functions = [f for f in functions if f.name.casefold() in settings.allowed_functions]
    return _mark_conflicting_routes(functions)


def _import_app(folder: Path) -> ModuleType:
    script = folder / "function_app.py"
    if not script.is_file():
        raise Refused(f"there is no function_app.py in {folder}")
    if str(folder) not in sys.path:
        sys.path.insert(0, str(folder))
    spec = importlib.util.spec_from_file_location("function_app", script)
    if spec is None or spec.loader is None:
        raise Refused(f"{script} is not a Python module")
    module = importlib.util.module_from_spec(spec)
    sys.modules["function_app"] = module
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        traceback.print_exc()
        last_line = traceback.format_exception_only(error)[-1].strip()
        raise Refused(f"function_app.py cannot be imported: {last_line}") from error
    return module


def _find_register(module: ModuleType) -> FunctionRegister:
    found = [value for value in vars(module).values() if isinstance(value, FunctionRegister)]
    if not found:
        raise Refused("could not find top level function app instances in function_app.py")
    if len(found) > 1:
        raise Refused(
            "more than one FunctionApp or other top level function app instances are defined"
        )
    return found[0]


def _index(register: FunctionRegister) -> list[SdkFunction]:
    try:
        return register.get_functions()
    except Exception as error:
        raise Refused(f"the functions cannot be indexed: {_one_line(error)}") from error


def _read_function(sdk: SdkFunction, settings: HostSettings) -> Function:
    name = str(sdk.get_function_name())
    if not FUNCTION_NAME.fullmatch(name):
        raise Refused(f"'{name}' is not a valid function name.")
    for binding in sdk.get_bindings():
        if not BINDING_NAME.fullmatch(str(binding.name)):
            raise Refused(
                f"function '{name}': The binding name {binding.name} is invalid."
                " Please assign a valid name to the binding."
            )
    handler = sdk.get_user_function()
    trigger: Any = sdk.get_trigger()
    function = Function(
        name=name,
        handler=handler,
        is_async=inspect.iscoroutinefunction(handler),
        argument=str(trigger.name),
        wants_context="context" in inspect.signature(handler).parameters
        and trigger.name != "context",
        trigger=None,
        disabled=is_disabled(name),
    )
    _refuse_bad_signature(function, is_http=isinstance(trigger, HttpTrigger))
    return _with_trigger(function, trigger, settings)


def _with_trigger(function: Function, trigger: object, settings: HostSettings) -> Function:
    if isinstance(trigger, HttpTrigger):
        return replace(function, trigger=_read_http(function.name, trigger, settings))
    if isinstance(trigger, TimerTrigger):
        return replace(function, trigger=_read_timer(trigger))
    kind = type(trigger).__name__
    return replace(function, error=f"the local host runs HTTP and timer triggers, not {kind}")


def _read_http(name: str, trigger: HttpTrigger, settings: HostSettings) -> HttpBinding:
    route = trigger.route if trigger.route and trigger.route.strip() else name
    if route.strip("/").lower().startswith(RESERVED):
        raise Refused(
            f"function '{name}', route '{route}':"
            " The specified route conflicts with one or more built in routes."
        )
    prefix = settings.route_prefix
    if route.startswith("/"):
        raise _bad_route(name, f"{prefix}/{route}", "a route has no leading '/'")
    whole = f"{prefix}/{route}" if prefix else route
    try:
        template = RouteTemplate(whole)
    except ValueError as error:
        raise _bad_route(name, whole, str(error)) from error
    methods = trigger.methods
    return HttpBinding(
        route=route,
        template=template,
        methods=frozenset(str(m.value).upper() for m in methods) if methods else None,
        auth_level=str(trigger.auth_level.value if trigger.auth_level else "function").lower(),
    )


def _bad_route(name: str, template: str, reason: str) -> Refused:
    return Refused(
        f"An error occurred while creating the route with name '{name}'"
        f" and template '{template}': {reason}."
    )


def _read_timer(trigger: TimerTrigger) -> TimerBinding:
    return TimerBinding(
        schedule=trigger.schedule,
        run_on_startup=bool(trigger.run_on_startup),
        use_monitor=trigger.use_monitor is not False,
    )


def _refuse_bad_signature(function: Function, *, is_http: bool) -> None:
    declared = {function.argument} | ({"context"} if function.wants_context else set())
    present = set(inspect.signature(function.handler).parameters)
    if missing := declared - present:
        raise _bad_function(function, f"the binding {_names(missing)} is no parameter in Python")
    if extra := present - declared:
        raise _bad_function(
            function, f"the parameter {_names(extra)} is declared in Python but is no binding"
        )
    hints = _hints(function)
    if function.wants_context and hints.get("context", func.Context) is not func.Context:
        raise _bad_function(function, 'the "context" parameter must be azure.functions.Context')
    if is_http and not _is_answer(hints.get("return", str)):
        raise _bad_function(function, f"the return annotation {hints['return']} is not supported")


def _is_answer(annotation: object) -> bool:
    return isinstance(annotation, type) and issubclass(annotation, ANSWERS)


def _hints(function: Function) -> dict[str, Any]:
    try:
        return typing.get_type_hints(function.handler)
    except Exception as error:
        raise _bad_function(function, f"its annotations fail: {_one_line(error)}") from error


def _bad_function(function: Function, reason: str) -> Refused:
    return Refused(f"cannot load the {function.name} function: {reason}")


def _names(names: set[str]) -> str:
    return ", ".join(f"'{name}'" for name in sorted(names))


def _refuse_repeated_names(functions: list[Function]) -> None:
    for one, other in pairwise(functions):
        if one.name.casefold() == other.name.casefold():
            raise Refused(f"the function name '{other.name}' must be unique within the app")


def _mark_conflicting_routes(functions: list[Function]) -> list[Function]:
    accepted: list[tuple[str, HttpBinding]] = []
    marked = []
    for function in functions:
        http = function.trigger
        if isinstance(http, HttpBinding):
            rivals = (name for name, other in accepted if _conflict(http, other))
            if rival := next(rivals, None):
                function = replace(
                    function,
                    error="The route specified conflicts with the route defined by"
                    f" function '{rival}'.",
                )
            else:
                accepted.append((function.name, http))
        marked.append(function)
    return marked


def _conflict(one: HttpBinding, other: HttpBinding) -> bool:
    if one.route.strip("/").casefold() != other.route.strip("/").casefold():
        return False
    return one.methods is None or other.methods is None or bool(one.methods & other.methods)


def _one_line(error: BaseException) -> str:
    return " ".join(str(error).split()) or type(error).__name__
