"""Conditions on attributes in a JSON column, and how they are written: `>=500` behind a key.

43        this value, a number or a text; several of one key: any of them
!=43      not this value; several: none of them. Rows without the attribute are among these
>43       a number that is greater; >=, < and <= too. Texts that are numbers count as such
*         the attribute is there, whatever it is; `!=*` or nothing at all: it is not
=>43      the text `>43`: what stands behind the first `=` is a value
"""

import math
from collections.abc import Iterable, Mapping
from typing import Any, Literal, NamedTuple

from clickhouse.log_attributes import spellings
from clickhouse.queries.conditions import Condition
from clickhouse.tags import path_of

Sort = Literal["is", "is_not", "exists", "lacks", "above", "from", "below", "to"]
SIGNS: tuple[tuple[str, Sort], ...] = (
    (">=", "from"),
    ("<=", "to"),
    (">", "above"),
    ("<", "below"),
)
COMPARED: Mapping[Sort, str] = {"above": ">", "from": ">=", "below": "<", "to": "<="}
NUMBER = "if(left({stored}, 1) IN ('#', '='), toFloat64OrNull(substring({stored}, 2)), NULL)"
NUMBER_RULE = "Expected a number after >, >=, < and <="


class Attribute(NamedTuple):
    """One condition on the attribute of a key."""

    key: str
    sort: Sort
    value: str = ""


def read_attribute(key: str, text: str, *, is_negated: bool = False) -> Attribute:
    """Reads a condition as people write it. Raises `ValueError` with the rule that it breaks."""
    if text.startswith("!="):
        text, is_negated = text[2:], not is_negated
    if text in ("", "*"):
        return Attribute(key, "exists" if (text == "*") != is_negated else "lacks")
    for sign, sort in () if is_negated else SIGNS:
        if text.startswith(sign):
            return Attribute(key, sort, _number(text.removeprefix(sign)))
    return Attribute(key, "is_not" if is_negated else "is", text.removeprefix("="))


def attribute_sql(key: str, column: str = "attributes") -> str:
    """Returns the expression for an attribute as it is stored, the empty text where it is not.

    It goes into a statement unbound, as `clickhouse.tags.tag_sql` does, and for the same reason.
    """
    return f"ifNull({column}.`{path_of(key)}`.:String, '')"


def with_attributes(wanted: Iterable[Attribute], column: str = "attributes") -> list[Condition]:
    """Returns the conditions, each with what it binds: by names that begin with the column's."""
    values: dict[tuple[str, Sort], list[str]] = {}
    for one in wanted:
        values.setdefault((one.key, one.sort), []).append(one.value)
    return [
        _condition(attribute_sql(key, column), sort, given, f"{column}_{number}")
        for number, ((key, sort), given) in enumerate(values.items())
    ]


def _condition(stored: str, sort: Sort, given: list[str], name: str) -> Condition:
    if sort in ("is", "is_not"):
        found = [one for value in given for one in (spellings(value) if value else ["="])]
        word = "IN" if sort == "is" else "NOT IN"
        return Condition(f"{stored} {word} {{{name}:Array(String)}}", {name: found})
    if sort in ("exists", "lacks"):
        # A text that is empty counts as absent, as tags do.
        return Condition(f"{stored} {'NOT IN' if sort == 'exists' else 'IN'} ('', '=')", {})
    number = NUMBER.replace("{stored}", stored)
    parts, bound = [], dict[str, Any]()
    for place, value in enumerate(given):
        parts.append(f"ifNull({number} {COMPARED[sort]} {{{name}_{place}:Float64}}, 0)")
        bound[f"{name}_{place}"] = float(value)
    return Condition(" AND ".join(parts), bound)


def _number(text: str) -> str:
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not math.isfinite(number) or "_" in text:
        raise ValueError(NUMBER_RULE)
    return repr(number)
