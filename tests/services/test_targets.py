"""One target for each connection, as long as it stays what it is."""

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from repositories.contracts.databases import Answer, PoolUse
from repositories.errors import NotConfigured
from repositories.records.kpis import Connection, ResultType
from services.secrets.keys import make_key
from services.targets import Targets
from tests.fake_secrets import addresses_of

REFERENCE = "keyvault:https://team.vault.azure.net/secrets/orders"
CONNECTION = Connection(
    connection_id="1",
    name="orders",
    provider="PostgreSQL",
    environment="Test",
    address="postgresql://h/d",
    is_encrypted=False,
    timeout_seconds=5,
    max_parallel=3,
)


class Line:
    """A target that notes what is done to it."""

    def __init__(self, url: str, *, connect_seconds: int, size: int) -> None:
        self.made_of = (url, connect_seconds, size)
        self.is_closed, self.idle = False, 1

    def ask(self, sql: str, *, result_type: ResultType, timeout_seconds: int, keep: int) -> Answer:
        raise AssertionError("nothing is asked here")

    def version(self, *, timeout_seconds: int) -> str:
        raise AssertionError("nothing is asked here")

    def use(self) -> PoolUse:
        return PoolUse(in_use=0, idle=self.idle, size=self.made_of[2])

    def close_idle(self) -> None:
        self.idle = max(self.idle - 1, 0)

    def close(self) -> None:
        self.is_closed = True


def targets_of(
    settings: Mapping[str, str] | None = None,
    *,
    keys: str = "",
    vault: Mapping[str, str] | None = None,
) -> Targets:
    return Targets(addresses_of(settings or {}, keys=keys, vault=vault or {}), Line)


def line(targets: Targets, connection: Connection = CONNECTION) -> Line:
    target = targets.open(connection)
    assert isinstance(target, Line)
    return target


def test_a_connection_that_stays_as_it_is_has_one_target() -> None:
    targets = targets_of()
    first = line(targets)
    assert first.made_of == ("postgresql://h/d", 5, 3)
    assert line(targets, replace(CONNECTION, command_timeout_seconds=7)) is first
    assert line(targets, replace(CONNECTION, connection_id="2")) is not first


@pytest.mark.parametrize(
    "change",
    [{"address": "postgresql://other/d"}, {"timeout_seconds": 6}, {"max_parallel": 4}],
)
def test_a_changed_connection_has_a_new_target_and_the_old_one_is_closed(
    change: dict[str, object],
) -> None:
    targets = targets_of()
    first = line(targets)
    second = line(targets, replace(CONNECTION, **change))  # type: ignore[arg-type]
    assert (first.is_closed, second.is_closed) == (True, False)
    assert line(targets, replace(CONNECTION, **change)) is second  # type: ignore[arg-type]


def test_an_address_that_is_encrypted_anew_leads_to_the_same_target() -> None:
    old, new = make_key(), make_key()
    before, after = addresses_of(keys=old), addresses_of(keys=f"{new},{old}")
    url = "postgresql://u:hunter2@h/d"
    targets = targets_of(keys=f"{new},{old}")
    first, second = (
        line(targets, replace(CONNECTION, address=addresses.seal(url)[0], is_encrypted=True))
        for addresses in (before, after)
    )
    assert first is second


def test_another_secret_in_the_vault_makes_another_target() -> None:
    vault = {REFERENCE: "postgresql://u:old@h/d"}
    targets = targets_of(vault=vault)
    connection = replace(CONNECTION, address=REFERENCE)
    first = line(targets, connection)
    assert line(targets, connection) is first
    vault[REFERENCE] = "postgresql://u:new@h/d"
    assert line(targets, connection) is not first
    assert first.is_closed


def test_one_that_cannot_be_opened_harms_no_other() -> None:
    targets = targets_of()
    with pytest.raises(NotConfigured, match="there is no key"):
        targets.open(replace(CONNECTION, connection_id="2", name="lost", is_encrypted=True))
    assert line(targets).is_closed is False


@pytest.mark.parametrize("address", ["postgresql://h/d", "setting:ORDERS_URL", REFERENCE])
def test_one_that_leads_to_another_kind_of_database_is_not_opened(address: str) -> None:
    """Its SQL was checked as that of its provider."""
    url = "postgresql://h/d"
    targets = targets_of({"ORDERS_URL": url}, vault={REFERENCE: url})
    for name in ("open", "open_anew"):
        with pytest.raises(NotConfigured, match="leads to PostgreSQL, and the provider is MySQL"):
            getattr(targets, name)(replace(CONNECTION, provider="MySQL", address=address))


def test_what_is_open_is_told_by_name() -> None:
    targets = targets_of()
    line(targets)
    line(targets, replace(CONNECTION, connection_id="2", name="other", max_parallel=9))
    assert targets.use() == {
        "orders": PoolUse(in_use=0, idle=1, size=3),
        "other": PoolUse(in_use=0, idle=1, size=9),
    }


def test_a_target_of_which_nothing_is_left_is_forgotten() -> None:
    targets = targets_of()
    first = line(targets)
    targets.close_idle()
    assert first.is_closed
    assert targets.use() == {}
    assert line(targets) is not first


def test_a_target_that_is_opened_anew_is_the_callers_own() -> None:
    targets = targets_of()
    assert targets.open_anew(CONNECTION) is not targets.open(CONNECTION)
    assert len(targets.use()) == 1


def test_closing_closes_all() -> None:
    targets = targets_of()
    opened = [line(targets), line(targets, replace(CONNECTION, connection_id="2"))]
    targets.close()
    assert all(one.is_closed for one in opened)


def test_threads_that_open_one_at_once_get_the_same() -> None:
    targets = targets_of()
    with ThreadPoolExecutor(8) as threads:
        assert len(set(threads.map(lambda _: id(targets.open(CONNECTION)), range(200)))) == 1
