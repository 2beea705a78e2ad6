"""Durations as people say them."""

UNITS = ((86_400_000, "d"), (3_600_000, "h"), (60_000, "min"), (1000, "s"))


def say_duration(ms: int) -> str:
    """The two largest units of it: 850 ms, 12 s, 3 min 20 s, 2 d 4 h."""
    for place, (size, unit) in enumerate(UNITS):
        if ms >= size:
            whole, rest = divmod(ms, size)
            smaller = UNITS[place + 1 : place + 2]
            return " ".join(
                [f"{whole} {unit}", *(f"{rest // s} {u}" for s, u in smaller if rest >= s)]
            )
    return f"{max(ms, 0)} ms"


def say_share(share: float) -> str:
    """As a percentage: 0.834 is 83 %."""
    return f"{share:.0%}".replace("%", " %")
