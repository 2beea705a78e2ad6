"""Ids of what is written all the time."""

import random
import time

VERSION = 7
VARIANT = 0b10


def newest_id() -> str:
    """A UUID of version 7: later ones are greater, so that they are neighbours in an index.

    What in it is by chance is not from the system, which is asked too often for that: an id like
    this is no secret.
    """
    milliseconds = time.time_ns() // 1_000_000
    chance = random.getrandbits(74)
    bits = milliseconds << 80 | VERSION << 76 | chance >> 62 << 64 | VARIANT << 62
    text = f"{bits | chance & (1 << 62) - 1:032x}"
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"
