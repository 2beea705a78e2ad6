"""What two failures have in common: the line of an error text that says what went wrong, its type,
and that line without what differs from one time to the next.

No text is looked at beyond its first and last characters (see Excerpt):
every expression here runs over a few hundred characters, whatever the text.
"""

import re
from dataclasses import dataclass
from functools import lru_cache
from hashlib import blake2b
from typing import Any

import orjson

from services.masking import mask_text

HEAD = 500
TAIL = 1000
"""Characters of an error text that are looked at; the statements cut in the same way."""
TRACEBACK = "Traceback (most recent call last)"
LONGEST_MESSAGE = 200
NO_TEXT = "no error text"

_FRAME = re.compile(r"[ \t|+-]")
_RAISED = re.compile(r"(?:[A-Za-z_]\w*+[.])*+[A-Za-z_]\w*+(?=: |:?$)")
_NAMED = re.compile(
    r"(?:Unhandled exception[.:]? |Exception in thread \"[^\"]*\" |Caused by: |Uncaught )?+"
    r"(?P<type>(?:[A-Za-z_]\w*+[.$])*+[A-Za-z_]\w*(?:Error|Exception|Fault|Timeout|Interrupt))"
    r"(?=[:( ]|$)"
)
_ERROR_TYPE = re.compile(r"[A-Za-z_][\w.$-]{0,99}")
_MEMBER = re.compile(r'"(\w++)"\s*+:\s*+"((?:[^"\\]|\\.)*+)')
MESSAGES = ("message", "error_message", "msg", "detail", "error", "title", "reason", "description")
TYPES = ("error_type", "exception_type", "exception", "type", "name", "code", "error_code")

# A quote is one where no word runs into it: "can't" has none. What was taken out already stands in
# angle brackets, which count as parts of a word, so that a second look changes nothing.
_QUOTED = re.compile(r"""(?<![\w<>])(?:'[^'<>]*+'|"[^"<>]*+"|`[^`<>]*+`)(?![\w<>])""")
_TOKEN = re.compile(
    r"""
      (?P<kept> <(?:id|number|value|path|url|address|time)> )
    | (?<![\w<>])
      (?: (?P<url> [a-z][a-z0-9+.-]{1,20}:// [^\s'"<>]++ )
        | (?P<address> [\w.+-]{1,64} @ [\w-]++ (?:\.[\w-]++)++
                     | \d{1,3} (?:\.\d{1,3}){3}+ (?:/\d{1,2})?+ (?::\d{1,5})?+
                     | (?:[0-9a-f]{1,4}:){7} [0-9a-f]{1,4}
                     | (?=[a-f:]*+\d) (?: [0-9a-f]{1,4} (?: :[0-9a-f]{1,4} ){0,6} )?
                       :: (?: [0-9a-f]{1,4} (?: :[0-9a-f]{1,4} ){0,6} )? )
        | (?P<time> \d{4}-\d\d-\d\d (?: [t_ ]\d\d:?\d\d(?::?\d\d)?+(?:[.,]\d++)?+ )?+
                    (?: z | [+-]\d\d:?\d\d )?+
                  | \d{1,2}:\d\d(?::\d\d(?:[.,]\d++)?+)?+ z?+
                  | \d{1,2}/\d{1,2}/\d{4} )
        | (?P<id> 0x[0-9a-f]++
                | eyj [\w-]{8,}+ (?: \.[\w-]*+ )++
                | (?=[a-f]*+\d) (?=\d*+[a-f]) [0-9a-f]{8,}+
                | (?=[a-z]*+\d++[a-z]++\d) [a-z0-9]{16,}+ )
        | (?P<path> (?: [a-z]:[\\/] | \\\\ | ~?/ | \.{1,2}/ ) [\w.@~+%=,\\/:-]*+
                  | (?: [\w.@+%-]++ [\\/] ){2,}+ [\w.@+%-]*+ )
      )
      (?![\w<>])
    | (?P<number> \d++ (?:[.,]\d++)*+ (?:e[+-]?\d++)?+ )
    """,
    re.VERBOSE | re.IGNORECASE,
)
_LONG_ID = re.compile(
    r"[0a-fA-F]{8}-[0a-fA-F]{4}-[0a-fA-F]{4}-[0a-fA-F]{4}-[0a-fA-F]{12}|[0a-fA-F]{32,}+"
)
LONG_ID = "a0" * 16
_ZEROS = str.maketrans("123456789", "000000000")
_PLACEHOLDERS = re.compile(r"<(?:id|number)>")
_DATE_AND_TIME = re.compile(r"<time>(?: <time>)++")
_SIGNED = re.compile(r"(?<![\w<>])[+-]++(?=<number>)")


@dataclass(frozen=True, slots=True)
class Excerpt:
    """The first HEAD characters of an error text, and the last TAIL of a long Python traceback."""

    head: str
    tail: str | None = None

    @classmethod
    def of(cls, text: str | None) -> "Excerpt":
        text = text or ""
        is_long = len(text) > HEAD and TRACEBACK in text[:HEAD]
        return cls(text[:HEAD], text[-TAIL:] if is_long else None)


