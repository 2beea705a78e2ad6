"""Secrets in text and in JSON text: passwords, tokens, keys, connection strings, signatures.

Meant for whole answers and whole log lines, so that nothing has to be remembered elsewhere. What
shows no sign of a secret costs a few searches for short words, and in JSON the strings without a
sign are not looked at. JSON stays JSON, the same but for what is masked.

Every expression takes time in proportion to the text, whatever the text: it is bounded, or what a
repetition has taken it never gives back.
"""

import json
import re
from collections.abc import Iterator

import orjson

MASK = "***"
SIGNS = (
    *("pass", "pwd", "secret", "token", "credential", "key", "sig", "sas", "conn", "authoriz"),
    *("bearer", "basic", "eyj", "gaaaa", "code=", "identified", r"\u00"),
)
"""In lower case. Every secret but that of a URL has one in its name, before it, or in itself."""

_WORDS = r"passw(?:or)?d|passphrase|pwd"
_WHOSE_KEY = (
    r"(?:api|account|access|private|shared|encryption|subscription|functions?|host|master|signing"
    r"|storage|client|sas)[\ _-]?(?:access[\ _-]?)?"
)
_KEY_WORDS = (
    r"secret|token|credential|conn(?:ection)?[\ _-]?str|authorization|signature"
    rf"|{_WHOSE_KEY}key"
)
# "KeyError", "connection refused" and "signal" are in many an error, and no sign of anything.
LONGEST_BEFORE_KEY = 24
_AFTER_NAME = frozenset("\"'=\\")
_BEFORE_KEY = re.compile(rf"{_WHOSE_KEY}\Z")
_AROUND = {
    "pass": re.compile(r"passw(?:or)?d|passphrase"),
    "conn": re.compile(r"conn(?:ection)?[ _-]?str"),
    "sig": re.compile(r"sig(?:nature|[\"'=\\])"),
    "sas": re.compile(r"sas[\"'\\]"),
}
_WORDS_AMONG_SIGNS = [sign.encode() for sign in SIGNS if sign.isalpha()]
_SMALL_LETTERS = bytes(range(256)).lower()
_IN_NO_WORD = bytes(
    code for code in range(256) if _SMALL_LETTERS[code] not in b'"'.join(_WORDS_AMONG_SIGNS)
)

_NAME = re.compile(rf"{_WORDS}|{_KEY_WORDS}|^(?:key|sig|sas|bearer)$", re.IGNORECASE)
_HIDES_NUMBERS = re.compile(_WORDS, re.IGNORECASE)

_COLON = re.compile(r"\s*+:\s*+")
_SCALAR = re.compile(r'"[^"]*+"?|-?\d[\d.eE+-]*+|')
_BRACKET = re.compile(r'"[^"]*+"?|[][{}]')
_LEAF = re.compile(r'("[^"]*+"?)(\s*+:)?|-?\d[\d.eE+-]*+')

# A quote may be escaped, where the text was a string in JSON, and be doubled, again and again,
# where it was one in SQL; so what stands twice within a value is a part of it. Quotes that nothing
# follows are an empty value.
_NOTHING_FOLLOWS = r"(?= [\s,;&|)\]}] | $ )"
_QUOTE = rf"""\\*+ (?: (?P<one>["']) (?: (?P=one){{1,63}}+ (?! {_NOTHING_FOLLOWS} ) )?+ )"""
_WITHIN = r"(?: (?! (?<!\\)(?P=quote) ) . | (?P=quote){2} )*+ (?P<end> (?P=quote) )?+"

# A value may hold blanks where a semicolon and the next part of a connection string follow.
_ASSIGNED = re.compile(
    rf"""
    (?P<name> (?:{_WORDS}|{_KEY_WORDS}) [\w.-]*+
            | (?<![\w.-]) (?:key|sig|sas|bearer) (?=\\*+["']\s*+:)
            | (?:key|(?<![a-z])sig) (?==) )
    (?: (?P<colon> \\*+ ["']?+ \]?+ \s*+ [:=]{{1,2}}+ >?+ \s*+ )
        (?: (?P<quote> {_QUOTE} ) {_WITHIN}
          | (?P<list> \[ (?: "[^"]*+"? | '[^']*+'? | [^]"'\n] )*+ \]?+ )
          | (?: (?<==) | (?<==\s) ) \{{ (?: [^}}] | \}}\}} )*+ \}}?+
          | (?P<plain> (?! \{{ )
                (?: [^;"'\n]{{1,128}} (?= ; \s{{0,9}} (?: [a-z] [\w\ ]{{0,40}} = | $ ) )
                  | (?: (?: bearer|basic|token|apikey|digest|negotiate ) \s++ )?+
                    (?: [^\s;,&"'\\\])}}]
                      | (?: '{{1,2}} | " ) (?=\w)
                      | , (?! [\s"'{{\[] | $ )
                      | & (?! [\w.-]{{1,40}} = )
                      | \\ (?! \\{{0,9}} ["'] )
                      | [\])}}] (?! [\])}}]{{0,9}} (?: [\s;,&"'\\] | $ ) ) )++ ) )
        ) )?+
    """,
    re.IGNORECASE | re.DOTALL | re.VERBOSE,
)
_TELLS_NOTHING = re.compile(r"null|none|true|false|\*\*\*", re.IGNORECASE)
_NUMBER = re.compile(r"-?\d[\d.eE+-]*")
_COUNTED = re.compile(r"(?:secret|token|credential|key)s", re.IGNORECASE)
_OPENING_QUOTE = re.compile(r"""\\*["']""")

