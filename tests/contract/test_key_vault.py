"""Azure's own client against a server that speaks Key Vault's protocol."""

import itertools
import json
import time
from collections.abc import Iterator
from copy import copy
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Thread
from typing import Any

import pytest
from azure.core.credentials import AccessToken, AccessTokenInfo
from azure.core.exceptions import ClientAuthenticationError
from azure.core.pipeline.transport import RequestsTransport

from repositories import key_vault
from repositories.errors import NotConfigured, StorageError, Unavailable
from repositories.key_vault import KeyVault

numbers = itertools.count(1)
SECRET, TOKEN = "postgresql://me:hunter2sesame@db/x", "a-token-of-ours"
CHALLENGE = (
    'Bearer authorization="https://login.microsoftonline.com/11111111-1111-1111-1111-111111111111",'
    ' resource="{}"'
)


class FakeVault:
    """Answers as Key Vault does: a challenge first, then what it was told to."""

    def __init__(self) -> None:
        self.host = f"https://team{next(numbers)}.vault.azure.net"  # the client remembers each
        self.reference = f"keyvault:{self.host}/secrets/orders"
        self.status, self.headers = 200, dict[str, str]()
        self.body: Any = {"value": SECRET}
        self.resource = "https://vault.azure.net"
        self.asked: list[tuple[str, str | None]] = []
        self.may_answer = Event()
        self.may_answer.set()
        vault = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                vault.answer(self)

            def log_message(self, *_: object) -> None:
                """Nobody reads it."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        Thread(target=self.server.serve_forever, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.server_port}"

    def answer(self, request: BaseHTTPRequestHandler) -> None:
        authorization = request.headers.get("Authorization")
        self.asked.append((request.path, authorization))
        self.may_answer.wait(20)
        if authorization is None:
            headers = {"WWW-Authenticate": CHALLENGE.format(self.resource)}
            self._send(request, 401, {"error": {"code": "Unauthorized"}}, headers)
        else:
            self._send(request, self.status, self.body, self.headers)

    @staticmethod
    def _send(
        request: BaseHTTPRequestHandler, status: int, body: Any, headers: dict[str, str]
    ) -> None:
        content = json.dumps(body).encode()
        request.send_response(status)
        for name, value in {"Content-Type": "application/json", **headers}.items():
            request.send_header(name, value)
        request.send_header("Content-Length", str(len(content)))
        request.end_headers()
        request.wfile.write(content)

    def close(self) -> None:
        self.may_answer.set()
        self.server.shutdown()
        self.server.server_close()


class Rerouted(RequestsTransport):  # type: ignore[misc]  # it is imported lazily there
    """Leads Azure's host to the fake; what the client checks of a host it has checked before."""

    def __init__(self, vault: FakeVault) -> None:
        super().__init__()
        self._vault = vault

    def send(self, request: Any, **kwargs: Any) -> Any:
        assert request.url.startswith(f"{self._vault.host}/")
        led = copy(request)
        led.url = request.url.replace(self._vault.host, self._vault.url)
        return super().send(led, **kwargs)


class Identity:
    def __init__(self) -> None:
        self.scopes: list[str] = []

    def get_token(self, *scopes: str, **_: Any) -> AccessToken:
        self.scopes += scopes
        return AccessToken(TOKEN, int(time.time()) + 3600)

    def get_token_info(self, *scopes: str, **_: Any) -> AccessTokenInfo:
        self.scopes += scopes
        return AccessTokenInfo(TOKEN, int(time.time()) + 3600)


class NoIdentity(Identity):
    def get_token(self, *scopes: str, **_: Any) -> AccessToken:
        raise ClientAuthenticationError("this machine has no identity: hunter2sesame")

    def get_token_info(self, *scopes: str, **_: Any) -> AccessTokenInfo:
        raise ClientAuthenticationError("this machine has no identity: hunter2sesame")


@pytest.fixture
def vault() -> Iterator[FakeVault]:
    vault = FakeVault()
    yield vault
    vault.close()


def read(vault: FakeVault, identity: Identity | None = None, *, version: str = "") -> str:
    given = identity or Identity()
    key_vault = KeyVault(lambda: given, transport=Rerouted(vault))
    return key_vault.read(vault.reference + version)


