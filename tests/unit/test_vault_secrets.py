"""What Key Vault said is kept for a while."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from repositories.errors import NotConfigured, StorageError, Unavailable
from services.secrets.vaults import FAILED_SECONDS, KEPT_SECONDS, STALE_SECONDS, VaultSecrets


class Vault:
    """Answers as it is told to, by a clock that a test moves."""

    def __init__(self) -> None:
        self.now, self.asked = 0.0, 0
        self.answer: str | StorageError = "first"
        self.secrets = VaultSecrets(self.read, clock=lambda: self.now)

    def read(self, reference: str) -> str:
        self.asked += 1
        if isinstance(self.answer, StorageError):
            raise self.answer
        return self.answer

    def get(self, *, after: float = 0) -> str:
        self.now += after
        return self.secrets.get("keyvault:x")


@pytest.fixture
def vault() -> Vault:
    return Vault()


def test_a_secret_is_asked_for_once_in_a_few_minutes(vault: Vault) -> None:
    assert [vault.get(), vault.get(after=KEPT_SECONDS - 1)] == ["first", "first"]
    assert vault.asked == 1
    vault.answer = "second"
    assert vault.get(after=1) == "second"


def test_one_that_is_refused_is_not_asked_for_again_at_once(vault: Vault) -> None:
    vault.answer = NotConfigured("no such secret")
    for _ in range(3):
        with pytest.raises(NotConfigured, match="no such secret"):
            vault.get()
    assert vault.asked == 1
    vault.answer = "there now"
    assert vault.get(after=FAILED_SECONDS) == "there now"


def test_while_a_vault_is_away_what_it_said_holds_for_an_hour(vault: Vault) -> None:
    vault.get()
    vault.answer = Unavailable("away")
    assert vault.get(after=KEPT_SECONDS) == "first"
    assert vault.get() == "first"
    assert vault.asked == 2
    assert vault.get(after=FAILED_SECONDS) == "first"
    assert vault.asked == 3
    with pytest.raises(Unavailable, match="away"):
        vault.get(after=STALE_SECONDS)


def test_what_a_vault_refuses_from_now_on_does_not_hold_any_longer(vault: Vault) -> None:
    vault.get()
    vault.answer = NotConfigured("forbidden")
    with pytest.raises(NotConfigured, match="forbidden"):
        vault.get(after=KEPT_SECONDS)
    vault.answer = Unavailable("away")
    with pytest.raises(Unavailable):
        vault.get(after=FAILED_SECONDS)


def test_many_who_ask_at_once_ask_the_vault_once() -> None:
    is_asked, may_answer, asked = threading.Event(), threading.Event(), list[str]()

    def read(reference: str) -> str:
        asked.append(reference)
        is_asked.set()
        may_answer.wait(5)
        return "secret"

    secrets = VaultSecrets(read)
    with ThreadPoolExecutor(8) as threads:
        answers = [threads.submit(secrets.get, "keyvault:x") for _ in range(8)]
        is_asked.wait(5)
        may_answer.set()
        assert {answer.result() for answer in answers} == {"secret"}
    assert asked == ["keyvault:x"]
