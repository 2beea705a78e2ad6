"""Failures of one cause have one fingerprint, whatever they name; other words make another."""

import json
import time
import uuid
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.fingerprints import (
    HEAD,
    NO_TEXT,
    TAIL,
    Excerpt,
    kind_of,
    kind_of_text,
    normalize_message,
)

FRAMES = "".join(f'  File "/app/part_{n}.py", line {n}, in step\n    call()\n' for n in range(60))
TRACEBACK = f"Traceback (most recent call last):\n{FRAMES}"

HEADLINES = [
    ("ValueError: bad tile", "ValueError", "bad tile"),
    (f"{TRACEBACK}ValueError: bad tile", "ValueError", "bad tile"),
    (f"task failed\n{TRACEBACK}requests.Timeout", "requests.Timeout", NO_TEXT),
    (
        f"{TRACEBACK}KeyError: 'a'\n\nDuring handling of the above exception, another exception"
        f" occurred:\n\n{TRACEBACK}app.errors.Lost: gone\nfor ever\n(see the log)\n",
        "app.errors.Lost",
        "gone",
    ),
    ("java.io.IOException: gone\n\tat a.B.c(D.java:3)", "java.io.IOException", "gone"),
    (
        'Exception in thread "main" java.lang.IllegalStateException: no\n\tat x',
        "java.lang.IllegalStateException",
        "no",
    ),
    (
        "Unhandled exception. System.InvalidOperationException: empty\n   at X.Y() in /a/b.cs",
        "System.InvalidOperationException",
        "empty",
    ),
    ('{"message": "no such blob", "type": "NotFound"}', "NotFound", "no such blob"),
    ('{"error": {"code": "Busy", "message": "try later"}}', "Busy", "try later"),
    ('{"error": "ValueError: bad tile", "n": 1}', "ValueError", "bad tile"),
    ('[{"detail": "bad tile"}]', None, "bad tile"),
    ('{"n": 1}', None, "{<value>: <number>}"),
    ('{"message": "no such blob", "stack": "' + "x" * 2 * HEAD, None, "no such blob"),
    (json.dumps({"error": f"{TRACEBACK}ValueError: bad tile"}), "ValueError", "bad tile"),
    (json.dumps({"error": f"{TRACEBACK[:99]}\nValueError: bad tile"}), "ValueError", "bad tile"),
    (json.dumps({"message": "bad tile", "traceback": TRACEBACK}), None, "bad tile"),
    ("\n\n  disk full \nmore", None, "disk full"),
    ("", None, NO_TEXT),
    (" \n ", None, NO_TEXT),
    (None, None, NO_TEXT),
]


@pytest.mark.parametrize(("text", "error_type", "message"), HEADLINES)
def test_the_headline_says_what_went_wrong(
    text: str | None, error_type: str | None, message: str
) -> None:
    kind = kind_of_text(text)
    assert (kind.error_type, kind.message) == (error_type, message)


NORMALIZED = [
    ("no job 4711 of -3.5e+7, 12 %", "no job <number> of <number>, <number> %"),
    ("no scene 'a b' or \"c\" or `d`", "no scene <value> or <value> or <value>"),
    ("can't open the file's handle", "can't open the file's handle"),
    ("blob c0ffee00-1234-4321-abcd-1234567890ab", "blob <id>"),
    ("blob C0FFEE00-1234-4321-ABCD-1234567890AB.", "blob <id>."),
    (f"job {'0a' * 32} at 0x7ffe", "job <id> at <id>"),
    ("cannot read /data/in/x.tif: no", "cannot read <path> no"),
    (r"cannot read C:\data\x.tif or \\host\share", "cannot read <path> or <path>"),
    ("cannot read ../data/x and bronze/2026/scene.tif", "cannot read <path> and <path>"),
    ("read/write and/or TCP/IP", "read/write and/or TCP/IP"),
    ("GET https://me.example.org/x?a=b#c failed", "GET <url> failed"),
    ("mail to a.b+c@example.org bounced", "mail to <address> bounced"),
    (
        "connect to 10.0.0.1:5432 or fe80::1 or ::1",
        "connect to <address> or <address> or <address>",
    ),
    ("std::vector is full", "std::vector is full"),
    ("late since 2026-01-01T12:00:00.123Z", "late since <time>"),
    ("late since 2026-01-01 12:00:00,123 +02:00", "late since <time> +<time>"),
    ("late since 12:30:45", "late since <time>"),
    ("login with password=hunter2 refused", "login with password=*** refused"),
]


@pytest.mark.parametrize(("line", "normalized"), NORMALIZED)
def test_what_differs_each_time_is_taken_out(line: str, normalized: str) -> None:
    assert normalize_message(line) == normalized


