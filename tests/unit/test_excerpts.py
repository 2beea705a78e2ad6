"""Parts of long texts: what is masked in the whole is never shown in half."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.excerpts import LEFT_OUT, cut_short, join_ends
from services.masking import mask_text

SECRET = "Tr0ub4dor" * 12
PEM = (
    "-----BEGIN PRIVATE KEY-----\n"
    + "MIIEvQIBADANBgkqhkiG9w0BAQEFAASC\n" * 20
    + ("-----END PRIVATE KEY-----\n")
)


def test_a_short_text_is_whole() -> None:
    assert cut_short("no space left", 13) == "no space left"


def test_a_long_text_ends_with_a_whole_word() -> None:
    assert cut_short("no space left on device", 12) == f"no space {LEFT_OUT}"
    assert cut_short("x" * 50, 12) == LEFT_OUT


def test_the_end_begins_with_a_whole_line() -> None:
    joined = join_ends("Traceback:\n  File", "ine 3, in f\nValueError: tile 17 is empty")
    assert joined == f"Traceback:\n  {LEFT_OUT}\nValueError: tile 17 is empty"


@pytest.mark.parametrize(
    "text",
    [
        f"cannot open postgresql://me:{SECRET}@db/x\n",
        f"Server=x;Password={SECRET};Encrypt=yes\n",
        f"password: '{SECRET} {SECRET}'\n",
        f'{{"token": "{SECRET}"}}\n',
        PEM,
    ],
)
@given(before=st.integers(0, 600), after=st.integers(0, 600))
def test_wherever_a_text_is_cut_no_part_of_a_secret_is_left(
    text: str, before: int, after: int
) -> None:
    whole = f"{'word ' * 40}\n{text}{'more words ' * 20}\nthe end"
    for shown in (join_ends(whole[:before], whole[-after:]), cut_short(whole, before)):
        masked = mask_text(shown)
        assert "Tr0ub4dor" not in masked
        assert "MIIEvQIBADANBgkqhkiG9w0BAQEFAASC" not in masked
