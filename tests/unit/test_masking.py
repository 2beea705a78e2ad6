"""Planted secrets never get out, and everything else stays as it is."""

import json
import time
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.masking import MASK, mask_json, mask_text, shows_signs

JWT = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiI0MiJ9.c2lnbmF0dXJlLW9mLWl0"
FERNET = f"gAAAAABmcG9zdGdyZXM6_{'x-Y' * 26}=="
PEM_BODY = "MIIEvQIBADANBgkqhkiG9w0BAQEFAASC\nQmFzZTY0VGV4dA=="
PEM = f"-----BEGIN RSA PRIVATE KEY-----\n{PEM_BODY}\n-----END RSA PRIVATE KEY-----"

TEXTS = [
    ("password=hunter2 was wrong", "hunter2"),
    ("password: hunter2", "hunter2"),
    ("db_password = 'hunter 2'", "hunter 2"),
    ('PGPASSWORD="hun\'ter2" psql', "ter2"),
    ("connect(host='x', password='hunter2', port=1)", "hunter2"),
    ("config['password'] = 'hunter2'", "hunter2"),
    ("passphrase=hunter2", "hunter2"),
    ("ALTER ROLE me PASSWORD 'hunter2'", "hunter2"),
    ("CREATE USER me WITH PASSWORD E'hun''ter2' VALID UNTIL 'infinity'", "ter2"),
    ("ALTER USER me IDENTIFIED  BY 'hunter2'", "hunter2"),
    ("CREATE LOGIN me WITH PASSWORD = N'hunter2'", "hunter2"),
    ("ALTER ROLE me PASSWORD 'hun", "'hun"),
    ("dblink('host=h password=''hunter2''', 'SELECT 1')", "hunter2"),
    ("dblink('password = ''hun ter2'' host=h', 'SELECT 1')", "ter2"),
    ("dblink('host=h password=''hun''''ter2''', 'SELECT 1')", "ter2"),
    ("dblink('host=h password=hun''ter2', 'SELECT 1')", "ter2"),
    ("EXECUTE 'SELECT dblink(''host=h password=''''hunter2'''''')'", "hunter2"),
    ("EXECUTE 'SELECT dblink(''host=h password=''''hun''''''''ter2'''''')'", "ter2"),
    ("password = 'hun''ter2' or", "ter2"),
    ('password=""hunter2""', "hunter2"),
    ('password="hun""ter2"', "ter2"),
    ("EXECUTE 'ALTER ROLE me PASSWORD ''hun''''ter2'''", "ter2"),
    ("ALTER ROLE me PASSWORD ''hunter2''", "hunter2"),
    (r"ALTER ROLE me PASSWORD E'hun\'ter2'", "ter2"),
    ("ALTER ROLE me PASSWORD $$hunter2$$", "hunter2"),
    ("ALTER ROLE me PASSWORD $a$hun$$ter2$a$", "ter2"),
    ("passwd=hunter2", "hunter2"),
    ("password=hun(ter2)!", "ter2"),
    ("password=hunter2,more next", "more"),
    ("host=db user=me password=hunter2 dbname=x", "hunter2"),
    ("postgresql://me:hunter2@db:5432/store", "hunter2"),
    ("postgresql://me:hun%40ter%2F2@db/store", "hun%40ter"),
    ("postgresql://me:hun@ter:2@db/store", "ter:2"),
    ("mysql://me:hun/ter2@db/store", "ter2"),
    ("see 'mssql://sa:Hunter2!$;,@db:1433/store?encrypt=yes'", "Hunter2"),
    ("http://h:80/?next=postgresql://me:hunter2@db/", "hunter2"),
    ("Driver={ODBC Driver 18};Server=db;Uid=sa;Pwd=hunter2;Encrypt=yes", "hunter2"),
    ("Server=db;Pwd={hun;te}}r 2};Encrypt=yes", "r 2"),
    ("Server=db;Pwd={hun;ter2", "ter2"),
    ("Server=db;Password=my hunter2;Encrypt=yes", "hunter2"),
    ("Server=db;Password=hun&ter2;Encrypt=yes", "ter2"),
    ("Server=db;Password=my hunter2;", "hunter2"),
    ("AccountName=a;AccountKey=aHVudGVyMg+/x==;EndpointSuffix=core", "aHVudGVyMg"),
    ("Endpoint=sb://x/;SharedAccessKeyName=k;SharedAccessKey=aHVudGVyMg=", "aHVudGVyMg"),
    ("https://a.blob/x?sv=2022&sig=aHVudGVyMg%3D&se=2026", "aHVudGVyMg"),
    ("GET /api/kpis?code=aHVudGVyMg_aHVudGVyMg-aHVudGVyMg== 200", "aHVudGVyMg"),
    ("Authorization: Bearer aHVudGVyMg.x-y_z", "aHVudGVyMg"),
    ("sent Bearer aHVudGVyMg", "aHVudGVyMg"),
    ("sent basic bWU6aHVudGVyMg==", "bWU6aHVudGVyMg"),
    ("Authorization: token aHVudGVyMg", "aHVudGVyMg"),
    ("x-functions-key: aHVudGVyMg", "aHVudGVyMg"),
    ("Ocp-Apim-Subscription-Key: aHVudGVyMg", "aHVudGVyMg"),
    ("api key=aHVudGVyMg", "aHVudGVyMg"),
    ("client_secret => 'aHVudGVyMg'", "aHVudGVyMg"),
    (f"got {JWT}, refused", "c2lnbmF0dXJl"),
    (f"Failing row contains (7, orders, {FERNET}, t)", "cG9zdGdyZXM6"),
    ("ENCRYPTION_KEYS=aHVudGVyMg_aHVudGVyMg=,c2Vzb2ZmbmU=", "c2Vzb2Zm"),
    (PEM, "QmFzZTY0VGV4dA"),
    (PEM.replace("\n", r"\n"), "QmFzZTY0VGV4dA"),
    (PEM[:80], "MIIEvQIBADAN"),
    ('refused: {"token": "aHVudGVyMg", "n": 1}', "aHVudGVyMg"),
    ('refused: {"tokens": ["aHVudGVyMg", "b]d2"]}', "b]d2"),
    (r'refused: {"body": "{\"token\": \"aHVudGVy\\\"Mg\"}"', "Mg"),
    (r"refused: \\\"token\\\": \\\"aHVudGVyMg\\\"}", "aHVudGVyMg"),
    ('cut off: {"password": "hunt', "hunt"),
    (r"cut off: {\"password\": \"hunt", "hunt"),
    ('{"key": "aHVudGVyMg", cut', "aHVudGVyMg"),
    ("{'sig': 'aHVudGVyMg'}", "aHVudGVyMg"),
    ("ConnectionString=aHVudGVyMg", "aHVudGVyMg"),
    ("connection string: aHVudGVyMg", "aHVudGVyMg"),
]


