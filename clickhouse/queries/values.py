"""From the store's values to an answer's: money to cents, times to text, JSON texts as they are."""

import math
from decimal import Decimal

from msgspec import Raw

from schemas.answers import CostSource, Number
from schemas.projects import ProjectContext

DIGITS = 12
"""A float has 15 to 17: sums and differences of some lose the last few."""


def number(value: float) -> Number:
    """Returns a whole float as an integer, so that JSON shows 1200 and not 1200.0."""
    return int(value) if value.is_integer() else value


def quotient(dividend: int | Decimal, divisor: int | Decimal) -> Number:
    """Divides exactly and rounds once, to the nearest float; 0 when the divisor is 0."""
    if not divisor:
        return 0
    above, below = dividend.as_integer_ratio(), divisor.as_integer_ratio()
    return number((above[0] * below[1]) / (above[1] * below[0]))


def without_noise(value: float, *parts: float) -> Number:
    """Returns what floats came to with 12 digits of the greatest of its parts: 0.3 - 0.1 is 0.2.

    What lies below is what floats add, and no figure that anybody has sent.
    """
    greatest = max(abs(one) for one in (value, *parts))
    if not greatest or not math.isfinite(greatest):
        return number(value)
    exponent = int(f"{greatest:e}".partition("e")[2])
    return number(round(value, DIGITS - 1 - exponent))


def cents(usd: Decimal | None) -> Number | None:
    """Turns dollars into cents, rounded once; `None` stays unknown."""
    return None if usd is None else quotient(usd.scaleb(2), 1)


def sent_cost(reported: Decimal | None, digits: str) -> Decimal | None:
    """Returns the dollars that a sender reported, with the digits that sums leave out."""
    return Decimal(digits).scaleb(-2) if digits else reported


def cents_sum(usd: Decimal) -> Number:
    """Turns a sum of dollars into cents."""
    return quotient(usd.scaleb(2), 1)


def counted(
    project: ProjectContext, computed: Decimal | None, reported: Decimal | None
) -> tuple[CostSource | None, Number | None]:
    """Says which of a row's two costs counts in this project, and the cost in cents."""
    both: list[tuple[CostSource, Decimal | None]] = [
        ("reported", reported),
        ("computed", computed),
    ]
    if project.cost_preference == "computed":
        both.reverse()
    for source, cost in both:
        if cost is not None:
            return source, cents(cost)
    return None, None


def text_or_none(value: str) -> str | None:
    """Reads the store's empty text as absent."""
    return value or None


def raw_or_none(text: bytes) -> Raw | None:
    """Passes stored JSON on without decoding it; the empty text means that there was none."""
    return Raw(text) if text else None
