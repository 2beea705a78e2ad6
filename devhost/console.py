"""What the commands tell the user. A terminal that is gone stops nobody from ending cleanly."""

import sys
from contextlib import suppress


def say(line: str) -> None:
    """A line of what is going on, or of what was asked for."""
    with suppress(OSError):
        sys.stdout.write(f"{line}\n")
        sys.stdout.flush()


def complain(line: str) -> None:
    with suppress(OSError):
        sys.stderr.write(f"{line}\n")
        sys.stderr.flush()
