"""Requests a second and how long they take, over the local host, at so many connections at once."""

import asyncio
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from tests.bench.report import Row
from tests.hosts import running_host

EMPTY_APP = Path(__file__).parent / "apps" / "empty"
CONNECTIONS = (1, 16, 64)
SECONDS = 5.0
WARM_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Call:
    """A request that is sent over and over: a POST where it has a body of JSON.

    `{connection}` in its path is the number of the connection that it is sent on.
    """

    url: str
    path: str
    body: str = ""

    def text(self, connection: int) -> bytes:
        path = self.path.format(connection=connection)
        head = f"{'POST' if self.body else 'GET'} {path} HTTP/1.1\r\nHost: {self._host}\r\n"
        if self.body:
            head += f"Content-Type: application/json\r\nContent-Length: {len(self.body)}\r\n"
        return f"{head}\r\n{self.body}".encode()

    @property
    def address(self) -> tuple[str, int]:
        parts = urlsplit(self.url)
        return parts.hostname or "", parts.port or 80

    @property
    def _host(self) -> str:
        return urlsplit(self.url).netloc


def measure_load(store_url: str, path: str) -> Iterator[Row]:
    """A list of the app, next to an app whose only endpoint answers {}."""
    with running_host(None, app=EMPTY_APP) as host:
        yield from _rows("empty", Call(host.url, "/api/empty"))
    with running_host(store_url, "--no-timers") as host:
        yield from _rows("jobs", Call(host.url, path))


def hammer(call: Call, *, connections: int, seconds: float) -> list[float]:
    """The seconds that each request took; each connection asks again when it has its answer."""
    return asyncio.run(_hammer(call, connections, seconds))


def _rows(name: str, call: Call) -> Iterator[Row]:
    hammer(call, connections=4, seconds=WARM_SECONDS)
    for connections in CONNECTIONS:
        taken = sorted(hammer(call, connections=connections, seconds=SECONDS))
        yield Row(f"load_{name}_{connections}_rps", len(taken) / SECONDS)
        yield Row(f"load_{name}_{connections}_p50_ms", 1e3 * taken[len(taken) // 2])
        yield Row(f"load_{name}_{connections}_p99_ms", 1e3 * taken[len(taken) * 99 // 100])


async def _hammer(call: Call, connections: int, seconds: float) -> list[float]:
    until = time.perf_counter() + seconds
    found = await asyncio.gather(*(_ask_on(call, number, until) for number in range(connections)))
    return [taken for each in found for taken in each]


async def _ask_on(call: Call, connection: int, until: float) -> list[float]:
    reader, writer = await asyncio.open_connection(*call.address, limit=2**22)
    text, taken = call.text(connection), []
    while (started := time.perf_counter()) < until:
        writer.write(text)
        await _read_answer(reader)
        taken.append(time.perf_counter() - started)
    writer.close()
    await writer.wait_closed()
    return taken


async def _read_answer(reader: asyncio.StreamReader) -> None:
    """One good answer with a length; RuntimeError where it is another."""
    head = (await reader.readuntil(b"\r\n\r\n")).lower()
    if not head.startswith(b"http/1.1 200"):
        raise RuntimeError(f"the host answered {head.splitlines()[0].decode()}")
    length = head.partition(b"content-length:")[2].split(b"\r\n")[0]
    await reader.readexactly(int(length))
