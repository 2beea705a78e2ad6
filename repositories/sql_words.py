"""A text of SQL as the words that a database would see, apart from what is quoted or a comment.

No parser: one that does not know a statement cannot say what it does, and one that reads a quote or
a comment otherwise than the server does is worse than none. What is told apart here is little
enough to be told apart as each server does it. See ADR 21.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
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


class Kind(StrEnum):
    WORD = "word"
    MARK = "mark"
    NAME = "name"
    TEXT = "text"


@dataclass(frozen=True, slots=True)
class Token:
    """A word in capitals, a mark (one character), a name without its quotes, a text with them."""

    text: str
    kind: Kind = Kind.WORD


Tokens = Sequence[Token]
READING_WORDS: Mapping[Dialect, Sequence[str]] = {
    Dialect.POSTGRESQL: "SELECT WITH VALUES TABLE SHOW EXPLAIN CALL".split(),
    Dialect.MYSQL: "SELECT WITH VALUES TABLE SHOW EXPLAIN DESCRIBE DESC CALL".split(),
    Dialect.ORACLE: "SELECT WITH".split(),
}
"""What a statement that only reads begins with. A procedure can do there what a function can."""

RUN = r"/\*M?!"
ESCAPED_NAME = r"[uU]&\""
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
        "string": rf"[nN]?{PLAIN_STRING}",
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
            yield Token(text[1:-1], Kind.NAME)
        elif kind == "string":
            yield Token(text, Kind.TEXT)
        elif kind == "run":
            raise Unreadable("has a comment that MySQL runs as SQL")
        elif kind == "escaped":
            raise Unreadable('has a name in escapes, U&"…": write it as it is')
        elif kind == "open":
            raise Unreadable(OPEN)
        elif kind == "mark":
            if text in BROKEN and (text != "[" or dialect is Dialect.SQL_SERVER):
                raise Unreadable(BROKEN[text])
            yield Token(text, Kind.MARK)


def word_at(tokens: Tokens, at: int) -> str:
    """The word or mark that stands there; nothing where that is quoted, or beyond the ends."""
    if not 0 <= at < len(tokens) or tokens[at].kind in {Kind.NAME, Kind.TEXT}:
        return ""
    return tokens[at].text


def depths_of(tokens: Tokens) -> list[int]:
    """In how many parentheses each of them stands."""
    depth, depths = 0, []
    for at in range(len(tokens)):
        depth -= word_at(tokens, at) == ")"
        depths.append(depth)
        depth += word_at(tokens, at) == "("
    return depths


def _compiled(groups: Mapping[str, str]) -> re.Pattern[str]:
    every = {
        "run": RUN,
        "escaped": ESCAPED_NAME,
        **groups,
        "other": rf"\s+|{NUMBER}",
        "mark": r"/\*|.",
    }
    parts = "|".join(f"(?P<{name}>{pattern})" for name, pattern in every.items())
    return re.compile(parts, re.DOTALL)


_SCANNERS = {dialect: _compiled(groups) for dialect, groups in SCANNERS.items()}
