"""Which scores calls must have, as parameters of lists: `score`, `score_value`, `score_min`,
`score_max`."""

import math

from api.parameters import Values, invalid
from clickhouse.llm.scored import Scored

NAME, VALUE, LEAST, MOST = "score", "score_value", "score_min", "score_max"
SCORED = (NAME, VALUE, LEAST, MOST)


def scored_of(values: Values) -> Scored | None:
    """Returns what is asked of scores, `None` for nothing. Raises `InvalidParameters`."""
    found = Scored(
        name=values.get(NAME) or None,
        text=values.get(VALUE) or None,
        least=finite(values, LEAST),
        most=finite(values, MOST),
    )
    return None if found == Scored() else found


def finite(values: Values, name: str) -> float | None:
    """Returns a number, `None` for none. Raises `InvalidParameters`."""
    text = values.get(name)
    if not text:
        return None
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise invalid(name, "Expected a finite number")
    return number
