"""Percentiles of durations: exact for few values, from a sketch within 1 % for many.

One rule for both: linear interpolation between the two values around rank p (n - 1), which is what
numpy and spreadsheets do ("inclusive"). The engine's sketch answers the value at the rank rounded
down. With one more value that is greater than all, and with two, it answers the next one.
"""

import math
from collections.abc import Sequence
from typing import NamedTuple

from clickhouse.queries.values import number
from schemas.answers import Number

MOST_EXACT = 500
"""Values of which percentiles are exact."""
SHARES = (50, 90, 95, 99)
SKETCH = "(0.01, 0.5, 0.9, 0.95, 0.99)"
EMPTY = f"initializeAggregation('quantilesDDStateIf{SKETCH}', toUInt64(0), 0)"
"""The state of no value."""
GREATEST = f"initializeAggregation('quantilesDDState{SKETCH}', 18446744073709551615)"

Percentiles = tuple[Number, Number, Number, Number]
UNMEASURED: Percentiles = (0, 0, 0, 0)


class Quantiles(NamedTuple):
    """What a statement answers in one column: how many values, and their quantiles.

    `exact` is empty for more than `MOST_EXACT` values, and where the values are not at hand.
    `sketched` has the quantiles as they are, with one more value, with two.
    """

    values: int
    exact: Sequence[float]
    sketched: Sequence[Sequence[float]]

    @property
    def lacks_values(self) -> bool:
        """Whether the values are few, so that they should be read."""
        return 0 < self.values <= MOST_EXACT and not self.exact


def of_values(value: str) -> str:
    """Returns the column over rows; `value` is a UInt64."""
    return _column("count()", few_of(value), state_of(value))


def of_states(state: str, count: str) -> str:
    """Returns the column over rows that hold a state each, and how many values it stands for."""
    return _column(f"sum({count})", "CAST([], 'Array(UInt64)')", _merged(state))


def of_parts(state: str, count: str, few: str) -> str:
    """Returns the column over rows that hold a state each, and values where they are at hand."""
    return _column(f"sum({count})", f"groupArrayArray({MOST_EXACT})({few})", _merged(state))


def of_few_or_states(few: str, state: str, count: str) -> str:
    """Returns the column over rows that hold their values, or where they have none, a state."""
    taken = f"groupArrayArray({MOST_EXACT + 1})({few})"
    of_few = f"quantilesDDArrayState{SKETCH}({few})"
    merged = f"quantilesDDMergeStateIf{SKETCH}({state}, empty({few}))"
    return _column(f"sum({count})", taken, f"({of_few} + {merged})")


def few_or_state(value: str, most: int = MOST_EXACT) -> tuple[str, str]:
    """Returns what `of_few_or_states` reads: the values, none where they are more than `most`."""
    values = f"groupArray({most + 1})({value})"
    few = f"if(length({values}) > {most}, [], {values})"
    return few, state_of(value)


def state_of(value: str, where: str = "1") -> str:
    """Returns the state of some rows' values."""
    return f"quantilesDDStateIf{SKETCH}({value}, {where})"


def few_of(value: str, where: str = "1") -> str:
    """Returns some rows' values, as many as are needed to tell that they are few."""
    return f"groupArrayIf({MOST_EXACT})({value}, {where})"


def milliseconds(found: Quantiles) -> Percentiles:
    """Returns the percentiles of nanoseconds in milliseconds, 0 where there are no values."""
    if not found.values:
        return UNMEASURED
    values = found.exact or [_interpolated(found, place) for place in range(len(SHARES))]
    p50, p90, p95, p99 = (number(round(value) / 1_000_000) for value in values)
    return p50, p90, p95, p99


def _interpolated(found: Quantiles, place: int) -> float:
    lower, next_by_one, next_by_two = (quantiles[place] for quantiles in found.sketched)
    assert not math.isnan(lower)
    share = SHARES[place]
    hundredths = share * (found.values - 1) % 100
    if not hundredths:
        return lower
    upper = next_by_one if hundredths + share >= 100 else next_by_two
    return lower + (upper - lower) * hundredths / 100


def _column(count: str, few: str, state: str) -> str:
    exact = f"arrayReduce('quantilesExactInclusive(0.5, 0.9, 0.95, 0.99)', {few})"
    is_whole = f"{count} <= {MOST_EXACT} AND length({few}) = {count} AND {count} > 0"
    return f"tuple({count}, if({is_whole}, {exact}, []), {_sketched(state)})"


def _merged(state: str) -> str:
    return f"quantilesDDMergeState{SKETCH}({state})"


def _sketched(state: str) -> str:
    more = (state, f"{state} + {GREATEST}", f"{state} + {GREATEST} + {GREATEST}")
    return f"[{', '.join(f'finalizeAggregation({each})' for each in more)}]"
