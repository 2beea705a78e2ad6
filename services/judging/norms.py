"""What is normal for a KPI: the median of its values, and how far they spread around it."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from statistics import median

from services.judging.seasons import Season

NORMAL_BY_MAD = Decimal("1.4826")
NORMAL_BY_MEAN = Decimal("1.2533")
"""By these factors the standard deviation of normally distributed values is larger."""
SMALLEST_SHARE = Decimal("0.01")


@dataclass(frozen=True, slots=True, kw_only=True)
class Norm:
    """`mad` is the median distance from the median, `spread` a robust standard deviation."""

    season: Season
    median: Decimal
    mad: Decimal
    spread: Decimal
    values: int


def norm_of(season: Season, values: Sequence[Decimal]) -> Norm:
    middle = median(values)
    distances = [abs(value - middle) for value in values]
    mad = median(distances)
    return Norm(
        season=season,
        median=middle,
        mad=mad,
        spread=NORMAL_BY_MAD * mad if mad else _spread_of_equals(middle, distances),
        values=len(values),
    )


def _spread_of_equals(middle: Decimal, distances: Sequence[Decimal]) -> Decimal:
    """Where most values are the same, the MAD is 0: the mean distance, or 1 % of the median.

    0 where there was never another value than 0.
    """
    mean = sum(distances, Decimal(0)) / len(distances)
    return max(NORMAL_BY_MEAN * mean, SMALLEST_SHARE * abs(middle))
