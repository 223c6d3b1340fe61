"""Groups beside each other: the rows of a breakdown table, and the chart of the largest. Pure."""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from msgspec import Struct

from api.pages.llm.measures import Measure, total_of, value_at
from api.pages.llm.readings import Key, Moments, Numbers
from api.pages.llm.wanted import FIELDS, KEYS, Wanted
from api.pages.parts import charts
from api.pages.parts.charts import OTHER_COLOUR, Chart, Series, chart_of, colours_of, spark
from api.pages.parts.filters import Term, with_term
from api.pages.parts.texts import change
from schemas.llm.answers import AnalyticsAnswer, Group

CHARTED = 8
MOST_BEFORE = 500
OTHER = "all others"
UNSET = "(none)"
PLAIN = re.compile(r'[^\s:"]+')
KEY_OF = {field: name for name, field in FIELDS.items()}
"""What the filter bar calls a dimension, where it calls it otherwise."""


class Asked(Struct, frozen=True):
    """What to measure, and by what."""

    measure: Measure
    by: tuple[str, ...]
    compares: bool


class Found(NamedTuple):
    """What the store said."""

    total: AnalyticsAnswer
    moments: Moments
    before: AnalyticsAnswer | None = None
    earlier: Moments = {}
    groups: Sequence[Group] = ()
    were: Sequence[Numbers] = ()
    cells: Mapping[Key, Moments] = {}
    names: Mapping[str, str] = {}
    """What people call the API keys, by id."""


class Row(NamedTuple):
    """One group in the table."""

    key: Key | None
    """`None` for all that is not shown."""
    names: list[str]
    group: Group | None
    value: float | None
    share: float | None
    """In percent; of measures that add up."""
    change: str
    spark: str
    colour: int
    where: str | None
    """The filter of the calls behind it."""


def rows_of(wanted: Wanted, asked: Asked, found: Found) -> list[Row]:
    """Returns the rows of the table: the groups, then the rest of them as one."""
    measure = asked.measure
    whole = total_of(measure, found.total) if measure.is_summed else None
    were = {_key(asked, group): group for group in found.were}
    moments = charts.moments_of(wanted.range)
    colours = colours_of(
        [" ".join(_names(asked, found, _key(asked, group))) for group in found.groups[:CHARTED]]
    )
    rows = []
    for place, group in enumerate(found.groups):
        key, value = _key(asked, group), measure.of(group)
        cells = found.cells.get(key, {})
        rows.append(
            Row(
                key,
                _names(asked, found, key),
                group,
                value,
                value / whole * 100 if whole and value is not None else None,
                _change(measure, group, were.get(key), is_sure=len(were) < MOST_BEFORE),
                spark([value_at(measure, cells, at) for at in moments]),
                colours[place] if place < CHARTED else OTHER_COLOUR,
                _where(wanted, asked, key),
            )
        )
    return [*rows, *_rest(rows, whole)]


def chart_of_groups(wanted: Wanted, asked: Asked, found: Found, rows: Sequence[Row]) -> Chart:
    """Returns the chart: of the largest groups and the rest, or of everything."""
    measure = asked.measure
    if not asked.by:
        series = [_series(measure.title, measure, found.moments, total_of(measure, found.total))]
        before = (
            [_series(measure.title, measure, found.earlier, total_of(measure, found.before))]
            if found.before is not None
            else []
        )
        return chart_of(measure.title, measure.unit, wanted.range, series, before=before)
    series = [
        _series(" · ".join(row.names), measure, found.cells.get(row.key, {}), row.value)._replace(
            colour=row.colour, href=row.where
        )
        for row in rows[:CHARTED]
        if row.key is not None
    ]
    if measure.is_summed and len(rows) > CHARTED:
        series.append(_others(measure, found, series))
    return chart_of(measure.title, measure.unit, wanted.range, series)


def _others(measure: Measure, found: Found, series: Sequence[Series]) -> Series:
    values = {
        at: max(0.0, (measure.of(group) or 0) - sum(one.values.get(at) or 0 for one in series))
        for at, group in found.moments.items()
    }
    total = (total_of(measure, found.total) or 0) - sum(one.total or 0 for one in series)
    return Series(OTHER, values, OTHER_COLOUR, max(0.0, total))


def _series(name: str, measure: Measure, moments: Moments, total: float | None) -> Series:
    values = {at: measure.of(group) for at, group in moments.items()}
    return Series(name, values, 0, total, has_gaps=not measure.is_summed)


def _rest(rows: Sequence[Row], whole: float | None) -> Iterable[Row]:
    if whole is None:
        return
    left = whole - sum(row.value or 0 for row in rows)
    if left > whole * 1e-9:
        yield Row(None, [OTHER], None, left, left / whole * 100, "", "", OTHER_COLOUR, None)


def _change(measure: Measure, now: Numbers, before: Numbers | None, *, is_sure: bool) -> str:
    if before is None:
        return "new" if is_sure else ""
    return change(measure.of(now), measure.of(before))


def _key(asked: Asked, group: Numbers) -> Key:
    return tuple(group.key[name] for name in asked.by)


def _names(asked: Asked, found: Found, key: Key) -> list[str]:
    names = []
    for dimension, value in zip(asked.by, key, strict=True):
        named = found.names.get(value or "", value) if dimension == "api_key" else value
        names.append(UNSET if named is None else named)
    return names


def _where(wanted: Wanted, asked: Asked, key: Key) -> str | None:
    terms = list(wanted.terms)
    for name, value in zip(asked.by, key, strict=True):
        term = Term(KEY_OF.get(name, name), value or "")
        if term.key not in KEYS and (value is None or not PLAIN.fullmatch(name)):
            return None  # no filter asks for traces without a key, or for a key with blanks
        terms = [one for one in terms if one.key != term.key or one.is_negated] + [term]
    return with_term(terms[:-1], terms[-1])