@dataclass(frozen=True, slots=True)
class Kind:
    """What failures of one group have in common; `error_type` is None where none can be told."""

    fingerprint: str
    error_type: str | None
    message: str


def kind_of_text(text: str | None) -> Kind:
    """The group that a whole error text belongs to."""
    return kind_of(Excerpt.of(text))


def kind_of(excerpt: Excerpt) -> Kind:
    return _kind_of(excerpt.head, excerpt.tail)


@lru_cache(4096)
def _kind_of(head: str, tail: str | None) -> Kind:
    error_type, line = split_headline(Excerpt(head, tail))
    return _kind(error_type, normalize_message(line)[:LONGEST_MESSAGE] or NO_TEXT)


@lru_cache(4096)
def _kind(error_type: str | None, message: str) -> Kind:
    """16 hex digits. Whether an id happens to be all digits makes no difference."""
    text = f"{error_type or ''}\0{_PLACEHOLDERS.sub('<id>', message)}"
    fingerprint = blake2b(text.encode("utf-8", "replace"), digest_size=8).hexdigest()
    return Kind(fingerprint, error_type, message)


def split_headline(excerpt: Excerpt) -> tuple[str | None, str]:
    """The error's type, and the line that says what went wrong, without its type."""
    head = excerpt.head.lstrip()
    if head.startswith(("{", "[{")):
        return _split_json(head, excerpt.tail)
    if TRACEBACK in head:
        return _split_raised(_last_raised(excerpt.tail or head))
    return _split_named(_first_line(head))


def normalize_message(line: str) -> str:
    """The line without ids, numbers, quoted values, paths, URLs, addresses, times and secrets."""
    line = " ".join(line.replace("\0", " ").split()).translate(_ZEROS)
    return _normalized_line(_LONG_ID.sub(LONG_ID, line))


@lru_cache(16384)
def _normalized_line(line: str) -> str:
    """Of a line in which all numbers of one length, and all long ids, are the same already.

    Few lines are left then, and this takes ten times as long as what is done to each before.
    """
    line = mask_text(_QUOTED.sub("<value>", line))
    return _joined([_normalized_token(token) for token in line.split(" ")])


@lru_cache(16384)
def _normalized_token(token: str) -> str:
    return token if token.isalpha() else _TOKEN.sub(_placeholder, token)


def _placeholder(match: re.Match[str]) -> str:
    kind = match.lastgroup
    return match[0] if kind == "kept" else f"<{kind}>"


def _joined(tokens: list[str]) -> str:
    """A number's sign belongs to it, and a day to the time of day behind it."""
    line = _SIGNED.sub("", " ".join(tokens))
    return _DATE_AND_TIME.sub("<time>", line)


def _first_line(text: str) -> str:
    return next((line for line in text.splitlines() if line.strip()), "")


def _last_raised(text: str) -> str:
    """The line behind the last frame. An exception's message may go on for many lines."""
    lines = text.splitlines()
    for place in range(len(lines) - 1, 0, -1):
        if _FRAME.match(lines[place - 1]) and _RAISED.match(lines[place]):
            return lines[place]
    named = (line for line in reversed(lines) if _NAMED.match(line))
    return next(named, _first_line("\n".join(reversed(lines))))


def _split_raised(line: str) -> tuple[str | None, str]:
    """A traceback's last line begins with the name of an exception, whatever it is called."""
    match = _RAISED.match(line)
    if match is None:
        return None, line
    return match[0][:100], line[match.end() :].removeprefix(":")


def _split_named(line: str) -> tuple[str | None, str]:
    line = line.strip()
    match = _NAMED.match(line)
    if match is None:
        return None, line
    return match["type"][-100:], line[match.end() :].removeprefix(":")


def _split_json(text: str, tail: str | None) -> tuple[str | None, str]:
    """The members that say what went wrong; by a search for them where the text was cut."""
    members = _parsed(text) or {
        name: _unescaped(value) for name, value in reversed(_MEMBER.findall(text))
    }
    inner = members.get("error")
    if isinstance(inner, dict):
        members = {**members, **inner}
    message, kind = _first(members, MESSAGES), _first(members, TYPES)
    if message is not None and TRACEBACK in message:
        end = message if tail is None else tail.replace("\\n", "\n").rstrip('"}] \n')
        return _split_raised(_last_raised(end))
    error_type, line = _split_named(_first_line(message or text))
    if kind is not None and _ERROR_TYPE.fullmatch(kind):
        error_type = kind
    return error_type, line


def _parsed(text: str) -> dict[str, Any]:
    try:
        value = orjson.loads(text)
    except orjson.JSONDecodeError:
        return {}
    if isinstance(value, list):
        value = value[0]
    return value if isinstance(value, dict) else {}


def _first(members: dict[str, Any], names: tuple[str, ...]) -> str | None:
    """The first of these members that is a text."""
    found = (members.get(name) for name in names)
    return next((value for value in found if isinstance(value, str) and value.strip()), None)


def _unescaped(text: str) -> str:
    try:
        return str(orjson.loads(f'"{text}"'))
    except orjson.JSONDecodeError:
        return text
