"""What is seen in a batch of T-SQL, and what of it no rollback would undo.

A batch may run texts: those that are written out for sp_executesql are read like the batch itself,
and any other is none that can be answered for. So is a procedure of the system, unless it is known
to look only; what one of the database's own does is seen by the server alone.
"""

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass

from repositories.sql_words import (
    Dialect,
    Kind,
    Token,
    Tokens,
    read_tokens,
    word_at,
)

ENDS = frozenset("COMMIT ROLLBACK IMPLICIT_TRANSACTIONS".split())
"""They end the transaction that a batch runs in."""
LASTING = frozenset(
    "BACKUP CHECKPOINT DISK DUMP KILL LOAD OPENDATASOURCE OPENQUERY OPENROWSET RECONFIGURE RESTORE"
    " REVERT SETUSER SHUTDOWN".split()
)
"""Reserved words, none of which can be a name without brackets."""
LOOKING_DBCC = frozenset(
    "HELP INPUTBUFFER LOGINFO MEMORYSTATUS OPENTRAN OUTPUTBUFFER PROCCACHE SHOWCONTIG"
    " SHOW_STATISTICS TRACESTATUS USEROPTIONS".split()
)
LOOKING_PROCEDURES = frozenset(
    "sp_columns sp_databases sp_fkeys sp_help sp_help_alert sp_help_job sp_help_jobactivity"
    " sp_help_jobhistory sp_help_jobschedule sp_help_jobserver sp_help_jobstep sp_help_operator"
    " sp_help_schedule sp_helpconstraint sp_helpdb sp_helpfile sp_helpfilegroup sp_helpindex"
    " sp_helplinkedsrvlogin sp_helplogins sp_helprole sp_helprolemember sp_helpserver"
    " sp_helpsrvrolemember sp_helpstats sp_helptext sp_helptrigger sp_helpuser sp_lock sp_pkeys"
    " sp_readerrorlog sp_server_info sp_spaceused sp_statistics sp_stored_procedures sp_tables"
    " sp_who sp_who2 xp_fixeddrives xp_msver xp_readerrorlog".split()
)
RUNS_A_TEXT = "sp_executesql"
SYSTEM_SCHEMAS = frozenset({"", "dbo", "sys"})
SYSTEM = re.compile(r"(sp|xp)_")
MOST_PARTS = 3
"""Of a name; a fourth would be another server's."""


@dataclass(frozen=True, slots=True)
class Call:
    """Of a procedure: the parts of its name, and all that follows it."""

    name: tuple[Token, ...]
    rest: Tokens


def read_batch(sql: str) -> Tokens:
    return read_tokens(sql, Dialect.SQL_SERVER)


def find_lasting(sql: str) -> str | None:
    """What in it would outlast the transaction that it runs in, or could, for all that is seen.

    Raises Unreadable.
    """
    tokens = read_batch(sql)
    found = next((text for at in range(len(tokens)) if (text := _lasting_at(tokens, at))), None)
    if found:
        return found
    for call in calls_of(tokens):
        if fault := _fault_of(call):
            return fault
        if (text := text_run(call)) is not None and (found := find_lasting(text)):
            return found
    return None


def calls_of(tokens: Tokens) -> Iterator[Call]:
    """Also of the one that a batch begins with, which needs no EXEC: where its name says so."""
    first = _call_at(tokens, 0)
    if len(first.name) > MOST_PARTS or SYSTEM.match(plain_name(first.name[-1])):
        yield first
    for at in range(len(tokens)):
        if word_at(tokens, at) in {"EXEC", "EXECUTE"}:
            keeps_code = word_at(tokens, at + 1).startswith("@") and word_at(tokens, at + 2) == "="
            yield _call_at(tokens, at + 3 if keeps_code else at + 1)


def plain_name(token: Token) -> str:
    """As a server might compare it that is blind to case, accents, width and what has no weight."""
    letters = unicodedata.normalize("NFKD", token.text)
    return letters.encode("ascii", "ignore").decode().strip().lower()


def text_run(call: Call) -> str | None:
    """What is written out for sp_executesql, if that is what it calls."""
    if not call.name or plain_name(call.name[-1]) != RUNS_A_TEXT:
        return None
    at = 2 if word_at(call.rest, 0) in {"@STMT", "@STATEMENT"} else 0
    if at >= len(call.rest) or call.rest[at].kind is not Kind.TEXT:
        return None
    return call.rest[at].text.partition("'")[2][:-1].replace("''", "'")


def _call_at(tokens: Tokens, at: int) -> Call:
    parts = [Token("", Kind.NAME)]
    while at < len(tokens):
        if tokens[at] == Token(".", Kind.MARK):
            parts.append(Token("", Kind.NAME))
        elif tokens[at].kind in {Kind.WORD, Kind.NAME} and not parts[-1].text:
            parts[-1] = tokens[at]
        else:
            break
        at += 1
    return Call(tuple(parts), tokens[at:])


def _lasting_at(tokens: Tokens, at: int) -> str | None:
    word, after = word_at(tokens, at), word_at(tokens, at + 1)
    if word in ENDS | LASTING:
        return word
    if word == "DBCC" and after not in LOOKING_DBCC and not _asks_for_log_space(tokens, at):
        return f"DBCC {after}"
    if (word, after) == ("NEXT", "VALUE"):
        return "NEXT VALUE"
    is_option = word_at(tokens, at - 1) == "WITH" or word_at(tokens, at - 2) in {
        "NOWAIT",
        "SETERROR",
    }
    return "WITH LOG" if word == "LOG" and after not in {"(", "AS"} and is_option else None


def _asks_for_log_space(tokens: Tokens, at: int) -> bool:
    """The one thing of SQLPERF that is no reset."""
    return [word_at(tokens, at + place) for place in (1, 2, 3, 4)] == [
        "SQLPERF",
        "(",
        "LOGSPACE",
        ")",
    ]


def _fault_of(call: Call) -> str | None:
    name, schema = call.name[-1], call.name[-2] if len(call.name) > 1 else Token("")
    if not name.text or (name.kind is Kind.WORD and name.text.startswith("@")):
        return "EXEC of a text, which is not seen"
    if name == Token("AS"):
        return "EXECUTE AS"
    if len(call.name) > MOST_PARTS:
        return "EXEC on another server"
    plain = plain_name(name)
    if plain == RUNS_A_TEXT:
        return None if text_run(call) is not None else f"{RUNS_A_TEXT} of a text that is not seen"
    system = SYSTEM.match(plain)
    if system is None or plain in LOOKING_PROCEDURES:
        return None
    if system[1] == "sp" and plain_name(schema) not in SYSTEM_SCHEMAS:
        return None
    return f"{plain}, which counts as the system's and not as one that only looks"
