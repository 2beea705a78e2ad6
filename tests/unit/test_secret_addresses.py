"""What is stored of an address, and what comes of it."""

from base64 import urlsafe_b64encode

import pytest
from cryptography.fernet import Fernet

from repositories.errors import BadUrl, NotConfigured
from repositories.records.kpis import Connection
from services.definitions.addresses import find_fault, holds_secret
from services.definitions.documents import LONGEST_ADDRESS as LONGEST
from services.masking import mask_text
from services.secrets.addresses import LONGEST_STORED
from services.secrets.keys import check_keys, good_keys
from tests.fake_secrets import addresses_of

OLD, NEW, OTHER = (urlsafe_b64encode(bytes([number]) * 32).decode() for number in (1, 2, 3))
REFERENCE = "keyvault:https://team.vault.azure.net/secrets/orders"
URL = "postgresql://me:hunter2@db.example/orders"
SECRETIVE = [
    URL,
    "postgresql://me:p%40ss;w'or\"d@h/d",
    "postgresql://me:p@ss@h/d",
    "postgresql://h/d?password=hunter2",
    "postgresql://h/d?options=-c%20my.pw%3Dhunter2",
    "postgresql://h/d?%6Fptions=--my.pw%3Dhunter2&auth=entra",
    "postgresql://h/d?options=-c%20my.p%61ssword%3Dhunter2",
    "postgresql://me%3Ahunter2@h/d",
    "mysql://u:hunter2@h/d?tls=no",
    "oracle://u:hunter2@h/s",
    "mssql://sa:hunter2@h/d?Encrypt=no",
    "Driver={ODBC Driver 18 for SQL Server};Server=h;UID=sa;PWD={hun;t}}er2}",
    "Server=tcp:h,1433;Initial Catalog=d;User ID=sa;Password='hun;ter2'",
    "Server=h;Pass Word=hunter2",
    "Server=h;pwd = hunter2",
]
PLAIN = [
    "postgresql://me@h/d?auth=entra",
    "postgresql://me@h.example.org/d?options=-c%20search_path%3Da&sslrootcert=/etc/ca.pem",
    "mssql://h/tokens?auth=entra",
    "Server=h;Initial Catalog=d;Authentication=Active Directory Default",
    "setting:ORDERS_PASSWORD",
    REFERENCE,
    f"{REFERENCE}/{'a' * 32}",
    "keyvault:https://team.vault.azure.cn/secrets/password",
    "keyvault:https://team.vault.usgovcloudapi.net/secrets/a",
]
NOT_A_VAULT = [
    "keyvault:https://evil.example/secrets/a",
    "keyvault:https://team.vault.azure.net.evil.example/secrets/a",
    "keyvault:https://evil.example/team.vault.azure.net/secrets/a",
    "keyvault:https://evil.example?.vault.azure.net/secrets/a",
    "keyvault:https://evil.example#.vault.azure.net/secrets/a",
    "keyvault:https://me@evil.example:443/.vault.azure.net/secrets/a",
    "keyvault:https://a.b.vault.azure.net/secrets/a",
    "keyvault:https://evil.example\\.vault.azure.net/secrets/a",
    "keyvault:http://team.vault.azure.net/secrets/a",
    "keyvault:https://team.vault.azure.net:8443/secrets/a",
    "keyvault:https://team.vault.azure.net/keys/a",
    "keyvault:https://team.vault.azure.net/secrets/a/../../keys",
    "keyvault:https://team.vault.azure.net/secrets/a?x=1",
    "keyvault:https://team.vault.azure.net/secrets/a\n",
    "keyvault:https://team.v\u0430ult.azure.net/secrets/a",
    "keyvault:",
]


def connection(address: str, *, is_encrypted: bool = False) -> Connection:
    return Connection(
        connection_id="1",
        name="orders",
        provider="PostgreSQL",
        environment="Test",
        address=address,
        is_encrypted=is_encrypted,
        timeout_seconds=5,
    )


@pytest.mark.parametrize("address", SECRETIVE)
def test_what_holds_a_secret_is_encrypted_and_comes_back(address: str) -> None:
    addresses = addresses_of(keys=NEW)
    stored, is_encrypted = addresses.seal(address)
    assert is_encrypted
    assert address not in stored
    assert addresses.unseal(stored) == address
    assert addresses.url_of(connection(stored, is_encrypted=True)) == address


@pytest.mark.parametrize("address", PLAIN)
def test_what_holds_none_is_stored_as_it_is_without_any_key(address: str) -> None:
    assert addresses_of().seal(address) == (address, False)
    assert not holds_secret(address)


@pytest.mark.parametrize("address", SECRETIVE)
def test_without_a_key_no_secret_is_stored(address: str) -> None:
    with pytest.raises(NotConfigured, match="holds a secret, and there is no key") as refused:
        addresses_of().seal(address)
    assert "hunter" not in str(refused.value)


