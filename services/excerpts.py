"""Parts of long texts that begin and end where no secret can be cut in two.

Masking knows a secret by what stands before it, or by its whole shape: half of one would be shown.
"""

import re

from services.masking import mask_text

LEFT_OUT = "[...]"
_KEY_LINE = re.compile(r"[A-Za-z0-9+/=_-]{32,}")


def cut_short(text: str, longest: int) -> str:
    """The beginning of a text that is longer, up to the last whole word."""
    return text if len(text) <= longest else f"{_whole_words(text[:longest])}{LEFT_OUT}"


def join_ends(head: str, tail: str) -> str:
    """The two ends of a text whose middle nobody has, in whole words and whole lines.

    Each is masked by itself: a quote that is open at the end of one would begin in the other.
    """
    return f"{mask_text(_whole_words(head))}{LEFT_OUT}\n{mask_text(_whole_lines(tail))}"


def _whole_words(text: str) -> str:
    """Without a last word that may have lost its end; what is one long word is left out whole."""
    return text[: max(text.rfind(blank) for blank in " \n\t") + 1]


def _whole_lines(text: str) -> str:
    """Without a first line that has lost its beginning, and without the rest of a key."""
    _, _, text = text.partition("\n")
    before, end, after = text.partition("-----END")
    if end and "-----BEGIN" not in before:
        _, _, text = after.partition("\n")
    lines = text.split("\n")
    while lines and _KEY_LINE.fullmatch(lines[0].strip()):
        lines.pop(0)
    return "\n".join(lines)