WORDS = st.lists(
    st.sampled_from("cannot read tile because scene was lost after retry of mosaic".split()),
    min_size=1,
    max_size=8,
)
TIMES = st.datetimes(datetime(2000, 1, 1), datetime(2099, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001
SEGMENT = st.text("abcdefghij_.", min_size=1, max_size=9)
PARTS = st.one_of(
    st.tuples(st.just("id"), st.uuids().map(str)),
    st.tuples(st.just("id"), st.binary(min_size=31, max_size=31).map(lambda x: f"f0{x.hex()}")),
    st.tuples(st.just("number"), st.integers(-(10**18), 10**18).map(str)),
    st.tuples(st.just("number"), st.floats(-1e6, 1e6).map(lambda x: f"{x:.3f}")),
    st.tuples(st.just("value"), st.text("abc 019.:/", max_size=20).map(lambda text: f"'{text}'")),
    st.tuples(st.just("path"), st.lists(SEGMENT, min_size=2).map(lambda x: "/" + "/".join(x))),
    st.tuples(st.just("url"), SEGMENT.map(lambda text: f"https://{text}.example.org/{text}?x=1")),
    st.tuples(st.just("address"), st.ip_addresses(v=4).map(str)),
    st.tuples(st.just("address"), SEGMENT.map(lambda text: f"{text}@example.org")),
    st.tuples(st.just("time"), TIMES.map(datetime.isoformat)),
    st.tuples(st.just("time"), TIMES.map(lambda at: at.strftime("%Y-%m-%d %H:%M:%S"))),
)


@given(words=WORDS, parts=st.lists(PARTS, max_size=4))
def test_the_fingerprint_is_that_of_the_words_and_of_what_kind_of_thing_is_named(
    words: list[str], parts: list[tuple[str, str]]
) -> None:
    named = [f"{word} {value}" for word, (_, value) in zip(words, parts, strict=False)]
    marks = [f"{word} <{kind}>" for word, (kind, _) in zip(words, parts, strict=False)]
    rest = words[len(named) :]
    text, normalized = " ".join([*named, *rest]), " ".join([*marks, *rest])
    assert normalize_message(text) == normalized
    assert kind_of_text(f"IOError: {text}") == kind_of_text(f"IOError: {normalized}")


@given(one=WORDS, other=WORDS)
def test_other_words_are_another_fingerprint(one: list[str], other: list[str]) -> None:
    kinds = kind_of_text(" ".join(one)), kind_of_text(" ".join(other))
    assert (kinds[0].fingerprint == kinds[1].fingerprint) == (one == other)


def test_another_type_is_another_fingerprint() -> None:
    kinds = [kind_of_text(f"{name}: no tile") for name in ("KeyError", "IOError")]
    assert kinds[0].message == kinds[1].message
    assert kinds[0].fingerprint != kinds[1].fingerprint


def test_a_short_id_that_happens_to_be_all_digits_makes_no_difference() -> None:
    one, other = (kind_of_text(f"no blob {name} there") for name in ("12345678", "1234567f"))
    assert one.fingerprint == other.fingerprint


LIKELY = st.text(alphabet="a1f0 '\"`/\\<>:.@-+=#{}(),eyJxT\n\t%&~idtmepav", max_size=60)


@given(st.one_of(st.text(max_size=80), LIKELY))
def test_a_second_look_changes_nothing(text: str) -> None:
    once = normalize_message(text)
    assert normalize_message(once) == once


@given(st.one_of(st.none(), st.text(), LIKELY))
def test_a_text_and_its_excerpt_are_of_one_kind(text: str | None) -> None:
    kind = kind_of_text(text)
    assert kind == kind_of(Excerpt.of(text))
    assert len(kind.fingerprint) == 16
    assert int(kind.fingerprint, 16) >= 0


def test_an_excerpt_has_the_end_of_a_long_traceback_only() -> None:
    text = f"{TRACEBACK}ValueError: bad tile"
    assert Excerpt.of(text) == Excerpt(text[:HEAD], text[-TAIL:])
    assert Excerpt.of("x" * 2 * HEAD) == Excerpt("x" * HEAD, None)


@pytest.mark.parametrize(
    "unit",
    [
        *(
            "a",
            "1",
            "'",
            '"',
            "`",
            "/",
            "\\",
            ".",
            ":",
            "@",
            "-",
            "a/",
            "a.",
            "a@",
            "1.",
            "1:",
            "a:",
        ),
        *(
            "0a",
            "a1",
            "::",
            "eyJ",
            "<",
            "<id>",
            "{",
            '{"a":',
            '"a":"',
            "\\'",
            " '",
            " a@",
            "\n ",
            "\n",
        ),
        *("x://", "A.", "a$", "Error", ": ", "1e", "f:1"),
    ],
)
def test_no_text_takes_long(unit: str) -> None:
    text = (unit * 500_000)[:1_000_000]
    started = time.perf_counter()
    for one in (text, f"{TRACEBACK}{text}", "{" + text, text[: HEAD - 1]):
        kind_of_text(one)
    assert time.perf_counter() - started < 0.25


def test_a_hundred_thousand_texts_that_all_differ_take_seconds_at_most() -> None:
    texts = [
        f"requests.ConnectionError: (host='api{n}.example.org', port={n}): too many tries of"
        f" /v1/items/{uuid.UUID(int=n * 7919)} (attempt {n}) in /tmp/run-{n:032x}/out.tif"
        for n in range(20_000)
    ]
    started = time.perf_counter()
    assert len({kind_of_text(text).fingerprint for text in texts}) == 1
    assert time.perf_counter() - started < 3