@pytest.mark.parametrize(
    "address",
    [
        "x" * LONGEST,
        "ä" * (LONGEST // 2),
        "\N{GRINNING FACE}" * (LONGEST // 4),
    ],
)
def test_the_longest_address_fits_where_it_is_stored_when_it_is_encrypted(address: str) -> None:
    assert len(Fernet(NEW).encrypt(address.encode())) <= LONGEST_STORED
    assert find_fault(f"{address}xxx", "PostgreSQL") == f"longer than {LONGEST} bytes in UTF-8"


def test_every_key_decrypts_and_the_first_one_encrypts() -> None:
    stored, _ = addresses_of(keys=OLD).seal(URL)
    both = addresses_of(keys=f" {NEW} , {OLD} ")
    assert both.unseal(stored) == URL
    assert addresses_of(keys=NEW).unseal(both.seal(URL)[0]) == URL


@pytest.mark.parametrize("keys", [OTHER, f"{OTHER},{OLD}"])
def test_an_address_of_an_unknown_key_says_so(keys: str) -> None:
    stored, _ = addresses_of(keys=NEW).seal(URL)
    with pytest.raises(NotConfigured, match="no key of ENCRYPTION_KEYS fits"):
        addresses_of(keys=keys).url_of(connection(stored, is_encrypted=True))


@pytest.mark.parametrize("stored", ["", "no token", "gAAAAA", "ä", URL, "\ud800"])
def test_what_is_no_token_is_no_secret_either(stored: str) -> None:
    with pytest.raises(NotConfigured, match="no key of ENCRYPTION_KEYS fits"):
        addresses_of(keys=NEW).url_of(connection(stored, is_encrypted=True))


def test_a_missing_key_says_so() -> None:
    with pytest.raises(NotConfigured, match="there is no key for it: ENCRYPTION_KEYS is"):
        addresses_of().url_of(connection("gAAAAA", is_encrypted=True))


def test_keys_may_stand_in_a_key_vault() -> None:
    vault = {REFERENCE: f"{NEW},{OLD}"}
    addresses = addresses_of(keys=REFERENCE, vault=vault)
    stored, _ = addresses_of(keys=OLD).seal(URL)
    assert addresses.unseal(stored) == URL
    vault[REFERENCE] = "no key"
    with pytest.raises(NotConfigured, match=r"there is no key for it"):
        addresses.unseal(stored)
    del vault[REFERENCE]
    with pytest.raises(NotConfigured, match="no such secret"):
        addresses.unseal(stored)


def test_one_key_that_is_none_does_not_take_the_others_along(
    caplog: pytest.LogCaptureFixture,
) -> None:
    stored, _ = addresses_of(keys=OLD).seal(URL)
    addresses = addresses_of(keys=REFERENCE, vault={REFERENCE: f"hunter2,{OLD},{OLD[:-1]}"})
    assert addresses.unseal(stored) == URL
    assert addresses_of(keys=OLD).unseal(addresses.seal(URL)[0]) == URL
    (line,) = {record.getMessage() for record in caplog.records}
    assert line == "ENCRYPTION_KEYS is wrong: key 1, 3 of 3 is none: `make new-key` makes one"
    assert mask_text(line) == line


def test_references_are_followed() -> None:
    addresses = addresses_of({"ORDERS": URL}, vault={REFERENCE: URL})
    assert addresses.url_of(connection("setting:ORDERS")) == URL
    assert addresses.url_of(connection(REFERENCE)) == URL
    assert addresses.may_change(connection(REFERENCE))
    assert not addresses.may_change(connection("setting:ORDERS"))
    with pytest.raises(NotConfigured, match="NOWHERE is not set"):
        addresses.url_of(connection("setting:NOWHERE"))


@pytest.mark.parametrize("address", NOT_A_VAULT)
def test_only_vaults_of_azure_are_asked(address: str) -> None:
    from repositories.key_vault import KeyVault

    def no_credential() -> object:
        raise AssertionError("the app's identity was asked for")

    with pytest.raises(BadUrl):
        KeyVault(no_credential).read(address)
    assert find_fault(address, "PostgreSQL") is not None


@pytest.mark.parametrize(
    "keys", ["x", f"{NEW},", f"{NEW},{NEW[:-1]}", NEW.replace("=", "!"), "ä" * 44, "=" * 44]
)
def test_what_is_no_key_is_named_by_its_place_alone(keys: str) -> None:
    with pytest.raises(ValueError, match=r"key \d of \d is none") as refused:
        check_keys(keys)
    assert NEW not in str(refused.value)


def test_keys_are_checked_before_they_are_used() -> None:
    check_keys(f"{NEW}, {OLD}")
    check_keys(REFERENCE)
    assert good_keys(f"{NEW}, {OLD}") == [NEW, OLD]
    with pytest.raises(ValueError, match="is no reference"):
        check_keys("keyvault:https://evil.example/secrets/a")
