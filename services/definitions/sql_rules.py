"""What a query may say: one statement, and one that only reads unless it is a NonQuery.

This keeps out mistakes, before anything is stored. What keeps out malice is at the server: the
read-only session, and a login that may do no more than it must.
"""

from collections.abc import Iterator, Mapping, Sequence

from repositories.records.kpis import ResultType
from services.definitions.sql_words import Dialect, Token, Unreadable, read_tokens

READS: Mapping[Dialect, frozenset[str]] = {
    Dialect.POSTGRESQL: frozenset("SELECT WITH VALUES TABLE SHOW EXPLAIN (".split()),
    Dialect.MYSQL: frozenset("SELECT WITH VALUES TABLE SHOW EXPLAIN DESCRIBE DESC (".split()),
    Dialect.ORACLE: frozenset("SELECT WITH (".split()),
}
CHANGES = frozenset("INSERT UPDATE DELETE MERGE REPLACE".split())
T_SQL_CHANGES = frozenset(
    "INSERT UPDATE DELETE MERGE TRUNCATE CREATE ALTER DROP GRANT REVOKE DENY BACKUP RESTORE KILL"
    " SHUTDOWN RECONFIGURE BULK WRITETEXT UPDATETEXT".split()
)
"""Reserved there: none of them can be the name of anything without brackets."""
T_SQL_STARTS = frozenset(
    "SELECT WITH DECLARE SET EXEC EXECUTE IF WHILE BEGIN USE PRINT WAITFOR OPEN DBCC ( INSERT"
    " UPDATE DELETE MERGE CREATE DROP ALTER TRUNCATE".split()
)
T_SQL_ANSWERS = frozenset("SELECT EXEC EXECUTE DBCC FETCH".split())
OBJECT_WORDS = frozenset("CREATE ALTER DROP TRUNCATE RENAME".split())
OBJECTS = frozenset(
    "TABLE DATABASE SCHEMA INDEX VIEW USER ROLE FUNCTION PROCEDURE TRIGGER SEQUENCE TYPE EXTENSION"
    " LOGIN SYSTEM TEMPORARY TEMP UNIQUE OR".split()
)
TRANSACTIONS = frozenset("BEGIN START COMMIT ROLLBACK SAVEPOINT RELEASE ABORT END".split())
LOCKS = frozenset("UPDATE SHARE NO KEY".split())
FUNCTIONS = frozenset(
    "SET_CONFIG SETVAL NEXTVAL DBLINK_EXEC LO_CREAT LO_CREATE LO_FROM_BYTEA LO_IMPORT LO_EXPORT"
    " LO_PUT LO_UNLINK LOWRITE PG_TERMINATE_BACKEND PG_CANCEL_BACKEND PG_RELOAD_CONF"
    " PG_ROTATE_LOGFILE PG_SWITCH_WAL PG_PROMOTE PG_LOGICAL_EMIT_MESSAGE PG_NOTIFY".split()
)
"""Of PostgreSQL: what they do is no question."""
FILLERS = frozenset("INTO FROM TABLE IF EXISTS TOP PERCENT ( ) ON INDEX UNIQUE CLUSTERED".split())
NEARBY = 8
"""Words between INSERT, DROP … and the name of what it changes."""

Statement = Sequence[Token]


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
    try:
        statements = _split(read_tokens(sql, dialect))
    except Unreadable as reason:
        return str(reason)
    if not statements:
        return "there is no statement"
    reads = result_type is not ResultType.NON_QUERY
    if dialect is Dialect.SQL_SERVER:
        return _batch_fault(statements) if reads else None
    if len(statements) > 1 and (reads or not _is_block(statements[0], dialect)):
        return f"has {len(statements)} statements: one is what it may have"
    return (
        _reading_fault(statements[0], dialect) if reads else _writing_fault(statements[0], dialect)
    )


def _split(tokens: Sequence[Token]) -> list[Statement]:
    statements: list[list[Token]] = [[]]
    for token in tokens:
        if token == Token(";"):
            statements.append([])
        else:
            statements[-1].append(token)
    return [statement for statement in statements if statement]


def _is_block(statement: Statement, dialect: Dialect) -> bool:
    """A block of PL/SQL, which has semicolons within."""
    return dialect is Dialect.ORACLE and _word(statement, 0) in {"BEGIN", "DECLARE"}


def _writing_fault(statement: Statement, dialect: Dialect) -> str | None:
    first = _word(statement, 0)
    if first in TRANSACTIONS and not _is_block(statement, dialect):
        return f"begins with {first}: transactions are not its business"
    return None


def _reading_fault(statement: Statement, dialect: Dialect) -> str | None:
    first = _word(statement, 0)
    if first not in READS[dialect]:
        return f"begins with {first[:50] or 'a name'}: {ONLY_READS}"
    if first in {"EXPLAIN", "DESCRIBE", "DESC"}:
        words = {token.text for token in statement[1:] if not token.is_quoted}
        changes = sorted(words & NOT_EXPLAINED)
        return f"explains {changes[0]}, which may run: {ONLY_READS}" if changes else None
    for fits in (_change_within, _new_object, _copy, _row_lock, _function):
        found = next((text for at in range(len(statement)) if (text := fits(statement, at))), None)
        if found:
            return f"has {found}: {ONLY_READS}"
    return None