@pytest.mark.parametrize(("text", "secret"), TEXTS)
def test_a_secret_in_text_is_masked(text: str, secret: str) -> None:
    masked = mask_text(text)
    assert secret not in masked
    assert MASK in masked
    assert mask_text(masked) == masked


@pytest.mark.parametrize(("text", "secret"), TEXTS)
@pytest.mark.parametrize("depth", [1, 2, 3])
def test_a_secret_in_a_string_of_json_is_masked_however_deep(
    text: str, secret: str, depth: int
) -> None:
    document: Any = text
    for _ in range(depth):
        document = json.dumps({"note": document, "rest": [1, "é"]})
    masked = mask_json(document)
    for _ in range(depth):
        assert secret not in masked
        inner = json.loads(masked)
        assert inner["rest"] == [1, "é"]
        masked = inner["note"]
    assert masked == mask_text(text)


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("dblink('password=''hunter2''', 'SELECT 1')", "dblink('password=''***''', 'SELECT 1')"),
        ("connect(password='', host='h')", "connect(password='***', host='h')"),
        ('connect(password="", host="h")', 'connect(password="***", host="h")'),
        ("host=h password='' dbname='d'", "host=h password='***' dbname='d'"),
        ("PASSWORD '' VALID UNTIL 'x'", "PASSWORD '***' VALID UNTIL 'x'"),
        ("PASSWORD ''a'', VALID UNTIL ''x''", "PASSWORD ''***'', VALID UNTIL ''x''"),
        (r"{\"password\": \"\", \"a\": 1", r"{\"password\": \"***\", \"a\": 1"),
    ],
)
def test_what_follows_a_quoted_secret_stays(text: str, masked: str) -> None:
    assert mask_text(text) == masked


@pytest.mark.parametrize("name", ["password", "ApiToken", "connection_string", "client-secret"])
@pytest.mark.parametrize("wrapped", [lambda v: v, lambda v: [v, "b"], lambda v: {"x": [v]}])
def test_whatever_stands_under_a_secret_name_is_masked(
    name: str, wrapped: Callable[[str], object]
) -> None:
    masked = json.loads(mask_json(json.dumps({name: wrapped("q]{,w"), "other": "q]{,w"})))
    assert "q]{,w" not in json.dumps(masked[name])
    assert masked["other"] == "q]{,w"


