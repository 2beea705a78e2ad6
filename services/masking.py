"""Secrets in text and in JSON text: passwords, tokens, keys, connection strings, signatures.

Meant for whole answers and whole log lines, so that nothing has to be remembered elsewhere. What
shows no sign of a secret costs a few searches for short words. JSON stays JSON.
"""

import re

import orjson

MASK = "***"
SIGNS = (
    *("passw", "pwd", "secret", "token", "credential", "key", "sig", "sas", "eyj"),
    *("bearer", "basic", "connection", "conn", "authoriz"),
)

_WORDS = r"passw(?:or)?d|passphrase|pwd"
_KEY_WORDS = (
    r"secret|token|credential|connection[ _-]?str|conn[_-]?str|connstring|authorization|signature"
    r"|(?:api|account|access|private|shared|encryption|subscription|function|host|master|signing"
    r"|storage|client|sas)[ _-]?(?:access[ _-]?)?key"
)
_NAME = re.compile(rf"{_WORDS}|{_KEY_WORDS}|^(?:key|sig|sas|bearer)$", re.IGNORECASE)
_HIDES_NUMBERS = re.compile(_WORDS, re.IGNORECASE)

_STRING = r'"(?:[^"\\]|\\.)*"'
_MEMBER = re.compile(
    rf'({_STRING})(?:(\s*:\s*)({_STRING}|-?\d[\d.eE+-]*|\[[^][{{}}"]*(?:{_STRING}[^][{{}}"]*)*\])?)?',
    re.DOTALL,
)

_ASSIGNED = re.compile(
    rf"((?:[\w.-]*(?:{_WORDS}|{_KEY_WORDS})[\w.-]*|\b[\w-]*(?:key|sig)(?==))[\"']?\s*[=:]\s*)"
    r"""("[^"]*"|'[^']*'|(?:bearer|basic)\s+\S+|[^\s;,&"'{}\[\]]+)""",
    re.IGNORECASE,
)
_BEARER = re.compile(r"\b(bearer|basic)(\s+)[A-Za-z0-9._~+/=-]{8,}", re.IGNORECASE)
_USER_INFO = re.compile(r"(://[^\s:/@\"']*:)[^\s\"'/]+@")
_JWT = re.compile(r"\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]*)?")
_PEM = re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*-----|$)", re.DOTALL)


def shows_signs(text: str) -> bool:
    """Whether there may be a secret in it; False is certain."""
    lowered = text.lower()
    return any(sign in lowered for sign in SIGNS) or ("://" in text and "@" in text)


def mask_text(text: str) -> str:
    """Plain text, with any secrets in it replaced by ***."""
    if not shows_signs(text):
        return text
    if '"' in text and ":" in text:
        text = _MEMBER.sub(_mask_member, text)
    text = _PEM.sub(MASK, text)
    text = _ASSIGNED.sub(rf"\1{MASK}", text)
    text = _BEARER.sub(rf"\1\2{MASK}", text)
    text = _USER_INFO.sub(rf"\1{MASK}@", text)
    return _JWT.sub(MASK, text)


def mask_json(text: str) -> str:
    """JSON text, with secrets replaced in its members and strings; still the same JSON else."""
    return _MEMBER.sub(_mask_member, text) if shows_signs(text) else text


def _mask_member(match: re.Match[str]) -> str:
    name, colon, value = match[1], match[2], match[3]
    if colon is None:
        return _mask_string(name)
    if value is None:
        return match[0]
    if not _NAME.search(name[1:-1]):
        masked = _mask_string(value) if value[0] == '"' else _MEMBER.sub(_mask_member, value)
        return f"{name}{colon}{masked}"
    if value[0] in '"[' or _HIDES_NUMBERS.search(name):
        return f'{name}{colon}"{MASK}"'
    return match[0]


def _mask_string(quoted: str) -> str:
    """A JSON string, masked as the text that it stands for."""
    if not shows_signs(quoted):
        return quoted
    try:
        plain: str = orjson.loads(quoted)
    except orjson.JSONDecodeError:
        return quoted
    masked = mask_text(plain)
    return quoted if masked == plain else orjson.dumps(masked).decode()
