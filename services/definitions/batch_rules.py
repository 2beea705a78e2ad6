"""What a batch of T-SQL may say that is to read: it may declare and prepare what it then selects.

Its statements need no semicolons between them, and its reserved words cannot be names without
brackets: so they tell where statements begin, and those that no reading batch needs are refused.
What it changes can only be its own: a table variable, or a temporary table.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from repositories.sql_words import Kind, Token, Tokens, depths_of, word_at
from repositories.sqlserver.batches import calls_of, find_lasting, read_batch, text_run
from services.definitions.doing_functions import find_doing

FIRST = frozenset(
    "( BEGIN CREATE DBCC DECLARE DELETE DROP EXEC EXECUTE IF INSERT MERGE OPEN PRINT SELECT SET"
    " TRUNCATE UPDATE USE WAITFOR WHILE WITH".split()
)
LATER = FIRST | frozenset(
    "BREAK CLOSE CONTINUE DEALLOCATE ELSE END FETCH GOTO RAISERROR READTEXT RETURN THROW".split()
)
BEGINNING = LATER - frozenset("( THROW WITH".split())
"""Reserved: they tell by themselves that a statement begins."""
NEVER = frozenset(
    "ADD ALTER AUTHORIZATION BULK COMPUTE DATABASE DENY DISTRIBUTED ERRLVL EXIT EXTERNAL FUNCTION"
    " GRANT IDENTITY_INSERT LINENO NOCHECK PROC PROCEDURE RECEIVE REPLICATION REVOKE RULE SAVE"
    " SCHEMA SECURITYAUDIT TRAN TRIGGER TSEQUAL UPDATETEXT VIEW WRITETEXT".split()
)
"""Reserved, and of no use to what reads; RECEIVE is not reserved, but takes what it reads."""
PAIRS = frozenset(
    {
        *((begin, what) for begin in ("BEGIN", "END") for what in ("CONVERSATION", "DIALOG")),
        *(("MOVE", "CONVERSATION"), ("GET", "CONVERSATION"), ("SEND", "ON"), ("FOR", "SHARE")),
        *(("FOR", "NO"), ("FOR", "KEY"), ("LOCK", "IN")),
    }
)
LOCKS = frozenset("UPDLOCK XLOCK TABLOCKX".split())
CHANGES = frozenset("CREATE DELETE DROP INSERT INTO MERGE TRUNCATE UPDATE".split())
FILLERS = frozenset("INTO FROM TABLE IF EXISTS TOP PERCENT ( ) ON INDEX UNIQUE CLUSTERED".split())
BEFORE_A_TABLE = frozenset(
    "INSERT INTO UPDATE DELETE MERGE TRUNCATE FROM JOIN APPLY USING TABLE EXISTS ON TOP PERCENT , ("
    " .".split()
)
VERBS = frozenset("SELECT VALUES EXEC EXECUTE".split())
AWAITED = {"INSERT": VERBS, "WITH": VERBS | frozenset("INSERT UPDATE DELETE MERGE".split())}
"""What is still to come of a statement that begins so: its rows, or what the CTEs are for."""
NOTHING = frozenset[str]()
PARENTHESIS = Token("(", Kind.MARK)
SETS = frozenset("UNION ALL EXCEPT INTERSECT".split())
NEARBY = 8
"""Words between INSERT, DROP … and the name of what it changes."""
ONLY_READS = "a Scalar or a DataSet only reads"


@dataclass(frozen=True, slots=True)
class Statement:
    """`tokens` to where the next one begins; `is_surely_run` unless IF, ELSE or BEGIN decide."""

    tokens: Tokens
    is_surely_run: bool


def find_batch_fault(sql: str) -> str | None:
    """Raises Unreadable."""
    tokens = read_batch(sql)
    if not tokens:
        return "there is no statement"
    first = word_at(tokens, 0)
    if first not in FIRST and not _is_call(tokens):
        return f"begins with {first[:50] or 'a name'}: {ONLY_READS}, and EXEC calls a procedure"
    statements = statements_of(tokens)
    for at, statement in enumerate(statements[:-1]):
        if statement.is_surely_run and _answers(statement.tokens):
            after = word_at(statements[at + 1].tokens, 0)[:50]
            return f"has {after} after the one that answers: its first rows are the answer"
    if fault := next(_faults_of_words(sql), None):
        return fault
    answers = any(_may_answer(statement.tokens, tokens) for statement in statements)
    return None if answers else "has nothing that answers"


def statements_of(tokens: Tokens) -> Sequence[Statement]:
    """At semicolons, and where a reserved word can but begin one."""
    found: list[Statement] = []
    blocks, is_branch = 0, False
    for part in _parts_of(tokens):
        word = word_at(part, 0)
        blocks = max(blocks + (word == "BEGIN") - (word == "END"), 0)
        found.append(Statement(part, is_surely_run=not blocks and not is_branch))
        is_branch = word in {"IF", "WHILE", "ELSE"}
    return found


def _parts_of(tokens: Tokens) -> Iterator[Tokens]:
    start, cases, awaited = 0, 0, NOTHING
    depths = depths_of(tokens)
    for at in range(len(tokens)):
        word = word_at(tokens, at)
        is_within = depths[at] > 0 or cases > 0
        cases = max(cases + (word == "CASE") - (word == "END"), 0)
        if word == ";":
            yield from [tokens[start:at]] if at > start else []
            start, cases = at + 1, 0
        elif at == start:
            awaited = AWAITED.get(word, NOTHING)
        elif word in awaited and not is_within:
            awaited = VERBS if word == "INSERT" else NOTHING
        elif word in BEGINNING and not is_within and _begins(tokens, at):
            yield tokens[start:at]
            start, awaited = at, AWAITED.get(word, NOTHING)
    if start < len(tokens):
        yield tokens[start:]


def _begins(tokens: Tokens, at: int) -> bool:
    """Whether this word begins a statement where it may."""
    before, word, after = (word_at(tokens, place) for place in (at - 1, at, at + 1))
    if word == "SELECT":
        return before not in SETS | {"FOR", "AS"}
    is_hint = (word, after) in {("MERGE", "JOIN"), ("MERGE", "UNION"), ("UPDATE", "(")}
    is_part = (before, word) in {("FOR", "UPDATE"), ("UPDATE", "SET"), ("TABLE", "IF")}
    return not (is_hint or is_part or before in {"THEN", "ROWS", "ROW"})


def _verb_of(statement: Tokens) -> int:
    """Where what comes after WITH begins."""
    depths = depths_of(statement)
    places = (at for at in range(len(statement)) if word_at(statement, at) in AWAITED["WITH"])
    return next((at for at in places if not depths[at]), len(statement))


def _is_call(tokens: Tokens) -> bool:
    """Of a procedure, by its name alone."""
    is_system = word_at(tokens, 0).startswith(("SP_", "XP_"))
    return is_system or word_at(tokens, 1) == "."


def _may_answer(statement: Tokens, batch: Tokens) -> bool:
    first = word_at(statement, 0)
    if first == "FETCH":
        return Token("CURSOR") in batch
    if first in {"SELECT", "WITH", "("}:
        return _answers(statement)
    is_theirs = word_at(statement, 1) == "IMMEDIATE"
    is_call = first in {"EXEC", "EXECUTE"} or (statement[0] is batch[0] and _is_call(statement))
    return (is_call and not is_theirs) or first == "DBCC"


def _answers(statement: Tokens) -> bool:
    """Selects, and keeps none of it for later."""
    first = next((token.text for token in statement if token != PARENTHESIS), "")
    if first not in {"SELECT", "WITH"}:
        return False
    depths = depths_of(statement)
    words = [word_at(statement, at) for at in range(len(statement)) if not depths[at]]
    keeps = any(_assigns(words, at) for at in range(1, len(words)))
    return "INTO" not in words and not keeps and not CHANGES.intersection(words)


def _assigns(words: Sequence[str], at: int) -> bool:
    """`SELECT @a = …, @b += …`"""
    if not words[at].startswith("@") or words[at - 1] in {"=", "<", ">", "WHERE", "AND", "OR"}:
        return False
    is_listed = words[at - 1] in {"SELECT", "TOP", "DISTINCT", "ALL", ",", ")"}
    return is_listed and "=" in words[at + 1 : at + 3]


def _faults_of_words(sql: str) -> Iterator[str]:
    """Of the batch, and of the texts that it has run."""
    tokens = read_batch(sql)
    for statement in statements_of(tokens):
        yield from _faults_of(statement.tokens, is_first=statement.tokens[0] is tokens[0])
    if found := find_lasting(sql):
        yield f"has {found}: {ONLY_READS}"
    for call in calls_of(tokens):
        if (text := text_run(call)) is not None:
            yield from _faults_of_words(text)


def _faults_of(statement: Tokens, *, is_first: bool) -> Iterator[str]:
    first = word_at(statement, 0)
    is_label = word_at(statement, 1) == ":"
    in_front = _verb_of(statement) if first == "WITH" else 0
    depths = depths_of(statement)
    if not (first in LATER or is_label or (is_first and _is_call(statement))):
        yield f"has {first[:50] or 'a name'} where a statement begins: {ONLY_READS}"
    for at in range(len(statement)):
        word, after = word_at(statement, at), word_at(statement, at + 1)
        if word in {"TRAN", "TRANSACTION"} and word_at(statement, at - 1) != "SET":
            yield f"has {word}: transactions are not its business"
        if found := find_doing(statement, at):
            yield f"has {found}: {ONLY_READS}"
        if word in NEVER | LOCKS or (word, after) in PAIRS:
            yield f"has {word}: {ONLY_READS}"
        if word in CHANGES and not (_is_hint(statement, at) or _is_its_own(statement, at)):
            yield f"has {word}: {ONLY_READS}"
        is_named_here = at < in_front and not depths[at]
        if _is_temporary(statement[at]) and (is_named_here or _is_another_name(statement, at)):
            yield f"has {statement[at].text} for another table: {ONLY_READS}"


def _is_hint(statement: Tokens, at: int) -> bool:
    """`OPTION (MERGE JOIN)`, `UPDATE(column)`, `THEN UPDATE SET`, `CURSOR … FOR UPDATE`."""
    before, word, after = (word_at(statement, place) for place in (at - 1, at, at + 1))
    if before == "THEN":
        return word_at(statement, 0) in {"MERGE", "WITH"}
    if (before, word) == ("FOR", "UPDATE"):
        return Token("CURSOR") in statement[:at]
    return (word, after) in {("MERGE", "JOIN"), ("MERGE", "UNION"), ("UPDATE", "(")}


def _is_its_own(statement: Tokens, at: int) -> bool:
    """What INSERT, DROP TABLE IF EXISTS, … names is #temporary or @variable; DROP names several."""
    word = word_at(statement, at)
    for place in range(at + 1, min(at + NEARBY, len(statement))):
        token = statement[place]
        if _is_temporary(token) or (word != "DROP" and token.text.startswith("@")):
            return word != "DROP" or _drops_its_own(statement, at, place)
        if token.kind in {Kind.NAME, Kind.TEXT} or token.text not in FILLERS:
            return word == "CREATE" and _names_index(statement, at, place)
    return False


def _is_temporary(token: Token) -> bool:
    return token.kind is not Kind.TEXT and token.text.startswith("#")


def _drops_its_own(statement: Tokens, at: int, place: int) -> bool:
    """Tables, every one of them."""
    if word_at(statement, at + 1) != "TABLE":
        return False
    while word_at(statement, place + 1) == ",":
        place += 2
        if place >= len(statement) or not _is_temporary(statement[place]):
            return False
    return word_at(statement, place + 1) != "."


def _names_index(statement: Tokens, at: int, place: int) -> bool:
    """`CREATE INDEX name ON #temporary`."""
    words = [word_at(statement, one) for one in range(at, place)]
    return "INDEX" in words and word_at(statement, place + 2).startswith("#")


def _is_another_name(statement: Tokens, at: int) -> bool:
    """`UPDATE #t SET … FROM orders AS #t`: a name after any other word is one that it is given."""
    is_column = word_at(statement, at + 1) == "."
    return not is_column and word_at(statement, at - 1) not in BEFORE_A_TABLE