_IN_SQL = re.compile(
    rf"""
    (?P<before> \b (?: {_WORDS} | identified\s+by ) \s++ (?: values\s++ )?+ [NE]?+ )
    (?P<quote> (?=') {_QUOTE} | \$\w{{0,40}}+\$ ) {_WITHIN}
    """,
    re.IGNORECASE | re.DOTALL | re.VERBOSE,
)
_PLAIN_WORD = re.compile(r"[\w.-]{1,40}", re.ASCII)
_SCHEME = re.compile(r"(?i:\b(bearer|basic))(\s++)([A-Za-z0-9._~+/=-]{8,}+)")
_ORDINARY_WORD = re.compile(r"[A-Za-z][a-z]{0,19}(?:[-/][a-z]{1,19}){0,3}[.=]?")
_USER_INFO = re.compile(
    r"""(://[^\s:/@"']*+:)(?!\d{1,5}(?:[/?#\s"',;)]|$))((?:[^\s"']|["'](?=\w))++)"""
)
_FUNCTION_KEY = re.compile(r"([?&]code=)[\w%.~=-]{20,}+", re.IGNORECASE)
_JWT = re.compile(r"(?<![A-Za-z0-9_-])eyJ[A-Za-z0-9_-]{8,}+(?:\.[A-Za-z0-9_-]*+)++")
_FERNET = re.compile(r"(?<![A-Za-z0-9_-])gAAAA[A-Za-z0-9_-]{60,}+=*+")
_PEM = re.compile(
    r"-----BEGIN [A-Z ]{0,40}PRIVATE KEY-----.*?(?:-----END [A-Z ]{0,40}-----|\Z)", re.DOTALL
)


def show_name(name: str) -> str:
    """A name that a caller has given: it is no secret where it is a plain word."""
    return name if _PLAIN_WORD.fullmatch(name) else MASK


def shows_signs(text: str) -> bool:
    """Whether there may be a secret in it; False is certain."""
    return next(_places(text), None) is not None


def mask_text(text: str) -> str:
    """Plain text, with any secrets in it replaced by ***."""
    if not shows_signs(text):
        return text
    if "-----BEGIN" in text:
        text = _PEM.sub(MASK, text)
    text = _ASSIGNED.sub(_mask_assigned, text)
    if "'" in text or "$" in text:
        text = _IN_SQL.sub(_mask_in_sql, text)
    text = _SCHEME.sub(_mask_scheme, text)
    if "@" in text:
        text = _USER_INFO.sub(_mask_user_info, text)
    if "=" in text:
        text = _FUNCTION_KEY.sub(rf"\1{MASK}", text)
    if "gAAAA" in text:
        text = _FERNET.sub(MASK, text)
    return _JWT.sub(MASK, text) if "eyJ" in text else text


def mask_json(text: str) -> str:
    """JSON text, with secrets replaced in its members and strings; still the same JSON else."""
    places = sorted(_places(text))
    return "".join(_masked_pieces(text, places)) if places else text


def _places(text: str) -> Iterator[int]:
    """The last character of every sign, in no order."""
    signs = list(_signs_in(text))
    if not signs:
        return
    lowered = _lowered(text)
    for sign in signs:
        place = lowered.find(sign)
        while place >= 0:
            if _may_mean_it(sign, lowered, place):
                yield place + len(sign) - 1
            place = lowered.find(sign, place + 1)


def _lowered(text: str) -> str:
    # The one capital whose small letter is two characters: the places would be others.
    return text.replace("\N{LATIN CAPITAL LETTER I WITH DOT ABOVE}", "i").lower()


def _signs_in(text: str) -> Iterator[str]:
    """The signs that may be in it. Without what stands in no word of theirs there is half as much
    to look through, and a word that is not in the rest is not in the whole.
    """
    plain = (text if text.isascii() else _lowered(text)).encode(errors="replace")
    rest = plain.translate(_SMALL_LETTERS, _IN_NO_WORD)
    yield from (word.decode() for word in _WORDS_AMONG_SIGNS if word in rest)
    if "=" in text:
        yield "code="
    if "\\" in text and r"\u00" in text:
        yield r"\u00"
    if "@" in text and "://" in text:
        yield "://"


