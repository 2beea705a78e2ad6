"""Who may ask the host: whoever asks as this machine, and no page of another site.

A browser lets any page send requests to this machine, and a name of its own lead here. Here nobody
asks for a key, so each of them could run what the developer may run.
"""

import json
from collections.abc import Iterable
from typing import Final

from starlette.types import ASGIApp, Receive, Scope, Send

from devhost.exchange import Answer, read_headers

THIS_MACHINE: Final = frozenset(("localhost", "127.0.0.1", "[::1]"))
OWN_SITE: Final = frozenset(("same-origin", "none"))
PROBLEM: Final = (b"content-type", b"application/problem+json")
OTHER_HOST: Final = "this host does not go by that name: add it to ALLOWED_HOSTS"
OTHER_SITE: Final = "the request comes from a page of another site"


class Gate:
    """`names` are hosts, without ports, that the host goes by besides those of this machine."""

    def __init__(self, app: ASGIApp, names: Iterable[str]) -> None:
        self._app = app
        self._names = THIS_MACHINE.union(name.lower() for name in names)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and (reason := self._refusal(scope)):
            await _forbidden(reason).send(send)
        else:
            await self._app(scope, receive, send)

    def _refusal(self, scope: Scope) -> str | None:
        headers = read_headers(scope)
        if host_name(headers.get("host", "")).lower() not in self._names:
            return OTHER_HOST
        return None if _is_own(scope["method"], headers) else OTHER_SITE


def host_name(host: str) -> str:
    """A Host without its port."""
    name, _, port = host.rpartition(":")
    return name if port.isdecimal() else host


def split_names(text: str) -> list[str]:
    return [name.strip() for name in text.split(",") if name.strip()]


def _is_own(method: str, headers: dict[str, str]) -> bool:
    """By what the browser says, which a page cannot change; what is no browser says nothing."""
    site = headers.get("sec-fetch-site")
    if site is None:
        origin = headers.get("origin")
        return origin is None or origin.partition("://")[2].lower() == headers["host"].lower()
    return site in OWN_SITE or _follows_link(method, headers)


def _follows_link(method: str, headers: dict[str, str]) -> bool:
    """Whether somebody opens the page as such: the site that led there cannot see what it says."""
    kind = headers.get("sec-fetch-mode"), headers.get("sec-fetch-dest")
    return method == "GET" and kind == ("navigate", "document")


def _forbidden(reason: str) -> Answer:
    problem = {"type": "about:blank", "title": "Forbidden", "status": 403, "detail": reason}
    return Answer(403, [PROBLEM], json.dumps(problem).encode())