@pytest.mark.parametrize("name", ["key", "sig", "sas", "bearer", "AccountKey", "x-functions-key"])
def test_names_that_are_whole_words_are_masked(name: str) -> None:
    assert json.loads(mask_json(json.dumps({name: "abc"}))) == {name: MASK}


@pytest.mark.parametrize("name", ["password", "keys", "x"])
def test_names_and_values_written_with_escapes_are_masked(name: str) -> None:
    escaped = "".join(f"\\u{ord(letter):04x}" for letter in name)
    document = f'{{"{escaped}": "Pwd=\\u0068unter2"}}'
    assert "unter2" not in json.loads(mask_json(document))[name]


def test_a_string_with_half_a_surrogate_pair_is_masked_whole() -> None:
    assert json.loads(mask_json(r'{"a": "\ud800 password=hunter2", "b": 1}')) == {"a": MASK, "b": 1}


def test_a_traceback_is_masked() -> None:
    traceback = (
        "Traceback (most recent call last):\n"
        '  File "/app/x.py", line 3, in open\n'
        '    connect("postgresql://me:hunter2@db/x", password="hunter2")\n'
        'psycopg.OperationalError: connection to server at "10.0.0.1" failed: FATAL:  password'
        ' authentication failed for user "me"\n'
    )
    masked = mask_text(traceback)
    assert "hunter2" not in masked
    assert masked == traceback.replace(":hunter2@", ":***@").replace('"hunter2"', '"***"')


NUMBERS = {"max_tokens": 4096, "token_count": 7, "tokens": [1, 2], "key": 3, "usage": {"tokens": 5}}


def test_numbers_and_constants_that_are_no_secrets_stay() -> None:
    document = json.dumps({**NUMBERS, "password": None, "secret": True, "pwd_set": False})
    assert mask_json(document) == document
    assert mask_json(json.dumps({"text": document})) == json.dumps({"text": document})
    assert mask_text(f"answer: {document}, prompt_tokens=512") == (
        f"answer: {document}, prompt_tokens=512"
    )


def test_a_password_that_is_a_number_is_masked() -> None:
    masked = json.loads(mask_json('{"password": 1234, "pwds": [1, {"a": -2.5e3}]}'))
    assert masked == {"password": MASK, "pwds": [MASK, {"a": MASK}]}


ORDINARY = [
    'password authentication failed for user "me"',
    "basic authentication failed; the bearer certificates are old, basic error-handling.",
    "http://localhost:7071/api/status/me@example.org and me@example.org",
    "http://db:5432/x@y",
    "https://example.org/a?b=c&code=7",
    'column "token" does not exist',
    "the token has expired, the key is old",
    "Key (id)=(5) already exists.",
    "connection to server failed; the connection was reset",
    "design=modern, monkeys: 3, SELECT count(*) FROM keys WHERE n = 3",
    "eyJ is how a token begins",
    "no value, which counts as healthy",
    "100 %: too high, critical from 95",
    "İstanbul key \N{KELVIN SIGN}",
]


@pytest.mark.parametrize("text", ORDINARY)
def test_ordinary_text_stays_byte_for_byte(text: str) -> None:
    assert mask_text(text) == text
    for document in (json.dumps({"note": text}), json.dumps([text], ensure_ascii=False)):
        assert mask_json(document) == document
        nested = json.dumps({"a": document})
        assert mask_json(nested) == nested


def test_a_letter_that_grows_in_lower_case_does_not_move_what_is_masked() -> None:
    document = '{"a": "İİİİ", "password": "hunter2", "b": "İ token=abc", "c": "x"}'
    assert json.loads(mask_json(document)) == {
        "a": "İİİİ",
        "password": MASK,
        "b": f"İ token={MASK}",
        "c": "x",
    }


def test_white_space_between_the_parts_of_json_stays() -> None:
    document = '{ "password"\n :\t"hunter2" ,\n "a" : [ 1 , "b" ] }'
    assert mask_json(document) == document.replace("hunter2", MASK)


LETTERS = st.text(st.characters(codec="utf-8"), max_size=12).filter(lambda t: not shows_signs(t))
SECRET = "Zq7$wV9!pL2x"
PLANTS = [
    {"password": SECRET},
    {"inner": json.dumps({"api_token": SECRET})},
    {"inner": json.dumps([json.dumps({"account_key": SECRET})])},
    {"text": f"password={SECRET} end"},
    {"url": f"postgresql://me:{SECRET}@db/x"},
    {"odbc": f"Server=x;Pwd={{{SECRET}}};Encrypt=yes"},
    {"secrets": [SECRET, [SECRET, {"a": SECRET}]]},
]
LEAVES = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, width=32) | LETTERS
DOCUMENTS = st.recursive(
    LEAVES | st.sampled_from(PLANTS),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(LETTERS, inner, max_size=4),
    max_leaves=12,
)


