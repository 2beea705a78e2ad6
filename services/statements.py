"""The text of statements that others have run, as it may be shown."""

import re

from services.masking import MASK, shows_signs

_TOKEN = re.compile(
    r"""
    --[^\n]*+ | /\*.*?(?:\*/|\Z) | "(?:[^"]|"")*+"? | \[[^\]\n]*+\]?
  | (?P<escaped> (?<!\w) [eE]' (?: [^'\\] | \\. | '' )*+ '? )
  | (?P<quoted> ' (?: [^'] | '' )*+ '? )
  | (?P<tag> \$ (?: [A-Za-z_]\w{0,62} )? \$ ) .*? (?: (?P=tag) | \Z )
    """,
    re.DOTALL | re.VERBOSE,
)


def mask_statement(text: str | None) -> str | None:
    """Without any of its literals where anything in it looks like a secret.

    What a name stands for, `INSERT INTO logins (name, password) VALUES (…)`, and the words before
    it, `PASSWORD '…'`, tell of no place that a secret must be in. A comment may hold one, too.
    """
    if text is None or not (shows_signs(text) or "crypt" in text.lower()):
        return text
    return _TOKEN.sub(_without_literals, text)


def _without_literals(match: re.Match[str]) -> str:
    if match["escaped"] or match["quoted"] or match["tag"]:
        return f"'{MASK}'"
    return "" if match[0].startswith(("--", "/*")) else match[0]
