"""HTTP as a function sees it: the request that the worker hands over, the answer it accepts."""

import inspect
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final
from urllib.parse import parse_qsl

import azure.functions as func
from azure.functions.http import HttpRequest
from starlette.requests import ClientDisconnect
from starlette.types import Receive, Scope, Send

Headers = list[tuple[bytes, bytes]]

OWN_TO_THE_SERVER: Final = frozenset((b"content-length", b"transfer-encoding", b"connection"))
WITHOUT_BODY: Final = frozenset((204, 205, 304))
TEXT: Final = (b"content-type", b"text/plain; charset=utf-8")


@dataclass
class Answer:
    status: int
    headers: Headers
    body: bytes = b""

    def add_if_absent(self, headers: Iterable[tuple[bytes, bytes]]) -> None:
        present = {name.lower() for name, _ in self.headers}
        self.headers.extend(pair for pair in headers if pair[0].lower() not in present)

    async def send(self, send: Send) -> None:
        body = b"" if self.status in WITHOUT_BODY else self.body
        if self.status not in (204, 304):
            self.headers.append((b"content-length", b"%d" % len(body)))
        start = {"type": "http.response.start", "status": self.status, "headers": self.headers}
        await send(start)
        await send({"type": "http.response.body", "body": body})


def read_headers(scope: Scope) -> dict[str, str]:
    """Lower-case names; those sent more than once are joined by a comma, as the host does."""
    headers: dict[str, str] = {}
    for raw_name, raw_value in scope["headers"]:
        name, value = raw_name.decode("latin-1"), raw_value.decode("latin-1")
        headers[name] = f"{headers[name]},{value}" if name in headers else value
    return headers


def read_query(query: bytes) -> dict[str, str]:
    """Names differ by more than case; repeated values are joined by a comma, empty ones vanish."""
    if not query:
        return {}
    spelling: dict[str, str] = {}
    params: dict[str, str] = {}
    for sent_name, value in parse_qsl(query.decode("latin-1"), keep_blank_values=True):
        name = spelling.setdefault(sent_name.casefold(), sent_name)
        params[name] = f"{params[name]},{value}" if name in params else value
    return {name: value for name, value in params.items() if value}


def scheme_of(scope: Scope, headers: dict[str, str]) -> str:
    """What the client used, where a front end that ends TLS says so."""
    return headers.get("x-forwarded-proto") or str(scope["scheme"])


def read_request(
    scope: Scope,
    headers: dict[str, str],
    params: dict[str, str],
    route_params: dict[str, str],
    body: bytes,
) -> HttpRequest:
    query: bytes = scope["query_string"]
    path = (scope.get("raw_path") or scope["path"].encode()) + (b"?" + query if query else b"")
    url = (
        f"{scheme_of(scope, headers)}://{headers.get('host', 'localhost')}{path.decode('latin-1')}"
    )
    return HttpRequest(
        method=scope["method"],
        url=url,
        headers=headers,
        params=params,
        route_params=route_params,
        body_type="bytes",
        body=body,
    )


async def read_body(headers: dict[str, str], receive: Receive) -> bytes:
    """Without a Content-Length the host drops the body, so it is read here and forgotten.

    Raises ClientDisconnect where the client left before its end.
    """
    length = headers.get("content-length")
    if length is None and "transfer-encoding" not in headers:
        return b""
    chunks = []
    while True:
        message = await receive()
        if message["type"] != "http.request":
            raise ClientDisconnect
        chunks.append(message.get("body", b""))
        if not message.get("more_body"):
            break
    return b"".join(chunks) if length is not None else b""


def to_answer(result: object) -> Answer:
    """Raises TypeError for what a function may not return, ValueError for what HTTP cannot say."""
    if isinstance(result, str):
        return Answer(200, [TEXT], result.encode())
    if inspect.iscoroutine(result):
        result.close()  # a sync wrapper around an async function: nobody is going to await it
    if not isinstance(result, func.HttpResponse):
        raise TypeError(
            f"a function returns azure.functions.HttpResponse or str, not {type(result).__name__}"
        )
    status = int(result.status_code)
    if not 200 <= status <= 599:
        raise ValueError(f"{status} is not a status that a function may answer with")
    return Answer(status, _encode_headers(result), result.get_body())


def _encode_headers(response: func.HttpResponse) -> Headers:
    cookies: Headers = []
    others: dict[bytes, tuple[bytes, bytes]] = {}
    for name, value in response.headers.items():
        pair = _encode_header(name, value)
        if pair[0] == b"set-cookie":
            cookies.append(pair)
        elif pair[0] not in OWN_TO_THE_SERVER:
            others[pair[0]] = pair
    if b"content-type" not in others:
        others[b"content-type"] = (b"content-type", _content_type(response).encode("latin-1"))
    return [*others.values(), *cookies]


def _encode_header(name: str, value: str) -> tuple[bytes, bytes]:
    return name.lower().encode("latin-1"), str(value).encode("latin-1")


def _content_type(response: func.HttpResponse) -> str:
    mimetype = str(response.mimetype)
    return f"{mimetype}; charset={response.charset}" if mimetype.startswith("text/") else mimetype
