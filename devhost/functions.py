"""What the host knows of one function."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from devhost.routes import RouteTemplate


@dataclass(frozen=True)
class HttpBinding:
    """`route` is without the prefix, `template` with it; `methods` None means all of them."""

    route: str
    template: RouteTemplate
    methods: frozenset[str] | None
    auth_level: str


@dataclass(frozen=True)
class TimerBinding:
    """`schedule` is the text of the code: a `%SETTING%` is not yet resolved in it."""

    schedule: str
    run_on_startup: bool
    use_monitor: bool


@dataclass(frozen=True)
class Function:
    """`argument` takes what triggered it; `error` is why the host leaves it out, if it does."""

    name: str
    handler: Callable[..., Any]
    is_async: bool
    argument: str
    wants_context: bool
    trigger: HttpBinding | TimerBinding | None
    disabled: bool = False
    error: str | None = None