NOT_EXPLAINED = CHANGES | OBJECT_WORDS | {"EXECUTE", "DECLARE", "REFRESH", "INTO"}
ONLY_READS = "a Scalar or a DataSet only reads"


def _change_within(statement: Statement, at: int) -> str | None:
    """`WITH x AS (DELETE …`, and `WITH x AS (…) DELETE …`; a function may have such a name too."""
    word, before = _word(statement, at), _word(statement, at - 1) if at else ""
    if word not in CHANGES or _word(statement, at + 1) == "(":
        return None
    is_main = before == ")" and _word(statement, 0) == "WITH"
    return word if before == "(" or is_main else None


def _new_object(statement: Statement, at: int) -> str | None:
    is_one = _word(statement, at) in OBJECT_WORDS and _word(statement, at + 1) in OBJECTS
    return _word(statement, at) if is_one else None


def _copy(statement: Statement, at: int) -> str | None:
    return "INTO" if _word(statement, at) == "INTO" else None


def _row_lock(statement: Statement, at: int) -> str | None:
    pair = _word(statement, at), _word(statement, at + 1)
    if pair == ("LOCK", "IN"):
        return "LOCK IN SHARE MODE"
    return f"FOR {pair[1]}" if pair[0] == "FOR" and pair[1] in LOCKS else None


def _function(statement: Statement, at: int) -> str | None:
    if _word(statement, at + 1) != "(" or at >= len(statement):
        return None
    name = statement[at].text.upper()
    return name.lower() if name in FUNCTIONS else None


def _batch_fault(statements: Sequence[Statement]) -> str | None:
    """A batch of T-SQL may declare and prepare what it then selects; its first rows are its answer.

    What it changes can only be its own: a table variable, or a temporary table.
    """
    first = _word(statements[0], 0)
    if first not in T_SQL_STARTS and not _is_call(statements[0]):
        return f"begins with {first[:50] or 'a name'}: {ONLY_READS}, and EXEC calls a procedure"
    is_theirs = (first, _word(statements[0], 1)) == ("EXECUTE", "IMMEDIATE")
    if is_theirs or not any(_may_answer(statement) for statement in statements):
        return "has nothing that answers"
    if any(_answers(statement) for statement in statements[:-1]):
        return "has a statement after the one that answers: its first rows are the answer"
    return next((fault for one in statements for fault in _batch_faults(one)), None)


def _is_call(statement: Statement) -> bool:
    """Of a procedure, by its name alone."""
    is_system = _word(statement, 0).startswith(("SP_", "XP_"))
    return is_system or _word(statement, 1) == "."


def _may_answer(statement: Statement) -> bool:
    words = {token.text for token in statement if not token.is_quoted}
    answers = {"FETCH"} if "CURSOR" in words else T_SQL_ANSWERS
    return bool(words & answers) or _is_call(statement)


def _answers(statement: Statement) -> bool:
    if _word(statement, 0) not in {"SELECT", "WITH", "("}:
        return False
    is_kept = any(_copy(statement, at) for at in range(len(statement)))
    return not is_kept and not _word(statement, 1).startswith("@")


def _batch_faults(statement: Statement) -> Iterator[str]:
    has_cursor = Token("CURSOR") in statement
    for at in range(len(statement)):
        if found := _function(statement, at) or (not has_cursor and _row_lock(statement, at)):
            yield f"has {found}: {ONLY_READS}"
        word = _word(statement, at)
        changes = word in T_SQL_CHANGES and not _is_hint(statement, at)
        if (changes or word == "INTO") and not _is_its_own(statement, at):
            yield f"has {word}: {ONLY_READS}"
        if word in {"COMMIT", "ROLLBACK"} or _opens_transaction(statement, at):
            yield f"has {word}: transactions are not its business"


def _is_hint(statement: Statement, at: int) -> bool:
    """`OPTION (MERGE JOIN)`, `INNER MERGE JOIN`, `CURSOR … FOR UPDATE`, `UPDATE(column)`."""
    word, after = _word(statement, at), _word(statement, at + 1)
    before = _word(statement, at - 1) if at else ""
    return (word == "MERGE" and after in {"JOIN", "UNION"}) or (
        word == "UPDATE" and (before == "FOR" or after == "(")
    )


def _is_its_own(statement: Statement, at: int) -> bool:
    """The first name after INSERT, DROP TABLE IF EXISTS, … is #temporary or @variable."""
    for place in range(at + 1, min(at + NEARBY, len(statement))):
        token = statement[place]
        if token.text.startswith(("#", "@")):
            return True
        if token.is_quoted or token.text not in FILLERS:
            return _word(statement, at) == "CREATE" and _names_index(statement, at, place)
    return False


def _names_index(statement: Statement, at: int, place: int) -> bool:
    """`CREATE INDEX name ON #temporary`."""
    words = [_word(statement, one) for one in range(at, place)]
    return "INDEX" in words and _word(statement, place + 2).startswith("#")


def _opens_transaction(statement: Statement, at: int) -> bool:
    pair = _word(statement, at), _word(statement, at + 1)
    return pair[0] in {"BEGIN", "SAVE"} and pair[1] in {"TRAN", "TRANSACTION"}


def _word(statement: Statement, at: int) -> str:
    """The word or mark that stands there; nothing where that is quoted, or beyond the end."""
    if not 0 <= at < len(statement) or statement[at].is_quoted:
        return ""
    return statement[at].text
