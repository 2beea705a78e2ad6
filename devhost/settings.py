"""What the host is told from outside the code: host.json, local.settings.json, the environment."""

import json
import logging
import os
import re
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

from devhost.refusal import Refused

LOG_LEVELS: Final = {
    "trace": logging.DEBUG,
    "debug": logging.DEBUG,
    "information": logging.INFO,
    "warning": logging.WARNING,
    "error": logging.ERROR,
    "critical": logging.CRITICAL,
    "none": logging.CRITICAL + 1,
}
TIME_SPAN: Final = re.compile(r"(?:(\d+)\.)?(\d{1,2}):(\d{1,2})(?::(\d{1,2}))?", re.ASCII)
WHOLE_SETTING: Final = re.compile(r"%([^%]+)%")
UNBOUNDED: Final = -1


@dataclass(frozen=True)
class HostSettings:
    """host.json. -1 means no limit, as it does there."""

    route_prefix: str = "api"
    custom_headers: dict[str, str] = field(default_factory=dict)
    allowed_functions: frozenset[str] | None = None
    max_concurrent_requests: int = UNBOUNDED
    max_outstanding_requests: int = UNBOUNDED
    hsts: str | None = None
    log_level: int = logging.INFO

    @classmethod
    def read(cls, folder: Path) -> "HostSettings":
        """Raises Refused where the file is there and no host.json of version 2.0."""
        document = _read_json(folder / "host.json")
        if document is None:
            return cls()
        if document.get("version") != "2.0":
            raise Refused("host.json is missing the required 'version' property: \"2.0\"")
        http = _section(_section(document, "extensions"), "http")
        names = document.get("functions")
        return cls(
            route_prefix=str(http.get("routePrefix", "api")).strip("/"),
            custom_headers={k: str(v) for k, v in _section(http, "customHeaders").items()},
            allowed_functions=None if names is None else frozenset(n.casefold() for n in names),
            max_concurrent_requests=_limit(http, "maxConcurrentRequests"),
            max_outstanding_requests=_limit(http, "maxOutstandingRequests"),
            hsts=_read_hsts(_section(http, "hsts")),
            log_level=_read_log_level(document),
        )


def apply_local_settings(folder: Path) -> None:
    """Sets Values of local.settings.json in the environment, where the shell has not set them."""
    document = _read_json(folder / "local.settings.json") or {}
    if document.get("IsEncrypted"):
        raise Refused("local.settings.json is encrypted: decrypt it with `func settings decrypt`")
    for name, value in _section(document, "Values").items():
        if isinstance(value, dict | list):
            raise Refused(f"local.settings.json: the value of '{name}' is not a string")
        os.environ.setdefault(name, _as_text(value))


def app_setting(name: str) -> str | None:
    """An environment variable, found as the host finds it: in any case, with `__` or `:`."""
    wanted = name.replace(":", "__")
    if wanted in os.environ:
        return os.environ[wanted]
    folded = wanted.casefold()
    return next((v for k, v in os.environ.items() if k.casefold() == folded), None)


def resolve_setting(text: str) -> str:
    """`%NAME%` replaced by the setting NAME. Raises ValueError where there is none."""
    if not (match := WHOLE_SETTING.fullmatch(text)):
        return text
    if (value := app_setting(match[1])) is None:
        raise ValueError(f"'{text}' does not resolve to a value")
    return value


def is_switched_on(name: str) -> bool:
    return (app_setting(name) or "").strip().casefold() in ("true", "1")


def is_disabled(function: str) -> bool:
    return any(is_switched_on(f"AzureWebJobs{dot}{function}{dot}Disabled") for dot in "._")


def read_time_span(text: str) -> timedelta | None:
    """.NET's `[d.]hh:mm[:ss]`, or a number of days."""
    if text.isascii() and text.isdecimal():
        return timedelta(days=int(text))
    if not (match := TIME_SPAN.fullmatch(text)):
        return None
    days, hours, minutes, seconds = (int(part or 0) for part in match.groups())
    if hours > 23 or minutes > 59 or seconds > 59:
        return None
    return timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds)


def _read_json(path: Path) -> dict[str, Any] | None:
    try:
        document = json.loads(path.read_text("utf-8-sig"))
    except FileNotFoundError:
        return None
    except ValueError as error:
        raise Refused(f"unable to parse {path.name}: {error}") from error
    if not isinstance(document, dict):
        raise Refused(f"unable to parse {path.name}: it is not a JSON object")
    return document


def _section(document: dict[str, Any], name: str) -> dict[str, Any]:
    section = document.get(name)
    if section is None:
        return {}
    if not isinstance(section, dict):
        raise Refused(f"'{name}' in the settings is not a JSON object")
    return section


def _limit(http: dict[str, Any], name: str) -> int:
    limit = http.get(name, UNBOUNDED)
    if not isinstance(limit, int) or isinstance(limit, bool) or limit < UNBOUNDED or limit == 0:
        raise Refused(
            f"host.json: '{name}' is {limit!r}: give a number above 0, or -1 for no limit"
        )
    return limit


def _read_hsts(section: dict[str, Any]) -> str | None:
    if not section.get("isEnabled"):
        return None
    max_age = read_time_span(str(section.get("maxAge", "30")))
    if max_age is None:
        raise Refused(f"host.json: hsts.maxAge '{section['maxAge']}' is not a time span")
    directives = [f"max-age={int(max_age.total_seconds())}"]
    if section.get("includeSubDomains"):
        directives.append("includeSubDomains")
    if section.get("preload"):
        directives.append("preload")
    return "; ".join(directives)


def _read_log_level(document: dict[str, Any]) -> int:
    levels = _section(_section(document, "logging"), "logLevel")
    name = str(levels.get("default", "Information"))
    if name.casefold() not in LOG_LEVELS:
        raise Refused(f"host.json: logLevel '{name}' is none of {', '.join(LOG_LEVELS)}")
    return LOG_LEVELS[name.casefold()]


def _as_text(value: object) -> str:
    return value if isinstance(value, str) else "" if value is None else json.dumps(value)
