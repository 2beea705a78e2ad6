"""After a change of keys every address is encrypted with the first one."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from repositories.contracts.store import Store, Work
from repositories.errors import NotConfigured
from repositories.postgres import PostgresDatabase
from repositories.records.definitions import EVERY, ConnectionDefinition
from repositories.store import SqlStore
from repositories.urls import parse
from services.secrets import rekeying
from services.secrets.keys import Keys, make_key
from services.secrets.rekeying import Rekeyed, rekey_connections
from tests.definitions import CONNECTION

OLD, NEW, LOST = make_key(), make_key(), make_key()
URL = "postgresql://me:hunter2sesame@db{}/x"
REPOSITORY = Path(__file__).parents[2]


def keys_of(*keys: str) -> Keys:
    return Keys(lambda: ",".join(keys))


def add(store: Store, key: str, *numbers: int) -> None:
    with store.work() as work:
        for number in numbers:
            definition = replace(
                CONNECTION,
                name=f"c{number:03}",
                address=keys_of(key).encrypt(URL.format(number)),
                is_encrypted=True,
            )
            assert work.connections.add(definition, actor="test")


def rekey(store: Store, *keys: str) -> Rekeyed:
    return rekey_connections(store, keys_of(*keys), actor="ann", reason="as every year")


def addresses(store: Store) -> dict[str, str]:
    with store.read() as work:
        rows = work.connections.list(EVERY, after=None, limit=1000)
    return {row.definition.name: row.definition.address for row in rows}


def test_every_address_is_encrypted_with_the_first_key(store: Store) -> None:
    add(store, OLD, 1, 2, 3)
    with store.work() as work:
        work.connections.add(CONNECTION, actor="test")
    assert rekey(store, NEW, OLD) == Rekeyed(done=3)
    stored = addresses(store)
    assert stored.pop("store") == CONNECTION.address
    decrypted = {keys_of(NEW).decrypt(token) for token in stored.values()}
    assert decrypted == {URL.format(number) for number in (1, 2, 3)}


def test_what_was_done_is_not_done_again(store: Store) -> None:
    add(store, OLD, 1, 2)
    rekey(store, NEW, OLD)
    before = addresses(store)
    assert rekey(store, NEW, OLD) == Rekeyed(already=2)
    assert addresses(store) == before


def test_one_that_cannot_be_read_is_named_and_stays_and_the_others_are_done(store: Store) -> None:
    add(store, LOST, 2)
    add(store, OLD, 1, 3)
    lost = addresses(store)["c002"]
    rekeyed = rekey(store, NEW, OLD)
    assert rekeyed == Rekeyed(done=2, unreadable=["c002"])
    assert not rekeyed.is_complete
    assert addresses(store)["c002"] == lost


def test_each_is_in_the_audit_log_without_its_secret(store: Store) -> None:
    add(store, OLD, 1)
    rekey(store, NEW, OLD)
    with store.read() as work:
        (entry,) = work.audit.recent(entity_type="connection", entity_id="c001", limit=10)
    assert (entry.actor, entry.action, entry.reason) == ("ann", "rekey_connection", "as every year")
    assert "gAAAA" not in f"{entry.old_values}{entry.new_values}"


def test_many_are_done_in_batches(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rekeying, "BATCH", 4)
    add(store, OLD, *range(10))
    assert rekey(store, NEW, OLD) == Rekeyed(done=10)
    assert rekey(store, NEW, OLD) == Rekeyed(already=10)


def test_without_a_key_nothing_is_begun(store: Store) -> None:
    with pytest.raises(NotConfigured, match="ENCRYPTION_KEYS is not set"):
        rekey_connections(store, Keys(lambda: ""), actor="ann", reason="why not")


def test_with_a_key_that_is_none_nothing_is_begun(store: Store) -> None:
    add(store, OLD, 1)
    with pytest.raises(NotConfigured, match="key 1 of 2 is none"):
        rekey(store, "hunter2", OLD)
    assert rekey(store, OLD) == Rekeyed(already=1)


class Meddling:
    """A store in which somebody changes a connection just before each batch is written."""

    def __init__(self, store: Store, *, times: int) -> None:
        self._store, self._times = store, times

    def read(self) -> Any:
        return self._store.read()

    @contextmanager
    def work(self) -> Iterator[Work]:
        with self._store.work() as work:
            yield Meddled(work, self._meddle)  # type: ignore[misc]  # but for what is asked here

    def _meddle(self, work: Work) -> None:
        if self._times > 0:
            self._times -= 1
            stored = work.connections.find("c001")
            assert stored is not None
            changed = replace(stored.definition, description=f"changed {self._times}")
            assert work.connections.replace(changed, version=stored.version, actor="bob")


class Meddled:
    def __init__(self, work: Work, meddle: Any) -> None:
        self._work, self._meddle = work, meddle
        self.audit, self.connections = work.audit, self

    def find(self, name: str) -> Any:
        return self._work.connections.find(name)

    def replace_all(self, changes: list[tuple[ConnectionDefinition, int]], *, actor: str) -> Any:
        self._meddle(self._work)
        return self._work.connections.replace_all(changes, actor=actor)


def test_what_somebody_changes_meanwhile_is_kept_and_encrypted_too(store: Store) -> None:
    add(store, OLD, 1, 2)
    meddling: Any = Meddling(store, times=1)
    assert rekey(meddling, NEW, OLD) == Rekeyed(done=2)
    with store.read() as work:
        stored = work.connections.find("c001")
    assert stored is not None
    assert stored.definition.description == "changed 0"
    assert keys_of(NEW).decrypt(stored.definition.address) == URL.format(1)


def test_what_somebody_changes_all_the_time_is_named(store: Store) -> None:
    add(store, OLD, 1, 2)
    meddling: Any = Meddling(store, times=100)
    assert rekey(meddling, NEW, OLD) == Rekeyed(done=1, busy=["c001"])


def command(*arguments: str, **settings: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "services.secrets", *arguments],
        cwd=REPOSITORY,
        env={**os.environ, "ENCRYPTION_KEYS": "", **settings},
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_command_does_it_and_says_what_it_did(store_url: str) -> None:
    database = PostgresDatabase(
        parse(store_url), size=1, timeout_seconds=10, names={"schema": "app"}
    )
    store = SqlStore(database)
    add(store, OLD, 1)
    settings = {"STORE_URL": store_url, "ENCRYPTION_KEYS": f"{NEW},{OLD}"}
    done = command("rekey", "--actor", "ann", **settings)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "encrypted with the first key: 1; had been before: 0\n"
    add(store, LOST, 2)
    failed = command("rekey", **settings)
    assert (failed.returncode, failed.stderr) == (1, "no key of ENCRYPTION_KEYS fits: c002\n")
    database.close()


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"STORE_URL": "", "ENCRYPTION_KEYS": NEW}, "STORE_URL is not set"),
        ({"STORE_URL": "postgresql://h/d"}, "ENCRYPTION_KEYS is not set"),
        (
            {"STORE_URL": "postgresql://h/d", "ENCRYPTION_KEYS": f"{NEW},hunter2sesame"},
            "setting ENCRYPTION_KEYS is wrong: key 2 of 2 is none",
        ),
    ],
)
def test_the_command_says_what_is_not_configured(settings: dict[str, str], message: str) -> None:
    done = command("rekey", **settings)
    assert done.returncode == 2
    assert message in done.stderr
    assert "hunter2" not in done.stderr
    assert NEW not in done.stderr


def test_the_command_writes_nothing_where_nothing_may_be_written() -> None:
    settings = {"STORE_URL": "postgresql://h/d", "ENCRYPTION_KEYS": NEW, "READ_ONLY": "true"}
    done = command("rekey", **settings)
    assert (done.returncode, done.stderr) == (1, "READ_ONLY is on: nothing is written here.\n")


def test_the_command_makes_keys() -> None:
    first, second = (command("new-key").stdout.strip() for _ in range(2))
    assert first != second
    assert keys_of(first).decrypt(keys_of(first).encrypt("x")) == "x"
