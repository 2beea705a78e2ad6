"""Requests a second and how long they take, over the local host, at so many connections at once."""

import asyncio
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

from tests.bench.report import Row
from tests.hosts import running_host

EMPTY_APP = Path(__file__).parent / "apps" / "empty"
CONNECTIONS = (1, 16, 64)
SECONDS = 5.0
WARM_SECONDS = 1.0


def measure_load(store_url: str, path: str) -> Iterator[Row]:
    """A list of the app, next to an app whose only endpoint answers {}."""
    with running_host(None, app=EMPTY_APP) as host:
        yield from _rows("empty", host.url, "/api/empty")
    with running_host(store_url, "--no-timers") as host:
        yield from _rows("jobs", host.url, path)


def _rows(name: str, url: str, path: str) -> Iterator[Row]:
    asyncio.run(_hammer(url, path, 4, WARM_SECONDS))
    for connections in CONNECTIONS:
        taken = sorted(asyncio.run(_hammer(url, path, connections, SECONDS)))
        yield Row(f"load_{name}_{connections}_rps", len(taken) / SECONDS)
        yield Row(f"load_{name}_{connections}_p50_ms", 1e3 * taken[len(taken) // 2])
        yield Row(f"load_{name}_{connections}_p99_ms", 1e3 * taken[len(taken) * 99 // 100])


async def _hammer(url: str, path: str, connections: int, seconds: float) -> list[float]:
    """The seconds that each request took; each connection asks again when it has its answer."""
    parts = urlsplit(url)
    asked = f"GET {path} HTTP/1.1\r\nHost: {parts.netloc}\r\n\r\n".encode()
    until = time.perf_counter() + seconds
    found = await asyncio.gather(
        *(_ask_on(parts.hostname or "", parts.port or 80, asked, until) for _ in range(connections))
    )
    return [taken for each in found for taken in each]


async def _ask_on(host: str, port: int, asked: bytes, until: float) -> list[float]:
    reader, writer = await asyncio.open_connection(host, port, limit=2**22)
    taken = []
    while (started := time.perf_counter()) < until:
        writer.write(asked)
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
