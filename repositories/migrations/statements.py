"""Where each statement of a PostgreSQL script begins, and how."""

import re
from dataclasses import dataclass

_PIECE = re.compile(
    r"""
      (?P<escaped>\b[eE]'(?:[^'\\]|''|\\.)*')
    | (?P<quoted>'(?:[^']|'')*'|"[^"]*")
    | (?P<dollar>(?<![\w$])\$(?P<tag>\w*)\$.*?\$(?P=tag)\$)
    | (?P<line>--[^\n]*)
    | (?P<open>/\*)
    | (?P<end>;)
    | (?P<word>[^\s;'"$/-]+|\S)
    """,
    re.VERBOSE | re.DOTALL,
)
_COMMENT = re.compile(r"/\*|\*/")


@dataclass(frozen=True, slots=True)
class Statement:
    """The line, from 1, that a statement begins on, and its first word in capitals."""

    line: int
    word: str


def split_statements(script: str) -> list[Statement]:
    """Every statement that is not empty. One with a body of SQL's own (BEGIN ATOMIC) is cut."""
    statements: list[Statement] = []
    place, inside = 0, False
    while match := _PIECE.search(script, place):
        place = match.end()
        if match["open"]:
            place = _comment_end(script, match.start())
        elif match["end"]:
            inside = False
        elif not match["line"] and not inside:
            inside = True
            line = script.count("\n", 0, match.start()) + 1
            statements.append(Statement(line, match[0].upper()))
    return statements


def _comment_end(script: str, start: int) -> int:
    """PostgreSQL's block comments nest."""
    depth = 0
    for match in _COMMENT.finditer(script, start):
        depth += 1 if match[0] == "/*" else -1
        if depth == 0:
            return match.end()
    return len(script)
