"""Who changed what."""

from collections.abc import Sequence
from dataclasses import asdict

from repositories.contracts.databases import Session
from repositories.json_rows import json_rows
from repositories.records.retries import AuditEntry, AuditRecord
from repositories.records.rows import build


class SqlAudit:
    def __init__(self, session: Session) -> None:
        self._session = session

    def add(self, entries: Sequence[AuditEntry]) -> None:
        if entries:
            self._session.run("audit.add", entries=json_rows(map(asdict, entries)))

    def recent(
        self,
        *,
        entity_type: str | None = None,
        entity_id: str | None = None,
        before: int | None = None,
        limit: int,
    ) -> list[AuditRecord]:
        rows = self._session.rows(
            "audit.recent", entity_type=entity_type, entity_id=entity_id, before=before, limit=limit
        )
        return build(AuditRecord, rows)
