"""Settings that change without a deployment."""

from repositories.contracts.databases import Session


class SqlConfig:
    def __init__(self, session: Session) -> None:
        self._session = session

    def find(self, key: str) -> str | None:
        row = self._session.row("config.find", key=key)
        return None if row is None else row["config_value"]

    def put(self, key: str, value: str, *, description: str, actor: str) -> None:
        self._session.run("config.put", key=key, value=value, description=description, actor=actor)
