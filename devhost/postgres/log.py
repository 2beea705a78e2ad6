"""The server's log: what it said since it was started, and what of that is for the user."""

from pathlib import Path

_LARGEST = 10_000_000


def rotate_log(log: Path) -> int:
    """How long the log is before a start; one that has grown too long starts anew."""
    if not log.exists():
        return 0
    if log.stat().st_size > _LARGEST:
        log.replace(log.with_suffix(".old.log"))
        return 0
    return log.stat().st_size


def log_since(log: Path, start: int) -> list[str]:
    with log.open("rb") as file:
        file.seek(start)
        return file.read().decode(errors="replace").splitlines()


def is_passing(said: list[str]) -> bool:
    """Whether another try may go well."""
    text = "\n".join(said)
    return "Address already in use" in text or "pre-existing shared memory block" in text


def failure_line(said: list[str], log: Path) -> str:
    fatal = [line.partition("FATAL:")[2].strip() for line in said if "FATAL:" in line]
    reason = fatal[-1] if fatal else (said[-1] if said else "it said nothing")
    tail = "".join(f"\n  {line}" for line in said[-10:])
    return f"PostgreSQL did not start: {reason} ({log}){tail}"
