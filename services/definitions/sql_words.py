"""A text of SQL as the words that a database would see, without what stands in quotes or comments.

No parser: one that does not know a statement cannot say what it does, and one that reads a quote or
a comment otherwise than the server does is worse than none. What is told apart here is little
enough to be told apart as each server does it. See ADR 21.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum


class Dialect(StrEnum):
    """Named as the providers of connections are."""

    POSTGRESQL = "PostgreSQL"
    SQL_SERVER = "SqlServer"
    MYSQL = "MySQL"
    ORACLE = "Oracle"


class Unreadable(ValueError):
    """The text cannot be told apart: it says why."""


@dataclass(frozen=True, slots=True)
class Token:
    """A word in capitals, a mark (one character), or a quoted name as it is written."""

    text: str
    is_quoted: bool = False


RUN = r"/\*M?!"
NUMBER = r"\d[\d.]*(?:[eE][+-]?\d+)?"
"""What stands directly after one is a word of its own: PostgreSQL read `1INTO` so."""
WORD = r"[^\W\d][\w$]*"
ORACLE_WORD = r"[^\W\d][\w$#]*"
T_SQL_WORD = r"[@#]*[^\W\d][\w@$#]*|@@\w+"
PLAIN_STRING = r"'(?:[^']|'')*'"
ESCAPED_STRING = r"'(?:[^'\\]|\\.|'')*'"
QUOTED_NAME = r"\"(?:[^\"]|\"\")*\""
BLOCK_COMMENT = r"/\*(?:(?!\*/|/\*).)*\*/"
Q_STRING = r"[nN]?[qQ]'(?:\[.*?\]'|\{.*?\}'|<.*?>'|\(.*?\)'|(?P<q>[^\s\[{<(]).*?(?P=q)')"
SCANNERS: Mapping[Dialect, Mapping[str, str]] = {
    Dialect.POSTGRESQL: {
        "comment": rf"--[^\n]*|{BLOCK_COMMENT}",
        "string": rf"[eE]{ESCAPED_STRING}|{PLAIN_STRING}"
        r"|\$(?P<tag>(?:[^\W\d]\w*)?)\$.*?\$(?P=tag)\$",
        "open": r"\$(?:[^\W\d]\w*)?\$",
        "name": QUOTED_NAME,
        "word": WORD,
    },
    Dialect.SQL_SERVER: {
        "comment": rf"--[^\n]*|{BLOCK_COMMENT}",
        "string": PLAIN_STRING,
        "name": rf"{QUOTED_NAME}|\[(?:[^\]]|\]\])*\]",
        "word": T_SQL_WORD,
    },
    Dialect.MYSQL: {
        "comment": rf"--(?=[\s\x00-\x20]|$)[^\n]*|\#[^\n]*|{BLOCK_COMMENT}",
        "string": rf"{ESCAPED_STRING}|\"(?:[^\"\\]|\\.|\"\")*\"",
        "name": r"`(?:[^`]|``)*`",
        "word": WORD,
    },
    Dialect.ORACLE: {
        "comment": rf"--[^\n]*|{BLOCK_COMMENT}",
        "string": rf"{Q_STRING}|{PLAIN_STRING}",
        "open": r"[nN]?[qQ]'",
        "name": QUOTED_NAME,
        "word": ORACLE_WORD,
    },
}
OPEN = "a quote is not closed"
BROKEN = {
    "'": OPEN,
    '"': OPEN,
    "`": OPEN,
    "[": "a bracket is not closed",
    "/*": "a comment is not closed, or holds another, which databases read differently",
}
STRANGE = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\x85\u2028\u2029]|\r(?!\n)")


def read_tokens(sql: str, dialect: Dialect) -> list[Token]:
    """Raises Unreadable."""
    if found := STRANGE.search(sql):
        raise Unreadable(f"has U+{ord(found[0]):04X}, which databases read differently")
    return [*_tokens(sql, dialect)]


def _tokens(sql: str, dialect: Dialect) -> Iterator[Token]:
    for match in _SCANNERS[dialect].finditer(sql):
        kind, text = match.lastgroup, match[0]
        if kind == "word":
            yield Token(text.upper())
        elif kind == "name":
            yield Token(text[1:-1], is_quoted=True)
        elif kind == "run":
            raise Unreadable("has a comment that MySQL runs as SQL")
        elif kind == "open":
            raise Unreadable(OPEN)
        elif kind == "mark":
            if text in BROKEN and (text != "[" or dialect is Dialect.SQL_SERVER):
                raise Unreadable(BROKEN[text])
            yield Token(text)


def _compiled(groups: Mapping[str, str]) -> re.Pattern[str]:
    every = {"run": RUN, **groups, "other": rf"\s+|{NUMBER}", "mark": r"/\*|."}
    parts = "|".join(f"(?P<{name}>{pattern})" for name, pattern in every.items())
    return re.compile(parts, re.DOTALL)


_SCANNERS = {dialect: _compiled(groups) for dialect, groups in SCANNERS.items()}
