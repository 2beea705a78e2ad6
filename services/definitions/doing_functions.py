"""Functions that do what no read-only session holds back, and what no rollback undoes.

They change the server, its sessions or its statistics, move a sequence, write files or read those
of the server, speak to another server, or run a text that is not seen here. A function of a
database's own is its own matter, and its login's.
"""

import re

from repositories.sql_words import Tokens, word_at

POSTGRESQL = (
    # the server and its sessions, its log and its backups
    r"PG_(TERMINATE|CANCEL)_BACKEND PG_RELOAD_CONF PG_ROTATE_LOGFILE\w* PG_PROMOTE PG_SWITCH_\w+"
    r" PG_(START|STOP|CREATE|DROP|COPY|SYNC|LOG|CLEAR|RESTORE|IMPORT|TRUNCATE|BACKGROUND)_\w+"
    r" PG_BACKUP_\w+ PG_WAL_REPLAY_\w+ PG_NOTIFY PG_NEXTOID PG_EXTENSION_CONFIG_DUMP"
    r" BINARY_UPGRADE_\w+ PG_(?!\w*RESET_TIME$)\w*RESET\w* PG_LOGICAL_(SLOT|EMIT)_\w+"
    r" PG_REPLICATION_SLOT_ADVANCE PG_REPLICATION_ORIGIN_\w+"
    r" SET_CONFIG SETSEED SET_LIMIT ISN_WEAK NEXTVAL SETVAL"
    # files, large objects, pages
    r" LO_(?!GET$)\w+ LOWRITE PG_READ_\w*FILE\w* PG_FILE_\w+ BRIN_(DE)?SUMMARIZE_\w+"
    r" GIN_CLEAN_PENDING_LIST HEAP_FORCE_\w+ PG_BUFFERCACHE_EVICT\w* PG_PREWARM AUTOPREWARM_\w+"
    # other servers
    r" DBLINK\w* POSTGRES_FDW_DISCONNECT\w* RUN_COMMAND_ON_\w+ HTTP HTTP_\w+"
    # texts of SQL
    r" QUERY_TO_XML\w* TS_STAT TS_REWRITE CROSSTAB\w* CONNECTBY XPATH_TABLE XSLT_PROCESS"
)
MYSQL = (
    r" SYS_EXEC SYS_EVAL SYS_SET LOAD_FILE GROUP_REPLICATION_\w+ VERSION_TOKENS_\w+"
    r" ASYNCHRONOUS_CONNECTION_FAILOVER_\w+ KEYRING_KEY_(STORE|REMOVE|GENERATE) AUDIT_LOG_\w+"
)
SQL_SERVER = r" OPENQUERY OPENROWSET OPENDATASOURCE"
ORACLE = r" HTTPURITYPE DBURITYPE"
FUNCTIONS = re.compile(f"(?:{'|'.join((POSTGRESQL + MYSQL + SQL_SERVER + ORACLE).split())})$")
PACKAGES = re.compile(
    r"(?:DBMS|UTL|OWA|CTX)_(?!(?:LOB|RANDOM|METADATA|XPLAN|UTILITY|CRYPTO|RAW|I18N|MATCH)$)\w*$"
)
"""Of Oracle: all but those that only compute and describe."""

QUOTES = "\"'"
"""What is a text to one database is a name to another."""


def find_doing(tokens: Tokens, at: int) -> str | None:
    """The name of such a function, if one is called there; and what moves a sequence without."""
    name, after = tokens[at].text.strip(QUOTES).upper(), word_at(tokens, at + 1)
    moves = (name, after) == ("NEXT", "VALUE") or (
        name == "NEXTVAL" and word_at(tokens, at - 1) == "."
    )
    return name.lower() if moves or (after == "(" and FUNCTIONS.match(name)) else None
