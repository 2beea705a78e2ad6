"""Serves an app over HTTP until it is told to stop: `python -m devhost --help`."""

import argparse
import errno
import logging
import signal
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Final

import uvicorn

from devhost.host import DEFAULT_STATE, Host, Options, build_app
from devhost.refusal import Refused
from devhost.settings import HostSettings

SECONDS_TO_ANSWER: Final = 3  # what requests under way get when the host stops
SECONDS_TO_KEEP_ALIVE: Final = 130  # as the real host's server does

Ready = Callable[[str], None]


def serve(
    options: Options, host: str = "127.0.0.1", port: int = 7071, ready: Ready | None = None
) -> None:
    """Runs in the main thread until SIGINT or SIGTERM.

    `ready` is called with the address, once connections are accepted; port 0 takes a free one.
    Raises Refused where the port is taken or the app cannot start.
    """
    with closing(_bind(host, port)) as listener:
        _log_to_stderr(HostSettings.read(options.app_dir).log_level)
        config = uvicorn.Config(
            build_app(Host(options), names=[_host_in_url(host)]),
            http="httptools",
            ws="none",
            lifespan="on",
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,
            timeout_keep_alive=SECONDS_TO_KEEP_ALIVE,
            timeout_graceful_shutdown=SECONDS_TO_ANSWER,
        )
        address = f"http://{_host_in_url(host)}:{listener.getsockname()[1]}"
        _Server(config, lambda: ready(address) if ready else None).run(sockets=[listener])


def main(arguments: list[str] | None = None) -> int:
    """The exit code: 1, after one line on stderr, where the app cannot start."""
    given = _parser().parse_args(arguments)
    options = Options(
        app_dir=given.app,
        state=given.state,
        enforce_keys=given.enforce_keys,
        strict=given.strict,
        timers=given.timers,
    )
    try:
        serve(options, given.host, given.port, ready=_announce)
    except Refused as refused:
        sys.stderr.write(f"{refused}\n")
        return 1
    except KeyboardInterrupt:  # while the app was being loaded
        return 130
    return 0


class _Server(uvicorn.Server):
    def __init__(self, config: uvicorn.Config, ready: Callable[[], None]) -> None:
        super().__init__(config)
        self._ready = ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            self._ready()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Unlike uvicorn's own, does not raise the signal again: the stop was a clean one."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        signals = (signal.SIGINT, signal.SIGTERM)
        former = {number: signal.signal(number, self.handle_exit) for number in signals}
        try:
            yield
        finally:
            for number, handler in former.items():
                signal.signal(number, handler)


def _bind(host: str, port: int) -> socket.socket:
    listener = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except (OSError, OverflowError) as error:
        listener.close()
        if getattr(error, "errno", None) == errno.EADDRINUSE:
            raise Refused(f"port {port} on {host} is in use: choose another with --port") from error
        raise Refused(f"cannot listen on {host} port {port}: {error}") from error
    return listener


def _host_in_url(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def _log_to_stderr(level: int) -> None:
    """In place before the app is imported, which may give the handler a formatter of its own."""
    root = logging.getLogger()
    if not root.handlers:
        handler = logging.StreamHandler()
        handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s %(message)s"))
        root.addHandler(handler)
    root.setLevel(level)
    logging.getLogger("uvicorn").setLevel(logging.WARNING)


def _announce(address: str) -> None:
    sys.stdout.write(f"listening on {address}\n")
    sys.stdout.flush()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="devhost", description="Runs a functions app locally.")
    add = parser.add_argument
    add("--port", type=int, default=7071, help="7071; 0 takes a free one")
    add("--host", default="127.0.0.1", help="the address to listen on")
    add("--app", type=Path, default=Path(), help="the folder of function_app.py")
    add("--state", type=Path, default=DEFAULT_STATE, help="where keys and timers are remembered")
    add("--enforce-keys", action="store_true", help="ask for function keys, as Azure does")
    add("--no-timers", dest="timers", action="store_false", help="do not tick timers")
    strict = parser.add_mutually_exclusive_group()
    strict.add_argument(
        "--strict",
        action="store_true",
        default=True,
        help="refuse to start where a function is in error (so it is without this, too)",
    )
    strict.add_argument(
        "--lenient",
        dest="strict",
        action="store_false",
        help="start without the functions that are in error, as Azure does",
    )
    return parser
