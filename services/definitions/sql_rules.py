"""What a query may say: one statement, and one that only reads unless it is a NonQuery.

This keeps out mistakes, before anything is stored. What keeps out malice is at the server: the
read-only session, and a login that may do no more than it must.
"""

from collections.abc import Sequence

from repositories.records.kpis import ResultType
from repositories.sql_words import (
    READING_WORDS,
    Dialect,
    Kind,
    Token,
    Tokens,
    Unreadable,
    depths_of,
    read_tokens,
    word_at,
)
from services.definitions.batch_rules import ONLY_READS, PARENTHESIS, find_batch_fault
from services.definitions.doing_functions import PACKAGES, find_doing

CHANGES = frozenset("INSERT UPDATE DELETE MERGE REPLACE".split())
OBJECT_WORDS = frozenset("CREATE ALTER DROP TRUNCATE RENAME ENABLE DISABLE".split())
OBJECTS = frozenset(
    "TABLE DATABASE SCHEMA INDEX VIEW USER ROLE FUNCTION PROCEDURE TRIGGER SEQUENCE TYPE EXTENSION"
    " LOGIN SYSTEM TEMPORARY TEMP UNIQUE OR".split()
)
TRANSACTIONS = frozenset("BEGIN START COMMIT ROLLBACK SAVEPOINT RELEASE ABORT END".split())
LOCKS = frozenset("UPDATE SHARE NO KEY".split())
SETS = frozenset("UNION ALL DISTINCT INTERSECT EXCEPT MINUS".split())
VERBS = CHANGES | {"SELECT", "VALUES", "TABLE"}
EXPLAINING = frozenset("EXPLAIN DESCRIBE DESC".split())
EXPLAINED_HOW = frozenset("ANALYZE VERBOSE EXTENDED PARTITIONS".split())
NOT_EXPLAINED = CHANGES | OBJECT_WORDS | {"EXECUTE", "DECLARE", "REFRESH", "CALL"}
LONGEST_NAME = 4
"""`DESCRIBE schema.table column`"""


def find_fault(sql: str, result_type: ResultType, dialects: Sequence[Dialect]) -> str | None:
    """Why it cannot be stored: only where none of the dialects could run it."""
    first: str | None = None
    for dialect in dialects:
        fault = _fault(sql, result_type, dialect)
        if fault is None:
            return None
        first = first or fault
    return first


def _fault(sql: str, result_type: ResultType, dialect: Dialect) -> str | None:
    reads = result_type is not ResultType.NON_QUERY
    try:
        if reads and dialect is Dialect.SQL_SERVER:
            return find_batch_fault(sql)
        statements = _split(read_tokens(sql, dialect))
    except Unreadable as reason:
        return str(reason)
    if not statements:
        return "there is no statement"
    first = statements[0]
    if not reads and (dialect is Dialect.SQL_SERVER or _is_block(first, dialect)):
        return None
    if reads and _is_block(first, dialect):
        return f"begins with {word_at(first, 0)}: a block answers nothing, a SELECT does"
    if len(statements) > 1:
        return f"has {len(statements)} statements: one is what it may have"
    return _reading_fault(first, dialect) if reads else _writing_fault(first)


def _split(tokens: Tokens) -> list[Tokens]:
    statements: list[list[Token]] = [[]]
    for token in tokens:
        if token == Token(";", Kind.MARK):
            statements.append([])
        else:
            statements[-1].append(token)
    return [statement for statement in statements if statement]


def _is_block(statement: Tokens, dialect: Dialect) -> bool:
    """A block of PL/SQL, which has semicolons within."""
    return dialect is Dialect.ORACLE and word_at(statement, 0) in {"BEGIN", "DECLARE"}


def _writing_fault(statement: Tokens) -> str | None:
    first = word_at(statement, 0)
    if first in TRANSACTIONS:
        return f"begins with {first}: transactions are not its business"
    return None


def _reading_fault(statement: Tokens, dialect: Dialect) -> str | None:
    within = next((at for at, token in enumerate(statement) if token != PARENTHESIS), 0)
    first = word_at(statement, within)
    if first not in READING_WORDS[dialect]:
        return f"begins with {first[:50] or 'a name'}: {ONLY_READS}"
    if first in EXPLAINING:
        return _explaining_fault(statement, dialect)
    if first == "SHOW":
        return None
    if found := _change(statement) or _second(statement):
        return f"has {found}: {ONLY_READS}"
    if dialect is Dialect.ORACLE and (found := _package(statement)):
        return f"has {found}: {ONLY_READS}"
    for fits in (_new_object, _copy, _row_lock, find_doing):
        found = next((text for at in range(len(statement)) if (text := fits(statement, at))), None)
        if found:
            return f"has {found}: {ONLY_READS}"
    return None


