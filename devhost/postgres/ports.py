"""Which port of the loopback address a server gets."""

import errno
import socket

from devhost.postgres.home import Home

HOST = "127.0.0.1"


def is_free(port: int) -> bool:
    """Whether a server could listen there, on the loopback address."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
            probe.listen()
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                return False
            raise
        return True


def any_free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


def last_port(home: Home) -> int | None:
    try:
        return int(home.port.read_text())
    except (FileNotFoundError, ValueError):
        return None
