"""The environment of a measurement: none of the caller's settings, which would change it."""

import os

KEPT = ("PATH", "HOME", "TMPDIR", "LANG", "USER")


def plain_environment() -> dict[str, str]:
    return {name: os.environ[name] for name in KEPT if name in os.environ}


def forget_settings() -> None:
    """Leave this process, too, with the plain environment."""
    plain = plain_environment()
    os.environ.clear()
    os.environ.update(plain)