def _may_mean_it(sign: str, lowered: str, place: int) -> bool:
    """Whether what is around it is such as the expressions below take."""
    if sign == "key":
        before = lowered[max(place - LONGEST_BEFORE_KEY, 0) : place]
        return lowered[place + 3 : place + 4] in _AFTER_NAME or bool(_BEFORE_KEY.search(before))
    around = _AROUND.get(sign)
    return around is None or around.match(lowered, place) is not None


def _masked_pieces(text: str, places: list[int]) -> Iterator[str]:
    # Without the escaped ones, every quote begins a string or ends one.
    bare = text.replace(r"\\", "\0\0").replace(r"\"", "\0\0")
    done = counted = quotes = 0
    for place in places:
        if place < done:
            continue
        quotes += bare.count('"', counted, place)
        counted = place
        if quotes % 2 == 0:
            continue
        start, end = bare.rfind('"', 0, place), bare.find('"', place) + 1
        colon = _COLON.match(bare, end) if end else None
        if colon is None:
            end = end or len(text)
            yield text[done:start] + _mask_string(text[start:end])
        elif _NAME.search(name := _plain(text[start:end])):
            yield text[done : colon.end()]
            end = _value_end(bare, colon.end())
            yield _mask_value(text, bare, colon.end(), end, _HIDES_NUMBERS.search(name) is not None)
        else:
            yield text[done:end]
        done = end
    yield text[done:]


def _value_end(bare: str, start: int) -> int:
    if bare[start : start + 1] not in ("[", "{"):
        scalar = _SCALAR.match(bare, start)
        return scalar.end() if scalar else start
    depth = 0
    for bracket in _BRACKET.finditer(bare, start):
        depth += {"[": 1, "{": 1, "]": -1, "}": -1}.get(bracket[0], 0)
        if depth == 0:
            return bracket.end()
    return len(bare)


def _mask_value(text: str, bare: str, start: int, end: int, hides_numbers: bool) -> str:
    """Every string that is no name, and every number where numbers are secrets too."""

    def masked(leaf: re.Match[str]) -> str:
        shown = leaf[2] is not None or (leaf[1] is None and not hides_numbers)
        return text[start + leaf.start() : start + leaf.end()] if shown else f'"{MASK}"'

    return _LEAF.sub(masked, bare[start:end])


def _mask_string(quoted: str) -> str:
    """A JSON string, masked as the JSON or else as the text that it stands for."""
    try:
        plain: str = orjson.loads(quoted)
    except orjson.JSONDecodeError:  # half a surrogate pair, which JSON text may hold
        return f'"{MASK}"'
    masked = mask_json(plain) if _is_json(plain) else mask_text(plain)
    return quoted if masked == plain else orjson.dumps(masked).decode()


def _is_json(text: str) -> bool:
    if not text.lstrip().startswith(("{", "[", '"')):
        return False
    try:
        json.loads(text)  # which takes the NaN and Infinity of Python and JavaScript, too
    except (ValueError, RecursionError):
        return False
    return True


def _plain(quoted: str) -> str:
    if "\\" not in quoted:
        return quoted[1:-1]
    try:
        return str(orjson.loads(quoted))
    except orjson.JSONDecodeError:
        return quoted[1:-1]


def _mask_assigned(match: re.Match[str]) -> str:
    if match["colon"] is None or _is_shown(match["name"], match["colon"], match["plain"]):
        return match[0]
    before = match["name"] + match["colon"]
    if match["quote"]:
        return before + match["quote"] + MASK + (match["end"] or "")
    if match["list"]:
        quote = _OPENING_QUOTE.search(match["list"])
        return f"{before}[{quote[0]}{MASK}{quote[0]}]" if quote else match[0]
    return before + MASK


def _is_shown(name: str, colon: str, value: str | None) -> bool:
    """Whether a value without quotes is a constant, or a number that is no secret: a count."""
    if value is None:
        return False
    if _NUMBER.fullmatch(value) and not _HIDES_NUMBERS.search(name):
        return colon.lstrip("\\")[:1] in ('"', "'") or _COUNTED.match(name) is not None
    return _TELLS_NOTHING.fullmatch(value) is not None


def _mask_in_sql(match: re.Match[str]) -> str:
    return match["before"] + match["quote"] + MASK + (match["end"] or "")


def _mask_scheme(match: re.Match[str]) -> str:
    return match[0] if _ORDINARY_WORD.fullmatch(match[3]) else f"{match[1]}{match[2]}{MASK}"


def _mask_user_info(match: re.Match[str]) -> str:
    password, at, rest = match[2].rpartition("@")
    return f"{match[1]}{MASK}@{rest}" if at and password else match[0]