def _explaining_fault(statement: Tokens, dialect: Dialect) -> str | None:
    """What is explained may run: so it is held to the same. MySQL explains tables, too."""
    at, first = 1, word_at(statement, 1)
    if first == "(" and word_at(statement, 2) not in {*READING_WORDS[dialect], *CHANGES, "("}:
        depths = depths_of(statement)
        at = next((place for place in range(2, len(statement)) if not depths[place]), 1) + 1
    while word_at(statement, at) in EXPLAINED_HOW or word_at(statement, at + 1) == "=":
        at += 1 if word_at(statement, at) in EXPLAINED_HOW else 3
    explained = statement[at:]
    first = word_at(explained, 0)
    if first in {*READING_WORDS[dialect], "("} - EXPLAINING - {"SHOW", "CALL"}:
        return _reading_fault(explained, dialect)
    is_table = dialect is Dialect.MYSQL and 0 < len(explained) <= LONGEST_NAME and first != "INTO"
    if first in NOT_EXPLAINED or not is_table:
        return f"explains {first or 'no query'}, which may run: {ONLY_READS}"
    return None


def _change(statement: Tokens) -> str | None:
    """`WITH x AS (DELETE …`, and `WITH x AS (…) DELETE …`: but a name may be such a word, too."""
    depths, awaited = depths_of(statement), set[int]()
    for at in range(len(statement)):
        word, after = word_at(statement, at), word_at(statement, at + 1)
        if word == "WITH" and after not in NO_TABLE_FOLLOWS:
            awaited.add(depths[at])
        elif word == ")":
            awaited.discard(depths[at] + 1)
        if word not in VERBS or (word in CHANGES and after in {"(", "."}):
            continue
        is_main = depths[at] in awaited and word_at(statement, at - 1) not in NAMES_FOLLOW
        if is_main:
            awaited.discard(depths[at])
        if word in CHANGES and (is_main or _opens(statement, at)):
            return word
    return None


NO_TABLE_FOLLOWS = frozenset("TIME LOCAL ORDINALITY TIES ROLLUP".split())
NAMES_FOLLOW = frozenset({"WITH", "RECURSIVE", ",", "."})


def _opens(statement: Tokens, at: int) -> bool:
    """What stands in these parentheses begins with it, and they are not those of an expression."""
    start = at - 1
    while word_at(statement, start) == "(":
        start -= 1
    if start == at - 1:
        return False
    if start < 0 or word_at(statement, start) in {"AS", "MATERIALIZED"}:
        return True
    pair = word_at(statement, at), word_at(statement, at + 1)
    sets = pair[0] == "UPDATE" and word_at(statement, at + 2) == "SET"
    return word_at(statement, start) == "FROM" and (sets or pair in BEGINNINGS)


BEGINNINGS = frozenset(
    {("INSERT", "INTO"), ("DELETE", "FROM"), ("MERGE", "INTO"), ("REPLACE", "INTO")}
)


def _second(statement: Tokens) -> str | None:
    """Another statement, with no semicolon before it: only SQL Server would run it."""
    depths = depths_of(statement)
    has_main = word_at(statement, 0) != "WITH"
    for at in range(1, len(statement)):
        word = word_at(statement, at)
        if word == "SELECT" and not depths[at] and word_at(statement, at - 1) not in SETS:
            if has_main:
                return "a second SELECT"
            has_main = True
        if word in {"EXEC", "EXECUTE"} and word_at(statement, at + 1).startswith(("SP_", "XP_")):
            return word
    return None


def _new_object(statement: Tokens, at: int) -> str | None:
    is_one = word_at(statement, at) in OBJECT_WORDS and word_at(statement, at + 1) in OBJECTS
    return word_at(statement, at) if is_one else None


def _copy(statement: Tokens, at: int) -> str | None:
    return "INTO" if word_at(statement, at) == "INTO" else None


def _row_lock(statement: Tokens, at: int) -> str | None:
    pair = word_at(statement, at), word_at(statement, at + 1)
    if pair == ("LOCK", "IN"):
        return "LOCK IN SHARE MODE"
    return f"FOR {pair[1]}" if pair[0] == "FOR" and pair[1] in LOCKS else None


def _package(statement: Tokens) -> str | None:
    names = (
        token.text
        for at, token in enumerate(statement)
        if word_at(statement, at + 1) == "." and token.kind is not Kind.TEXT
    )
    return next((name.lower() for name in names if PACKAGES.match(name.upper())), None)
