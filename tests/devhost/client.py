"""What the tests of the host share: a client in this process, the types of their fixtures."""

import asyncio
import threading
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any, TypeVar

import httpx
from starlette.applications import Starlette

from devhost.host import Host

T = TypeVar("T")
SAMPLE = Path(__file__).parent / "apps" / "sample"


class Client:
    """Calls an app in this process, on an event loop in a thread of its own."""

    def __init__(self, app: Starlette) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        transport = httpx.ASGITransport(app)
        self._client = httpx.AsyncClient(transport=transport, base_url="http://localhost:7071")

    def request(self, method: str, path: str, **options: Any) -> httpx.Response:
        return self.wait_for(self._client.request(method, path, **options))

    def get(self, path: str, **options: Any) -> httpx.Response:
        return self.request("GET", path, **options)

    def post(self, path: str, **options: Any) -> httpx.Response:
        return self.request("POST", path, **options)

    def wait_for(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(30)

    def close(self) -> None:
        self.wait_for(self._client.aclose())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()


WriteApp = Callable[..., Path]
LoadHost = Callable[..., Host]
Connect = Callable[..., Client]
Serve = Callable[[Host], Client]