def same_but_for_masks(masked: Any, original: Any) -> bool:
    if isinstance(original, dict) and original in PLANTS:
        return isinstance(masked, dict) and masked.keys() == original.keys()
    if isinstance(original, dict):
        return list(masked) == list(original) and all(
            same_but_for_masks(masked[name], original[name]) for name in original
        )
    if isinstance(original, list):
        return len(masked) == len(original) and all(map(same_but_for_masks, masked, original))
    return bool(masked == original and type(masked) is type(original))


@settings(max_examples=200, deadline=None)
@given(DOCUMENTS, st.booleans(), st.booleans())
def test_json_with_planted_secrets_is_the_same_json_without_them(
    document: Any, ascii_only: bool, spaced: bool
) -> None:
    text = json.dumps(document, ensure_ascii=ascii_only, indent=1 if spaced else None)
    masked = mask_json(text)
    assert SECRET not in masked
    assert same_but_for_masks(json.loads(masked), document)
    assert mask_json(masked) == masked
    again = json.dumps({"deeper": text})
    assert SECRET not in mask_json(again)
    assert same_but_for_masks(json.loads(json.loads(mask_json(again))["deeper"]), document)


@settings(max_examples=200, deadline=None)
@given(st.text(st.characters(codec="utf-8"), max_size=60))
def test_any_text_can_be_masked(text: str) -> None:
    mask_text(text)
    mask_text(f"@ password {text}")
    mask_json(text)
    json.loads(mask_json(json.dumps({"password": text, text: "token=1"})))


@settings(max_examples=200, deadline=None)
@given(
    st.lists(
        st.sampled_from(["password", '"', "'", "\\", ":", "=", " ", "{", "}", "[", "]", ",", "x"]),
        max_size=30,
    )
)
def test_broken_json_in_a_string_never_breaks_the_json_around_it(pieces: list[str]) -> None:
    text = "".join(pieces)
    masked = json.loads(mask_json(json.dumps({"a": text, "b": [1]})))
    assert masked["b"] == [1]


ADVERSARIES = (
    *(
        '"',
        "\\",
        "://",
        "[",
        "{",
        "password",
        "password=",
        '"password":',
        "pwd='",
        'pwd="',
        "pwd={",
        "pwd=''",
        "pwd=''a''",
        "password '",
        "password ''",
        "password $a$",
        "'",
        "pwd='\\\\",
    ),
    *("pwd:[", "pwd=a&", "pwd=a;b ", "pwd= ", "pwd=\\", "pwd=)", "eyJ-", "eyJabcdefgh.", "://a:"),
    *("Bearer ", "-----BEGIN PRIVATE KEY-----", '{"password":[', '"key":{"a":', '"a":["b",', "key"),
    *(
        '\\"password\\":\\"',
        "api_key_",
        "?code=",
        "connection ",
        "authorization: ",
        "\\u00",
        "token ",
    ),
)
LENGTH = 100_000
BOUND_SECONDS = 2.0  # ten times what the slowest takes; a quadratic one takes minutes


@pytest.mark.timeout(60)
def test_no_text_takes_more_time_than_its_length_warrants() -> None:
    for piece in ADVERSARIES:
        text = "@ key " + piece * (LENGTH // len(piece))
        for call, argument in (
            (mask_text, text),
            (mask_json, text),
            (mask_json, json.dumps({"a": text})),
        ):
            started = time.process_time()
            call(argument)
            assert time.process_time() - started < BOUND_SECONDS, (call.__name__, piece)


@pytest.mark.parametrize(
    "text",
    [
        "KeyError: no such band in tile 7",
        "ConnectionError: connection refused; the container does not answer",
        "signal 9, bypassed, in the passage of a monkey",
        '{"monkeys": "a sassy one", "designer": "keystone"}',
    ],
)
def test_words_that_only_begin_like_a_sign_are_none(text: str) -> None:
    assert not shows_signs(text)


@pytest.mark.parametrize(
    "name",
    [
        *("apiKey", "account_key", "SharedAccessKey", "subscription-access-key", "private key"),
        *("functionsKey", "hostkey", "sas_key", "connStr", "ConnectionString", "conn-string"),
        *("password", "passwd", "passphrase", "pwd", "signature", "sig", "key", "sas", "bearer"),
    ],
)
def test_every_name_of_a_secret_shows_signs(name: str) -> None:
    assert shows_signs(f'{{"{name}": "x"}}')
    assert mask_json(f'{{"{name}": "hunter2"}}') == f'{{"{name}": "***"}}'
    within = json.dumps({"error": f'{{"{name}": "hunter2"}}'})
    assert "hunter2" not in mask_json(within)