def refusal(vault: FakeVault, identity: Identity | None = None) -> StorageError:
    with pytest.raises(StorageError) as refused:
        read(vault, identity)
    assert "hunter2" not in str(refused.value)
    assert TOKEN not in str(refused.value)
    return refused.value


def test_a_secret_is_read_with_the_apps_own_token(vault: FakeVault) -> None:
    identity = Identity()
    assert read(vault, identity) == SECRET
    assert set(identity.scopes) == {"https://vault.azure.net/.default"}
    path, authorization = vault.asked[-1]
    assert path.startswith("/secrets/orders/?api-version=")
    assert authorization == f"Bearer {TOKEN}"


def test_a_version_is_asked_for_where_the_reference_names_one(vault: FakeVault) -> None:
    assert read(vault, version=f"/{'a' * 32}") == SECRET
    assert vault.asked[-1][0].startswith(f"/secrets/orders/{'a' * 32}?")


@pytest.mark.parametrize(
    ("status", "message"),
    [
        (400, "does not understand the reference"),
        (401, "does not know the app's identity"),
        (403, "does not let the app's identity read the secret"),
        (404, "there is no such secret"),
    ],
)
def test_what_a_vault_refuses_is_not_configured(
    vault: FakeVault, status: int, message: str
) -> None:
    vault.status, vault.body = status, {"error": {"code": "X", "message": "hunter2sesame"}}
    error = refusal(vault)
    assert isinstance(error, NotConfigured)
    assert message in str(error)


@pytest.mark.parametrize("status", [429, 500, 503])
def test_a_vault_that_cannot_answer_now_is_away_and_is_asked_once(
    vault: FakeVault, status: int
) -> None:
    vault.status, vault.headers = status, {"Retry-After": "60"}
    vault.body = {"error": {"code": "X", "message": "hunter2sesame"}}
    started = time.monotonic()
    error = refusal(vault)
    assert isinstance(error, Unavailable)
    assert not isinstance(error, NotConfigured)
    assert time.monotonic() - started < 5
    assert len([one for one in vault.asked if one[1]]) == 1


def test_a_vault_that_says_nothing_is_given_up(
    vault: FakeVault, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(key_vault, "ANSWER_SECONDS", 0.3)
    vault.may_answer.clear()
    started = time.monotonic()
    assert not isinstance(refusal(vault), NotConfigured)
    assert time.monotonic() - started < 3


def test_an_identity_that_takes_too_long_is_given_up(
    vault: FakeVault, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(key_vault, "IN_ALL_SECONDS", 0.3)
    is_over = Event()

    class Slow(Identity):
        def get_token_info(self, *scopes: str, **_: Any) -> AccessTokenInfo:
            is_over.wait(5)
            return super().get_token_info(*scopes)

    started = time.monotonic()
    assert not isinstance(refusal(vault, Slow()), NotConfigured)
    assert time.monotonic() - started < 2
    is_over.set()


def test_a_vault_that_is_not_there_is_away() -> None:
    vault = FakeVault()
    vault.close()
    assert not isinstance(refusal(vault), NotConfigured)


def test_without_an_identity_nothing_is_asked(vault: FakeVault) -> None:
    error = refusal(vault, NoIdentity())
    assert isinstance(error, NotConfigured)
    assert "no Entra token" in str(error)


def test_a_server_that_wants_a_token_for_another_one_gets_none(vault: FakeVault) -> None:
    vault.resource = "https://database.windows.net"
    identity = Identity()
    error = refusal(vault, identity)
    assert isinstance(error, NotConfigured)
    assert identity.scopes == []
    assert [authorization for _, authorization in vault.asked] == [None]


def test_nobody_is_followed_to_another_host(vault: FakeVault) -> None:
    vault.status, vault.headers = 307, {"Location": "https://evil.example/secrets/orders"}
    refusal(vault)
    assert len(vault.asked) <= 2


def test_an_empty_secret_is_not_configured(vault: FakeVault) -> None:
    vault.body = {"value": " "}
    assert "empty" in str(refusal(vault))
