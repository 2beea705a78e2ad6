"""The keys that callers show under `--enforce-keys`, kept in a file that only its owner reads."""

import hmac
import json
import os
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from devhost.refusal import Refused


@dataclass(frozen=True)
class Keys:
    """`default` opens every function of level FUNCTION, as a host key does; `master` everything."""

    master: str
    default: str
    functions: dict[str, str]

    @classmethod
    def open(cls, path: Path, functions: Iterable[str]) -> "Keys":
        """Makes what is missing: the file on first use, the key of a function that is new."""
        kept = _read(path)
        of_functions = kept.get("functions", {})
        keys = cls(
            master=kept.get("master") or _new_key(),
            default=kept.get("default") or _new_key(),
            functions={name: of_functions.get(name) or _new_key() for name in functions},
        )
        _write(path, keys)
        return keys

    def is_master(self, shown: str) -> bool:
        return _same(shown, self.master)

    def allow(self, function: str, level: str, shown: str) -> bool:
        if level == "anonymous" or self.is_master(shown):
            return True
        if level == "admin":
            return False
        return _same(shown, self.default) or _same(shown, self.functions[function])


def shown_key(headers: dict[str, str], params: dict[str, str]) -> str:
    """The key of a request, the header's before the one in the URL; empty where there is none."""
    in_header = headers.get("x-functions-key")
    return params.get("code", "") if in_header is None else in_header


def _same(one: str, other: str) -> bool:
    return hmac.compare_digest(one.encode(), other.encode())


def _new_key() -> str:
    return secrets.token_urlsafe(40)


def _read(path: Path) -> dict[str, Any]:
    try:
        document = json.loads(path.read_text())
    except FileNotFoundError:
        return {}
    except ValueError as error:
        raise Refused(f"{path} is not JSON: delete it to get new keys") from error
    if not isinstance(document, dict):
        raise Refused(f"{path} holds no keys: delete it to get new ones")
    return document


def _write(path: Path, keys: Keys) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    document = {"master": keys.master, "default": keys.default, "functions": keys.functions}
    aside = path.with_name(f"{path.name}.{os.getpid()}")
    with open(aside, "w", opener=lambda name, flags: os.open(name, flags, 0o600)) as file:
        json.dump(document, file, indent=2)
    aside.replace(path)
