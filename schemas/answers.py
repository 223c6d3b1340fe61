"""What answers of every system share: numbers, and the counts of outcomes.

Every key is always there, camelCase outside; a JSON number that is whole is written without a
fraction.
"""

from typing import Literal

from msgspec import Struct

CostSource = Literal["reported", "computed"]
Number = int | float


class OutcomeCount(Struct, rename="camel"):
    """How many items of one kind had one outcome in one minute (or the interval asked for)."""

    kind: str
    outcome: str
    reason: str
    minute: str
    count: int
    start: str
    """The same moment as `minute`, as the clock of the time zone shows it."""


class OutcomesAnswer(Struct, rename="camel"):
    """`balanced`: what was received is the sum of what became of it. A check, not a definition."""

    outcomes: list[OutcomeCount]
    totals: dict[str, int]
    balanced: bool
    time_zone: str
