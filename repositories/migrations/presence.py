"""Views and procedures that a database may have already, of another application.

T-SQL wants CREATE VIEW and CREATE PROCEDURE alone in their batch, so a file cannot ask first. A
batch with the line `-- unless it is there` before it is therefore run only where nothing has its
name, and what it makes is written down in `monitoring.schema_made`.
"""

import re

MARK = re.compile(r"\A(?:--.*\n|\n)*?-- unless it is there\n")
CREATED = re.compile(r"^CREATE (VIEW|PROCEDURE) (\w+\.\w+)", re.MULTILINE)

ASKED = """\
IF OBJECT_ID(N'{name}') IS NULL
BEGIN
    EXEC (N'{body}');
    INSERT INTO monitoring.schema_made (revision, kind, owner, name)
    VALUES (N'{revision}', N'{kind}', N'', N'{name}');
END;"""


def ask_first(batch: str, revision: str) -> str:
    """A batch as it is to be run: unchanged, unless it is marked."""
    mark, created = MARK.match(batch), CREATED.search(batch)
    if mark is None or created is None:
        return batch
    return ASKED.format(
        name=created[2],
        kind=created[1].lower(),
        body=batch[mark.end() :].replace("'", "''"),
        revision=revision,
    )
