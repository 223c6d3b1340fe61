"""What answers over calls say of a time whose rows may be gone: `clickhouse.queries.outlived`."""

from collections.abc import Iterable

from clickhouse.llm import rollups
from clickhouse.llm.rollups import Scope
from clickhouse.queries.outlived import note_of, outlived_hours
from schemas.sums import SumsOnly


def note_of_scopes(scopes: Iterable[Scope], *, of: str) -> SumsOnly | None:
    """Returns the note of statements over one range; `of` is what they answer."""
    scopes = tuple(scopes)
    partial = {of for one in scopes if reads_rows(one)}
    partial |= {"latency" for one in scopes if one.table != "hourly" and not _knows_all(one)}
    return note_of(scopes[0].project, *rollups.range_of(scopes[0]), partial=tuple(partial))


def reads_rows(scoped: Scope) -> bool:
    """Tells whether sums are of rows that may be gone: of what no rollup knows of all days."""
    if scoped.kept is not None and scoped.kept.path:
        return not _knows_all(scoped)
    return scoped.table == "base"


def _knows_all(scoped: Scope) -> bool:
    """Tells whether kept days have all of the range of which rows are gone."""
    if scoped.kept is None or scoped.kept.lacks_days:
        return False
    outlived = outlived_hours(scoped.project, *rollups.range_of(scoped))
    if outlived is None:
        return True
    last_us = outlived.rows_from_us if outlived.last_us is None else outlived.last_us
    return scoped.first_day_us <= outlived.first_us and last_us <= scoped.last_day_us


def joined(one: SumsOnly | None, other: SumsOnly | None) -> SumsOnly | None:
    """Returns what both notes say."""
    if one is None or other is None:
        return one or other
    partial = sorted({*one.partial, *other.partial})
    return SumsOnly(one.rows_from, one.counted_from, one.counted_to, partial)
